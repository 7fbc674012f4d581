# Everything a developer does here. Each target makes what it needs first; the second time that takes no time.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PENDING ?= 100000
STORED ?= 1000000
SECONDS ?= 60
CODE   := services shared tests $(wildcard demo)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test simulate bench-sync bench-stored bench-deadlines bench-billing bench-notify check format up down servers lock clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: servers ## play one outsourced ticket's whole life between two partners
	@$(BIN)/python -m demo

# Two processes, each with a broker and a database of its own: most tests wait for something most of the time.
test: servers ## run every test against a real broker and a real database
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup $(PYTEST_ARGS)

simulate: servers ## play random histories for SECONDS=60, or one again by SEED= and DEPTH=pure|real; JSON=1 for scripts
	@$(BIN)/python -m tests.simulation --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(if $(DEPTH),--depth $(DEPTH)) $(if $(JSON),--json)

bench-sync: servers ## entries per second through one worker, beside a bare bridge and a framework
	@$(BIN)/python -m tests.bench.sync

bench-stored: servers ## the same with STORED=1000000 entries stored already, beside an empty database
	@$(BIN)/python -m tests.bench.stored --stored $(STORED)

bench-deadlines: servers ## how late offers expire with PENDING=100000 others stored
	@$(BIN)/python -m tests.bench.deadlines --pending $(PENDING)

bench-notify: servers ## e-mails per second, memory with PENDING=100000 waiting, and how soon an offer's is out
	@$(BIN)/python -m tests.bench.notify --pending $(PENDING)

bench-billing: servers ## invoices with 20 lines per second, with PDF and XML, and what others feel of it
	@$(BIN)/python -m tests.bench.billing

check: $(READY) ## format, lint, types, import rules, house rules, generated documents
	@$(BIN)/ruff format --check --quiet $(CODE) || { echo "run 'make format'"; exit 1; }
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/mypy --no-error-summary $(CODE)
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest -q --no-header -p no:cacheprovider tests/architecture
	@$(BIN)/python -m shared.contracts.generate --check

format: $(READY) ## put the code into the one format
	@$(BIN)/ruff format --quiet $(CODE)
	@$(BIN)/ruff check --quiet --fix $(CODE)

up: servers ## broker, database and all workers, in the foreground until stopped
	@$(BIN)/tandem up

down: $(READY) ## stop what `make up` started, wherever it runs
	@$(BIN)/tandem down

servers: $(READY) ## make sure that a broker and a database can be had, installing what is missing
	@$(BIN)/python -m services.console.stack

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header pyproject.toml

lock: $(READY) ## resolve the dependencies anew, for developers and for the image
	@$(BIN)/python -m pip install --quiet uv
	@$(LOCK) --extra dev --upgrade --output-file requirements.lock
	@$(LOCK) --constraint requirements.lock --output-file deploy/requirements.lock

clean: ## remove the virtual environment and everything made by a run
	@rm -rf $(VENV) var .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(READY): requirements.lock pyproject.toml deploy/local/make-venv
	@PYTHON=$(PYTHON) deploy/local/make-venv $(VENV)
	@touch $@
