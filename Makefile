# Three commands for newcomers: `make run`, `make demo-https` and `make test`. Everything they need is installed into .venvs, from PyPI.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The Pythons of this machine that can make a virtual environment, as "3.11 3.12 3.13"; `etc/pythons path 3.12` gives one's path.
VERSIONS := $(shell etc/pythons list)
MAIN := $(firstword $(VERSIONS))
VENV := .venvs/$(MAIN)
# Each folder and file of tests but those that start daemons, or measure.
UNITS := $(filter-out tests.integration tests.bench,$(subst /,.,$(patsubst %/__init__.py,%,$(wildcard tests/*/__init__.py)) \
	$(patsubst %.py,%,$(wildcard tests/test_*.py))))
DAEMONS := $(addprefix tests.integration.test_,daemon endpoints https http2 reactors dns_reactors)
SOURCES := couchpages tests twisted plugins etc/demo-https

.PHONY: help
help: ## Say what can be made.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

.PHONY: run
run: $(VENV)/runs ## Start a node on this machine and deploy a sample site to it; Ctrl-C ends it.
	@exec etc/quickstart $(VENV)/bin

.PHONY: demo-https
demo-https: $(VENV)/runs ## Show two nodes getting a certificate from a test CA and serving HTTPS; needs pebble and curl.
	@exec $(VENV)/bin/python etc/demo-https

.PHONY: test
test: lint types arrows tests ## Run lint, types and every test that needs no server of others; build and install the package.
	$(MAKE) package

.PHONY: environments
environments: $(VERSIONS:%=.venvs/%/develops)

.PHONY: lint
lint: $(VENV)/develops
	$(VENV)/bin/ruff format --check $(SOURCES)
	$(VENV)/bin/ruff check $(SOURCES)
	$(VENV)/bin/towncrier build --draft --version 0 > /dev/null

.PHONY: types
types: $(VENV)/develops
	$(VENV)/bin/mypy $(SOURCES)

.PHONY: arrows
arrows: $(VENV)/develops
	$(VENV)/bin/lint-imports --no-cache

.PHONY: tests
tests: tests-$(MAIN) tests-daemons $(VERSIONS:%=tests-%) covered

# With the other Pythons, all but what starts daemons, of which a few see to it that they start and serve.
.PHONY: tests-%
tests-%: .venvs/%/develops
	.venvs/$*/bin/trial --temp-directory=_trial_temp-$* $(UNITS) $(DAEMONS)

# What is covered is the same with each Python, and tells itself slowly.
.PHONY: tests-$(MAIN)
tests-$(MAIN): $(VENV)/develops uncovered
	$(VENV)/bin/coverage run -m twisted.trial --temp-directory=_trial_temp-$(MAIN) $(UNITS)

.PHONY: tests-daemons
tests-daemons: $(VENV)/develops uncovered
	$(VENV)/bin/coverage run -m twisted.trial --temp-directory=_trial_temp-daemons tests.integration

.PHONY: uncovered
uncovered:
	rm -f .coverage*

.PHONY: covered
covered: tests-$(MAIN) tests-daemons
	$(VENV)/bin/coverage combine --quiet
	$(VENV)/bin/coverage report --fail-under=90

.PHONY: package
package: $(VENV)/develops ## Build the wheel, install it into an empty environment, and see that twistd finds it.
	rm -rf build/package && mkdir -p build/package
	$(VENV)/bin/python -m build --outdir build/package . > build/package/log 2>&1 || { cat build/package/log; exit 1; }
	$$(etc/pythons path $(MAIN)) -m venv build/package/venv
	build/package/venv/bin/pip install --quiet --disable-pip-version-check build/package/*.whl
	cd build/package && venv/bin/twistd --help | grep '^ *couchpages  ' > /dev/null
	cd build/package && venv/bin/twistd couchpages --check-config && venv/bin/couchpages --version

.PHONY: test-peers
test-peers: $(VENV)/develops ## Install servers and clients of others (Debian, npm; needs root) and run the tests that need them.
	etc/install-peers
	COUCHPAGES_TEST_PEERS=1 $(VENV)/bin/trial --jobs=2 --temp-directory=_trial_temp-peers tests.integration

.PHONY: bench
bench: $(VENV)/develops ## Measure, and write docs/measured.md.
	$(VENV)/bin/python -m tests.bench

.PHONY: clean
clean: ## Remove what was built and installed here, but not couchpages-data.
	rm -rf .venvs build dist *.egg-info _trial_temp* .coverage* .hypothesis .mypy_cache .ruff_cache .import_linter_cache

.venvs/%/bin/python:
	@python=$$(etc/pythons path $*) && echo "making .venvs/$* with $$python" && $$python -m venv .venvs/$*

.venvs/%/runs: .venvs/%/bin/python setup.cfg
	.venvs/$*/bin/pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venvs/%/develops: .venvs/%/bin/python setup.cfg pyproject.toml
	.venvs/$*/bin/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

.PRECIOUS: .venvs/%/bin/python .venvs/%/runs .venvs/%/develops
