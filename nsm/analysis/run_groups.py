"""Which runs are repetitions of each other, and in which settings the others differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from nsm.analysis.run_results import RunResult

__all__ = ["SeedGroup", "group_runs"]

MACHINE = frozenset({"seed", "root", "run", "cache", "threads", "workers", "accelerator", "devices", "save_every"})
"""Settings that do not make two runs different ones."""
TABLES = ("planning", "causal", "kg", "own")


@dataclass(frozen=True)
class SeedGroup:
    """Runs of one domain that differ in nothing but their seed.

    Attributes:
        domain: What is reasoned about.
        label: Name of the model, with the settings that set these runs apart from others.
        results: One run for each seed.
    """

    domain: str
    label: str
    results: Sequence[RunResult]


def group_runs(results: Sequence[RunResult]) -> tuple[list[SeedGroup], list[str]]:
    """Divides runs into groups of repetitions, in order of domain and model.

    Returns:
        The groups, and what has to be told about them: settings and data that differ, repeated seeds.
    """
    ordered = sorted(results, key=lambda result: (result.domain, result.model, result.seed, result.run.name))
    found: list[SeedGroup] = []
    notes: list[str] = []
    for _, members in groupby(ordered, key=lambda result: (result.domain, result.model)):
        groups, told = _split_by_settings(list(members))
        found += groups
        notes += told
    return found, notes


def _relevant(result: RunResult) -> dict[str, Any]:
    """The settings that make a run what it is: none of the machine's, none of another domain's."""
    others = tuple(f"{table}." for table in TABLES if table != result.domain)
    return {k: v for k, v in result.settings.items() if k not in MACHINE and not k.startswith(others)}


def _split_by_settings(results: Sequence[RunResult]) -> tuple[list[SeedGroup], list[str]]:
    """Runs of one domain and model, divided by their settings; what differs is told."""
    settings = [_relevant(result) for result in results]
    keys = sorted({key for one in settings for key in one if any(one[key] != s.get(key) for s in settings)})
    domain, name = results[0].domain, results[0].model
    notes: list[str] = []
    divided: dict[str, list[RunResult]] = {}
    if keys:
        values = {key: sorted({str(one.get(key, "not set")) for one in settings}) for key in keys}
        listed = "; ".join(f"{key}: {', '.join(found)}" for key, found in values.items())
        notes.append(f"{domain}, {name}: runs differ in their settings and are rows of their own ({listed})")
    for result, one in zip(results, settings, strict=True):
        label = ", ".join(f"{key}={one.get(key, 'not set')}" for key in keys)
        divided.setdefault(f"{name} ({label})" if keys else name, []).append(result)
    models = []
    for label, members in divided.items():
        kept, told = _one_for_each_seed(domain, label, members)
        models.append(SeedGroup(domain, label, kept))
        notes += told
    return models, notes


def _one_for_each_seed(domain: str, label: str, results: Sequence[RunResult]) -> tuple[list[RunResult], list[str]]:
    """The latest run of each seed: a repetition says nothing new."""
    latest: dict[int, RunResult] = {}
    for result in sorted(results, key=lambda one: (str(one.provenance.get("started", "")), one.run.name)):
        latest[result.seed] = result
    kept = sorted(latest.values(), key=lambda result: result.seed)
    notes = []
    if repeated := sorted(result.run.name for result in results if result not in kept):
        notes.append(f"{domain}, {label}: a later run has the same seed, so these do not count: {', '.join(repeated)}")
    fingerprints = {result.fingerprint[:8] for result in kept}
    if len(fingerprints) > 1:
        notes.append(
            f"{domain}, {label}: {len(fingerprints)} data sets among {len(kept)} runs "
            f"({', '.join(sorted(fingerprints))}); a seed makes the data as well, so the interval holds both"
        )
    return kept, notes
