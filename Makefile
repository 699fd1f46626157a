.DEFAULT_GOAL := help
.PHONY: help install run bundle test test-long test-fast lint types check bench prices idle-cost \
	lock clean

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
POLICY := $(VENV)/policy
# Many tests wait more than they work; a file's tests share what it starts.
JOBS   ?= 3
JUDGE  := $(POLICY)/.installed
# Some machines switch byte code off, which doubles every start.
unexport PYTHONDONTWRITEBYTECODE

help: ## Say what there is to make
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Install the locked dependencies into .venv

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Sluice needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Installing into $(VENV), which takes a few minutes the first time ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# checkov cannot share an environment with what it judges: see pyproject.toml.
$(JUDGE): requirements/policy.txt | $(STAMP)
	@echo "Installing checkov into $(POLICY): about a minute and 220 MB, once ..."
	@$(PYTHON) -m venv $(POLICY)
	@$(POLICY)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements/policy.txt
	@touch $@

run: $(STAMP) ## Serve the local stack on 127.0.0.1:8080 (SLUICE_PORT, REAL=1 for real providers)
	@exec $(BIN)/sluice up $(if $(REAL),--real)

bundle: $(STAMP) ## Build what pulumi up deploys: build/router.zip (SLUICE_PYTHON names a python3.13)
	@$(BIN)/sluice bundle

test: $(STAMP) $(JUDGE) ## Run every test but the long ones (JOBS workers, each with a stack of its own)
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not long"

test-long: $(STAMP) ## Run the tests that take minutes: ten thousand seeds, a hundred thousand histories
	@$(BIN)/python -m pytest -q -m long
	@SLUICE_SAVINGS_EXAMPLES=100000 SLUICE_BOUND_EXAMPLES=50000 $(BIN)/python -m pytest -q --timeout 7200 \
		tests/contracts/test_bound.py $$(grep -rl SLUICE_SAVINGS_EXAMPLES tests)

test-fast: $(STAMP) ## Run the tests that need no running stack
	@$(BIN)/python -m pytest -q tests/unit tests/contracts tests/functions tests/house

lint: $(STAMP) ## Check style and formatting
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(STAMP) ## Check types
	@$(BIN)/mypy

check: lint types test ## Everything that CI checks

bench: $(STAMP) ## Measure the router side by side (AGAINST=revision, RIVAL=venv with litellm, KEEP=name)
	@$(BIN)/python -m benchmarks run $(if $(AGAINST),--against $(AGAINST)) \
		$(if $(RIVAL),--rival $(RIVAL)) $(if $(KEEP),--name $(KEEP)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(TITLE),--title "$(TITLE)")

prices: $(STAMP) ## Compile the price table anew from genai-prices
	@$(BIN)/sluice prices compile

idle-cost: $(STAMP) ## Write docs/idle-cost.md anew from the declared resources and their prices
	@$(BIN)/python -m tests.policy.idle_cost_table

lock: $(STAMP) ## Lock the dependencies anew, leaving out versions younger than a week
	@before=$$(date -u -d '7 days ago' +%Y-%m-%dT00:00:00Z); \
	compile="$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --exclude-newer $$before"; \
	$$compile pyproject.toml --output-file requirements/functions.txt && \
	$$compile pyproject.toml --all-extras --constraint requirements/functions.txt \
		--output-file requirements/dev.txt && \
	$$compile --group guard --constraint requirements/functions.txt \
		--output-file requirements/guard.txt && \
	$$compile --group workers --constraint requirements/functions.txt \
		--constraint requirements/dev.txt --output-file requirements/workers.txt && \
	$$compile --group policy --output-file requirements/policy.txt

clean: ## Remove what was built or installed here
	@rm -rf $(VENV) build .sluice .mypy_cache .pytest_cache .ruff_cache
