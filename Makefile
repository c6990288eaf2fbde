# Everything a newcomer types. Each target sets up .venv by itself.
PYTHON ?= python3
BIN := .venv/bin
RUN := OMP_NUM_THREADS=$${OMP_NUM_THREADS:-2} $(BIN)/python

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-slow lint format bench count constraints clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

# torch first and pinned: any later requirement for torch is then met, and no other build is fetched.
.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "scanfill needs Python 3.11 or newer: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep ^torch== constraints.txt)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,tracking,studies,mri-artifacts]'
	@touch $@

demo: .venv/installed  ## phantoms, trainings, scores, pictures, a study, reports: some seven minutes
	$(RUN) -m scanfill demo

test: .venv/installed  ## the tests that guard main: at most 15 minutes on two cores
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2

test-all: .venv/installed  ## also those marked slow: at most 45 minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 -m "slow or not slow"

# What nothing else stands in for: a study with real networks, one that is killed, one on SLURM, two processes, trained
# bundles that are moved, bundles of other kinds than the brain's.
test-slow: .venv/installed  ## the slow tests that continuous integration runs
	$(BIN)/python -m pytest -m slow tests/studies tests/test_two_processes.py tests/test_left_bundles.py tests/test_seam.py

# Ruff's cache does not notice that a new module has made an import first-party.
lint: .venv/installed  ## ruff and mypy
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed  ## let ruff mend what it can
	$(BIN)/ruff check --no-cache --fix .
	$(BIN)/ruff format .

bench: .venv/installed  ## ratios against named peers; each script in benchmarks/ tells what it compares
	$(RUN) benchmarks/dense_inference.py
	$(RUN) benchmarks/tta.py
	$(RUN) benchmarks/clahe.py

count:  ## lines of code in src by folder, without blanks, comments and docstrings
	@$(PYTHON) tests/count_code.py

constraints: .venv/installed  ## pin what is installed now, after the tests have passed with it
	$(BIN)/python -m pip list --format freeze --exclude scanfill --exclude pip --exclude setuptools --exclude wheel | sed 's/+cpu$$//' > constraints.txt

clean:  ## remove what can be made again
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
