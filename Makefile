# Each target does all of its set-up: Python 3.11 or newer, make and a package index are enough.

PYTHON ?= python3
BIN := .venv/bin
# One worker for each processor; the statistics and the trainers gain most from it.
WORKERS ?= auto

OLDEST := 'gymnasium==1.0.0' 'pettingzoo[butterfly]==1.25.0' 'numpy==2.0.*' 'scipy==1.13.*'

.PHONY: setup demo test browser test-oldest benchmark clean

setup: .venv/ready

.venv/bin/pip:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/ready-for-demo: pyproject.toml | .venv/bin/pip
	$(BIN)/python -m pip install --quiet --editable '.[cli]'
	touch $@

# Other versions of torch may bring gigabytes for graphics cards with them.
.venv/ready: pyproject.toml | .venv/bin/pip
	$(BIN)/python -m pip install --quiet 'torch==2.13.0'
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ .venv/ready-for-demo

demo: .venv/ready-for-demo
	$(BIN)/failure-api sweep examples/robustness_curve.yaml --output demo --workers 2

test: setup browser
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

# The report is tested in a real browser: the one that is there, the system's, or Playwright's.
browser: setup
	@for name in chromium chromium-browser google-chrome; do \
		if command -v $$name >/dev/null; then exit 0; fi; \
	done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -qq --yes chromium >/dev/null && exit 0; \
	fi; \
	$(BIN)/playwright install chromium

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
	$(BIN)/python benchmarks/sweep.py
	$(BIN)/python benchmarks/batched.py
	$(BIN)/python benchmarks/table.py

clean:
	rm -rf .venv .venv-oldest overhead demo sweep
