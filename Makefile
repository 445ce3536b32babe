# Two commands: `make demo` and `make test`. `make help` lists the rest.

PYTHON ?= python3
ROOT ?= checkpoints
WORKERS ?= logical
TORCH ?= 2.13.0

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format types layers tests bench lock clean
.DELETE_ON_ERROR:

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

# --- environment ---------------------------------------------------------------------------------------------------

setup: $(VENV)/.runtime  ## make .venv from requirements.lock

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no '$(PYTHON)' here. Install Python 3.11, 3.12 or 3.13, or name it: make setup PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "NSM needs Python 3.11, 3.12 or 3.13, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1)."; \
	  echo "Name another one: make setup PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments: its module venv or ensurepip is missing."; \
	  echo "On Debian and Ubuntu: apt install python3-venv. Or name another one: make setup PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the packages of requirements.lock into $(VENV); PyTorch is a large download."
	$(PIP) install --quiet --requirement requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(PIP) install --quiet --requirement requirements-dev.lock
	@touch $@

# --- the main job --------------------------------------------------------------------------------------------------

demo: setup  ## train on planning problems, evaluate on the test split, write a report with pictures
	@set -e; \
	result="$$($(BIN)/nsm train planning --root "$(ROOT)" --set workers=2 --json)"; \
	run="$$(printf '%s' "$$result" | $(BIN)/python -c 'import json, sys; print(json.load(sys.stdin)["run"])')"; \
	$(BIN)/nsm evaluate "$$run"

# --- checks --------------------------------------------------------------------------------------------------------

test: lint types layers tests  ## style, types, import layers and tests

lint: $(VENV)/.dev  ## style only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.dev  ## put the code into the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.dev  ## types only
	$(BIN)/mypy

layers: $(VENV)/.dev  ## import layers only
	$(BIN)/lint-imports

# Small graphs like one thread for each process; the workers are as many as the logical cores, eight at most. The tests
# of one file stay together and in order: those of the notebook share a browser, many others what is slow to set up.
tests: $(VENV)/.dev  ## tests only; PYTEST_ARGS="-k swap" chooses some
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 8 --dist loadfile $(PYTEST_ARGS)

bench: $(VENV)/.dev  ## the programs in benchmarks/ one after the other, with one thread: agreement, speed, memory, scaling, step time, import, causal data, subgraphs, views, start
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/validators.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/speed.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/memory.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/scaling.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/step_time.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/importing.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/causal.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/views.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/subgraphs.py
	$(BIN)/python benchmarks/startup.py

# --- upkeep --------------------------------------------------------------------------------------------------------

# A fresh environment, frozen three times: with what runs, with what runs in the cloud, with what develops. What only
# some machines have (CUDA's libraries) is left out, since torch pins it itself, and "+cpu" is cut off: one lock serves
# machines with and without a GPU.
FREEZE = $$env/bin/python -m pip freeze --all --exclude-editable --exclude pip --exclude wheel \
  | sed 's/+[a-z0-9.]*$$//' | grep -viE '^(nvidia|cuda|triton)'
HEAD = printf '\# %s\n\# Made by `make lock TORCH=$(TORCH)`; do not edit. Serves Python 3.11 to 3.13.\n'

lock:  ## renew the lock files from pyproject.toml; TORCH=2.13.0 names the release of torch
	@set -e; env="$$(mktemp -d)"; trap 'rm -rf "$$env"' EXIT; $(PYTHON) -m venv "$$env"; \
	"$$env/bin/python" -m pip install --quiet "torch==$(TORCH)" --editable '.[notebook]'; \
	{ $(HEAD) "What NSM runs on."; $(FREEZE); } > requirements.lock; \
	"$$env/bin/python" -m pip install --quiet "torch==$(TORCH)" --editable '.[kg,networks,notebook,planner]'; \
	{ $(HEAD) "What NSM runs on in the cloud."; $(FREEZE); } > requirements-cloud.lock; \
	"$$env/bin/python" -m pip install --quiet "torch==$(TORCH)" --editable '.[dev]'; \
	{ $(HEAD) "What NSM runs on, is tested with and is developed with."; $(FREEZE); } > requirements-dev.lock

clean:  ## remove the environment and the tools' caches; runs and data stay
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find nsm tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
