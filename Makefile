# Every target does its own set-up; a second run finds it done.
.DEFAULT_GOAL := help
SHELL := /bin/sh
NODE := bin/node

.PHONY: help setup setup-image demo demo-nitro up down eif eif-repro test unit test-one test-nitro conformance bench fuzz check format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup-image: setup
	@scripts/setup image

setup: ## install Debian and npm packages, build Kubernetes (cached outside the clone)
	@scripts/setup

demo: ## from a contract call to a running pod; KEEP=1 leaves it up
	@bin/demo $(if $(KEEP),--keep)

demo-nitro: setup-image ## the same with the real image on an emulated Nitro machine
	@$(NODE) demo/main.ts --nitro $(if $(KEEP),--keep)

up: ## start a playground in the background; WORKERS=N machines, NITRO=1 the real image on an emulated one
	@bin/up $(if $(WORKERS),--workers '$(WORKERS)') $(if $(NITRO),--nitro)

down: ## end the playground, and remove what a killed one left
	@bin/down

eif: setup-image ## build the enclave image and its measurements into build/
	@$(NODE) eif/image/build.ts

eif-repro: setup-image ## build the image twice under other conditions and compare; COLD=1 without any cache
	@$(NODE) eif/image/repro.ts $(if $(COLD),--cold)

test: ## type check, lint, unit and whole-system tests
	@bin/test

unit: ## unit tests only, which need neither root nor what make setup builds
	@scripts/setup node
	@$(NODE) node_modules/vitest/vitest.mjs run --project unit

test-one: ## one test file, whichever kind it is: T=path
	@scripts/test-one '$(T)'

test-nitro: setup-image ## the image is the same bytes twice, and its tests on an emulated Nitro machine
	@$(NODE) eif/image/repro.ts
	@$(NODE) node_modules/vitest/vitest.mjs run --project nitro

conformance: ## upstream's conformance suite against a cluster of two workers; FOCUS=REGEX those of its specs
	@bin/conformance $(if $(FOCUS),--focus '$(FOCUS)')

bench: setup-image ## times and throughputs, as tables
	@for bench in cluster join proxy orders gas devnet dns relay overlay view attestation checkpoint check isolation nitro; do $(NODE) bench/$$bench.ts || exit 1; done

fuzz: setup ## look for inputs that break the attestation verifier; SECONDS=N for each target, KEEP=1 grows the corpus
	@$(NODE) fuzz/main.ts --seconds $(or $(SECONDS),20) $(if $(KEEP),--keep)

check: ## type check and lint only
	@scripts/check

format: ## format and fix what the linter can
	@$(NODE) node_modules/@biomejs/biome/bin/biome check --write

clean: ## remove what was built in the clone
	rm -rf build node_modules
