"""The report is one file that needs nothing else, says what was measured, and fits a phone."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nsm.analysis.evaluation import Predictions, evaluate_predictions
from nsm.analysis.plots import png_bytes
from nsm.analysis.probing import Decoded
from nsm.analysis.report import Report, draw_examples, evaluation_figures, example_of, write_report
from nsm.analysis.tables import Table
from nsm.data.packed import PackedGraphs
from nsm.data.triples import Sample
from tests.data.twin_graphs import packed, twins

AUDIT = {
    "samples": 60, "majority": 0.5, "probe": 0.51, "probe_low": -0.012, "local_probe": 0.53, "duplicates": 0,
    "confirmed": 1.0, "verdict": "pass", "reasons": ["no trivial feature predicts the label"],
    "probes": [{"name": "degrees", "features": 12, "accuracy": 0.51, "low": -0.012, "feature": ""}],
    "local_probes": [{"name": "steps", "features": 9, "accuracy": 0.822, "low": 0.3, "feature": "", "judged": False}],
    "shallow": {"name": "shallow", "features": 99, "accuracy": 0.6, "low": 0.05, "feature": ""},
}  # fmt: skip
HISTORY = [{"epoch": 1, "metrics": {"train_loss": 1.0, "val_loss": 1.1, "train_acc": 0.6, "val_acc": 0.7}}]


def mark(sample: Sample, _random: np.random.Generator) -> None:
    if not sample.label:
        sample.evidence_nodes, sample.evidence_triples = (0,), (0,)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> PackedGraphs:
    return packed(tmp_path_factory.mktemp("graphs") / "packed", twins(60, edit=mark))


@pytest.fixture(scope="module")
def logits(graphs: PackedGraphs) -> np.ndarray:
    logits = 2.0 * np.eye(2)[graphs.labels]
    logits[[5, 8]] *= [[-1.0], [-3.0]]  # two mistakes, the second one surer
    return logits


@pytest.fixture(scope="module")
def report(graphs: PackedGraphs, logits: np.ndarray) -> Report:
    errors = np.linspace(0.2, 0.4, 60)
    evaluation = evaluate_predictions(
        Predictions(logits, graphs.labels, graphs.groups, errors * 1e-7, errors),
        {"family": np.array(graphs.table["family"].to_pylist(), dtype=object)},
        split="test",
        label_names=graphs.schema.labels,
        temperature=1.2,
        decoded=Decoded({"node_type": 0.9, "role": 0.9, "order": None}, {"node_type": 0.5, "role": 0.5, "order": None}),
    )
    figures = evaluation_figures(
        evaluation, logits, graphs.labels, graphs.schema.labels, history=HISTORY, errors=errors
    )
    return Report(
        title="run <b>7</b>",
        domain="toy",
        evaluation=evaluation,
        figures={name: png_bytes(figure) for name, figure in figures.items()},
        config={"epochs": 3, "planning": {"domains": ["grid"]}},
        facts={"torch": "2.13.0", "data fingerprint": "ab12"},
        audit=AUDIT,
        examples=draw_examples(graphs, logits),
        mistakes=Table(("graph", "confidence"), [("<em>g3</em>", 0.987)], formats={"confidence": ".1%"}),
        parameters=Table(("part", "parameters"), [("encoder", 1234)]),
    )


@pytest.fixture(scope="module")
def page(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "best_model.pt").write_bytes(b"0" * 2048)
    return write_report(folder, report)


class Tags(HTMLParser):
    """Collects links to resources, and checks that what is opened is closed."""

    void = frozenset({"meta", "img", "br", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.resources: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.resources += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_accuracy_stands_beside_all_that_it_must_beat(page: Path) -> None:
    cards = re.findall(r'<div class="card"><b>(.*?)</b>([^<]*)<', page.read_text(encoding="utf-8"))
    lines = {name: figure for figure, name in cards}
    expected = {"majority class": "50.0%", "local probe": "53.0%", "shallow probe": "60.0%"}
    assert {name: lines[name] for name in expected} == expected
    assert next(name for _, name in cards) == "accuracy"


def test_everything_is_inside_the_file(page: Path, report: Report) -> None:
    html = page.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert len(tags.resources) == len(report.figures) + len(report.examples)
    assert all(resource.startswith("data:image/png;base64,") for resource in tags.resources)
    assert not re.search(r"url\(|@import|<script|<link", html)


def test_it_says_what_was_measured(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("</style>")[2]))
    for expected in (
        "96.7%", "95 % interval", "majority class", "53.0%", "82.2%", "Verdict of the audit: pass", "-0.012", "odd",
        "planning.domains", "ab12", "best_model.pt", "2.0 KiB", "bootstrap resamples", "node type",
        "Evidence:",
    ):  # fmt: skip
        assert expected in text, expected


def test_names_are_escaped(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    assert "run &lt;b&gt;7&lt;/b&gt;" in html
    assert "<b>7</b>" not in html


def test_three_examples_with_the_surest_mistake(graphs: PackedGraphs, report: Report) -> None:
    titles = [example.title for example in report.examples]
    assert titles == ["Judged rightly: valid", "Judged rightly: invalid", "A mistake"]
    assert report.examples[1].evidence
    assert not report.examples[0].evidence
    assert "true is invalid" in report.examples[2].caption
    sample = graphs.sample(8)
    figures = replace(sample, info={"probability": 0.9758346581875994, "length": 12})
    assert example_of("A graph", figures, graphs.schema, 0, 0.5).caption.endswith("; probability 0.976, length 12)")
    assert f"{sample.num_nodes} nodes, {sample.num_triples} triples" in report.examples[2].caption


def test_a_flawless_model_shows_no_mistake(graphs: PackedGraphs) -> None:
    assert len(draw_examples(graphs, np.eye(2)[graphs.labels])) == 2


def test_a_bare_report(tmp_path: Path, report: Report) -> None:
    evaluation: dict[str, Any] = {
        **report.evaluation,
        "reconstruction_abstract": None,
        "decoded": None,
        "auc": None,
    }
    html = write_report(tmp_path, Report("bare", "toy", evaluation)).read_text(encoding="utf-8")
    assert "was not audited" in html
    assert "<img" not in html


PROBE = """<script>window.addEventListener("load", () => {
  const broken = [...document.images].filter(image => !image.naturalWidth).length;
  document.title = `width ${document.documentElement.scrollWidth} broken ${broken}`;
});</script>"""


@pytest.mark.needs_chromium
@pytest.mark.parametrize("width", [500, 1280])
def test_a_browser_shows_every_picture_and_nothing_sticks_out(page: Path, width: int, tmp_path: Path) -> None:
    copy = tmp_path / "probe.html"
    copy.write_text(page.read_text(encoding="utf-8") + PROBE, encoding="utf-8")
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert browser is not None
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},900", "--hide-scrollbars", "--dump-dom", copy.as_uri(),
    ]  # fmt: skip
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    found = re.search(r"<title>width (\d+) broken (\d+)</title>", shown)
    assert found is not None
    assert int(found[1]) <= width
    assert int(found[2]) == 0


def test_tables_of_mistakes_and_parameters(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert '<td>&lt;em&gt;g3&lt;/em&gt;</td><td class="n">98.7%</td>' in text
    assert '<td>encoder</td><td class="n">1,234</td>' in text
