# Nothing has to be done before: every target builds the environment it needs, once.
#   make demo     solve, prove and score real rollouts; results in demo-output/
#   make test     the test suite, lint and types included
#   make test-lowest   the core of it with the oldest versions that pyproject.toml admits, in another environment
# VENV=DIR uses another environment. On Linux, PIP_EXTRA_INDEX_URL set to torch's index of CPU builds spares `make test`
# the CUDA build of torch.

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= auto
PIP = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

LOWEST = .venv-lowest
CORE = online certify/test_certificate.py cli/test_cli.py cli/test_score.py test_estimator.py storage/test_table.py \
	history/test_state.py offline/test_solver.py

.PHONY: demo test test-lowest lint clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	$(VENV)/bin/python -m benchmarks.demo

test: lint
	$(VENV)/bin/python -m pytest -q -n $(WORKERS)

test-lowest: $(LOWEST)/.installed
	$(LOWEST)/bin/python -m pytest -q -n $(WORKERS) $(CORE:%=tests/%)

lint: $(VENV)/.frameworks
	$(VENV)/bin/ruff check .
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

$(VENV)/.frameworks: $(VENV)/.installed
	$(PIP) -e '.[torch,jax,ray,math,trl,verl]' cachetools fastapi uvicorn  # the last three: verl's trainer imports them
	@touch $@

clean:
	rm -rf $(VENV) $(LOWEST) demo-output dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
