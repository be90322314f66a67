# What to run here: `make help`. A fresh clone needs Python 3.11 or newer, make and a package index; nothing else.
#   PYTHON=python3.12  which interpreter builds the environment     JOBS=4  how many processes run the tests
#   ARGS="..."         passed on to `make demo`, `make test`, `make test-slow`

PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$name && break; done)
# More than there are cores: browsers, servers and waits leave a part of each idle.
JOBS ?= 4
UV = $(shell command -v uv || echo .venv/bin/uv)
PYTEST = .venv/bin/python -m pytest
PYTHON_FOLDERS = $(wildcard src tests tools benchmarks)
READY = .venv/.bursar-ready
# Where it is set, each of the many processes of the tests would compile hundreds of modules anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow converge converge-mutants check format bench

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

install: $(READY)  ## Build .venv with everything, exactly as locked

# The stamp is younger than the lock: the second `make` starts at once. --inexact keeps the uv that runs.
$(READY): pyproject.toml uv.lock
	@test -n "$(PYTHON)" || { echo "Bursar needs Python 3.11 or newer: install it, or name one with PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) cannot create environments: install its venv module (Debian and Ubuntu: python3-venv)" >&2; exit 1; }
	@command -v uv >/dev/null || test -x .venv/bin/uv || .venv/bin/python -m pip install --quiet --disable-pip-version-check uv
	@$(UV) sync --quiet --frozen --all-extras --inexact --python .venv/bin/python
	@touch $@

demo: $(READY)  ## Two simulated banks in one ledger, with a server to ask (ARGS=--once: print and leave)
	@.venv/bin/bursar demo $(ARGS)

test: $(READY)  ## Every test but the long runs; BURSAR_TEST_DATABASE_URL uses a PostgreSQL of yours
	@$(PYTEST) -n $(JOBS) --dist worksteal -m "not slow" $(ARGS)

test-slow: $(READY)  ## The long runs
	@$(PYTEST) -m slow $(ARGS)

converge: $(READY)  ## The ledger equals the truth: 300 fixed seeds and 100 random ones (ARGS="--seeds 1..20000": others)
	@if [ -n "$(ARGS)" ]; then .venv/bin/bursar converge $(ARGS); else \
		.venv/bin/bursar converge --seeds 1..300 && .venv/bin/bursar converge --seeds random:100; fi

converge-mutants: $(READY)  ## Deliberate faults in our own code, each to be noticed
	@.venv/bin/bursar converge --mutants $(ARGS)

check: $(READY)  ## Lint, format, types, import contracts, our own rules, lock file
	.venv/bin/ruff check $(PYTHON_FOLDERS)
	.venv/bin/ruff format --check $(PYTHON_FOLDERS)
	.venv/bin/basedpyright
	.venv/bin/lint-imports
	.venv/bin/python tools/lint_rules.py
	.venv/bin/python tools/leak_check.py
	$(UV) lock --check --quiet

format: $(READY)  ## Format, and repair what the linter can
	.venv/bin/ruff format $(PYTHON_FOLDERS)
	.venv/bin/ruff check --fix $(PYTHON_FOLDERS)

bench: $(READY)  ## Every figure that we publish, beside its peer
	@set -e; for script in $(sort $(filter-out benchmarks/_%,$(wildcard benchmarks/*.py))); do \
		echo "== $$script"; .venv/bin/python $$script; done
