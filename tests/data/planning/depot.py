"""A small PDDL domain with a problem, which use all that is supported."""

from __future__ import annotations

DOMAIN = """
(define (domain Depot)
  (:requirements :strips :typing :negative-preconditions :equality)
  (:types truck crane - machine machine box - object)
  (:constants home - truck)
  (:predicates
    (at ?m - (either machine box) ?b - box)
    (busy ?m - machine)
    (ready))
  (:action swap
    :parameters (?a ?b - truck ?c)
    :precondition (and (not (= ?a ?b)) (= ?c home) (at ?a ?c) (not (busy ?b)) (and (ready)))
    :effect (and (busy ?a) (not (busy ?b)) (increase (total-cost) 3)))
  (:action rest
    :parameters ()
    :precondition ()
    :effect (and (ready) (not (busy home)))))
"""
PROBLEM = """
(define (problem One)
  (:domain depot)
  (:objects T1 t2 - truck b - box)
  (:INIT (AT T1 b) (busy home) (ready) (= (total-cost) 0)
         (ready) (not (busy t2)))
  (:goal (and (busy t1) (not (busy home))))
  (:metric minimize (total-cost)))
"""
