"""What holds for the project as a whole: mirrored tests, cheap imports, layers, one version, pins."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import nsm

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "nsm"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if not path.name.startswith("__"))
HEAVY = ("torch", "torch_geometric", "sklearn", "matplotlib", "pyarrow", "pddl", "lightning_fabric", "jinja2")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def inside(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def mirrored(path: Path) -> Path:
    """Where the tests of a module live: ``nsm/nn/conv.py`` has ``tests/nn/test_conv.py``."""
    place = path.relative_to(PACKAGE)
    return ROOT / "tests" / place.parent / f"test_{place.name}"


@pytest.mark.parametrize("module", MODULES, ids=inside)
def test_every_module_has_tests(module: Path) -> None:
    assert mirrored(module).is_file(), f"nothing tests {module.name}: expected {mirrored(module)}"
    assert "def test_" in mirrored(module).read_text(encoding="utf-8")


def test_every_mirrored_test_has_its_module() -> None:
    modules = {mirrored(module) for module in MODULES}
    folders = {module.parent for module in modules} - {ROOT / "tests"}
    strays = {test for folder in folders for test in folder.glob("test_*.py")} - modules
    assert not strays, f"these test no module of their name: {sorted(map(str, strays))}"


@pytest.mark.parametrize("module", ["nsm", "nsm.cli.main", "nsm.errors", "nsm.runs"])
def test_importing_is_cheap(module: str) -> None:
    """Help has to come at once, so nothing heavy may hang on it (``benchmarks/startup.py`` times it)."""
    code = f"import {module}, sys; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", sorted(set(nsm.__all__) - {"__version__"}))
def test_every_public_name_exists(name: str) -> None:
    assert getattr(nsm, name).__doc__


def test_layers_are_declared_for_every_part_of_the_package() -> None:
    contracts = {contract["name"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}
    for contract, folder in (
        ("Imports point down", PACKAGE),
        ("The data core knows no domain", PACKAGE / "data"),
    ):
        layers = contracts[contract]
        assert layers["exhaustive"], f"'{contract}' would not notice a new part"
        named = {part.strip() for layer in layers["layers"] for part in re.split(r"[|:]", layer)}
        parts = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
        assert named == parts - {"__init__"}
    assert contracts["Analysis reads runs and never trains"]["forbidden_modules"] == ["nsm.training"]


def test_one_version() -> None:
    assert PROJECT["project"]["version"] == nsm.__version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {nsm.__version__}" in changes


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {package.lower().replace("_", "-"): version for package, version in pairs}


def test_locks_are_exact_agree_and_hold_every_dependency() -> None:
    runtime, development = pins("requirements.lock"), pins("requirements-dev.lock")
    cloud = pins("requirements-cloud.lock")
    assert runtime.items() <= cloud.items() <= development.items()
    assert "modal" not in cloud  # the cloud brings the client's own release into its containers
    assert not [version for version in development.values() if "+" in version]  # one lock, with and without CUDA
    assert not [package for package in development if package.startswith(("nvidia", "cuda", "triton"))]
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [(line, runtime) for line in PROJECT["project"]["dependencies"]]
    wanted += [(line, development) for extra in extras.values() for line in extra if not line.startswith("nsm[")]
    wanted += [(line, cloud) for name in ("kg", "networks", "notebook", "planner") for line in extras[name]]
    for line, lock in wanted:
        name = re.split(r"[<>=!~\[ ]", line)[0]
        assert name in lock, f"{name} is not pinned: make lock"


def imported_by(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_dependencies_are_what_the_package_imports() -> None:
    imported = set().union(*map(imported_by, PACKAGE.rglob("*.py")))
    imported -= {"nsm", "__future__", *sys.stdlib_module_names}
    extras = PROJECT["project"]["optional-dependencies"]
    lines = PROJECT["project"]["dependencies"] + extras["planner"] + extras["notebook"] + extras["cloud"]
    declared = {re.split(r"[<>=!~\[ ]", line)[0].replace("-", "_") for line in lines}
    declared = {{"scikit_learn": "sklearn", "ipython": "IPython"}.get(name, name) for name in declared}
    parts_of_others = {"pydantic_core"}  # of pydantic
    found_by_name = {"tensorboard", "up_pyperplan"}  # by torch.utils.tensorboard and unified-planning
    found_by_name |= {
        "IPython",
        "ipykernel",
        "ipywidgets",
        "jsonschema",
        "nbconvert",
    }  # by Jupyter, and by `notebook_module`
    assert imported - declared <= parts_of_others
    assert declared - imported <= found_by_name
