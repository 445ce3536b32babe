"""Networks in BIF: what is read, and what is refused with file, line, what was expected and what came."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nsm.data.causal.bif import read_bif
from nsm.errors import DataError
from tests.data.causal.networks_by_hand import SPRINKLER, write


def test_names_states_causes_and_tables(tmp_path: Path) -> None:
    network = read_bif(write(tmp_path))
    assert network.name == "garden"
    assert network.variables == ("season", "rain", "sprinkler", "lawn")
    assert network.states[0] == ("dry", "mild", "wet")
    assert network.parents == ((), (0,), (0,), (1, 2))
    np.testing.assert_allclose(network.tables[0], [0.3, 0.5, 0.2])
    np.testing.assert_allclose(network.tables[2], [[0.3, 0.7], [0.9, 0.1], [0.9, 0.1]])
    np.testing.assert_allclose(network.tables[3][1, 0], [0.15, 0.85])


def test_a_table_of_a_caused_variable_has_its_own_states_outermost(tmp_path: Path) -> None:
    rows = SPRINKLER.index("  (no, off)")
    flat = SPRINKLER[:rows] + "  table 0.95, 0.2, 0.15, 0.05,\n 0.05, 0.8, 0.85, 0.95;\n}\n"
    np.testing.assert_allclose(read_bif(write(tmp_path, flat)).tables[3], read_bif(write(tmp_path)).tables[3])


def test_rounded_probabilities_are_scaled(tmp_path: Path) -> None:
    network = read_bif(write(tmp_path, SPRINKLER.replace("0.3, 0.5, 0.2", "0.3333, 0.3333, 0.3333")))
    np.testing.assert_allclose(network.tables[0], np.full(3, 1 / 3))


MISTAKES = {
    "sum": ("(mild) 0.6, 0.4;", "(mild) 0.6, 0.3;", 10, "'rain' given (mild) with the sum 1, got 0.9"),
    "sum of a root": (
        "0.3, 0.5, 0.2",
        "0.3, 0.5, 0.3",
        7,
        "expected probabilities of 'season' with the sum 1, got 1.1",
    ),
    "negative": ("0.3, 0.5, 0.2", "0.3, 0.9, -0.2", 7, "expected a probability from 0 to 1, got '-0.2'"),
    "not a number": ("0.3, 0.5, 0.2", "0.3, half, 0.2", 7, "got 'half'"),
    "too few": ("(mild) 0.6, 0.4;", "(mild) 1.0;", 10, "expected 2 probabilities of 'rain', got 1"),
    "no row": ("  (mild) 0.6, 0.4;\n", "", 8, "expected probabilities of 'rain' given (mild), got none"),
    "a row twice": ("(mild) 0.6", "(dry) 0.6", 10, "expected one row of 'rain' given (dry), got two"),
    "no discrete states": ("discrete [ 2 ] { off, on }", "continuous", 5, "expected 'discrete', got 'continuous'"),
    "unknown state": ("(mild) 0.6", "(mlid) 0.6", 10, "expected a state of 'season', got 'mlid'"),
    "states of a row": ("(no, on)", "(no)", 19, "expected a state for each of the 2 causes of 'lawn', got 1"),
    "unknown variable": ("( lawn | rain", "( lawn | rian", 17, "unknown variable 'rian'"),
    "unknown effect": ("( lawn | rain", "( grass | rain", 17, "unknown variable 'grass'"),
    "cycle": ("( season ) { table 0.3, 0.5, 0.2; }", "( season | lawn ) { default 0.3, 0.5, 0.2; }", 7, "a cycle, got"),
    "twice": ("variable rain", "variable season", 4, "'season' is declared twice"),
    "probabilities twice": ("( sprinkler | season )", "( rain | season )", 13, "'rain' are given twice"),
    "a cause twice": ("rain, sprinkler )", "rain, rain )", 17, "a cause of 'lawn' is named twice"),
    "no type": ("type discrete [ 2 ] { off, on };", "", 5, "'sprinkler' has no type"),
    "count of states": ("[ 2 ] { off, on }", "[ 3 ] { off, on }", 5, "expected 3 states of 'sprinkler', got 2"),
    "one state": ("[ 2 ] { off, on }", "[ 1 ] { off }", 5, "two or more different states"),
    "equal states": ("{ off, on }", "{ on, on }", 5, "two or more different states"),
    "continuous": ("discrete [ 2 ] { off, on }", "continuous [ 2 ] { off, on }", 5, "expected 'discrete', got 'cont"),
    "another word": ("variable lawn", "node lawn", 6, "expected 'network', 'variable' or 'probability', got 'node'"),
    "another row": ("(no, on)", "row (no, on)", 19, "expected 'table', 'default' or '(', got 'row'"),
    "another field": ("property unit", "unit", 4, "expected 'type' or 'property', got 'unit'"),
    "never closed": ("0.05, 0.95;\n}", "0.05, 0.95;\n", 21, "got the end of the file"),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_name_the_line(tmp_path: Path, mistake: tuple[str, str, int, str]) -> None:
    old, new, line, words = mistake
    assert SPRINKLER.count(old) == 1
    file = write(tmp_path, SPRINKLER.replace(old, new))
    with pytest.raises(DataError) as caught:
        read_bif(file)
    assert words in caught.value.message
    assert caught.value.hint
    assert (caught.value.file, caught.value.line) == (str(file), line)


def test_a_hint_names_the_nearest_variable(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_bif(write(tmp_path, SPRINKLER.replace("| rain,", "| rian,")))
    assert caught.value.hint == "did you mean 'rain'?"


def test_variables_without_probabilities_and_files_without_variables(tmp_path: Path) -> None:
    end = SPRINKLER.index("probability ( lawn")
    with pytest.raises(DataError, match="expected probabilities of 'lawn', got none"):
        read_bif(write(tmp_path, SPRINKLER[:end]))
    with pytest.raises(DataError, match="at least one block 'variable'"):
        read_bif(write(tmp_path, "network empty { }\n"))
