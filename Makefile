# Everything runs in .venv, which is made when it is missing and brought up to date when
# pyproject.toml changes. Each target can be run again at once.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

PYTHON ?= $(firstword $(shell command -v python3.11 python3) python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILED := build/compiled
AS_COMPILED := PYTHONSAFEPATH=1 PYTHONPATH=$(CURDIR)/$(COMPILED):$(CURDIR)

.PHONY: help
help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.runs ## The whole loop on this machine, no Kafka needed: [FOR=10m] [SPEED=10m] [SEED=1] [PORT=8080]
	$(BIN)/cxloop demo $(foreach option,FOR SPEED SEED PORT,$(call passed,$(option)))

.PHONY: test
test: $(VENV)/.tests packages ## Set up what the tests need, and run them: [ARGS="-k inbox"]
	$(BIN)/python -m tests.broker --fetch
	$(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

.PHONY: check
check: lint test testcompiled ## What CI runs: linters, types, imports, tests

.PHONY: lint
lint: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

.PHONY: compiled
compiled: $(COMPILED)/.made ## A wheel with the heart as C, for an installation, in build/wheel

.PHONY: testcompiled
testcompiled: $(COMPILED)/.made kafkapackages # What decides what comes out, again, as C.
	$(AS_COMPILED) $(BIN)/python -m pytest -n auto --dist loadgroup -o "pythonpath=$(COMPILED) ." \
	  $(patsubst %,tests/unit/test_%.py,golden differential metrics_differential open_now older_states store shard_properties board board_rules changelog timeline index seen clocks pace rules_that_change score_card texts) \
	  $(patsubst %,tests/integration/test_%.py,worker_agrees_with_the_oracle worker_survives what_is_kept_goes_on no_record_ends_a_shard)

.PHONY: bench
bench: $(COMPILED)/.made kafkapackages ## Measure against a real Kafka and other stream engines: [QUICK=1] [ARGS="--rounds 1"]
	$(AS_COMPILED) $(BIN)/python -m bench $(if $(QUICK),--quick) $(ARGS)

.PHONY: torture
torture: $(COMPILED)/.made kafkapackages clockpackages ## Break workers and broker at random: [ROUNDS=3] [SEED=1] [ARGS="--only killed"]
	$(AS_COMPILED) $(BIN)/python -m tests.torture $(foreach option,ROUNDS SEED,$(call passed,$(option))) $(ARGS)

.PHONY: kafka
kafka: $(VENV)/.tests kafkapackages ## A real Kafka to play with, until Ctrl-C: [PORT=9092]
	$(BIN)/python -m tests.broker $(call passed,PORT)

# NAME=VALUE becomes --name 'VALUE', and nothing where it is not set.
lower = $(shell echo '$(1)' | tr A-Z a-z)
passed = $(if $($(1)),--$(call lower,$(1)) '$($(1))')

# What pip cannot install.
.PHONY: packages kafkapackages clockpackages
packages: kafkapackages clockpackages
	@command -v chromium >/dev/null || .ci/install chromium "to test the pages in a browser"
	@command -v promtool >/dev/null || .ci/install prometheus "to check /metrics and alerting rules as Prometheus reads them"
	@command -v amtool >/dev/null || .ci/install prometheus-alertmanager "to check where alerts go"
clockpackages:
	@ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || .ci/install libfaketime "to run workers whose clock is wrong"
kafkapackages:
	@command -v java >/dev/null || .ci/install default-jre-headless "to run Apache Kafka (Java 17 or later)"
	@command -v mvn >/dev/null || .ci/install maven "to fetch Apache Kafka"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "cxloop needs Python 3.11 or later; name one with: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/install \
	  "python$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv" "to make $(VENV)"
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.runs: pyproject.toml | $(BIN)/python
	@echo "Installing cxloop into $(VENV)"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.tests: pyproject.toml | $(BIN)/python
	@echo "Installing cxloop and what its tests need into $(VENV)"
	@$(PIP) install --editable '.[dev]'
	@touch $(VENV)/.runs $@

# In a copy: compiled modules beside their sources would hide what is changed there.
$(COMPILED)/.made: $(VENV)/.tests $(shell find pipeline rules schemas -type f -not -name '*.pyc')
	@command -v cc >/dev/null || .ci/install gcc "to compile the heart"
	@echo "Compiling the heart into $(COMPILED); it takes a minute"
	@rm -rf build/source build/wheel $(COMPILED)
	@mkdir -p build/source
	@touch build/begun # what is changed meanwhile is newer than what is compiled
	@cp -R pipeline rules schemas pyproject.toml README.md LICENSE build/source
	@cd build/source && HATCH_BUILD_HOOK_ENABLE_MYPYC=1 ../../$(BIN)/python -m hatchling build -t wheel -d ../wheel \
	  >../compile.log 2>&1 || { cat ../compile.log; exit 1; }
	@$(PIP) install --no-deps --target $(COMPILED) build/wheel/*.whl
	@touch -r build/begun $@
