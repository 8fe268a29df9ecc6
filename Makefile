# Every target sets up what it needs: .venv here, and QEMU and test tools through the system's package manager.

BIN = .venv/bin
READY = .venv/ready
FAST = not vm and not tmux and not slow

.PHONY: help demo demo-linux test test-fast test-pythons test-newest-python test-bounds test-installs check graph screenshots snapshots faults coverage mutants fuzz bench bench-quick bench-terminal clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 20

$(READY): pyproject.toml .ci/setup
	@.ci/setup venv
	@touch $@

demo: $(READY) ## a virtual machine in the dashboard: the UEFI Shell on its serial console
	@.ci/setup demo
	@$(BIN)/podplane-tui demo

demo-linux: $(READY) ## the same with a tiny Linux guest (on Debian)
	@.ci/setup demo
	@$(BIN)/python -m tests.guest.tiny --exec $(BIN)/podplane-tui demo

test: $(READY) ## all tests, virtual machines included
	@.ci/setup test
	$(BIN)/pytest -n 3 --dist loadgroup

test-fast: $(READY) ## the quick tests, without virtual machines, in under a minute
	$(BIN)/pytest -n auto --dist worksteal -m '$(FAST)'

test-pythons: $(READY) ## the quick tests with every Python from 3.11 to 3.14 that is found
	@$(BIN)/python -m tests.environments pythons -n 2 --dist worksteal -m '$(FAST)'

test-newest-python: $(READY) ## the quick tests with the newest Python found beside the one of .venv
	@$(BIN)/python -m tests.environments newest-python -n 2 --dist worksteal -m '$(FAST)'

test-bounds: $(READY) ## the quick tests with the lowest and with the newest releases of all dependencies
	@$(BIN)/python -m tests.environments bounds -n 2 --dist worksteal -m '$(FAST)'

test-installs: $(READY) ## install the wheel and the sdist with pip, pipx and uv, in clean environments
	$(BIN)/pytest -m installs tests/test_installs.py

check: $(READY) ## formatting, lint, types, who imports whom
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --cache-dir .cache/import-linter

graph: $(READY) ## draw the packages and their imports in DOT (or one: PACKAGE=podplane_tui.backend.vm)
	@for package in $(or $(PACKAGE),podplane_tui podplane_tui.backend podplane_tui.terminal podplane_tui.tui); do \
		$(BIN)/import-linter drawgraph $$package || exit 1; \
	done

screenshots: $(READY) ## make the pictures of the README from the real program
	@.ci/setup test
	$(BIN)/python -m tests.screenshots

snapshots: $(READY) ## make the screens' pictures anew that the tests compare with
	$(BIN)/pytest tests/tui/snapshots --snapshot-update

faults: $(READY) ## the whole fault matrix
	@.ci/setup test
	$(BIN)/python -m tests.faults

coverage: $(READY) ## what the tests run of the package, line by line (without VMs: WITHOUT_VMS=1)
	@.ci/setup test
	$(BIN)/python -m tests.coverage $(if $(WITHOUT_VMS),--without-vms)

mutants: $(READY) ## make mistakes in the pure modules, and count those that their tests notice
	@.ci/setup test
	nice $(BIN)/python -m tests.mutants

fuzz: $(READY) ## feed the terminal core and the input side with random bytes, for long
	$(BIN)/python -m benchmarks.fuzz_terminal
	$(BIN)/python -m benchmarks.fuzz_input

bench: $(READY) ## all benchmarks, beside others, as ratios with targets
	@.ci/setup test
	$(BIN)/python -m benchmarks

bench-quick: $(READY) ## a smoke version of the benchmarks
	$(BIN)/python -m benchmarks --quick

bench-terminal: $(READY) ## the terminal beside its peers
	$(BIN)/python -m benchmarks.terminal

clean: ## remove everything made here: environment, caches, built guests
	rm -rf .venv .cache dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis benchmarks/.venvs benchmarks/results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
