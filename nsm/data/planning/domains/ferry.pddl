;; Two ferries, each with room for one car, take cars from port to port.
(define (domain ferry)
  (:requirements :strips :typing :equality :negative-preconditions)
  (:types port car ferry)
  (:predicates
    (docked ?ferry - ferry ?port - port)
    (ashore ?car - car ?port - port)
    (on-deck ?car - car ?ferry - ferry)
    (deck-empty ?ferry - ferry))

  (:action sail
    :parameters (?ferry - ferry ?from ?to - port)
    :precondition (and (docked ?ferry ?from) (not (= ?from ?to)))
    :effect (and (docked ?ferry ?to) (not (docked ?ferry ?from))))

  (:action board
    :parameters (?car - car ?ferry - ferry ?port - port)
    :precondition (and (ashore ?car ?port) (docked ?ferry ?port) (deck-empty ?ferry))
    :effect (and (on-deck ?car ?ferry) (not (ashore ?car ?port)) (not (deck-empty ?ferry))))

  (:action debark
    :parameters (?car - car ?ferry - ferry ?port - port)
    :precondition (and (on-deck ?car ?ferry) (docked ?ferry ?port))
    :effect (and (ashore ?car ?port) (deck-empty ?ferry) (not (on-deck ?car ?ferry)))))
