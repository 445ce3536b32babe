"""The planning data set: pairs of twin plans, built problem by problem from seeds alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import numpy as np

from nsm.data.planning.generators import generate, load_builtin_domain
from nsm.data.planning.graphs import planning_schema, story_graph
from nsm.data.planning.grounding import GroundTask, fact_mask
from nsm.data.planning.strips import Domain
from nsm.data.planning.swaps import Story, Twins, find_twins
from nsm.data.planning.user import UserProblems
from nsm.data.planning.walks import choose_focus, choose_goal, random_walk
from nsm.data.triples import Sample, Schema
from nsm.errors import DataError

PAIRS_PER_SHARD = 50
WALKS_PER_TASK = 6
ATTEMPTS = 60  # plans tried for one pair before it is given up
SWAP_SHARE = 0.2  # pairs whose objects change places, where that can be hidden; counting shows many of these
SWAP_ATTEMPTS = 8  # after these, steps change places instead of objects
CAUSED_ATTEMPTS = 12  # after these, a reordered plan may want a fact that nothing has made true yet
ORDER_ATTEMPTS = 30  # after these, objects change places instead of steps
NEAR_ATTEMPTS = 42  # after these, a failure may be near its cause: in some domains every one is
LOCAL_ATTEMPTS = 8  # after these, a failure that was to be near its cause may be far from it
LARGE = 20  # in problems with more objects, every second turn of walks keeps to a few of them
FOCUS = 6
MAX_DRAWS = 200  # problems drawn before too high a number of objects is refused
MIN_ARGUMENTS = 4  # argument relations that every data set has, so that models of different domains fit each other


class PlanningSettings(Protocol):
    """The settings that determine a planning data set; see ``[planning]`` of the configuration."""

    @property
    def domains(self) -> tuple[str, ...]:
        """Generated domains, in equal shares."""
        ...

    @property
    def num_graphs(self) -> int:
        """Number of graphs, valid and invalid ones together."""
        ...

    @property
    def min_length(self) -> int:
        """Shortest plan, in steps."""
        ...

    @property
    def max_length(self) -> int:
        """Longest plan, in steps."""
        ...

    @property
    def min_objects(self) -> int:
        """Fewest objects of a generated problem."""
        ...

    @property
    def min_distance(self) -> int:
        """Fewest steps from a non-local failure back to its cause."""
        ...

    @property
    def nonlocal_share(self) -> float:
        """Share of the invalid plans whose failure is non-local."""
        ...

    @property
    def scale(self) -> float:
        """Size of the generated problems, relative to the usual one."""
        ...

    @property
    def pddl(self) -> Path | None:
        """Folder with the user's domain and problems."""
        ...

    @property
    def plans(self) -> Path | None:
        """Folder with the user's plans."""
        ...

    @property
    def plan_source(self) -> str:
        """Where plans come from: ``walk``, ``planner`` or ``files``."""
        ...


@dataclass(frozen=True)
class Shard:
    """Some pairs of one family.

    Args:
        family: The planning domain.
        first: Number of the first pair.
        count: Number of pairs.
    """

    family: str
    first: int
    count: int


