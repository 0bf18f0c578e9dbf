# The verbs of the project. Each works from a fresh clone, as root or as a user with sudo.
# PG=15 chooses the PostgreSQL version, PG_CONFIG= another installation of it.
PG ?= 15
PG_CONFIG ?= /usr/lib/postgresql/$(PG)/bin/pg_config
export PG PG_CONFIG DATA
MAKEFLAGS += --no-print-directory

.PHONY: help setup demo demo-stop test bench fuzz lint install package

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

setup: ## install what is missing to build and test (PostgreSQL, clang, cargo-pgrx)
	@scripts/setup.sh

demo: setup ## a private server with two years of a real retailer's sales; DATA=file for your own
	@scripts/demo.sh

demo-stop: ## stop the demo's server and remove it
	@scripts/demo.sh stop

test: ## lint and all tests; real data is read from RETAILSCOPE_DATA
	@scripts/setup.sh test
	@scripts/test.sh

bench: ## compare with COPY, plain SQL, pandas, scikit-learn and xgboost, side by side
	@scripts/setup.sh bench
	@benches/run.sh

fuzz: ## look for files that the readers mishandle; SECONDS= per target (60)
	@scripts/fuzz.sh $(SECONDS)

lint: setup ## format, clippy, docs
	@scripts/lint.sh

install: ## build the release and install it into PostgreSQL
	@scripts/setup.sh install
	@scripts/install.sh

package: ## build an archive to unpack on another machine
	@scripts/setup.sh install
	@scripts/install.sh package
