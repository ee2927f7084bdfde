# `make run` sets everything up and serves; `make test` sets everything up and tests all that CI tests.
# On its own each tool works as usual: `cargo run`, `cargo test`. Settings: `cargo run -- --help`.

.DEFAULT_GOAL := help
.PHONY: help run test check lint cargo-test outside openapi cog schema bench postgresql tools

TOOLS = target/outside
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
APT = $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq -y

help: ## What can be made
	@grep -E '^[a-z-]+:.* ## ' $(MAKEFILE_LIST) | awk -F ':.* ## ' '{ printf "make %-11s %s\n", $$1, $$2 }'

run: postgresql ## Serve, with the demo data, on a private PostgreSQL
	cargo run

test: postgresql check cargo-test outside ## Everything that CI tests

# There are no examples, but with them the libraries are those that clippy has checked.
check: lint ## Format, lints, documentation, spelling, migrations, licences
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --document-private-items --lib --examples

lint: tools
	$(TOOLS)/venv/bin/typos
	$(TOOLS)/venv/bin/shellcheck --external-sources .ci/run tests/outside/*.sh tests/outside/client/*.sh
	$(TOOLS)/venv/bin/squawk migrations/*/up.sql
	$(TOOLS)/venv/bin/squawk --exclude=require-lock-timeout,require-statement-timeout src/db/functions/*.sql
	$(TOOLS)/bin/cargo-deny --locked --log-level error check licenses bans sources

cargo-test: postgresql
	cargo test --locked

# The tests' own build has the binary as well; another one would build every library anew with other features.
outside: postgresql tools ## Proofs from outside of the running service
	cargo test --locked --no-run
	tests/outside/run.sh target/debug/territoires-industrie

openapi: postgresql ## Write openapi/ anew
	UPDATE=1 cargo test --test api contract

cog: ## Fetch the official geographic code (COG) of 2026, for `load cog`
	@mkdir -p target/cog && cd target/cog && npm pack --silent @etalab/decoupage-administratif@6.0.0 >/dev/null && \
	tar -xzf etalab-decoupage-administratif-6.0.0.tgz && \
	echo 'cargo run -- load cog --year 2026 target/cog/package/data'

schema: postgresql ## Write src/schema.rs anew, as the migrations leave the database
	cargo build --locked
	tests/outside/schema.sh target/debug/territoires-industrie $(TOOLS)

bench: postgresql ## Measure the service beside pgbench
	@command -v wrk >/dev/null || if command -v brew >/dev/null; then brew install wrk; else $(APT) install wrk; fi
	cargo build --locked --release
	tests/outside/bench.py target/release/territoires-industrie

# What the lints and the proofs from outside are run with: Python's, Rust's and Node's tools in target/, and a Chromium.
tools:
	@tests/outside/tools.sh $(TOOLS)

# PostgreSQL's programs, for a machine that has none and names no database. On Debian, no cluster is started with them.
postgresql:
	@[ -n "$$DATABASE_URL$$POSTGRES_BIN_DIR" ] || command -v initdb >/dev/null || \
	[ -x "$$(pg_config --bindir 2>/dev/null)/initdb" ] || \
	ls -d /usr/lib/postgresql/1[4-8]/bin/initdb /usr/pgsql-1[4-8] /Library/PostgreSQL/1[4-8] \
		/opt/homebrew/opt/postgresql@1[4-8] /usr/local/opt/postgresql@1[4-8] 2>/dev/null | grep -q . || \
	if command -v apt-get >/dev/null; then \
		$(APT) update && $(APT) install postgresql-common && \
		$(SUDO) sed -i 's/^#* *create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf && \
		$(APT) install postgresql; \
	elif command -v brew >/dev/null; then brew install postgresql@17; \
	else echo 'Install PostgreSQL (14 to 18), or set DATABASE_URL.' >&2; exit 1; fi
