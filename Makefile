# Each target does all of its set-up: Python 3.11 or newer, make and a package index are enough.

PYTHON ?= python3
BIN := .venv/bin
# One worker for each processor; the statistics and the trainers gain most from it.
WORKERS ?= auto

OLDEST := 'gymnasium==1.0.0' 'pettingzoo[butterfly]==1.25.0' 'numpy==2.0.*' 'scipy==1.13.*'

.PHONY: setup demo test test-oldest benchmark clean

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

# That PettingZoo's extra for sisl asks for a Box2D that has to be compiled; this one comes built.
test-oldest:
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet $(OLDEST) mpe2 Box2D pytest pytest-xdist \
		hypothesis array-api-strict cloudpickle --editable .
	.venv-oldest/bin/python -m pytest --numprocesses $(WORKERS) \
		tests/core tests/communication_models tests/exchanges tests/wrappers

benchmark: setup
	$(BIN)/python benchmarks/speed.py --peer
	$(BIN)/python benchmarks/catalogue.py --peer
	$(BIN)/python benchmarks/table.py

clean:
	rm -rf .venv .venv-oldest overhead
