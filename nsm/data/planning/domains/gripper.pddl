;; A robot with several grippers carries balls between rooms.
(define (domain gripper)
  (:requirements :strips :typing :equality :negative-preconditions)
  (:types room ball gripper)
  (:predicates
    (robot-in ?room - room)
    (lies-in ?ball - ball ?room - room)
    (holds ?gripper - gripper ?ball - ball)
    (free ?gripper - gripper))

  (:action move
    :parameters (?from ?to - room)
    :precondition (and (robot-in ?from) (not (= ?from ?to)))
    :effect (and (robot-in ?to) (not (robot-in ?from))))

  (:action pick
    :parameters (?ball - ball ?room - room ?gripper - gripper)
    :precondition (and (lies-in ?ball ?room) (robot-in ?room) (free ?gripper))
    :effect (and (holds ?gripper ?ball)
                 (not (lies-in ?ball ?room)) (not (free ?gripper))))

  (:action drop
    :parameters (?ball - ball ?room - room ?gripper - gripper)
    :precondition (and (holds ?gripper ?ball) (robot-in ?room))
    :effect (and (lies-in ?ball ?room) (free ?gripper)
                 (not (holds ?gripper ?ball)))))
