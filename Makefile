# Nothing has to be done before: every target builds the environment it needs, once.
#   make demo     solve, prove and score real rollouts; results in demo-output/
#   make check    lint, types and the tests that take no time: under a minute on two cores
#   make test     the whole test suite, lint and types included
#   make docs     the documentation as a site in site/, checked: no broken link
#   make docs-version   the same on the branch `pages`, in a folder of this version, which is then the latest; nothing is pushed
#   make test-lowest   the core of it with the oldest versions that pyproject.toml admits, in another environment
#   make test-trl-oldest   the adapter for TRL with the oldest TRL, in another environment over that of `make test`; its packages are kept
#   make test-python PYTHON=python3.13   the core of it with another Python, in another environment
#   make test-extras   every extra of the wheel is installed, each in an environment of its own, and does what it is for: half an hour;
#                      EXTRAS='trl verl' takes these only
#   make release   what is published, checked as PyPI would, with its digests and its bill of materials, in dist/
#   make tag       the same, every table proved anew, and then the tag of this version, if all is in its place; nothing is pushed
# VENV=DIR uses another environment, WORKERS=N as many processes for tests.

# Each process reads what another has compiled: tests start thousands.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= auto
PIP = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# The tests of a file run in one process, as they share what is slow to make: sites, clusters, compiled functions.
PYTEST = $(VENV)/bin/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# No GPU build of torch: for Linux on x86_64 the registry itself has no other, so that the CPU build is asked for by name.
CPU = $(if $(filter Linux/x86_64,$(shell uname -s)/$(shell uname -m)),+cpu)
TORCH ?= torch==$(shell sed -n 's/^torch==//p' constraints.txt)$(CPU)
# Trainers that a few lines adapt to, and what importing these parts of them takes: 16 MB, and 27 MB for Tunix.
SMALL = tinker-cookbook tinker blobfile chz lxml ms-swift modelscope modelscope-hub dacite json-repair skyrl skyrl-gym \
	jaxtyping loguru wadler-lindig sniffio cryptography cffi pycparser distro \
	google-tunix absl-py clu etils flax google-metrax humanize optax orbax-checkpoint perfetto sentencepiece simplejson \
	tensorboardx tensorstore treescope wrapt
# What the tests import of verl's dependencies; the others (wandb, tensorboard, what ray's dashboard needs, …) stay out.
OF_VERL = aiohttp cachetools codetiming fastapi hydra-core peft tensordict torchdata uvicorn

LOWEST = .venv-lowest
CLI = cli listing options plot progress score show solve verify
CORE = $(wildcard tests/test_estimator*.py) $(CLI:%=tests/cli/test_%.py) tests/test_ragged.py tests/online \
	tests/certify/test_certificate.py $(wildcard tests/storage/test_table*.py) tests/history/test_state.py tests/offline/test_solver.py

OTHER = .venv-$(notdir $(PYTHON))
CORE_AND_FILES = $(CORE) $(wildcard tests/storage/test_*.py)

TRL_OLDEST = .venv-trl-oldest
# Where its packages are kept, for other checkouts too; `.ci/packages.py` says why none there is stale. Delete it at will.
POLYEST_ENVIRONMENTS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/polyest-ci

RELEASE = .venv-release
IN_RELEASE = $(RELEASE)/bin/python -m
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

.PHONY: demo check fast docs docs-version digests release tag test test-extras test-lowest test-python test-trl-oldest lint machine-code hooks clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	$(VENV)/bin/python -m benchmarks.demo

docs: $(VENV)/.installed
	$(PIP) -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build

docs-version: $(VENV)/.installed
	$(PIP) -e '.[docs]' mike
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mike deploy --config-file mkdocs-versions.yml --branch pages --update-aliases $(VERSION) latest

check: $(VENV)/.frameworks
	@$(MAKE) --no-print-directory -j2 lint fast

# mypy has no use for a second processor: it goes first, and these tests take what it leaves.
fast: $(VENV)/.frameworks
	HYPOTHESIS_PROFILE=fast nice $(PYTEST) -m 'not slow' --ignore polyest/adapters

