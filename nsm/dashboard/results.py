"""Data sets, evaluations and single graphs as a notebook shows them."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from nsm.analysis.card import CAPTIONS as CARD_CAPTIONS
from nsm.analysis.card import LARGEST
from nsm.analysis.report import CAPTIONS
from nsm.analysis.result_tables import class_table, headline_table
from nsm.dashboard.bars import Bar, bars_html, bars_text
from nsm.dashboard.extra import notebook_module
from nsm.dashboard.frame import Frame
from nsm.data.writing import SPLITS
from nsm.pipeline.datasets import load_graphs, shortfall

if TYPE_CHECKING:
    from nsm.analysis.report import Example
    from nsm.config import Config
    from nsm.data.packed import PackedGraphs
    from nsm.pipeline import CardResult, EvaluationResult

__all__ = ["examples", "load_data", "pictures", "show_card", "show_results"]

SCALE = 0.6  # of a picture's pixels on the page: letters are as large as those around it, and sharp on fine screens


def load_data(config: Config) -> PackedGraphs:
    """The configured graphs, with a bar while they are made; says how many there are of each split.

    Raises:
        RunError: If the root cannot be written.
        DataError: If the user's files are malformed.
    """
    frame = Frame()

    def progress(done: int, total: int, what: str) -> None:
        bars = [Bar("data", done, total)]
        frame.write(bars_html(bars, what), bars_text(bars, what), is_due=False)

    graphs = load_graphs(config, progress=progress, quiet=True)
    parts = ", ".join(f"{len(graphs.subset(split)):,} {split}" for split in SPLITS)
    line = f"{shortfall(graphs) or f'{len(graphs):,} graphs'}; {parts}"
    frame.write(bars_html([], line), line)
    return graphs


def show_card(card: CardResult, count: int = 1) -> None:
    """Shows what a data set holds, what its audit found, and some of its graphs.

    Args:
        card: From :func:`nsm.pipeline.write_data_card`.
        count: How many graphs.
    """
    notebook_module("IPython.display").display(card.table())
    _show_all({"labels": card.page.figures["labels"], **card.page.special}, CARD_CAPTIONS)
    if not card.page.examples:
        nodes, triples = LARGEST
        _tell(f"No graph is drawn: each has more than {nodes} nodes or more than {triples} triples.")
    examples(card.page.examples[:count])


def show_results(result: EvaluationResult) -> None:
    """Shows what an evaluation found, in figures and pictures."""
    display = notebook_module("IPython.display").display
    display(headline_table(result.figures))
    display(class_table(result.figures))
    pictures(result.pictures)


def pictures(folder: Path) -> None:
    """Shows the pictures of an evaluation, in the order of its report."""
    found = {path.stem: path.read_bytes() for path in sorted(folder.glob("*.png"))}
    order = [name for name in CAPTIONS if name in found and name != "training_curves"]
    _show_all({name: found[name] for name in order}, CAPTIONS)


def examples(drawn: Iterable[Example]) -> None:
    """Shows graphs that were drawn, for instance by :func:`nsm.analysis.mistakes.draw_judgements`."""
    for example in drawn:
        _show(example.picture, example.caption)


def _show_all(found: Mapping[str, bytes], captions: Mapping[str, str]) -> None:
    for name, picture in found.items():
        _show(picture, captions.get(name, name))


def _show(picture: bytes, caption: str) -> None:
    """A picture with its caption; both stay in the saved notebook."""
    display = notebook_module("IPython.display").display
    _tell(caption)
    width = struct.unpack(">I", picture[16:20])[0]
    content = {"image/png": base64.b64encode(picture).decode(), "text/plain": caption}
    display(content, metadata={"image/png": {"width": round(SCALE * width), "alt": caption}}, raw=True)


def _tell(line: str) -> None:
    display = notebook_module("IPython.display").display
    display({"text/html": f"<p>{escape(line)}</p>", "text/plain": line}, raw=True)
