# `make demo` and `make test` are all that a fresh machine needs: Python 3.11+ with venv, and make.

PYTHON ?= python3
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The locks have the hashes of all files, for every platform and Python from 3.11 on.
COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --quiet \
	--generate-hashes --custom-compile-command "make lock" $(UPGRADE)
# Of a server with workers, logs and metrics: what the image has, and docs/how-to/deploy.md.
SERVER := --extra accounts --extra background --extra logs --extra metrics --extra postgres --extra site
# Of another Django alone, which .ci/interpreters puts in the place of that in the lock.
COMPILE_OTHER_DJANGO := $(BIN)/uv pip compile - --no-config --no-deps --universal --python-version 3.13 \
	--quiet --generate-hashes --custom-compile-command "make lock" $(UPGRADE)
# The demo is for the embedded database, never for a server that the environment may name.
DEMO := env -u DATABASE_URL -u ZIGGY_SERVER_NAME -u ZIGGY_SERVERS $(MANAGE)

.PHONY: demo demo-large run account test test-fast test-database test-postgres browser screenshots test-interpreters test-project test-deployment quick lint docs bench bench-service mutants lock clean help

demo: .venv/runtime  ## Set everything up and import the sample file into the embedded database
	@$(DEMO) migrate --verbosity 0
	@echo "The server holds an older SMS Test and Twilio:" >&2
	@$(DEMO) flow_import --server local --overwrite --no-prompt --no-backup \
		--file-path samples/older.json > /dev/null
	@printf '\nNow the sample export comes in:\n' >&2
	@$(DEMO) flow_import --server local --overwrite --no-prompt --file-path samples/zexport.json
	@printf '\n%s\n%s\n' "Next: 'make account' makes you an account, 'make run' serves http://127.0.0.1:8000/admin/." \
		'In the history of SMS Test is the named save "Pre import", which restores what it was.' >&2

demo-large: .venv/runtime  ## Bring 300 made-up flows into the embedded database, and plan an import of 40 edits
	@$(DEMO) migrate --verbosity 0
	@$(DEMO) make_sample --flows 300 --no-prompt --out sample.json > /dev/null
	@$(DEMO) make_sample --flows 300 --changed 40 --no-prompt --out sample-changed.json > /dev/null
	@echo "The sample of 300 flows comes in:" >&2
	@$(DEMO) flow_import --server local --overwrite --no-prompt --file-path sample.json > /dev/null
	@printf '\nWhat sample-changed.json would change, in which people edited 40 of them:\n' >&2
	@$(DEMO) flow_import --server local --overwrite --dry-run --file-path sample-changed.json > /dev/null
	@printf '\n%s\n%s\n' "Next: 'make account' makes you an account, 'make run' serves http://127.0.0.1:8000/admin/." \
		'Choose "Import flows" there, upload sample-changed.json, and see each change in its pictures.' >&2

PORT = 8000
run: .venv/runtime  ## Serve the site on http://127.0.0.1:8000, or at another port: PORT=8765
	$(MANAGE) migrate --verbosity 0
	$(MANAGE) runserver $(PORT)

# Without a terminal Django would make no account, and one without a password could not log in.
account: .venv/runtime  ## Make an account that may do everything
	@if [ ! -t 0 ] && { [ -z "$$DJANGO_SUPERUSER_USERNAME" ] || [ -z "$$DJANGO_SUPERUSER_EMAIL" ] \
			|| [ -z "$$DJANGO_SUPERUSER_PASSWORD" ]; }; then \
		echo "There is no terminal to ask at. Set DJANGO_SUPERUSER_USERNAME, DJANGO_SUPERUSER_EMAIL" \
			"and DJANGO_SUPERUSER_PASSWORD." >&2; \
		exit 1; \
	fi
	$(MANAGE) migrate --verbosity 0
	$(MANAGE) createsuperuser $$([ -t 0 ] || echo --noinput)

test: .venv/development node_modules/installed  ## Run all tests, on the database that DATABASE_URL names (SQLite)
	$(BIN)/pytest -n auto --dist worksteal

quick: .venv/development  ## Run the tests that need no database, in under a minute
	$(BIN)/python -m pytest -n auto --dist worksteal -p tests.support.quick tests/accounts tests/flows tests/imports

test-fast: .venv/development  ## Run all tests but the slow ones, on the database that DATABASE_URL names
	$(BIN)/pytest -n auto --dist worksteal -m "not slow"

test-database: .venv/development node_modules/installed  ## Run all tests but those that are the same on every database
	$(BIN)/python -m pytest -n auto --dist worksteal -p tests.support.on_database

test-postgres:  ## Run all tests on PostgreSQL: the local server's, or one started for the run
	.ci/postgresql $(MAKE) test

