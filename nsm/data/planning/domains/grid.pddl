;; A warehouse floor of cells. Robots drive below the crates unless they carry one, and lock and unlock cells with keys.
(define (domain grid)
  (:requirements :strips :typing :negative-preconditions)
  (:types
    cell robot load - object
    key crate - load)
  (:predicates
    (linked ?from ?to - cell)
    (fits ?key - key ?cell - cell)
    (at ?robot - robot ?cell - cell)
    (lies ?load - load ?cell - cell)
    (carries ?robot - robot ?load - load)
    (empty ?robot - robot)            ; carries nothing
    (low ?robot - robot)              ; carries no crate
    (vacant ?cell - cell)             ; no crate stands there
    (locked ?cell - cell))            ; cannot be entered, but left

  (:action move
    :parameters (?robot - robot ?from ?to - cell)
    :precondition (and (at ?robot ?from) (linked ?from ?to) (low ?robot) (not (locked ?to)))
    :effect (and (at ?robot ?to) (not (at ?robot ?from))))

  (:action haul
    :parameters (?robot - robot ?crate - crate ?from ?to - cell)
    :precondition (and (at ?robot ?from) (linked ?from ?to) (carries ?robot ?crate) (vacant ?to) (not (locked ?to)))
    :effect (and (at ?robot ?to) (not (at ?robot ?from))))

  (:action take
    :parameters (?robot - robot ?key - key ?cell - cell)
    :precondition (and (at ?robot ?cell) (lies ?key ?cell) (empty ?robot))
    :effect (and (carries ?robot ?key) (not (lies ?key ?cell)) (not (empty ?robot))))

  (:action leave
    :parameters (?robot - robot ?key - key ?cell - cell)
    :precondition (and (at ?robot ?cell) (carries ?robot ?key))
    :effect (and (lies ?key ?cell) (empty ?robot) (not (carries ?robot ?key))))

  (:action lift
    :parameters (?robot - robot ?crate - crate ?cell - cell)
    :precondition (and (at ?robot ?cell) (lies ?crate ?cell) (empty ?robot))
    :effect (and (carries ?robot ?crate) (vacant ?cell)
                 (not (lies ?crate ?cell)) (not (empty ?robot)) (not (low ?robot))))

  (:action lower
    :parameters (?robot - robot ?crate - crate ?cell - cell)
    :precondition (and (at ?robot ?cell) (carries ?robot ?crate) (vacant ?cell))
    :effect (and (lies ?crate ?cell) (empty ?robot) (low ?robot)
                 (not (carries ?robot ?crate)) (not (vacant ?cell))))

  (:action unlock
    :parameters (?robot - robot ?key - key ?from ?door - cell)
    :precondition (and (at ?robot ?from) (linked ?from ?door) (carries ?robot ?key) (fits ?key ?door) (locked ?door))
    :effect (not (locked ?door)))

  (:action lock
    :parameters (?robot - robot ?key - key ?from ?door - cell)
    :precondition (and (at ?robot ?from) (linked ?from ?door) (carries ?robot ?key) (fits ?key ?door)
                       (not (locked ?door)))
    :effect (locked ?door)))
