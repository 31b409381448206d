# Every target sets up what it needs: a virtual environment with the hash-checked packages of requirements.lock.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
PEERS := .venv/.peers
JOBS ?= auto

.PHONY: demo test test-all lint lab bench lock clean

demo: $(STAMP)
	$(BIN)/ennakointi demo

test: $(STAMP)
	$(BIN)/pytest -n $(JOBS) --dist loadgroup -m "not slow"

test-all: $(STAMP)
	$(BIN)/pytest -n $(JOBS) --dist loadgroup

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lab: $(STAMP)
	$(BIN)/python -m ipykernel install --sys-prefix --name ennakointi --display-name "ennakointi" >/dev/null
	test -d work/2025Q3/store || $(BIN)/ennakointi demo
	$(BIN)/jupyter lab --notebook-dir=.

bench: $(PEERS)
	for file in $$(grep -l __main__ benchmarks/*.py); do echo "== $$file"; $(BIN)/python $$file || exit 1; done

lock: $(STAMP)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --extra dev pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --extra bench --constraint requirements.lock pyproject.toml -o requirements-bench.lock

clean:
	rm -rf .venv work outputs/2*

$(STAMP): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip install --quiet --require-hashes --python $(BIN)/python -r requirements.lock
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python -e .
	touch $(STAMP)

$(PEERS): $(STAMP) requirements-bench.lock
	$(BIN)/uv pip install --quiet --require-hashes --python $(BIN)/python -r requirements-bench.lock
	touch $(PEERS)
