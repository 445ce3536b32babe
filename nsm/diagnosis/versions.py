"""Python, the packages that NSM needs, and the optional ones."""

from __future__ import annotations

import importlib.util
import re
import sys
from importlib import metadata

import nsm
from nsm.diagnosis.check import Finding, note, ok, problem

__all__ = ["EXTRAS", "PACKAGES", "PYTHONS", "extra", "packages", "python"]

PYTHONS = ("3.11", "3.14")  # from the first, below the second
PACKAGES = {
    "filelock": (">=4.2", "4.3.1"),
    "jinja2": (">=3.1", "3.1.6"),
    "lark": (">=1.1.5,<2", "1.1.9"),
    "lightning-fabric": (">=2.5,<3", "2.6.6"),
    "matplotlib": (">=3.9", "3.11.2"),
    "numpy": (">=2.0,<3", "2.4.6"),
    "pddl": (">=0.5.1,<0.6", "0.5.1"),
    "pyarrow": (">=18", "26.0.1"),
    "pydantic": (">=2.9,<3", "2.14.4"),
    "rich": (">=13.7", "15.0.0"),
    "scikit-learn": (">=1.5", "1.9.1"),
    "scipy": (">=1.13", "1.17.1"),
    "tensorboard": (">=2.18", "2.21.0"),
    "threadpoolctl": (">=3.5", "3.8.0"),
    "torch": (">=2.10,<3", "2.13.0"),
    "torch-geometric": (">=2.6,<3", "2.8.1"),
    "torchmetrics": (">=1.6,<2", "1.9.0"),
    "typer": (">=0.29,<1", "0.29.2"),
}
"""What has to be there: the range that is allowed, and the release that was tested."""

EXTRAS = {
    "planner": (("unified_planning", "up_pyperplan"), "plans made by a planner"),
    "kg": (("pykeen",), "the knowledge graphs that PyKEEN ships"),
    "networks": (("pgmpy",), "the Bayesian networks that pgmpy ships"),
    "notebook": (("jupyterlab", "ipykernel", "ipywidgets"), "the dashboard in JupyterLab"),
    "modal": (("modal",), "GPUs in the cloud"),
    "tensorboard": (("tensorboard",), "curves while a training runs"),
}
"""What may be there: the modules, and what they are for."""

_DISTRIBUTIONS = {"up_pyperplan": "up-pyperplan", "unified_planning": "unified-planning"}


def python() -> Finding:
    """The interpreter, and which NSM it runs."""
    lowest, above = map(_numbers, PYTHONS)
    version = ".".join(map(str, sys.version_info[:3]))
    detail = f"Python {version} at {sys.executable}; nsm {nsm.__version__} from {nsm.__path__[0]}"
    if lowest <= sys.version_info[:2] < above:
        return ok(detail)
    return problem(detail, f"use a Python from {PYTHONS[0]} and below {PYTHONS[1]}: make setup PYTHON=python3.12")


def packages() -> Finding:
    """Whether each package is there, and of a release that is allowed; and whether that is the tested one."""
    wrong, other = [], []
    for name, (allowed, tested) in PACKAGES.items():
        version = _version(name)
        if version is None:
            wrong.append(f"{name} is missing")
        elif not _is_allowed(version, allowed):
            wrong.append(f"{name} {version} is outside {allowed}")
        elif _numbers(version) != _numbers(tested):
            other.append(f"{name} {version} (tested: {tested})")
    remedy = "make setup, or in your own environment: pip install -r requirements.lock"
    if wrong:
        return problem("; ".join(wrong), remedy)
    if other:
        return note("other releases than those tested: " + ", ".join(other), f"where something behaves oddly: {remedy}")
    return ok(f"{len(PACKAGES)} packages, each of the release that was tested")


def extra(name: str) -> Finding:
    """Whether an optional part is there, or how to get it."""
    modules, purpose = EXTRAS[name]
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if not missing:
        return ok(f"present: {purpose}")
    wanted = " ".join(_DISTRIBUTIONS.get(module, module) for module in missing)
    return note(f"not installed, only needed for {purpose}", f"pip install {wanted}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """The release, without what is local or provisional; zeros at the end count for nothing."""
    numbers = [int(part) for part in re.match(r"\d+(?:\.\d+)*", version)[0].split(".")]  # type: ignore[index]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _is_allowed(version: str, allowed: str) -> bool:
    has = _numbers(version)
    for bound in allowed.split(","):
        lowest, above = bound.removeprefix(">="), bound.removeprefix("<")
        if (bound.startswith(">=") and has < _numbers(lowest)) or (bound.startswith("<") and has >= _numbers(above)):
            return False
    return True
