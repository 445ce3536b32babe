"""Random, solvable problems of five domains whose PDDL lies in ``domains/``.

Every type whose objects move has at least two of them, so that two can be exchanged.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Protocol, TypeVar

import numpy as np

from nsm.data.planning.pddl import parse_domain
from nsm.data.planning.strips import Atom, Domain, Problem
from nsm.errors import DataError


class Generator(Protocol):
    """Draws a problem; ``scale`` multiplies the numbers of objects (2.0: twice as many)."""

    def __call__(self, rng: np.random.Generator, scale: float = 1.0) -> Problem:
        """Draws one problem from ``rng``."""
        ...


@lru_cache
def load_builtin_domain(name: str) -> Domain:
    """The domain of one of `GENERATORS`.

    Raises:
        DataError: If there is none of that name.
    """
    if name not in GENERATORS:
        raise DataError(f"unknown domain {name!r}", hint=f"built in: {', '.join(GENERATORS)}")
    path = files("nsm.data.planning") / "domains" / f"{name}.pddl"
    return parse_domain(path.read_text(encoding="utf-8"), file=f"{name}.pddl")


def generate(name: str, rng: np.random.Generator, scale: float = 1.0) -> Problem:
    """Draws a problem of a built-in domain, its goal not reached yet; raises like `load_builtin_domain`."""
    load_builtin_domain(name)
    while True:
        problem = GENERATORS[name](rng, scale)
        if not set(problem.goal) <= set(problem.init):
            return problem


def blocksworld(rng: np.random.Generator, scale: float = 1.0) -> Problem:
    """Four to eight blocks in random towers; the goal is another arrangement."""
    blocks = _names("block", _count(rng, 4, 8, scale))
    init = [Atom("hand-empty", ())]
    for tower in _towers(rng, blocks):
        init += [Atom("on-table", (tower[0],)), *_stacked(tower), Atom("clear", (tower[-1],))]
    goal: list[Atom] = []
    while not goal:
        goal = [fact for tower in _towers(rng, blocks) for fact in _stacked(tower)]
    return Problem("blocksworld", "blocksworld", dict.fromkeys(blocks, "block"), tuple(init), tuple(goal))


def gripper(rng: np.random.Generator, scale: float = 1.0) -> Problem:
    """Two robots of two grippers each, three or four rooms, four to six balls; the goal is a room for some balls."""
    rooms, robots = _names("room", _count(rng, 3, 4, scale)), _names("robot", 2)
    balls = _names("ball", _count(rng, 4, 6, scale))
    hands = {f"{robot}-{hand}": robot for robot in robots for hand in ("left", "right")}
    init = [Atom("robot-in", (robot, _pick(rng, rooms))) for robot in robots]
    init += [Atom("part-of", (hand, robot)) for hand, robot in hands.items()]
    init += [Atom("free", (hand,)) for hand in hands]
    init += [Atom("lies-in", (ball, _pick(rng, rooms))) for ball in balls]
    kinds = {"room": rooms, "ball": balls, "robot": robots, "gripper": list(hands)}
    objects = {name: kind for kind, names in kinds.items() for name in names}
    return Problem("gripper", "gripper", objects, tuple(init), _moved(rng, "lies-in", balls, rooms))


def logistics(rng: np.random.Generator, scale: float = 1.0) -> Problem:
    """Two cities of two or three places and one or two trucks each, two airplanes, four or five parcels."""
    cities = _names("city", _count(rng, 2, 2, scale))
    objects = dict.fromkeys(cities, "city")
    init: list[Atom] = []
    trucks = 0
    for city in cities:
        spots = [f"{city}-{spot}" for spot in _names("spot", int(rng.integers(2, 4)))]
        objects |= {spot: "place" if index else "airport" for index, spot in enumerate(spots)}
        init += [Atom("in-city", (spot, city)) for spot in spots]
        for _ in range(int(rng.integers(1, 3))):
            trucks += 1
            objects[f"truck{trucks}"] = "truck"
            init.append(Atom("parked", (f"truck{trucks}", _pick(rng, spots))))
    airports = [name for name, kind in objects.items() if kind == "airport"]
    places = [name for name, kind in objects.items() if kind in ("airport", "place")]
    planes, parcels = _names("plane", _count(rng, 2, 2, scale)), _names("parcel", _count(rng, 4, 5, scale))
    init += [Atom("parked", (plane, _pick(rng, airports))) for plane in planes]
    init += [Atom("waits", (parcel, _pick(rng, places))) for parcel in parcels]
    objects |= dict.fromkeys(planes, "airplane") | dict.fromkeys(parcels, "parcel")
    return Problem("logistics", "logistics", objects, tuple(init), _moved(rng, "waits", parcels, places))


def ferry(rng: np.random.Generator, scale: float = 1.0) -> Problem:
    """Two ferries, three to five ports and four to six cars; the goal is a port for some cars."""
    ports, cars = _names("port", _count(rng, 3, 5, scale)), _names("car", _count(rng, 4, 6, scale))
    ferries = _names("ferry", 2)
    init = [Atom("docked", (ferry, _pick(rng, ports))) for ferry in ferries]
    init += [Atom("deck-empty", (ferry,)) for ferry in ferries]
    init += [Atom("ashore", (car, _pick(rng, ports))) for car in cars]
    objects = {**dict.fromkeys(ports, "port"), **dict.fromkeys(cars, "car"), **dict.fromkeys(ferries, "ferry")}
    return Problem("ferry", "ferry", objects, tuple(init), _moved(rng, "ashore", cars, ports))


def grid(rng: np.random.Generator, scale: float = 1.0) -> Problem:
    """A floor of 3 by 3 or 3 by 4 cells, two locked, with their keys, two robots and two or three crates.

    The unlocked cells are connected, and robots without a crate pass each other and every crate; so any key
    can be brought to any unlocked cell, and the goal (a key's cell, and a crate's along free cells) can be
    reached.
    """
    height, width = 3, _count(rng, 3, 4, scale)
    cells = [(row, column) for row in range(height) for column in range(width)]
    while True:
        order = [cells[index] for index in rng.permutation(len(cells))]
        doors, open_cells = order[:2], order[2:]
        if len(_connected(open_cells[0], open_cells)) == len(open_cells):
            break
    keys, robots = _names("key", 2), _names("robot", 2)
    crates = _names("crate", _count(rng, 2, 3, scale))
    stands = dict(zip(crates, open_cells, strict=False))
    vacant = [cell for cell in cells if cell not in stands.values()]
    init = [fact for cell in cells for fact in _links(cell, cells)]
    init += [Atom("fits", (key, _cell(door))) for key, door in zip(keys, doors, strict=True)]
    init += [Atom("locked", (_cell(door),)) for door in doors]
    for robot in robots:
        init += [
            Atom("at", (robot, _cell(_pick(rng, open_cells)))),
            Atom("empty", (robot,)),
            Atom("low", (robot,)),
        ]
    init += [Atom("lies", (key, _cell(_pick(rng, open_cells)))) for key in keys]
    init += [Atom("lies", (crate, _cell(cell))) for crate, cell in stands.items()]
    init += [Atom("vacant", (_cell(cell),)) for cell in vacant]
    crate = _pick(rng, crates)
    reach = _connected(stands[crate], [stands[crate], *(cell for cell in vacant if cell not in doors)])
    goal = (
        Atom("lies", (_pick(rng, keys), _cell(_pick(rng, open_cells)))),
        Atom("lies", (crate, _cell(_pick(rng, reach)))),
    )
    objects = dict.fromkeys(map(_cell, cells), "cell")
    objects |= dict.fromkeys(robots, "robot") | dict.fromkeys(keys, "key") | dict.fromkeys(crates, "crate")
    return Problem("grid", "grid", objects, tuple(init), goal)


GENERATORS: dict[str, Generator] = {
    "blocksworld": blocksworld,
    "gripper": gripper,
    "logistics": logistics,
    "ferry": ferry,
    "grid": grid,
}

Cell = tuple[int, int]
T = TypeVar("T")


def _count(rng: np.random.Generator, low: int, high: int, scale: float) -> int:
    """A number of objects from ``low`` to ``high``, times ``scale``, but at least two."""
    return max(2, round(scale * int(rng.integers(low, high + 1))))


def _names(word: str, count: int) -> list[str]:
    return [f"{word}{number + 1}" for number in range(count)]


def _pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    return items[int(rng.integers(len(items)))]


def _towers(rng: np.random.Generator, blocks: Sequence[str]) -> list[list[str]]:
    """Each block in random order founds a tower or goes on top of one, with equal chance for every place."""
    towers: list[list[str]] = []
    for index in rng.permutation(len(blocks)):
        place = int(rng.integers(len(towers) + 1))
        if place == len(towers):
            towers.append([])
        towers[place].append(blocks[index])
    return towers


def _stacked(tower: Sequence[str]) -> list[Atom]:
    return [Atom("on", (upper, lower)) for lower, upper in pairwise(tower)]


def _moved(rng: np.random.Generator, predicate: str, things: Sequence[str], places: Sequence[str]) -> tuple[Atom, ...]:
    """A random place for a random half, or more, of the things."""
    count = int(rng.integers((len(things) + 1) // 2, len(things) + 1))
    chosen = sorted(int(index) for index in rng.permutation(len(things))[:count])
    return tuple(Atom(predicate, (things[index], _pick(rng, places))) for index in chosen)


def _cell(cell: Cell) -> str:
    return f"cell{cell[0] + 1}-{cell[1] + 1}"


def _neighbours(cell: Cell) -> Iterable[Cell]:
    row, column = cell
    return (row - 1, column), (row, column - 1), (row, column + 1), (row + 1, column)


def _links(cell: Cell, cells: Sequence[Cell]) -> list[Atom]:
    return [Atom("linked", (_cell(cell), _cell(other))) for other in _neighbours(cell) if other in cells]


def _connected(start: Cell, cells: Iterable[Cell]) -> list[Cell]:
    """The cells that can be reached from ``start`` through ``cells``, which hold it."""
    left = set(cells) - {start}
    found, queue = [start], deque([start])
    while queue:
        for cell in _neighbours(queue.popleft()):
            if cell in left:
                left.discard(cell)
                found.append(cell)
                queue.append(cell)
    return found
