"""Reads Bayesian networks in the Bayesian Interchange Format, BIF 0.15.

References:
    Cozman, The Interchange Format for Bayesian Networks, 1998.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.data.causal.bif_tokens import BifTokens, Token
from nsm.data.causal.networks import BayesianNetwork

__all__ = ["read_bif"]

Floats = npt.NDArray[np.float64]
States = tuple[str, ...]

TYPE = "a variable needs: type discrete [ 2 ] { no, yes };"
TOLERANCE = 1e-3  # of a sum of probabilities, which files give rounded


def read_bif(file: Path) -> BayesianNetwork:
    """Reads a network from a file, compressed by gzip where its name ends in ``.gz``.

    Probabilities that sum to one up to rounding are scaled to do so exactly.

    Raises:
        DataError: If the file is missing or malformed, with the line, what was expected and what came.
    """
    return _Reader(file).read()


@dataclass
class _Block:
    """One probability block: the parents, and rows with the states of the parents that they are for, None = all."""

    line: int
    parents: tuple[str, ...]
    rows: list[tuple[Token, list[Token] | None, list[float]]] = field(default_factory=list)
    default: tuple[Token, list[float]] | None = None


class _Reader:
    """Reads one file, block after block."""

    def __init__(self, file: Path) -> None:
        self.tokens = BifTokens(file)
        self.name = file.name.removesuffix(".gz").removesuffix(".bif")
        self.states: dict[str, States] = {}
        self.blocks: dict[str, _Block] = {}

    def read(self) -> BayesianNetwork:
        blocks = {"network": self._network, "variable": self._variable, "probability": self._probability}
        while not self.tokens.is_done:
            word = self.tokens.take()
            if word.text not in blocks:
                expected = "expected 'network', 'variable' or 'probability'"
                self.tokens.fail(f"{expected}, got {word.text!r}", word.line, hint="is this a file in BIF?")
            blocks[word.text]()
        return self._finish()

    def _network(self) -> None:
        if self.tokens.peek() != "{":
            self.tokens.word("a name")
        self.tokens.take("{")
        self.tokens.skip_to("}")

    def _variable(self) -> None:
        tokens = self.tokens
        name = tokens.word("the name of a variable")
        if name.text in self.states:
            tokens.fail(f"the variable {name.text!r} is declared twice", name.line, "rename or remove one of them")
        tokens.take("{")
        states: States = ()
        while tokens.peek() != "}":
            word = tokens.word("'type'")
            if word.text == "property":
                tokens.skip_to(";")
            elif word.text == "type":
                states = self._type(name.text)
            else:
                tokens.fail(f"expected 'type' or 'property', got {word.text!r}", word.line, TYPE)
        if not states:
            tokens.fail(f"the variable {name.text!r} has no type", name.line, TYPE)
        tokens.take("}")
        self.states[name.text] = states

    def _type(self, name: str) -> States:
        tokens = self.tokens
        tokens.take("discrete", TYPE)
        tokens.take("[")
        count = tokens.word("a number of states")
        tokens.take("]")
        tokens.take("{")
        words = tuple(token.text for token in tokens.words("the name of a state", "}"))
        tokens.take(";")
        if count.text != str(len(words)):
            hint = "the number in brackets is that of the names that follow"
            tokens.fail(f"expected {count.text} states of {name!r}, got {len(words)}", count.line, hint)
        if len(words) < 2 or len(set(words)) < len(words):
            tokens.fail(f"expected two or more different states of {name!r}, got {', '.join(words)}", count.line, TYPE)
        return words

    def _known(self, token: Token) -> str:
        if token.text not in self.states:
            close = get_close_matches(token.text, self.states, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "declare it in a block 'variable' further up"
            self.tokens.fail(f"unknown variable {token.text!r}", token.line, hint)
        return token.text

    def _probability(self) -> None:
        tokens = self.tokens
        tokens.take("(")
        name = tokens.word("the name of a variable")
        self._known(name)
        if name.text in self.blocks:
            tokens.fail(f"the probabilities of {name.text!r} are given twice", name.line, "keep one block of them")
        if tokens.peek() == "|":
            tokens.take()
        parents = tuple(self._known(parent) for parent in tokens.words("the name of a variable", ")"))
        if len(set(parents)) < len(parents):
            tokens.fail(f"a cause of {name.text!r} is named twice", name.line, "name each cause once after the |")
        block = _Block(name.line, parents)
        tokens.take("{")
        while tokens.peek() != "}":
            self._row(block)
        tokens.take("}")
        self.blocks[name.text] = block

    def _row(self, block: _Block) -> None:
        token = self.tokens.take()
        if token.text == "property":
            self.tokens.skip_to(";")
        elif token.text == "table":
            block.rows.append((token, None, self._numbers()))
        elif token.text == "default":
            block.default = (token, self._numbers())
        elif token.text == "(":
            states = self.tokens.words("the name of a state", ")")
            block.rows.append((token, states, self._numbers()))
        else:
            hint = "a row with causes begins with their states: (yes, no) 0.2, 0.8;"
            self.tokens.fail(f"expected 'table', 'default' or '(', got {token.text!r}", token.line, hint)

    def _numbers(self) -> list[float]:
        found = []
        for token in self.tokens.words("a probability", ";"):
            try:
                number = float(token.text)
            except ValueError:
                number = np.nan
            if not 0 <= number <= 1 + TOLERANCE:
                hint = "write it as a decimal number, such as 0.25"
                self.tokens.fail(f"expected a probability from 0 to 1, got {token.text!r}", token.line, hint)
            found.append(number)
        return found

    def _finish(self) -> BayesianNetwork:
        tokens = self.tokens
        if not self.states:
            tokens.fail("expected at least one block 'variable', got none", tokens.last_line, "is the file whole?")
        missing = [name for name in self.states if name not in self.blocks]
        if missing:
            hint = f"add a block: probability ( {missing[0]} | its causes ) {{ .. }}"
            tokens.fail(f"expected probabilities of {missing[0]!r}, got none", tokens.last_line, hint)
        names = tuple(self.states)
        number = {name: place for place, name in enumerate(names)}
        parents = tuple(tuple(number[cause] for cause in self.blocks[name].parents) for name in names)
        self._refuse_cycle(names, parents)
        tables = tuple(self._table(name) for name in names)
        return BayesianNetwork(self.name, names, tuple(self.states.values()), parents, tables)

    def _refuse_cycle(self, names: Sequence[str], parents: Sequence[Sequence[int]]) -> None:
        left = set(range(len(names)))
        while sources := {v for v in left if not left.intersection(parents[v])}:
            left -= sources
        if not left:
            return
        trail = [min(left)]
        while trail[-1] not in trail[:-1]:
            trail.append(min(left.intersection(parents[trail[-1]])))
        cycle = [names[v] for v in trail[trail.index(trail[-1]) :]][::-1]
        line = self.blocks[cycle[-1]].line
        self.tokens.fail(f"expected causes without a cycle, got {' -> '.join(cycle)}", line, "take one cause away")

    def _table(self, name: str) -> Floats:
        """P(variable | parents), the axis of the variable last."""
        block, own = self.blocks[name], len(self.states[name])
        shape = tuple(len(self.states[cause]) for cause in block.parents)
        table = np.full((*shape, own), np.nan)
        line = np.full(shape, block.line)
        if block.default is not None:
            token, numbers = block.default
            table[...] = self._sized(numbers, own, name, token)
            line[...] = token.line
        given: set[tuple[int, ...]] = set()
        for token, states, numbers in block.rows:
            if states is None:  # the variable changes slowest, its last parent fastest
                flat = np.array(self._sized(numbers, own * int(np.prod(shape)), name, token))
                table[...] = np.moveaxis(flat.reshape(own, *shape), 0, -1)
                line[...] = token.line
                continue
            place = self._place(name, block, states, token)
            if place in given:
                what = ", ".join(state.text for state in states)
                message = f"expected one row of {name!r} given ({what}), got two"
                self.tokens.fail(message, token.line, "keep one of them")
            given.add(place)
            table[place] = self._sized(numbers, own, name, token)
            line[place] = token.line
        self._check(name, block, table, line)
        return np.asarray(table / table.sum(axis=-1, keepdims=True))

    def _sized(self, numbers: list[float], expected: int, name: str, token: Token) -> list[float]:
        if len(numbers) != expected:
            hint = "one for each state, and in a table for each combination of its causes' states"
            self.tokens.fail(f"expected {expected} probabilities of {name!r}, got {len(numbers)}", token.line, hint)
        return numbers

    def _place(self, name: str, block: _Block, states: list[Token], token: Token) -> tuple[int, ...]:
        """The position of a row in the table."""
        if len(states) != len(block.parents):
            expected = f"expected a state for each of the {len(block.parents)} causes of {name!r}"
            self.tokens.fail(f"{expected}, got {len(states)}", token.line, f"they are {', '.join(block.parents)}")
        place = []
        for cause, state in zip(block.parents, states, strict=True):
            known = self.states[cause]
            if state.text not in known:
                hint = f"its states are {', '.join(known)}"
                self.tokens.fail(f"expected a state of {cause!r}, got {state.text!r}", state.line, hint)
            place.append(known.index(state.text))
        return tuple(place)

    def _check(self, name: str, block: _Block, table: Floats, line: npt.NDArray[Any]) -> None:
        """Refuses a row that is missing or does not sum to one."""
        total = table.sum(axis=-1)
        for place in np.argwhere(np.isnan(total) | (np.abs(total - 1) > TOLERANCE)).tolist():
            given = ", ".join(self.states[cause][k] for cause, k in zip(block.parents, place, strict=True))
            what = f"{name!r} given ({given})" if given else repr(name)
            where, value = int(line[tuple(place)]), float(total[tuple(place)])
            if np.isnan(value):
                self.tokens.fail(f"expected probabilities of {what}, got none", where, "add a row, or a default")
            message = f"expected probabilities of {what} with the sum 1, got {value:.6g}"
            self.tokens.fail(message, where, f"correct one of the {len(self.states[name])} numbers")
