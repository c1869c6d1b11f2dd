# What is typed first.  Needs make and Python 3.11 or newer, and nothing else of ours.

PYTHON ?= python3
# Another Python gets an environment of its own: make test PYTHON=python3.12
VENV := $(if $(filter python3,$(PYTHON)),.venv,.venv-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
PREPARE := @$(PYTHON) tools/environment.py $(VENV)
TEST_PROGRAMS := openssl curl postgresql nginx-light systemd iproute2 testssl.sh bsdextrautils wrk bind9 knot pebble certbot lego faketime pebble/forky
BENCH_PROGRAMS := nginx-light wrk

.PHONY: help demo test test-fast bench check format docs pin clean

help:  ## Say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

demo:  ## Start one box, publish a model, call it; ONCE=1 stops afterwards
	$(PREPARE) demo
	@$(BIN)/python examples/demo.py $(if $(ONCE),--once)

test:  ## Run all tests, the fast ones first; ARGS="-k name" narrows
	$(PREPARE) test $(TEST_PROGRAMS)
	@$(BIN)/python -m pytest -q -p tests.support.order -n auto --dist loadfile $(ARGS)

test-fast:  ## Run the tests that take no longer than a moment
	$(PREPARE) test
	@$(BIN)/python -m pytest -q -n auto -m "not slow and not system" $(ARGS)

bench:  ## Measure one box beside its peers
	$(PREPARE) test $(BENCH_PROGRAMS)
	@PATH="$$PATH:/usr/sbin" $(BIN)/python bench/run.py

check:  ## Check form, types, floors and the fast tests with their coverage
	$(PREPARE) dev $(TEST_PROGRAMS)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -n auto -m "not slow and not system" --cov=hermetic --cov-report=term:skip-covered $(ARGS)

format:  ## Write everything as the formatter has it
	$(PREPARE) dev
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

docs:  ## Write the generated pages of docs/reference
	$(PREPARE) test
	$(BIN)/python -m tools.reference

pin:  ## Choose the newest versions that pyproject.toml allows
	$(PYTHON) -m venv --clear .venv-pin
	.venv-pin/bin/pip install --quiet --upgrade pip packaging
	.venv-pin/bin/pip install --quiet --editable '.[node,postgresql,demo]' --group test --group dev 'setuptools>=77'
	.venv-pin/bin/python tools/pin.py

clean:  ## Remove environments, caches and the demo's home
	[ ! -d .demo ] || chmod -R u+w .demo  # a node keeps what it unpacked read-only
	rm -rf .venv .venv-* .later .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf .coverage htmlcov build dist src/hermetic.egg-info shims/*/build shims/*/src/*.egg-info
	find src shims tests bench examples tools -name __pycache__ -type d -exec rm -rf {} +
