# Each target does all of its set-up: Python 3.11 or newer, make and a package index are enough.

PYTHON ?= python3
BIN := .venv/bin
# One worker for each processor; the statistics and the trainers gain most from it.
WORKERS ?= auto

.PHONY: setup demo test benchmark clean

setup: .venv/ready

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/failure-api overhead --environment mpe2.simple_spread_v3 --agents 3 10 25 --output overhead

test: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --numprocesses $(WORKERS)

benchmark: setup
	$(BIN)/python benchmarks/speed.py --peer

clean:
	rm -rf .venv overhead
