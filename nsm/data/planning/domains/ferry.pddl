;; A ferry takes one car at a time from port to port.
(define (domain ferry)
  (:requirements :strips :typing :equality :negative-preconditions)
  (:types port car)
  (:predicates
    (docked ?port - port)
    (ashore ?car - car ?port - port)
    (on-deck ?car - car)
    (deck-empty))

  (:action sail
    :parameters (?from ?to - port)
    :precondition (and (docked ?from) (not (= ?from ?to)))
    :effect (and (docked ?to) (not (docked ?from))))

  (:action board
    :parameters (?car - car ?port - port)
    :precondition (and (ashore ?car ?port) (docked ?port) (deck-empty))
    :effect (and (on-deck ?car) (not (ashore ?car ?port)) (not (deck-empty))))

  (:action debark
    :parameters (?car - car ?port - port)
    :precondition (and (on-deck ?car) (docked ?port))
    :effect (and (ashore ?car ?port) (deck-empty) (not (on-deck ?car)))))
