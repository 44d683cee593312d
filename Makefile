# The two commands are `make run` and `make test`. Continuous integration runs `make ci`, and nothing else.

CARGO ?= cargo
CLIENT_DIR := target/client/node_modules/socket.io-client/dist
ADMIN_DIR := target/admin/node_modules/@socket.io/admin-ui/ui/dist
PURE := -p engineio-proto -p socketio-codec -p fanfare-hub -p fanfare-policy -p fanfare-cluster-proto

.PHONY: run test test-full model wrong-use build-tests test-rust test-clients ci fmt clippy purity deny docs package semver fuzz bench bench-pair bench-count bench-codec clean

# ── Run ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

run: target/client/stamp target/admin/stamp
	$(CARGO) build --release --package fanfare
	@echo
	@echo "Try it:  open docs/examples/two-tabs.html in two browser tabs and press the button in one of them."
	@echo "         curl http://localhost:3000/healthz"
	@echo "         Ctrl-C stops the relay (twice: without waiting for open tabs); they reconnect when it is back."
	@echo
	@client=""; [ ! -d $(CLIENT_DIR) ] || client="--client-dir $(CLIENT_DIR)"; \
	if [ -d $(ADMIN_DIR) ] && [ -z "$$FANFARE_ADMIN_USERNAME$$FANFARE_ADMIN_AUTH" ]; then \
		password=target/admin/password; umask 077; \
		FANFARE_ADMIN_PASSWORD_BCRYPT=$$(target/release/fanfare password 2>$$password | cut -d'"' -f2); \
		export FANFARE_ADMIN_PASSWORD_BCRYPT FANFARE_ADMIN_USERNAME=admin FANFARE_ADMIN_DIR=$(ADMIN_DIR); \
		echo "See it:  open http://localhost:3000/admin/ and log in to http://localhost:3000 as admin."; \
		echo "         $$(cat $$password)"; rm -f $$password; \
		echo "         FANFARE_ADMIN_MODE=development make run also shows each client, room and event."; \
		echo; \
	fi; \
	exec target/release/fanfare --config docs/examples/relay.toml $$client

# The browser's side of Socket.IO, served by the relay. Without npm, or without its registry, the relay runs all the same,
# and pages have to bring their own. npm would try for more than a minute: once, and not for long, is enough here.
NPM_ONCE := --fetch-retries=0 --fetch-timeout=10000 --prefer-offline --no-save --no-audit --no-fund --loglevel=error

target/client/stamp:
	@mkdir -p target/client
	@missing="the relay will not serve /socket.io/socket.io.js, which two-tabs.html needs"; \
	if ! command -v npm >/dev/null; then \
		echo "npm is not installed: $$missing"; \
	elif npm install --prefix target/client $(NPM_ONCE) socket.io-client@4; then \
		touch $@; \
	else \
		echo "socket.io-client could not be installed from npm: $$missing"; \
	fi

# The Admin UI, in the same way. Its server part's own dependencies are left out: only the page is used.
target/admin/stamp:
	@mkdir -p target/admin
	@missing="the relay runs without the Admin UI"; \
	if ! command -v npm >/dev/null; then \
		echo "npm is not installed: $$missing"; \
	elif npm install --prefix target/admin $(NPM_ONCE) --legacy-peer-deps @socket.io/admin-ui@0.5; then \
		touch $@; \
	else \
		echo "@socket.io/admin-ui could not be installed from npm: $$missing"; \
	fi

# ── Test ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

test: test-rust test-clients wrong-use

# Everything at once: what is built for one package alone has dependencies with fewer features, so they are built twice.
ALL := --workspace --all-features

build-tests:
	$(CARGO) build $(ALL) --all-targets --quiet

test-rust: build-tests
	tests/setup.sh redis
	$(CARGO) test $(ALL) --quiet
	$(CARGO) check --package socketio-codec --no-default-features --quiet

# Programs with the library that must not compile.
wrong-use:
	tests/wrong-use/run.sh

# What threads do to a session's link at once, in thousands of orders.
model:
	RUSTFLAGS="--cfg shuttle" $(CARGO) test --manifest-path tests/model/Cargo.toml --lib --quiet --target-dir target/model -- model

# Real clients against the binary: Node, Python, Chromium, Vite, raw sockets, and the reference server beside it.
test-clients: build-tests
	tests/run.sh
	target/debug/differential

