;; Trucks carry parcels inside a city, airplanes between the airports of the cities.
(define (domain logistics)
  (:requirements :strips :typing :equality :negative-preconditions)
  (:types
    city place - object
    airport - place
    parcel vehicle - object
    truck airplane - vehicle)
  (:predicates
    (in-city ?place - place ?city - city)
    (parked ?vehicle - vehicle ?place - place)
    (waits ?parcel - parcel ?place - place)
    (aboard ?parcel - parcel ?vehicle - vehicle))

  (:action load
    :parameters (?parcel - parcel ?vehicle - vehicle ?place - place)
    :precondition (and (parked ?vehicle ?place) (waits ?parcel ?place))
    :effect (and (aboard ?parcel ?vehicle) (not (waits ?parcel ?place))))

  (:action unload
    :parameters (?parcel - parcel ?vehicle - vehicle ?place - place)
    :precondition (and (parked ?vehicle ?place) (aboard ?parcel ?vehicle))
    :effect (and (waits ?parcel ?place) (not (aboard ?parcel ?vehicle))))

  (:action drive
    :parameters (?truck - truck ?from ?to - place ?city - city)
    :precondition (and (parked ?truck ?from) (in-city ?from ?city) (in-city ?to ?city) (not (= ?from ?to)))
    :effect (and (parked ?truck ?to) (not (parked ?truck ?from))))

  (:action fly
    :parameters (?airplane - airplane ?from ?to - airport)
    :precondition (and (parked ?airplane ?from) (not (= ?from ?to)))
    :effect (and (parked ?airplane ?to) (not (parked ?airplane ?from)))))
