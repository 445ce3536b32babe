"""The audit: is a data set worth learning from, or does something trivial give its labels away?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nsm.data.hashing import hash_graphs
from nsm.data.leaks import equal_features
from nsm.data.probes import ProbeScore, boosted_predictions, majority_share, run_probes, score_probe
from nsm.data.trivial import FeatureTable, signature_features, trivial_features

if TYPE_CHECKING:
    from rich.console import RenderableType

    from nsm.data.packed import PackedGraphs

__all__ = ["AuditResult", "audit", "render"]

Array = npt.NDArray[Any]
Measure = Callable[["PackedGraphs"], float | None]
Probes = Callable[["PackedGraphs"], tuple[ProbeScore, ...]]
Count = Callable[["PackedGraphs"], int]
Describe = Callable[["PackedGraphs"], Mapping[str, FeatureTable]]

MIN_SAMPLES = 500
MAX_SAMPLES = 12_000
MAX_PROBE_LOW = 0.02
MAX_LOCAL_PROBE = 0.60


@dataclass(frozen=True)
class AuditResult:
    """What the audit found; `to_json` gives it to machines, `render` to people.

    Attributes:
        domain: Domain of the data set.
        samples: Number of graphs.
        majority: Share of the most frequent label.
        probe: Accuracy of the best judged trivial probe, cross-validated by group; None where there are too few
            groups.
        probe_low: The largest lower 95 % bound of (probe - majority), corrected for the number of probes.
        local_probe: Accuracy of the best judged one of the domain's own shallow probes, over all families, or None.
        local_probes: Each of them, over all families and by family (its ``feature``).
        duplicates: Graphs whose content is also in another split.
        confirmed: Share of labels that another implementation confirms, or None.
        ceiling: Best accuracy that is possible on noisy labels, or None.
        verdict: ``pass``, ``fail`` or ``inconclusive``.
        reasons: Why, in sentences.
        probes: Every trivial probe, judged or only reported.
        shallow: A probe on one-round Weisfeiler-Lehman colours; it is reported and fails nothing.
        balance: Share of each label, by family.
        shared_groups: Groups that are in more than one split.
        shared_entities: Entities that are in more than one split, where the protocol forbids it; else None.
        equal_features: Features that equal the label, in sentences.
        probed: Number of graphs that the probes saw, drawn by whole groups where there are more than 12,000.
        fingerprint: Fingerprint of the data set.
    """

    domain: str
    samples: int
    majority: float
    probe: float | None
    probe_low: float | None
    local_probe: float | None
    local_probes: tuple[ProbeScore, ...]
    duplicates: int
    confirmed: float | None
    ceiling: float | None
    verdict: str
    reasons: tuple[str, ...]
    probes: tuple[ProbeScore, ...]
    shallow: ProbeScore | None
    balance: Mapping[str, Mapping[str, float]]
    shared_groups: int
    shared_entities: int | None
    equal_features: tuple[str, ...]
    probed: int
    fingerprint: str

    def to_json(self) -> dict[str, Any]:
        """The result as a JSON object, with the keys that tools rely on."""
        stored = dict(vars(self))
        for name in ("probes", "local_probes"):
            stored[name] = [dict(vars(score)) for score in stored[name]]
        stored["shallow"] = None if self.shallow is None else dict(vars(self.shallow))
        stored |= {name: list(stored[name]) for name in ("reasons", "equal_features")}
        return stored


@dataclass
class _Findings:
    """Facts that fail a data set of any size, and statistics that need enough samples."""

    facts: list[str] = field(default_factory=list)
    statistics: list[str] = field(default_factory=list)


def audit(
    graphs: PackedGraphs,
    *,
    confirm: Measure | None = None,
    local_probes: Probes | None = None,
    features: Describe | None = None,
    reported: Collection[str] = (),
    shared_entities: Count | None = None,
    ceiling: float | None = None,
    seed: int = 0,
) -> AuditResult:
    """Audits all graphs of a data set, every split together.

    Args:
        graphs: The whole data set.
        confirm: Gives the share of labels that an implementation other than the one that labelled confirms.
        local_probes: Scores shallow probes that only this domain can define, over all families (``feature`` empty)
            and by family.
        features: Gives tables of features that only this domain can define; each is a probe of its own.
        reported: Names of probes that are shown and fail nothing, since what they see is what this domain's labels
            are to be judged from.
        shared_entities: Gives the number of entities in several splits, where the protocol forbids it.
        ceiling: Best accuracy that is possible where labels are noisy.
        seed: Seed of the folds, the boosting and the draw of groups.
    """
    chosen = _draw_groups(graphs.groups, seed)
    view = graphs.subset(chosen) if len(chosen) < len(graphs) else graphs
    probes, shallow, equal = _probe(view, {} if features is None else features(view), reported, seed)
    judged = [score for score in probes if score.judged]
    local = () if local_probes is None or not probes else local_probes(view)
    return _judge(
        {
            "domain": graphs.schema.domain,
            "samples": len(graphs),
            "majority": majority_share(graphs.labels),
            "probe": max((score.accuracy for score in judged), default=None),
            "probe_low": max((score.low for score in judged), default=None),
            "local_probe": max((score.accuracy for score in local if score.judged and not score.feature), default=None),
            "local_probes": local,
            "duplicates": _duplicates(hash_graphs(graphs), graphs.splits),
            "confirmed": None if confirm is None else confirm(graphs),
            "ceiling": ceiling,
            "probes": probes,
            "shallow": shallow,
            "balance": _balance(graphs),
            "shared_groups": _shared(graphs.groups, graphs.splits),
            "shared_entities": None if shared_entities is None else shared_entities(graphs),
            "equal_features": equal,
            "probed": len(view),
            "fingerprint": graphs.fingerprint,
        }
    )


def render(result: AuditResult) -> RenderableType:
    """The result as tables for a terminal."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    colour = {"pass": "green", "fail": "bold red"}.get(result.verdict, "yellow")
    summary = Table(title=f"Audit of {result.domain}: {result.samples:,} graphs", show_header=False)
    for name, value, limit in _summary_rows(result):
        summary.add_row(name, value, limit)
    probes = Table("probe", "features", "accuracy", "margin, lower bound", title="Trivial probes")
    for score in (*result.probes, *result.local_probes, *([result.shallow] if result.shallow else [])):
        name = f"{score.name} ({score.feature})" if score.feature else score.name
        name += "" if score.judged else ", reported only"
        probes.add_row(name, f"{score.features:,}", f"{score.accuracy:.1%}", f"{score.low:+.3f}")
    balance = Table("family", *next(iter(result.balance.values()), {}), title="Share of each label")
    for family, shares in result.balance.items():
        balance.add_row(family, *(f"{share:.1%}" for share in shares.values()))
    lines = [Text(f"Verdict: {result.verdict}", style=colour), *(Text(f"- {why}") for why in result.reasons)]
    return Group(summary, probes, balance, *lines)


