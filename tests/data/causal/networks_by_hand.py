"""A small Bayesian network as a file, and in the words of pgmpy."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from nsm.data.causal.networks import BayesianNetwork

SPRINKLER = """network garden { property author = me; }
// three causes of a wet lawn
variable season { type discrete [ 3 ] { dry, mild, wet }; }
variable rain { type discrete [ 2 ] { no, yes }; property unit = mm; }
variable sprinkler { type discrete [ 2 ] { off, on }; }
variable lawn { type discrete [ 2 ] { dry, wet }; }
probability ( season ) { table 0.3, 0.5, 0.2; }
probability ( rain | season ) {
  (dry) 0.9, 0.1;
  (mild) 0.6, 0.4;
  (wet) 0.2, 0.8;
}
probability ( sprinkler | season ) {
  default 0.9, 0.1;
  (dry) 0.3, 0.7;
}
probability ( lawn | rain, sprinkler ) {
  (no, off) 0.95, 0.05;
  (no, on) 0.2, 0.8;
  (yes, off) 0.15, 0.85;
  (yes, on) 0.05, 0.95;
}
"""


def write(folder: Path, text: str = SPRINKLER, name: str = "garden.bif") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def pgmpy_model(file: Path) -> Any:
    """The same file as pgmpy reads it; a copy, which may be changed."""
    return _read_by_pgmpy(file).copy()


@lru_cache(maxsize=16)
def _read_by_pgmpy(file: Path) -> Any:
    from pgmpy.readwrite import BIFReader

    text = gzip.decompress(file.read_bytes()).decode()
    return BIFReader(string=text).get_model()


def named(network: BayesianNetwork, states: Mapping[int, int]) -> dict[str, str]:
    """States by name, as pgmpy wants them."""
    return {network.variables[v]: network.states[v][state] for v, state in states.items()}
