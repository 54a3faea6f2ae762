# Every command a contributor needs. `make` alone lists them.
# Needs: Python 3.11 or newer with venv, and make. Nothing else is assumed on the machine, except
# Java 17 or 21 for the Spark tests (`make test-slow`, `make judge`), and for `make test-slow`
# PostgreSQL's server.

SHELL  := /bin/sh
# Some machines say that no bytecode is written: each of the many processes that the tests start
# would then compile anew all that it imports.
unexport PYTHONDONTWRITEBYTECODE
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

DISTRIBUTIONS := core plugins/aws plugins/s3 plugins/glue plugins/openlineage plugins/monitor
PROJECTS      := $(DISTRIBUTIONS:%=%/pyproject.toml)
SOURCES       := $(DISTRIBUTIONS:%=%/src)
TESTS         := $(wildcard core/tests plugins/*/tests tests)

# Stamps in the environment: what is installed in it, and since when.
PIP_READY := $(VENV)/.pip
DEV       := $(VENV)/.dev
DEMO      := $(VENV)/.demo
JUDGE     := $(VENV)/judge
RELEASE   := $(VENV)/release

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Says every few seconds how far it is: INSTALL_LOCK, a word for who is installing, the lock.
INSTALL_LOCK     = $(BIN)/python requirements/install.py
# The build backend is in the locks, so nothing outside them is fetched to build the packages.
INSTALL_PACKAGES = $(PIP) install --no-deps --no-build-isolation $(DISTRIBUTIONS:%=-e %)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo test java test-slow judge fuzz mutants lint format types contracts bench bench-setup docs release-check lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(PIP_READY):
	@command -v $(PYTHON) >/dev/null || { \
	  echo "make: $(PYTHON) not found; install Python 3.11 or newer, or name one: make PYTHON=/path/to/python"; \
	  exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: headwater needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) -V 2>&1);"; \
	  echo "      install a newer one, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "setup: creating $(VENV) with $$($(PYTHON) -V)"
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "make: $(PYTHON) cannot create an environment; on Debian and Ubuntu: apt-get install python3-venv"; \
	  exit 1; }
	@touch $@

$(DEV): requirements/dev.txt $(PROJECTS) | $(PIP_READY)
	@$(INSTALL_LOCK) setup requirements/dev.txt
	@echo "setup: installing $(DISTRIBUTIONS) in development mode"
	@$(INSTALL_PACKAGES)
	@touch $@ $(DEMO)
	@echo "setup: ready in $(VENV)"

# dev.txt holds every pin of demo.txt: where `make setup` has run, the demo needs nothing more.
$(DEMO): requirements/demo.txt $(PROJECTS) | $(PIP_READY)
	@$(INSTALL_LOCK) demo requirements/demo.txt
	@echo "demo: installing $(DISTRIBUTIONS) in development mode"
	@$(INSTALL_PACKAGES)
	@touch $@

setup: $(DEV) ## create .venv with everything a contributor needs

demo: $(DEMO) ## run the demo: a model's drift, found on real data
	@$(BIN)/headwater demo

# worksteal hands out runs of neighbours, which share what they have set up; `load` deals them out.
test: $(DEV) ## run the tests, without the slow ones
	@$(BIN)/pytest -n 2 --dist worksteal -m "not slow and not spark" $(ARGS)

# Where Java is looked for and what to do without one, headwater says itself.
java: $(DEV)
	@$(BIN)/python -c 'import sys; from headwater.engines.spark import SparkEngine; sys.exit(SparkEngine().unavailable())'

# The first Spark fetches its packages, within some test's time.
PATIENTLY := --timeout 900 -o faulthandler_timeout=1200

test-slow: java ## run the slow tests and the Spark ones (Java 17 or 21, PostgreSQL's server)
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "slow or spark" $(PATIENTLY) \
	  --durations=20 $(ARGS)

MINUTES ?= 60
fuzz: $(DEV) ## try hostile input on all that reads what others wrote, MINUTES=60 in total
	@$(BIN)/python -m tests.fuzz --minutes $(MINUTES) $(ARGS)

JOBS ?= 2
mutants: $(DEV) ## change the source where it matters, one place at a time: does a test notice?
	@$(BIN)/python -m tests.mutants --jobs $(JOBS) $(ARGS)

JUDGED := tests/policy/test_second_judge.py tests/end_to_end/test_foreign_servers.py \
          tests/end_to_end/test_awswrangler.py tests/end_to_end/test_foreign_ledger.py
# In an environment of its own: ministack wants another botocore than headwater is locked to.
$(JUDGE)/bin/ministack: requirements/judge.txt | $(DEV)
	@$(BIN)/python -m venv $(JUDGE)
	@$(JUDGE)/bin/python requirements/install.py judge requirements/judge.txt
	@touch $@

judge: java bench-setup $(JUDGE)/bin/ministack ## have policies judged, and tables served and written, by others (Java 17 or 21)
	@HEADWATER_MINISTACK=$(abspath $(JUDGE))/bin/ministack $(BIN)/pytest $(JUDGED) $(PATIENTLY) $(ARGS)

lint: $(DEV) ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(DEV) ## let ruff fix and format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(DEV) ## mypy, strict on what is shipped, a little laxer on tests
	@$(BIN)/mypy $(SOURCES) $(TESTS) conftest.py requirements/install.py

contracts: $(DEV) ## import-linter: imports run one way
	@$(BIN)/lint-imports

bench-setup: $(DEV)
	@$(INSTALL_LOCK) bench requirements/bench.txt

bench: bench-setup ## measure headwater beside its peers
	@$(BIN)/python -m benchmarks $(ARGS)

docs: $(DEV) ## build the documentation site into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

$(RELEASE)/bin/twine: requirements/release.txt | $(DEV)
	@$(BIN)/python -m venv $(RELEASE)
	@$(RELEASE)/bin/python requirements/install.py release requirements/release.txt
	@touch $@

release-check: $(DEV) $(RELEASE)/bin/twine ## build all packages, and try each and each extra in a fresh environment
	@$(BIN)/python -m tests.release --tools $(RELEASE)/bin/python $(ARGS)

UV_COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
              --no-emit-index-url --custom-compile-command "make lock" $(ARGS)

# demo.txt, bench.txt and release.txt take dev.txt as a constraint: one version of each package in all.
lock: ## compile the locks anew (needs uv; ARGS=--upgrade for newer versions)
	cd requirements && $(UV_COMPILE) dev.in -o dev.txt >/dev/null
	cd requirements && $(UV_COMPILE) -c dev.txt demo.in -o demo.txt >/dev/null
	cd requirements && $(UV_COMPILE) -c dev.txt bench.in -o bench.txt >/dev/null
	cd requirements && $(UV_COMPILE) -c dev.txt release.in -o release.txt >/dev/null
	cd requirements && $(UV_COMPILE) judge.in -o judge.txt >/dev/null

clean: ## remove the environment, caches and what was built
	rm -rf $(VENV) build dist site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
