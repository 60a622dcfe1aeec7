.DEFAULT_GOAL := help
.PHONY: run test check bench faults compose-test influxd clean help

run: ## Start the hub with a simulated Medan (Ctrl-C stops it)
	@scripts/run.sh

test: ## Run the tests; ARGS="-k journal" goes to pytest
	@scripts/test.sh $(ARGS)

check: ## Check style, types, generated documents and shell scripts
	@scripts/check.sh

bench: ## Measure the hub beside Telegraf; ARGS="--rates 5000" goes to the bench
	@scripts/bench.sh $(ARGS)

faults: ## Kill, cut, fill and damage everything, in full (the tests do it in short)
	@scripts/faults.sh $(ARGS)

compose-test: ## Run docker-compose.yml on a Docker engine of its own (as root, on Debian)
	@scripts/compose-test.sh $(ARGS)

influxd: ## Build InfluxDB 2.9.1 for tests and benches (needs Go and Rust; kept in the user's cache)
	@tools/influxd/build.sh

clean: ## Remove what the other targets made here; data/ stays
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
