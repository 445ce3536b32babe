"""What others have published on the knowledge graphs that we are measured on."""

from __future__ import annotations

__all__ = ["CTP", "RANKING"]

RANKING = {
    "WN18RR_v1": {"GraIL": {"hits_at_10": 0.825}, "NBFNet": {"hits_at_10": 0.948}},
    "fb237_v1": {"GraIL": {"hits_at_10": 0.642}, "NBFNet": {"hits_at_10": 0.834}},
}
"""By graph: filtered, against 50 sampled negatives."""

CTP = {"5": 0.978, "6": 0.962, "7": 0.981, "8": 0.978, "9": 0.944, "10": 0.893}
"""Conditional Theorem Provers on CLUTRR by the number of facts, by the README of uclnlp/ctp."""
