# Nothing has to be done before: every target builds the environment it needs, once.
#   make demo     solve, prove and score real rollouts; results in demo-output/
#   make check    lint, types and the tests that take no time: under a minute on two cores
#   make test     the whole test suite, lint and types included
#   make docs     the documentation as a site in site/, checked: no broken link
#   make test-lowest   the core of it with the oldest versions that pyproject.toml admits, in another environment
#   make test-trl-oldest   the adapter for TRL with the oldest TRL, in another environment, of 1.7 GB
# VENV=DIR uses another environment, WORKERS=N as many processes for tests.

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= auto
PIP = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
PYTEST = $(VENV)/bin/python -m pytest -q -n $(WORKERS)

# No GPU build of torch: for Linux on x86_64 the registry itself has no other, so that the CPU build is asked for by name.
CPU = $(if $(filter Linux/x86_64,$(shell uname -s)/$(shell uname -m)),+cpu)
TORCH ?= torch==$(shell sed -n 's/^torch==//p' constraints.txt)$(CPU)
# Trainers that a few lines adapt to, and what importing these parts of them takes: 16 MB. Tunix would be 27 MB more.
SMALL = tinker-cookbook tinker blobfile chz lxml ms-swift modelscope modelscope-hub dacite json-repair skyrl skyrl-gym \
	jaxtyping loguru wadler-lindig sniffio cryptography cffi pycparser distro
# What the tests import of verl's dependencies; the others (wandb, tensorboard, what ray's dashboard needs, …) stay out.
OF_VERL = aiohttp cachetools codetiming fastapi hydra-core peft tensordict torchdata uvicorn

LOWEST = .venv-lowest
CLI = cli listing options plot progress score show solve verify
CORE = $(wildcard tests/test_estimator*.py) $(CLI:%=tests/cli/test_%.py) tests/test_ragged.py tests/online \
	tests/certify/test_certificate.py $(wildcard tests/storage/test_table*.py) tests/history/test_state.py tests/offline/test_solver.py

TRL_OLDEST = .venv-trl-oldest
CORE_OF_TRL = tests/adapters/trl/test_trl_enumeration.py tests/adapters/trl/test_trl_versions.py

.PHONY: demo check fast docs test test-lowest test-trl-oldest lint hooks clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	$(VENV)/bin/python -m benchmarks.demo

docs: $(VENV)/.installed
	$(PIP) -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build

check: $(VENV)/.frameworks
	@$(MAKE) --no-print-directory -j2 lint fast

fast: $(VENV)/.frameworks
	HYPOTHESIS_PROFILE=fast $(PYTEST) -m 'not slow' --ignore polyest/adapters

test: lint
	$(PYTEST)

test-lowest: $(LOWEST)/.installed
	$(LOWEST)/bin/python -m pytest -q -n $(WORKERS) $(CORE)

test-trl-oldest: $(TRL_OLDEST)/.installed
	$(TRL_OLDEST)/bin/python -m pytest -q -n $(WORKERS) $(CORE_OF_TRL)

lint: $(VENV)/.frameworks
	$(VENV)/bin/ruff check .
	$(VENV)/bin/vulture
	$(VENV)/bin/mypy

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "polyest needs Python 3.11 or newer, got %d.%d; run: make PYTHON=python3.11" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[test]'
	@touch $@

$(LOWEST)/.installed: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-lowest.txt \
		-e '.[offline,plot,score]' daqp hypothesis piqp pytest pytest-xdist
	@touch $@

$(TRL_OLDEST)/.installed: pyproject.toml constraints-trl-oldest.txt
	$(PYTHON) -m venv $(TRL_OLDEST)
	$(TRL_OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-trl-oldest.txt \
		'$(TORCH)' -e '.[trl]' tqdm hypothesis pytest pytest-xdist
	@touch $@

$(VENV)/.frameworks: $(VENV)/.installed Makefile
	@$(PIP) '$(TORCH)' || { echo 'make: there is no $(TORCH) here; set PIP_EXTRA_INDEX_URL to the index of CPU builds that' \
		"torch's page on installing names, or say TORCH=torch for a build for GPUs, of 3 GB" >&2; exit 1; }
	$(PIP) -e '.[torch,jax,ray,math,trl,docs]' $(OF_VERL)
	$(PIP) --no-deps verl $(SMALL)
	@touch $@

hooks: $(VENV)/.frameworks
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check pre-commit
	$(VENV)/bin/pre-commit install

clean:
	rm -rf $(VENV) $(LOWEST) $(TRL_OLDEST) demo-output site dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
