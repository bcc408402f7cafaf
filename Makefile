# Every target sets up what it needs. `make help` lists them.
VENV ?= .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
export PATH := $(abspath $(VENV)/bin):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo docs test lint unit integration sanity molecule matrix test-long bench clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

$(READY): requirements-dev.txt tests/tools/make_venv.sh
	@sh tests/tools/make_venv.sh $(VENV) && touch $@

demo: $(READY) ## the main job on an embedded database: no root, Docker or server needed
	@$(PYTHON) tests/demo.py

test: $(READY) ## everything, with its set-up; the last line says what passed, failed and was skipped
	@$(PYTHON) tests/tools/run_all.py

docs: $(READY) ## write the option table into the documents that repeat it
	@$(PYTHON) tests/tools/generate.py

lint: $(READY) ## ruff, mypy --strict, yamllint, ansible-lint
	@$(PYTHON) tests/tools/run_all.py lint

unit: $(READY) ## the fast tests
	@$(PYTHON) -m pytest tests/unit

integration: $(READY) ## the tests against real MariaDB and PostgreSQL servers
	@$(PYTHON) tests/tools/run_all.py integration

sanity: $(READY) ## ansible-test sanity, demo and one role run with the oldest and the newest ansible-core
	@$(PYTHON) tests/tools/run_all.py sanity

molecule: $(READY) ## every Molecule scenario, on real Debian hosts in Docker
	@$(PYTHON) tests/tools/run_all.py molecule

matrix: $(READY) ## sanity, demo and one role run with every ansible-core from 2.17 to 2.21
	@$(PYTHON) tests/tools/matrix.py

test-long: $(READY) ## the sweeps that take long (not part of `make test`)
	@IACT_TEST_LONG=1 $(PYTHON) -m pytest -m long

bench: $(READY) ## how the jobs compare with what they replace
	@$(PYTHON) tests/bench.py

clean: ## take away what make and the tests made
	@rm -rf .cache $(VENV) .mypy_cache .pytest_cache .ruff_cache .ansible iact-maintenance-*.tar.gz