# With what takes long: a rolling restart of two relays behind nginx, with 5,000 clients; a Redis that is away for long.
test-full: test
	$(CARGO) build --release --package fanfare --quiet
	FANFARE_BIN=$(CURDIR)/target/release/fanfare node tests/load/rolling.mjs
	CLUSTER_LONG=1 FANFARE_BIN=$(CURDIR)/target/release/fanfare node --test --test-name-pattern='20: ' tests/cluster/faults.test.mjs
	CHURN_S=300 FANFARE_BIN=$(CURDIR)/target/release/fanfare node --test --test-name-pattern='true after' tests/faults/metrics.test.mjs

# ── Check ────────────────────────────────────────────────────────────────────────────────────────────────────────────

# The clients' tests mostly wait: what only needs a processor is done beside them, when nobody else wants it.
ci: fmt clippy test-rust
	.ci/beside "$(MAKE) --no-print-directory deny purity docs package model wrong-use" $(MAKE) --no-print-directory test-clients

# The packages with workspaces of their own too.
APART := fuzz tests/model crates/socketio-codec/bench crates/bench/peers/socketioxide tests/rust-client tests/wrong-use

fmt:
	$(CARGO) fmt --all --check
	for package in $(APART); do $(CARGO) fmt --manifest-path $$package/Cargo.toml --check || exit 1; done

clippy:
	$(CARGO) clippy --workspace --all-targets --all-features --quiet -- -D warnings

# The arrows between the crates and between the files of each, and that the pure ones stay pure.
purity:
	tests/purity/check.sh
	CLIPPY_CONF_DIR=$(CURDIR)/tests/purity $(CARGO) clippy $(PURE) --lib --quiet --target-dir target/purity \
		-- -D clippy::disallowed_methods -D clippy::disallowed_types

# Licences, duplicates and sources of what we depend on, and its known faults. Builds cargo-deny, the first time.
deny:
	tests/deny/check.sh

docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --all-features --no-deps --quiet

# What would be published: complete, and compiles by itself. `make package PACKAGE=test` runs its tests as well.
package:
	tests/package/check.sh $(PACKAGE)

# Whether programs that fit BASE (the last commit) fit what is there now.
semver:
	tests/semver/check.sh $(BASE)

# ── Fuzz ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

# Needs a nightly toolchain and a C++ compiler, and says so where they are missing. See docs/fuzzing.md.
FUZZ_SECONDS ?= 30

fuzz:
	fuzz/run-all.sh $(FUZZ_SECONDS)

# ── Bench ────────────────────────────────────────────────────────────────────────────────────────────────────────────

# Begins no run after 27 minutes. Writes the figures into docs/performance.md.
bench:
	$(CARGO) build --release --package fanfare --package fanfare-bench
	crates/bench/peers/setup.sh
	target/release/fanfare-bench all --report docs/performance.md

# What a change costs: the same work on two builds of the relay, turn by turn. Under ten minutes, or less with
# ONLY=one-in-flight,polling. `make bench-pair A=/path/to/fanfare/before B=target/release/fanfare`
bench-pair:
	@test -n "$(A)" -a -n "$(B)" || { echo "say which: make bench-pair A=<fanfare before> B=<fanfare after> [ONLY=<rows>]"; exit 2; }
	$(CARGO) build --release --package fanfare-bench
	target/release/fanfare-bench pair --a "$(A)" --b "$(B)" $(if $(ONLY),--only $(ONLY))

# The same question answered by counting: instructions in user space, by valgrind. Two minutes, on however busy a machine.
bench-count:
	@test -n "$(A)" -a -n "$(B)" || { echo "say which: make bench-count A=<fanfare before> B=<fanfare after>"; exit 2; }
	@command -v valgrind >/dev/null || { echo "valgrind is not installed"; exit 2; }
	$(CARGO) build --release --package fanfare-bench
	target/release/fanfare-bench count --a "$(A)" --b "$(B)"

# The codec beside other parsers; half a minute. The figures are in docs/codec-performance.md.
bench-codec:
	$(CARGO) bench --manifest-path crates/socketio-codec/bench/Cargo.toml

# ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

clean:
	$(CARGO) clean
	rm -rf tests/node_modules tests/.cache
