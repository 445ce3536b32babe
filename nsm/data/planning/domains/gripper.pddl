;; Robots with grippers of their own carry balls between rooms.
(define (domain gripper)
  (:requirements :strips :typing :equality :negative-preconditions)
  (:types room ball robot gripper)
  (:predicates
    (robot-in ?robot - robot ?room - room)
    (part-of ?gripper - gripper ?robot - robot)
    (lies-in ?ball - ball ?room - room)
    (holds ?gripper - gripper ?ball - ball)
    (free ?gripper - gripper))

  (:action move
    :parameters (?robot - robot ?from ?to - room)
    :precondition (and (robot-in ?robot ?from) (not (= ?from ?to)))
    :effect (and (robot-in ?robot ?to) (not (robot-in ?robot ?from))))

  (:action pick
    :parameters (?robot - robot ?gripper - gripper ?ball - ball ?room - room)
    :precondition (and (part-of ?gripper ?robot) (lies-in ?ball ?room) (robot-in ?robot ?room) (free ?gripper))
    :effect (and (holds ?gripper ?ball)
                 (not (lies-in ?ball ?room)) (not (free ?gripper))))

  (:action drop
    :parameters (?robot - robot ?gripper - gripper ?ball - ball ?room - room)
    :precondition (and (part-of ?gripper ?robot) (holds ?gripper ?ball) (robot-in ?robot ?room))
    :effect (and (lies-in ?ball ?room) (free ?gripper)
                 (not (holds ?gripper ?ball)))))