@dataclass(frozen=True)
class PlanningSource:
    """Makes the samples of a planning data set.

    Args:
        settings: The settings; with ``pddl`` the user's domain and problems take the place of the generated ones.
        seed: Every pair is a function of this seed, its family and its number.
    """

    settings: PlanningSettings
    seed: int

    @property
    def schema(self) -> Schema:
        """Node types, roles and relations are the same for every domain, but for the number of arguments."""
        domains = [self.domain(family) for family in self.families]
        arities = [operator.arity for domain in domains for operator in domain.operators.values()]
        arities += [predicate.arity for domain in domains for predicate in domain.predicates.values()]
        return planning_schema(max(MIN_ARGUMENTS, *arities))

    @property
    def split_shares(self) -> tuple[float, float, float]:
        """Shares of train, val and test."""
        return 0.7, 0.1, 0.2

    @property
    def families(self) -> tuple[str, ...]:
        """Names of the planning domains, in order."""
        return tuple(self.settings.domains) if self.user is None else (self.user.domain.name,)

    @cached_property
    def user(self) -> UserProblems | None:
        """The user's own domain, where ``pddl`` names one."""
        s = self.settings
        return None if s.pddl is None else UserProblems(s.pddl, s.plans, s.plan_source)

    def domain(self, family: str) -> Domain:
        """The domain of one family."""
        return load_builtin_domain(family) if self.user is None else self.user.domain

    def key(self) -> dict[str, object]:
        """All that determines the content: settings, seed, and the hashes of the files that are read."""
        s = self.settings
        key: dict[str, object] = {
            "source": "planning",
            "code": _code_hash(),
            "graphs": s.num_graphs,
            "lengths": [s.min_length, s.max_length],
            "min_objects": s.min_objects,
            "min_distance": s.min_distance,
            "nonlocal_share": s.nonlocal_share,
            "plan_source": s.plan_source,
            "seed": self.seed,
        }
        if s.pddl is None:
            return key | {"domains": list(s.domains), "scale": s.scale}
        return key | {"pddl": _hashes(Path(s.pddl)), "plans": _hashes(Path(s.plans)) if s.plans else None}

    def shards(self) -> list[Shard]:
        """The pairs of all families in pieces; equal shares for each family."""
        pairs = self.settings.num_graphs // 2
        share = [pairs // len(self.families) + (i < pairs % len(self.families)) for i in range(len(self.families))]
        return [
            Shard(family, first, min(PAIRS_PER_SHARD, total - first))
            for family, total in zip(self.families, share, strict=True)
            for first in range(0, total, PAIRS_PER_SHARD)
        ]

    def make(self, shard: Shard) -> list[Sample]:
        """Both twins of each pair.

        Raises:
            DataError: If no pair of a whole shard, or of the user's first one, could be made.
        """
        samples: list[Sample] = []
        for number in range(shard.first, shard.first + shard.count):
            samples += self._pair(shard.family, number)
        is_telling = shard.count == PAIRS_PER_SHARD or (self.user is not None and shard.first == 0)
        if not samples and is_telling:  # a few pairs of a generated domain can fail by chance
            hint = "give more problems or longer plans, or lower planning.min_distance"
            what = f"{ATTEMPTS} plans for each of {shard.count} pairs had no twin that fails for a hidden reason"
            raise DataError(f"planning domain {shard.family!r}: {what}", file=self.settings.pddl, hint=hint)
        return samples

    def _pair(self, family: str, number: int) -> list[Sample]:
        entropy = int.from_bytes(sha256(f"{family}/{number}".encode()).digest()[:8], "little")
        rng = np.random.default_rng([self.seed, entropy])
        nearest = self.settings.min_distance
        is_hidden, is_swap = rng.random(2) < (self.settings.nonlocal_share, SWAP_SHARE)
        for attempt, story in enumerate(self._stories(family, number, rng)):
            wanted = range(nearest, len(story.plan) + 2)
            if not is_hidden and attempt < LOCAL_ATTEMPTS:
                wanted = range(1, nearest)
            elif attempt >= NEAR_ATTEMPTS:
                wanted = range(1, len(story.plan) + 2)
            by_order = attempt >= SWAP_ATTEMPTS if is_swap else attempt < ORDER_ATTEMPTS
            by_steps = by_order and attempt < CAUSED_ATTEMPTS + is_swap * SWAP_ATTEMPTS
            twins = find_twins(story, wanted, rng, by_order=by_order, by_steps=by_steps)
            if twins is not None:
                return self._samples(twins, family, number, rng)
        return []

    def _samples(self, twins: Twins, family: str, number: int, rng: np.random.Generator) -> list[Sample]:
        problem = twins.valid.task.problem
        if self.user is None:  # small problems are drawn more than once: what they say, not their number, is the group
            content = json.dumps([problem.objects, sorted(problem.init)], sort_keys=True)
            name, told = sha256(content.encode()).hexdigest()[:16], f"{problem.name}-{number}"
        else:  # many files of one folder may give their problem the same name
            name = told = Path(problem.file).stem
        samples = []
        for story, execution in ((twins.valid, twins.valid.run()), (twins.invalid, twins.failure)):
            info: dict[str, str | int | float] = {
                "family": family,
                "problem": told,
                "pair": f"{family}/{number}",
                "swap": twins.invalid.kind,
                "length": len(story.plan),
                "distance": twins.failure.distance or 0,
            }
            samples.append(story_graph(story, execution, group=f"{family}/{name}", info=info))
        return samples[::-1] if rng.random() < 0.5 else samples  # the place in the file shall not tell the label

    def _stories(self, family: str, number: int, rng: np.random.Generator) -> Iterator[Story]:
        """Yields working plans for one pair, at most `ATTEMPTS`."""
        if self.user is not None and self.settings.plan_source != "walk":
            for attempt in range(ATTEMPTS):
                yield self.user.stories[(number + attempt) % len(self.user.stories)]
            return
        length = int(rng.integers(self.settings.min_length, self.settings.max_length + 1))
        for turn in range(ATTEMPTS // WALKS_PER_TASK):
            task = self._task(family, number + turn, rng)
            is_large = len(task.problem.objects) > LARGE
            focus = choose_focus(task, rng, FOCUS) if is_large and turn % 2 else None
            for _ in range(WALKS_PER_TASK):
                plan = random_walk(task, rng, length, focus=focus)
                goal = None if plan is None else choose_goal(task, plan, rng)
                if plan is not None and goal is not None:
                    yield Story(task, task.init, tuple(plan), fact_mask(goal))

    def _task(self, family: str, number: int, rng: np.random.Generator) -> GroundTask:
        if self.user is not None:
            return self.user.task(number % len(self.user.problems))
        for _ in range(MAX_DRAWS):
            problem = generate(family, rng, self.settings.scale)
            if len(problem.objects) >= self.settings.min_objects:
                return GroundTask(load_builtin_domain(family), problem)
        what = (
            f"none of {MAX_DRAWS} problems of {family!r} has planning.min_objects = {self.settings.min_objects} objects"
        )
        raise DataError(what, hint="lower planning.min_objects, or raise planning.scale")


@lru_cache(maxsize=1)
def _code_hash() -> str:
    """Hash of this package's own files: data that older code made is not taken for what this code would make."""
    folder = Path(__file__).parent
    files = sorted((*folder.glob("*.py"), *folder.glob("domains/*.pddl")))
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def _hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of the files of a folder (or of one file)."""
    files = sorted(folder.iterdir()) if folder.is_dir() else [folder]
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()}