test: $(VENV)/.frameworks
	@$(MAKE) --no-print-directory -j2 lint machine-code
	$(PYTEST)

test-lowest: $(LOWEST)/.installed
	$(LOWEST)/bin/python -m pytest -q -n $(WORKERS) $(CORE)

# What constraints-trl-oldest.txt does not name comes from the environment of `make test`; this one is made in no time, each time.
test-trl-oldest: $(VENV)/.frameworks
	$(VENV)/bin/python -m venv --clear --without-pip $(TRL_OLDEST)
	@oldest=$$($(VENV)/bin/python .ci/packages.py constraints-trl-oldest.txt '$(POLYEST_ENVIRONMENTS)') && \
		cd $(TRL_OLDEST)/lib/python3.*/site-packages && printf "import site; site.addsitedir('%s')\n" \
		"$$oldest" "$(abspath $(VENV))/lib/$$(basename $$(dirname $$PWD))/site-packages" > tests.pth
	$(TRL_OLDEST)/bin/python -m pytest -q -n $(WORKERS) --dist loadfile tests/adapters/trl

test-python: $(OTHER)/.installed
	$(OTHER)/bin/python -m pytest -q -n $(WORKERS) $(sort $(CORE_AND_FILES))

test-extras: $(RELEASE)/.installed
	$(IN_RELEASE) hatchling build --target wheel --clean
	$(RELEASE)/bin/python .ci/extras.py dist/polyest-$(VERSION)-py3-none-any.whl $(EXTRAS)

digests:
	cd coeffs && find . -name 'k*.json' | LC_ALL=C sort | xargs sha256sum > SHA256SUMS

release: $(RELEASE)/.installed
	cd coeffs && sha256sum --check --quiet SHA256SUMS
	rm -rf dist $(RELEASE)/clean
	$(IN_RELEASE) hatchling build
	$(IN_RELEASE) twine check --strict dist/*
	$(PYTHON) -m venv --without-pip $(RELEASE)/clean
	$(IN_RELEASE) pip --python $(RELEASE)/clean/bin/python install --quiet --disable-pip-version-check -c constraints.txt \
		dist/polyest-$(VERSION)-py3-none-any.whl
	$(IN_RELEASE) cyclonedx_py environment $(RELEASE)/clean/bin/python --pyproject pyproject.toml --output-reproducible \
		--output-file dist/polyest-$(VERSION).cdx.json
	cp coeffs/SHA256SUMS dist/polyest-$(VERSION)-tables.sha256
	cd dist && sha256sum polyest-$(VERSION)* > SHA256SUMS && cat SHA256SUMS

tag: $(VENV)/.installed release
	$(VENV)/bin/polyest verify coeffs
	$(RELEASE)/bin/python .ci/tag.py

machine-code: $(VENV)/.frameworks
	$(VENV)/bin/python tests/support/machine_code.py

lint: $(VENV)/.frameworks
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
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

$(OTHER)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(OTHER)
	$(OTHER)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		-e '.[offline,plot,score]' daqp hypothesis piqp pytest pytest-xdist
	@touch $@

$(RELEASE)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(RELEASE)
	$(IN_RELEASE) pip install --quiet --disable-pip-version-check -c constraints.txt \
		cyclonedx-bom hatchling hatch-fancy-pypi-readme 'readme-renderer[md]' twine
	@touch $@

$(VENV)/.frameworks: $(VENV)/.installed Makefile
	@$(PIP) '$(TORCH)' || { echo 'make: there is no $(TORCH) here; set PIP_EXTRA_INDEX_URL to the index of CPU builds that' \
		"torch's page on installing names, or say TORCH=torch for a build for GPUs, of 3 GB" >&2; exit 1; }
	$(PIP) -e '.[torch,jax,ray,math,trl,docs]' $(OF_VERL)
	$(PIP) --no-deps verl TransferQueue msgspec $(SMALL)
	@touch $@

hooks: $(VENV)/.frameworks
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check pre-commit
	$(VENV)/bin/pre-commit install

clean:
	rm -rf $(VENV) $(LOWEST) $(OTHER) $(RELEASE) $(TRL_OLDEST) demo-output site dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
