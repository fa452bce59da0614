.DEFAULT_GOAL := help
# Recipes are commands for people: they never run in parallel, and none is a file.
.NOTPARALLEL:
.PHONY: help run test test-clients migration-up migration-down lint deny openapi bench bench-quick bench-book stop wipe

SCRIPTS := scripts/stack scripts/cargo scripts/servers.sh scripts/toolchain.sh scripts/wallet scripts/run scripts/test scripts/test-clients scripts/migrate scripts/bench .ci/run

help: ## Prints this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: ## Starts everything the wallet needs, builds it and serves on PORT (8089) until Ctrl-C.
	@scripts/run

test: ## Runs all tests against a real Postgres, Redis and Kafka; ARGS go to cargo test.
	@scripts/test $(ARGS)

test-clients: ## Generates clients from swagger/openapi.json, compiles and runs them, and lints it; needs Node.js, Python, Java, Go.
	@scripts/test-clients

migration-up: ## Brings the database up to date: CONNECTION, else DATABASE_URL, else the stack's.
	@scripts/migrate up

migration-down: ## Reverts the last migration, on the same database; refuses to lose rows without ARGS=--yes-lose-data.
	@scripts/migrate down $(ARGS)

lint: ## Checks format, clippy and the documentation without a warning, and the shell scripts.
	@if command -v shellcheck >/dev/null; then shellcheck -x $(SCRIPTS); fi
	@scripts/cargo fmt --check
	@scripts/cargo clippy --all-targets --locked -- -D warnings
	@scripts/cargo doc --locked --no-deps --document-private-items --quiet

deny: ## Checks licences and sources of the dependencies by cargo-deny.
	@scripts/cargo deny --version >/dev/null 2>&1 || { echo "cargo-deny is missing: cargo install --locked cargo-deny"; exit 1; }
	@scripts/cargo deny --locked check bans licenses sources

openapi: ## Writes swagger/openapi.json from the code.
	@mkdir -p swagger
	@WALLET_BUILD_QUIET=1 scripts/wallet openapi >swagger/openapi.json.new && mv swagger/openapi.json.new swagger/openapi.json \
	  || { rm -f swagger/openapi.json.new; exit 1; }

bench: ## Measures the wallet under load, in release mode, against the stack, in about 20 minutes; ARGS go to the benchmark.
	@scripts/bench $(ARGS)

bench-quick: ## The same in under two minutes, with less certainty.
	@scripts/bench --quick $(ARGS)

bench-book: ## Measures the book, the heart alone, beside an event loop in memory; needs no server.
	@scripts/cargo bench --locked --bench book -- $(ARGS)

stop: ## Stops the servers of this checkout and keeps their data.
	@scripts/stack down

wipe: ## Stops the servers of this checkout and deletes their data.
	@scripts/stack wipe