def _summary_rows(result: AuditResult) -> list[tuple[str, str, str]]:
    def percent(value: float | None) -> str:
        return "not measured" if value is None else f"{value:.1%}"

    low = "not measured" if result.probe_low is None else f"{result.probe_low:+.3f}"
    return [
        ("majority class", percent(result.majority), ""),
        ("best trivial probe", percent(result.probe), ""),
        ("its margin, lower 95 % bound", low, f"at most {MAX_PROBE_LOW}"),
        ("local probe", percent(result.local_probe), f"at most {MAX_LOCAL_PROBE:.0%}"),
        ("duplicates across splits", f"{result.duplicates:,}", "0"),
        ("groups in several splits", f"{result.shared_groups:,}", "0"),
        *[("entities in several splits", f"{n:,}", "0") for n in [result.shared_entities] if n is not None],
        ("labels confirmed", percent(result.confirmed), "100%"),
        ("ceiling", percent(result.ceiling), ""),
    ]


def _judge(found: dict[str, Any]) -> AuditResult:
    """Adds the verdict and its reasons."""
    findings = _Findings()
    _judge_facts(found, findings)
    _judge_statistics(found, findings)
    enough = found["samples"] >= MIN_SAMPLES and bool(found["probes"])
    if findings.facts or (enough and findings.statistics):
        verdict, reasons = "fail", findings.facts + findings.statistics
    elif not enough:
        few = f"{found['samples']} graphs are too few for a verdict; at least {MIN_SAMPLES} are needed"
        one = "all graphs belong to one group, so that nothing is left to test a probe on"
        why = few if found["samples"] < MIN_SAMPLES else one
        verdict, reasons = "inconclusive", [why, *findings.statistics]
    else:
        judged = any(score.judged for score in found["probes"])
        told = "no trivial feature predicts the label" if judged else "no trivial feature is judged"
        verdict, reasons = "pass", [told, *_passed(found)]
    return AuditResult(verdict=verdict, reasons=tuple(reasons), **found)


