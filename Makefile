# The two commands of the README: `make ablate` and `make test`. Each sets up what it
# needs in .venv; nothing else of the machine is touched.

PYTHON ?= python3
ARGS ?= --param width --values 32,128,512
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
BACKENDS := jax tensorflow torch
COVERAGE := --cov --cov-report=
# Keeps what runs side by side apart in the output, where make can.
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

# The tests start many processes, which would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: ablate
ablate: $(VENV)/installed
	$(BIN)/kmlp ablate $(ARGS)

# Three parts at a time on two cores, in an order in which all end together: tests that start
# processes, above all those of crashes and clusters, often wait.
.PHONY: test
test: $(VENV)/installed-all
	$(MAKE) --jobs=3 $(SYNC) test-commands test-jax test-crashes test-library \
	    test-tensorflow test-torch lint docs
	$(MAKE) coverage

# For every commit: the linters, beside the tests that neither train nor start processes.
.PHONY: check
check: $(VENV)/installed-all
	$(MAKE) --jobs=2 $(SYNC) lint test-quick

.PHONY: test-quick
test-quick: $(VENV)/installed-all
	KERAS_BACKEND=jax $(BIN)/pytest --quiet --numprocesses=2 --dist=loadfile \
	    -m "once and not slow and not trains" $(addprefix tests/,kmlp tuning cli docs)

.PHONY: lint
lint: $(VENV)/installed-all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The suite on one backend; the command line and the doctests on the default one only.
.PHONY: $(BACKENDS:%=test-%)
$(BACKENDS:%=test-%): test-%: $(VENV)/installed-all
	KERAS_BACKEND=$* $(BIN)/pytest -m "not once and not slow" \
	    $(if $(filter tensorflow,$*),,tests/kmlp tests/tuning)

# What does not depend on the backend, in two parts: datasets read, made-up scores, bad input
# that is refused, damage. On JAX, whose processes start and train the fastest.
ONCE := commands library
test-commands: FOLDERS := cli datasets docs fuzz
test-library: FOLDERS := kmlp tuning
.PHONY: $(ONCE:%=test-%)
$(ONCE:%=test-%): test-%: $(VENV)/installed-all
	COVERAGE_FILE=.coverage.$* KERAS_BACKEND=jax $(BIN)/pytest -m "once and not slow" \
	    $(COVERAGE) $(addprefix tests/,$(FOLDERS))

# Of the tests that neither depend on the backend nor train (tests/conftest.py), in their own
# process: to measure slows training down. Workers and other backends are not measured.
.PHONY: coverage
coverage: $(VENV)/installed-all
	$(BIN)/coverage combine $(ONCE:%=.coverage.%)
	$(BIN)/coverage report

# What takes minutes: what depends on the backend, on JAX and another one; what Keras has, on
# one; published labs; real Ray clusters; damage of a thousand kinds; and the wheel. All
# backends together take too long, so they take turns by the day.
DAY := $(shell date +%s | awk '{ print 1 + int($$1 / 86400) % 3 }')
.PHONY: test-slow
test-slow: $(VENV)/installed-all
	$(MAKE) --jobs=3 $(SYNC) test-clusters test-labs test-published test-slow-jax \
	    test-slow-$(word $(DAY),tensorflow torch tensorflow) \
	    test-conformance-$(word $(DAY),$(BACKENDS)) test-wheel

.PHONY: $(BACKENDS:%=test-slow-%)
$(BACKENDS:%=test-slow-%): test-slow-%: $(VENV)/installed-all
	KERAS_BACKEND=$* $(BIN)/pytest --show-capture=no \
	    -m "slow$(if $(filter jax,$*),, and not once)" tests/kmlp tests/tuning

# What `kmlp.fit` does beside `model.fit`, for every optimizer, loss, metric and layer of
# Keras. To compile takes most of the time: each model is another one.
.PHONY: test-conformance $(BACKENDS:%=test-conformance-%)
test-conformance: $(BACKENDS:%=test-conformance-%)
$(BACKENDS:%=test-conformance-%): test-conformance-%: $(VENV)/installed-all
	KERAS_BACKEND=$* XLA_FLAGS=--xla_backend_optimization_level=0 \
	    $(BIN)/pytest --show-capture=no tests/conformance

# The labs that come with kmlp, each with very little training; and slow crashes.
.PHONY: test-labs
test-labs: $(VENV)/installed-all
	KERAS_BACKEND=jax $(BIN)/pytest -m slow tests/cli tests/crashes

# Published figures of real datasets; and damage of a thousand kinds.
.PHONY: test-published
test-published: $(VENV)/installed-all
	KERAS_BACKEND=jax $(BIN)/pytest -m slow tests/datasets tests/fuzz

# Processes that are killed, folders that are taken away, disks that are full.
.PHONY: test-crashes
test-crashes: $(VENV)/installed-all
	KERAS_BACKEND=jax $(BIN)/pytest -m "not slow" tests/crashes

# Workers and nodes are killed, too, and cables are pulled.
.PHONY: test-clusters
test-clusters: $(VENV)/installed-all
	KERAS_BACKEND=jax $(BIN)/pytest tests/clusters

# The wheel as a user gets it: in a fresh environment, with no extra installed.
.PHONY: test-wheel
test-wheel: $(VENV)/installed-all
	rm -rf dist $(VENV)-wheel
	$(BIN)/python -m build --wheel --outdir dist .
	$(BIN)/check-wheel-contents dist
	$(PYTHON) -m venv $(VENV)-wheel
	$(VENV)-wheel/bin/python -m pip install --quiet --disable-pip-version-check \
	    --no-compile -c constraints.txt dist/*.whl
	$(BIN)/python tests/smoke_wheel.py $(VENV)-wheel/bin
	rm -rf $(VENV)-wheel

# The documentation, in site/: no network is needed to build or to read it.
.PHONY: docs
docs: $(VENV)/installed-all
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict --quiet

.PHONY: bench
bench: $(VENV)/installed-all
	$(BIN)/python tests/benchmarks/evidence.py
	$(BIN)/python tests/benchmarks/startup.py
	$(BIN)/python tests/benchmarks/data.py
	$(BIN)/python tests/benchmarks/fit.py
	$(BIN)/python tests/benchmarks/runs.py
	$(BIN)/python tests/benchmarks/executors.py
	$(BIN)/python tests/benchmarks/memory.py
	$(BIN)/python tests/benchmarks/retune.py
	$(BIN)/python tests/benchmarks/tune.py
	$(BIN)/python tests/benchmarks/tune.py --memory

$(VENV)/created:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/installed: $(VENV)/created pyproject.toml constraints.txt
	$(INSTALL) -e .
	touch $@

$(VENV)/installed-all: $(VENV)/installed
	$(INSTALL) -e ".[jax,torch,ray,dev]"
	touch $@
