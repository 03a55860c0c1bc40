# Every target sets itself up: uv goes into a private folder, the locked environment beside it.
TOOLS := .firki-env
UV := $(TOOLS)/bin/uv
RUN := $(UV) run --locked
PYTHON ?= python3
TESTS ?= tests

.PHONY: help demo test check bench long clean servers

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "firki needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "setting up, once: uv into $(TOOLS), then the locked environment into .venv (about 550 MB)"
	@$(PYTHON) -m venv $(TOOLS) && $(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.13,<0.14'

demo: $(UV) ## a live-looking market day on this machine, no account needed
	@$(RUN) firki demo $(ARGS)

test: $(UV) servers ## everything the tests need, and the tests
	$(RUN) --group test pytest -q -n 2 $(TESTS)

check: $(UV) ## format, lint, types (the page's too), imports
	$(RUN) --group dev ruff format --check .
	$(RUN) --group dev ruff check .
	$(RUN) --group dev mypy
	$(RUN) --group dev lint-imports
	$(RUN) --group dev python -m tests.page_scripts check

bench: $(UV) ## our measurements beside installable peers, as ratios
	$(RUN) --group test python -m bench

long: $(UV) servers ## the long forms of the tests: kills, fuzz, whole days
	FIRKI_LONG=1 $(RUN) --group test pytest -q -n 2 $(TESTS)

servers: ## Debian packages the tests drive (installed when root, named otherwise)
	@sh tests/servers.sh

clean:
	rm -rf $(TOOLS) .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