def _judge_facts(found: Mapping[str, Any], findings: _Findings) -> None:
    if found["duplicates"]:
        findings.facts.append(f"{found['duplicates']} graphs have a duplicate in another split")
    if found["shared_groups"]:
        findings.facts.append(f"{found['shared_groups']} groups are in more than one split")
    if found["shared_entities"]:
        findings.facts.append(f"{found['shared_entities']} entities are in more than one split")
    if found["confirmed"] is not None and found["confirmed"] < 1.0:
        findings.facts.append(f"only {found['confirmed']:.2%} of the labels are confirmed independently")


def _judge_statistics(found: Mapping[str, Any], findings: _Findings) -> None:
    if found["majority"] == 1.0:
        findings.statistics.append("every graph has the same label: there is nothing to learn")
    findings.statistics += found["equal_features"]
    for score in found["probes"]:
        if score.judged and score.low > MAX_PROBE_LOW:
            seen = f"the feature {score.feature!r}" if score.feature else f"the probe on {score.name}"
            findings.statistics.append(
                f"{seen} predicts {score.accuracy:.1%} of the labels (majority {found['majority']:.1%}); its "
                f"margin is above {score.low:.3f} with 95 % confidence; at most {MAX_PROBE_LOW} is allowed"
            )
    for score in found["local_probes"]:
        surely = score.low + found["majority"] if score.feature else score.accuracy
        if score.judged and surely > MAX_LOCAL_PROBE:
            where = f" in {score.feature}" if score.feature else ""
            findings.statistics.append(
                f"the local probe on {score.name} predicts {score.accuracy:.1%} of the labels{where}; "
                f"at most {MAX_LOCAL_PROBE:.0%} is allowed"
            )


def _passed(found: Mapping[str, Any]) -> list[str]:
    reasons = ["no graph and no group is in two splits"]
    if found["local_probe"] is not None:
        reasons.append(f"the best shallow probe of the domain predicts {found['local_probe']:.1%} of the labels")
    if found["confirmed"] is not None:
        reasons.append("an independent implementation confirms every label")
    shown = [score for score in found["probes"] if not score.judged]
    if shown:
        best = max(shown, key=lambda score: score.accuracy)
        reasons.append(f"reported, not judged: the probe on {best.name} predicts {best.accuracy:.1%} of the labels")
    return reasons


def _probe(
    graphs: PackedGraphs, own: Mapping[str, FeatureTable], reported: Collection[str], seed: int
) -> tuple[tuple[ProbeScore, ...], ProbeScore | None, tuple[str, ...]]:
    """The trivial probes, the shallow one, and the features that equal the label.

    There are none where a single group leaves nothing to cross-validate.
    """
    labels, groups = graphs.labels, graphs.groups
    if len(np.unique(groups)) < 2:
        return (), None, ()
    tables = trivial_features(graphs)
    probes = run_probes(tables, labels, groups, own=own, reported=reported, seed=seed)
    colours = signature_features(graphs)
    predicted = boosted_predictions(colours.values, labels, groups, seed=seed)
    size = len(colours.names)
    shallow = score_probe("shallow (node colours)", predicted, labels, groups, probes=1, features=size)
    shallow = replace(shallow, judged=False)
    return probes, shallow, equal_features(tables, labels, groups, graphs.schema.labels, seed=seed)


def _draw_groups(groups: Array, seed: int) -> Array:
    """Positions of whole groups, drawn up to 12,000 graphs; all positions where there are no more."""
    if len(groups) <= MAX_SAMPLES:
        return np.arange(len(groups))
    names, index, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    kept = np.zeros(len(names), dtype=bool)
    kept[order[np.cumsum(sizes[order]) <= MAX_SAMPLES]] = True
    return np.flatnonzero(kept[index])


def _duplicates(hashes: Array, splits: Array) -> int:
    """Graphs whose hash is also that of a graph in another split."""
    _, index = np.unique(hashes, return_inverse=True)
    pairs = np.unique(np.stack([index, splits]), axis=1)
    crossing = np.bincount(pairs[0], minlength=index.max(initial=0) + 1) > 1
    return int(crossing[index].sum())


def _shared(groups: Array, splits: Array) -> int:
    pairs = np.unique(np.stack([groups, splits]), axis=1)
    return int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())


def _balance(graphs: PackedGraphs) -> dict[str, dict[str, float]]:
    """Share of each label in all graphs and in each family."""
    names, labels = graphs.schema.labels, graphs.labels
    members = {"all": np.ones(len(labels), dtype=bool)}
    if "family" in graphs.table.column_names:
        family = np.asarray(graphs.table["family"].to_pylist())
        members |= {str(name): family == name for name in np.unique(family).tolist()}
    return {
        family: {name: float((labels[rows] == i).mean()) for i, name in enumerate(names)}
        for family, rows in members.items()
    }
