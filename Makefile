# `make demo` sets everything up and shows the whole journey; `make run` starts the studio alone.
#
# TORCH_INDEX: address of a package index to take torch from; empty, it comes from where all other
# packages come from. On a machine without a GPU PyTorch's index for CPUs saves gigabytes.

PYTHON ?= python3
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
TORCH := $(if $(TORCH_INDEX),--no-deps --index-url $(TORCH_INDEX))

.PHONY: demo run test check format clean

demo: $(VENV)/.studio
	$(BIN)/tuning-studio up --sample

run: $(VENV)/.studio
	$(BIN)/tuning-studio up

# Journeys and faults watch the clock, so nothing else runs beside them.
test: $(VENV)/.tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --ignore tests/journeys --ignore tests/faults
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/journeys tests/faults

check: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/deptry .

format: $(VENV)/.tests
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

# Each stamp is made when its packages are in, so that the second time is instant.

$(VENV)/.torch: constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install $(TORCH) -c constraints.txt torch
	touch $@

$(VENV)/.studio: $(VENV)/.torch pyproject.toml constraints.txt
	$(PIP) install -c constraints.txt -e .
	touch $@

$(VENV)/.tests: $(VENV)/.studio
	$(PIP) install -c constraints.txt -e ".[dev]"
	touch $@
