# Everything a fresh machine needs is python3.11, pip and make. Stamp files below .make/ remember what is set up,
# so that a second run skips it and needs no network.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
SAMPLE ?= sample_data/focal_edema_like/dicom
DEMO_OUT ?= demo_out
# A worker takes up to 2 GB; tests of one file share what they render, so a file stays with one worker.
TEST_WORKERS ?= 2

BIN := .venv/bin
STAMPS := .make
WHEEL_ENV := $(STAMPS)/wheel
PEERS := $(STAMPS)/peers
# The build and the install never fetch anything that constraints.txt does not pin.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
SOURCES := $(shell find marrowsignal -type f -not -name '*.pyc') pyproject.toml README.md LICENSE

.PHONY: help demo test check pytest fuzz bench build clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(STAMPS)/runtime ## Install, analyze the synthetic study of sample_data/ and say where the report is
	$(BIN)/marrowsignal analyze $(SAMPLE) --output $(DEMO_OUT) --case demo
	@echo "Open $(DEMO_OUT)/demo/report.html in a browser."

test: check pytest ## Lint, types and tests; sets itself up

check: $(STAMPS)/development ## Lint and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The end-to-end tests run the command of the built wheel, which lives in an environment of its own.
pytest: $(STAMPS)/development $(STAMPS)/wheel.stamp ## Tests only
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MARROWSIGNAL_COMMAND="$(CURDIR)/$(WHEEL_ENV)/bin/marrowsignal" $(BIN)/python -m pytest --numprocesses $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

fuzz: $(STAMPS)/development ## 10,000 mutated DICOM files: no traceback, no hang (5 s), under 500 MB
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m tests.dicom.fuzz_many $(FUZZ_ARGS)

bench: $(STAMPS)/runtime $(STAMPS)/peers.stamp ## Seconds, memory and accuracy beside peers; BENCH_ARGS="--only ingest"
	$(BIN)/python -m benchmarks.peers --peers $(PEERS)/bin/python $(BENCH_ARGS)

build: $(STAMPS)/build ## Wheel and source archive in dist/

clean: ## Remove environments, builds, caches and demo output
	rm -rf .venv $(STAMPS) dist $(DEMO_OUT) bench_out .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find marrowsignal tests pipelines benchmarks -type d -name __pycache__ -prune -exec rm -rf {} +

# Debian splits ensurepip from python3.11: fall back to the pip that is there.
$(STAMPS)/venv:
	@echo "Creating .venv with $(PYTHON)"
	rm -rf .venv
	$(PYTHON) -m venv .venv >/dev/null 2>&1 || { \
	  $(PYTHON) -m venv --clear --without-pip .venv; \
	  $(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check pip; }
	mkdir -p $(STAMPS)
	touch $@

$(STAMPS)/runtime: $(STAMPS)/venv constraints.txt pyproject.toml
	@echo "Installing pinned dependencies into .venv (once)"
	$(PIP_INSTALL) hatchling editables
	$(PIP_INSTALL) --no-build-isolation --editable .
	touch $@

$(STAMPS)/development: $(STAMPS)/runtime
	@echo "Installing pinned development tools into .venv (once)"
	$(PIP_INSTALL) --no-build-isolation --editable ".[dev,pacs,cluster]"
	touch $@

# Peers bring pins of their own. One that cannot be installed is told as not measured, and the next run tries again.
$(STAMPS)/peers.stamp: benchmarks/peers/requirements.txt | $(STAMPS)/runtime
	@echo "Installing pinned peers into $(PEERS) (once)"
	@rm -rf $(PEERS)
	@$(PYTHON) -m venv --without-pip $(PEERS)
	@whole=true; for peer in itk-elastix dcm2niix; do \
	  $(BIN)/python -m pip --python $(PEERS)/bin/python install --quiet --disable-pip-version-check \
	    --only-binary :all: --constraint $< $$peer || { whole=false; echo "$$peer cannot be installed"; }; \
	done; if $$whole; then touch $@; fi

$(STAMPS)/build: $(STAMPS)/development $(SOURCES)
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist . >$(STAMPS)/build.log 2>&1 \
	  || { cat $(STAMPS)/build.log; exit 1; }
	@ls dist
	touch $@

# Only the wheel itself is installed here. The dependencies come from .venv by a .pth file, whose own .pth files
# (and with them the editable install) Python does not follow.
$(STAMPS)/wheel.stamp: $(STAMPS)/build
	rm -rf $(WHEEL_ENV)
	$(BIN)/python -m venv --without-pip $(WHEEL_ENV)
	$(BIN)/python -m pip --python $(WHEEL_ENV)/bin/python install --quiet --disable-pip-version-check \
	  --no-index --no-deps dist/*.whl
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > "$$($(WHEEL_ENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/dependencies.pth"
	touch $@
