# SPDX-License-Identifier: BSD-3-Clause
# A thin front: every target installs what is missing, then lets meson or a script of test/ do the work.
BUILD ?= build
MESON_ARGS ?=
HOSTS ?= 3
DESTDIR ?=
JOBS ?= $(shell nproc)

export COVEY_BUILD := $(abspath $(BUILD))

.PHONY: help
help:
	@echo "make build      build everything into $(BUILD)/ (BUILD=dir MESON_ARGS=... to change)"
	@echo "make demo       three hosts, one virtual IP, real traffic, a crash, a drain: in two minutes"
	@echo "make test       every suite; ends with 'N passed, N failed'"
	@echo "make test-long  faults and connections in the lab with the full figures, and every test in the other modes"
	@echo "make soak       10,000 simulated cluster-hours, a million random faults; an hour of CPU time"
	@echo "make bench      figures of the forwarding core and of the whole process"
	@echo "make bench-local      the way into the local stack, beside net_tap and a plain bridge"
	@echo "make bench-filters    what the kernel's filters need to drop a frame, beside the core"
	@echo "make bench-failover   how long clients notice a dead host; keepalived and ucarp beside it"
	@echo "make bench-idle       what a host without traffic costs, and what the first packet waits"
	@echo "make bench-cluster    what a cluster costs each host: map, heartbeats, memory, one host more"
	@echo "make lab-up HOSTS=3, make lab-down    a cluster to play with"
	@echo "make deb        a Debian package, in $(BUILD)/deb/"
	@echo "make model, make lint, make format, make fuzz, make install DESTDIR=, make clean"

.PHONY: deps
deps:
	@test/deps/install

$(BUILD)/build.ninja: | deps
	CC="ccache gcc" CXX="ccache g++" meson setup $(MESON_ARGS) $(BUILD)

.PHONY: build
build: deps $(BUILD)/build.ninja
	ninja -C $(BUILD) -j $(JOBS)

.PHONY: test
test: build
	@test/deps/install package containers
	test/run

.PHONY: test-long
test-long: build
	test/e2e/run --long -k "fault or long or flood"
	test/e2e/run --mode multicast
	test/e2e/run --mode igmp

.PHONY: soak
soak: build
	test/sim/soak --jobs $(JOBS)

.PHONY: demo
demo: build
	test/lab/demo

.PHONY: bench
bench: build
	@test/deps/install bench
	test/bench/run

.PHONY: bench-local
bench-local: build
	@test/deps/install bench
	test/bench/local

.PHONY: bench-filters
bench-filters: build
	@test/deps/install bench
	test/bench/filters

.PHONY: bench-failover
bench-failover: build
	@test/deps/install bench
	test/bench/failover

.PHONY: bench-idle
bench-idle: build
	@test/deps/install bench
	test/bench/idle

.PHONY: bench-cluster
bench-cluster: build
	@test/deps/install bench
	test/bench/cluster

.PHONY: fuzz
fuzz: deps
	test/fuzz/run

# Every state of a small cluster.
.PHONY: model
model: deps
	test/model/run

.PHONY: lint
lint: deps
	test/lint/run

.PHONY: format
format: deps
	git ls-files '*.cc' '*.h' | xargs clang-format -i

.PHONY: lab-up lab-down
lab-up: build
	test/lab/lab up --hosts $(HOSTS)
lab-down:
	test/lab/lab down

.PHONY: install
install: build
	DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

.PHONY: deb
deb:
	@test/deps/install base package
	conf/debian/build $(BUILD)

.PHONY: clean
clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan $(BUILD)-fuzz
