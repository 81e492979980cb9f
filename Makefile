# Everything runs from a plain clone: the first target that needs it builds .venv.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help demo test proofs check golden bench bench-registry bench-sql oracle fuzz mutants model feast soak clean
.DEFAULT_GOAL := help

help:  ## Show this list.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

# pip learned dependency groups in 25.1; machines with Python 3.11 come with an older one.
$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@

demo: $(READY)  ## The main job on a year of flights: validate, plan, apply, train, serve.
	@$(BIN)/python repos/flights/demo.py

test: $(READY)  ## Run all tests but the long proofs.
	$(BIN)/python -m pytest -n 2 --dist loadgroup -q

proofs: $(READY)  ## Long proofs: statements of warehouses on stand-ins, foreign grammars over all goldens, errors of approximations.
	$(BIN)/python -m pytest -n 2 --dist loadgroup -q -m proof

check: $(READY)  ## Lint, formatting, types, layers, and what the wheel holds.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports
	rm -rf dist
	$(BIN)/python -m build --outdir dist . >/dev/null
	$(BIN)/check-wheel-contents dist/*.whl

golden: $(READY)  ## Rewrite the golden files from what the code says now; read the diff before you commit it.
	ASOF_REWRITE_GOLDEN=1 $(BIN)/python -m pytest -q -m golden

bench: $(READY)  ## Measure start-up, planning at scale and the training set; print ratios.
	@$(BIN)/python -m bench

bench-registry: $(READY)  ## Validate, plan and apply repos of 100 to 50,000 views; requests to a slow S3; print verdicts (an hour).
	@$(BIN)/python -m bench.registry

bench-sql: $(READY)  ## Compiled point-in-time SQL against hand-written SQL on DuckDB, Postgres, ClickHouse and Spark; print ratios.
	@$(BIN)/python -m bench.sql

EXPRESSIONS ?= 100000
oracle: $(READY)  ## 2,000 generated cases on every engine, the oracle decides; stop it and take it up again. ARGS="--cases 50".
	$(BIN)/python -m tests.oracle $(ARGS)
	$(BIN)/python -m tests.oracle.expressions --count $(EXPRESSIONS)

SECONDS_EACH ?= 60
fuzz: $(READY)  ## Fuzz what reads YAML, plan files and registries, led by coverage; SECONDS_EACH=600 for longer.
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS_EACH)

mutants: $(READY)  ## Break the query builder on purpose; the tests must notice each time.
	$(BIN)/python -m tests.mutants

model: $(READY)  ## Search every state of the registry's protocol with spin; what we take from it must break it.
	$(BIN)/python -m tests.model

feast: $(READY)  ## Run Feast itself, in an environment of its own, and compare: imports and histories.
	$(BIN)/python -m pytest -n 2 --dist loadgroup -q -m feast tests/feast

WALKS ?= 5000
WALK_SEED ?= 1
soak: $(READY)  ## kill -9 at every instant of an apply, and of its recovery; random walks; 16 appliers that race; 200 times Ctrl-C.
	$(BIN)/python -m tests.registry.drill --twice
	$(BIN)/python -m tests.registry.walk --sequences $(WALKS) --seed $(WALK_SEED)
	ASOF_SOAK=1 $(BIN)/python -m pytest -q tests/registry/test_races.py
	$(BIN)/python -m tests.engines.interrupts --count 200
	$(BIN)/python -m pytest -q -m heavy

clean:  ## Remove everything that can be built again, .venv too.
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .engines
	rm -rf repos/*/.asof repos/*/build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
