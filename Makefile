# All commands of a new user. Each target that needs .venv sets it up.
PYTHON ?= python3
BIN := .venv/bin
RUN := OMP_NUM_THREADS=$${OMP_NUM_THREADS:-2} $(BIN)/python

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-slow lint format bench count constraints clean

help:  ## list all targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

# Install the pinned torch first, so that later requirements are already met and no other build is downloaded.
.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "scanfill needs Python 3.11 or newer: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep ^torch== constraints.txt)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,tracking,studies,mri-artifacts]'
	@touch $@

demo: .venv/installed  ## phantoms, trainings, scores, pictures, a study, reports: about seven minutes
	$(RUN) -m scanfill demo

test: .venv/installed  ## all tests except the slow ones: at most 15 minutes on two cores
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2

test-all: .venv/installed  ## all tests, including the slow ones: at most 45 minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 -m "slow or not slow"

# Slow tests without a fast equivalent: a study with real networks, one that is killed, one on SLURM, two processes,
# trained bundles that are moved, bundles for data other than brain MRI, commands that are killed, the commands of the
# guide to your own data.
test-slow: .venv/installed  ## the slow tests that continuous integration runs
	$(BIN)/python -m pytest -m slow tests/studies tests/test_two_processes.py tests/test_left_bundles.py tests/test_seam.py tests/faults \
		tests/test_docs.py tests/sharing

# No cache: ruff's cache misses that a new module has made an import first-party.
lint: .venv/installed  ## ruff and mypy
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed  ## fix and format with ruff
	$(BIN)/ruff check --no-cache --fix .
	$(BIN)/ruff format .

bench: .venv/installed  ## speed and memory compared with other implementations; see the docstring of each script in benchmarks/
	$(RUN) benchmarks/dense_inference.py
	$(RUN) benchmarks/tta.py
	$(RUN) benchmarks/clahe.py
	$(RUN) benchmarks/run_length_encoding.py

count:  ## lines of code in src per folder, without blank lines, comments and docstrings
	@$(PYTHON) tests/count_code.py

constraints: .venv/installed  ## pin the installed versions; run after the tests have passed with them
	$(BIN)/python -m pip list --format freeze --exclude scanfill --exclude pip --exclude setuptools --exclude wheel | sed 's/+cpu$$//' > constraints.txt

clean:  ## remove .venv, builds and caches
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