test-interpreters:  ## Run the unit tests and those of the commands on Python 3.13, with two versions of Django
	.ci/interpreters

# It needs PostgreSQL's own programs and nginx. In full: ZIGGY_WORKER_KILLS=50 ZIGGY_BACKEND_KILLS=20
# ZIGGY_KILLED_FLOWS=1000 ZIGGY_RELOAD_REQUESTS=500 ZIGGY_SLOW_SECONDS=60 ZIGGY_SLOW_READERS=50.
test-deployment: .venv/development node_modules/installed  ## Run what compose.yaml describes, kill its processes and follow the pages for operators
	env -u DATABASE_URL $(BIN)/python -m pytest -n 0 -m deployment tests/deployment tests/browser

# It needs python3.13 (ZIGGY_PYTHON names another one) and the network.
test-project: .venv/development  ## Add the apps to other projects, as the documentation says, on both ends of the versions
	$(BIN)/pytest -n 0 -m project tests/project

browser:  ## Install what the browser tests need: Chromium, and axe-core by npm
	@.ci/browser
	@$(MAKE) --no-print-directory node_modules/installed

screenshots: .venv/development  ## Take the pictures in docs/screenshots anew
	env -u DATABASE_URL -u ZIGGY_SERVER_NAME ZIGGY_REQUIRE_BROWSER=1 \
		$(BIN)/pytest tests/browser/take_screenshots.py

lint: .venv/development  ## Style, types, the architecture and missing migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MANAGE) makemigrations --check --dry-run

docs: .venv/development  ## Write the generated parts of docs/reference anew
	$(BIN)/python -m tools.reference

# OPTIONS="--only import --runs 3", for example; `python -m benchmarks --help` has them all.
bench: .venv/benchmarks  ## Measure an import of 5,000 flows, its floor and its peers, in ten minutes
	@if .ci/postgresql true 2>/dev/null; then \
		.ci/postgresql $(BIN)/python -m benchmarks $(OPTIONS); \
	else \
		env -u DATABASE_URL $(BIN)/python -m benchmarks $(OPTIONS); \
	fi

# OPTIONS="--only mixed --minutes 1", for example; `python -m benchmarks.service --help` has them all.
bench-service: .venv/development  ## Deploy the service with PostgreSQL and nginx, and measure it under load
	$(BIN)/python -m benchmarks.service $(OPTIONS)

# OPTIONS="imports.plans.plan --sample 20", for example; `python -m tools.mutants --help` has them all.
mutants: .venv/mutants  ## Change the core's code place by place, and say what its own tests miss
	$(BIN)/python -m tools.mutants $(OPTIONS)

# UPGRADE=--upgrade takes the newest releases that the ranges admit; without it, what is locked stays.
lock: .venv/bin/python  ## Write the requirements*.txt anew from pyproject.toml
	$(INSTALL) 'uv>=0.9,<1'
	$(COMPILE) --extra accounts --extra postgres --extra site --output-file requirements.txt
	$(COMPILE) $(SERVER) --output-file requirements-server.txt
	$(COMPILE) $(SERVER) --group dev --output-file requirements-dev.txt
	echo 'django>=6,<6.1' | $(COMPILE_OTHER_DJANGO) --output-file .ci/django-6.txt

clean:  ## Remove the environments, the embedded database, its backups and samples
	rm -rf .venv .venv-* node_modules db.sqlite3* backups sample.json sample-changed.json

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/runtime: .venv/bin/python requirements.txt
	@echo "Installing what the product needs ..." >&2
	@$(INSTALL) -r requirements.txt
	@touch $@

.venv/development: .venv/runtime requirements-dev.txt
	@echo "Installing what its tests need ..." >&2
	@$(INSTALL) -r requirements-dev.txt
	@touch $@

.venv/benchmarks: .venv/development benchmarks/requirements.txt
	@echo "Installing what its measurements need ..." >&2
	@$(INSTALL) -r benchmarks/requirements.txt
	@touch $@

.venv/mutants: .venv/development tools/requirements.txt
	@echo "Installing what changes the code ..." >&2
	@$(INSTALL) -r tools/requirements.txt
	@touch $@

# Without it the browser tests that need it are skipped, and say so.
node_modules/installed: package.json package-lock.json
	@if ! command -v npm >/dev/null; then \
		echo "npm is not there: no browser test will look for violations of accessibility." >&2; \
	elif npm ci --silent --no-audit --no-fund; then \
		touch $@; \
	else \
		echo "npm could not install axe-core: no browser test will use it." >&2; \
	fi

help:  ## Say what the targets do
	@grep --no-filename -E '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/:.*  ## /\t/' | expand -t 16
