# Each target does all of its set-up: Python 3.11 or newer, make and a package index are enough.

PYTHON ?= python3
BIN := .venv/bin
# Which cases of sampled tests are run: others with each commit.
SEED ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo 0)
# One worker for each processor; the statistics and the trainers gain most from it.
WORKERS ?= auto

OLDEST := 'gymnasium==1.0.0' 'pettingzoo[butterfly]==1.25.0' 'numpy==2.0.*' 'scipy==1.13.*'

FAST := tests/core tests/exchanges tests/noise_models tests/serialization tests/traces

# What the trainers' environments hold, each beside torch and this package. Ray's RLlib asks for an
# older gymnasium, BenchMARL for an older TorchRL.
TESTING := pytest pytest-xdist hypothesis cloudpickle mpe2 'pettingzoo==1.27.0' pygame
TRAINERS := 'stable-baselines3==2.9.2' 'supersuit==3.11.0' 'tianshou==2.0.1' 'skrl==2.1.1' \
	'agilerl==2.7.1' 'gymnasium==1.4.0'
RLLIB := 'ray[rllib]==2.60.0'
BENCHMARL := 'benchmarl==1.5.2' 'torchrl<0.12' 'vmas>=1.5' array-api-compat
# What people play. Some ask for older versions of gymnasium or NumPy than they run with, or for
# packages for training: those are installed as they are, beside what they import.
ENVIRONMENTS := 'pettingzoo[butterfly,classic,sisl]==1.27.0' 'gymnasium==1.4.0' 'numpy==2.4.6' \
	'mpe2==1.1.1' 'magent2==0.3.4' 'momaland==0.2.0' 'gymnasium-robotics==1.4.2' 'mujoco==4.0.0' \
	'lbforaging==2.0.0' 'rware==2.0.0' 'highway-env==1.12.1' 'shimmy==2.0.1' 'open-spiel==2.0.2' \
	'cogrid==0.3.2' 'pybullet==3.2.7' numba aenum
ALONE := 'pyflyt==0.29.0' 'multigrid==0.1.0' 'mosaic-multigrid==7.0.0' 'gobblet-rl==1.3.5' \
	'cathedral-rl==1.1.0' 'rlskyjo==1.0.0' 'sustainable-foraging==2.0.0'

.PHONY: setup demo test test-fast test-every-case test-heavy test-trainers \
	test-environments browser test-oldest benchmark clean

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
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal --seed $(SEED) \
		-m 'not heavy and not trainers and not environments'

# For work in progress: one case of each test of what most changes touch.
test-fast: setup
	$(BIN)/ruff check .
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal --seed $(SEED) --cases 1 \
		-m 'not heavy and not trainers and not environments' $(FAST)

# All cases of tests of which `make test` picks some.
test-every-case: setup browser
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal -m sampled --every-case

# Clusters, whole trainings, and measurements that take their time.
test-heavy: setup
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal -m heavy

# One environment for each set of trainers that goes together; none may be absent from its own.
TRAINERS_READY := setup .venv-trainers/ready .venv-rllib/ready .venv-benchmarl/ready

test-trainers: $(TRAINERS_READY)
	@$(call try_trainers,.venv,torchrl)
	@$(call try_trainers,.venv-trainers,sb3 sb3_teams tianshou skrl agilerl)
	@$(call try_trainers,.venv-rllib,rllib)
	@$(call try_trainers,.venv-rllib,rllib_adapted)
	@$(call try_trainers,.venv-benchmarl,benchmarl)

try_trainers = EVERY_TRAINER=1 OMP_NUM_THREADS=1 $(1)/bin/python -m pytest -m trainers \
	--numprocesses $(WORKERS) --dist worksteal \
	$(foreach name,$(2),tests/trainers/test_trainer_$(name).py)

.venv-trainers/ready: NEEDED = $(TRAINERS)
.venv-rllib/ready: NEEDED = $(RLLIB)
.venv-benchmarl/ready: NEEDED = $(BENCHMARL)

# torch is named again, so that nothing brings another one.
.venv-trainers/ready .venv-rllib/ready .venv-benchmarl/ready: pyproject.toml
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --upgrade pip
	$(@D)/bin/python -m pip install --quiet 'torch==2.13.0'
	$(@D)/bin/python -m pip install --quiet 'torch==2.13.0' $(NEEDED) $(TESTING) --editable .
	touch $@

# Environments of many packages: their positions and segments, and all that is expected of them.
test-environments: .venv-environments/ready
	EVERY_ENVIRONMENT=1 OMP_NUM_THREADS=1 .venv-environments/bin/python -m pytest \
		--numprocesses $(WORKERS) --dist worksteal tests/packages \
		tests/environments/test_worlds.py tests/environments/test_adapted_packages.py

.venv-environments/ready: Makefile pyproject.toml
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --upgrade pip
	$(@D)/bin/python -m pip install --quiet $(ENVIRONMENTS) pytest pytest-xdist hypothesis \
		cloudpickle --editable '.[evaluation]'
	$(@D)/bin/python -m pip install --quiet --no-deps $(ALONE)
	touch $@

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
		hypothesis array-api-strict cloudpickle pyyaml --editable .
	.venv-oldest/bin/python -m pytest --numprocesses $(WORKERS) \
		tests/core tests/communication_models tests/exchanges tests/wrappers

benchmark: $(TRAINERS_READY)
	$(BIN)/python benchmarks/speed.py --peer
	$(BIN)/python benchmarks/catalogue.py --peer
	$(BIN)/python benchmarks/rounds.py
	$(BIN)/python benchmarks/sweep.py
	$(BIN)/python benchmarks/batched.py
	for name in .venv .venv-trainers .venv-rllib .venv-benchmarl; do \
		$$name/bin/python benchmarks/trainers.py || exit 1; \
	done
	$(BIN)/python benchmarks/table.py

clean:
	rm -rf .venv .venv-environments .venv-oldest .venv-trainers .venv-rllib .venv-benchmarl overhead demo sweep
