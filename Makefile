# Thin names over the presets of CMakePresets.json; everything is built in build/<preset>/.
#   make            the release preset: build/release/sombra, sombra-bench, libsombra
#   make test       all tests under sanitizers with assertions on (asan), then in release
#   make check      style, layers, lint
# Each target first runs tools/setup, which installs missing Debian packages (or names them).
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
SECONDS ?= 60
# Of the random campaigns; printed by each, so that its run can be made again.
SEED ?= $(shell date +%s)
CUTS ?= 1000
RUNS ?= 500
FILES ?= 10000
OPS ?= 1000000
PREFIX ?= /usr/local
TCK ?= ../shared/tck
QUERIES ?= 10000
LOG ?=
SPILL ?=
# Ninja when it is there, else Unix Makefiles; a build directory keeps what it was made with.
CMAKE_GENERATOR ?= $(if $(shell command -v ninja 2>/dev/null),Ninja,Unix Makefiles)
export CMAKE_GENERATOR

# $(call build,preset[,targets]); the generator's own output only when something fails or warns.
build = cmake --preset $(1) --log-level=NOTICE >/dev/null && \
        cmake --build --preset $(1) -j $(JOBS) $(2)
# One more than cores: some tests wait, for a disk or for each other.
run_tests = ctest --preset $(1) -j $$(($(JOBS) + 1))
programs = $(call build,release,--target programs)
# $(call need,program): a clear message when what a target runs does not exist.
need = test -x $(1) || { echo "make $@: $(1) does not exist in this tree" >&2; exit 1; }

.PHONY: all test test-dev test-release check asan tsan msan coverage fuzz paranoid noprofile bare \
        mutants model damage crash-sweep crash-beside fault-sweep kill-loop tck metamorphic demo bench profiling-overhead install amalgamation wheel \
        python-test docs clean
.DEFAULT_GOAL := all

all:
	@tools/setup build
	@$(programs)

test-dev:
	@tools/setup test
	@$(call build,dev)
	$(call run_tests,dev)

test-release:
	@tools/setup test
	@$(call build,release)
	$(call run_tests,release)

# By the generator that machines without ninja use, so that `make test` builds with both.
asan: export CMAKE_GENERATOR = Unix Makefiles
asan paranoid noprofile bare:
	@tools/setup test
	@$(call build,$@)
	$(call run_tests,$@)

tsan:
	@tools/setup test
	@$(call build,tsan)
	$(call run_tests,tsan)

msan:
	@tools/setup test clang
	@$(call build,msan)
	$(call run_tests,msan)

# One after the other, as they share the machine's cores. asan is dev, assertions and all, under sanitizers.
test:
	@$(MAKE) --no-print-directory asan
	@$(MAKE) --no-print-directory test-release

check:
	@tools/setup test check
	@cmake --preset dev --log-level=NOTICE >/dev/null
	@tools/check build/dev

coverage:
	@tools/setup test coverage
	@$(call build,coverage)
	$(call run_tests,coverage)
	gcovr --root . --filter 'src/' --exclude-lines-by-pattern '.*SB_NEVER.*' \
	    --html-details build/coverage/coverage.html --print-summary build/coverage | tail -n 8

# SECONDS for each fuzz target; found inputs are kept in build/fuzz/corpus.
fuzz:
	@tools/setup test clang
	@$(call build,fuzz)
	@tools/fuzz build/fuzz $(SECONDS)

crash-sweep:
	@tools/setup test
	@$(call build,release)
	@$(call need,build/release/tests/crash_sweep)
	build/release/tests/crash_sweep --cuts $(CUTS) --seed $(SEED)
	build/release/tests/crash_sweep --graph --cuts $(CUTS) --seed $(SEED)

# A transaction and a checkpoint within each other's syncs, some of which fail.
crash-beside:
	@tools/setup test
	@$(call build,release)
	@$(call need,build/release/tests/crash_beside)
	build/release/tests/crash_beside --runs $(RUNS) --seed $(SEED)

# Every allocation and every call to the file system of every long call of sombra.h fails in turn.
fault-sweep:
	@tools/setup test
	@$(call build,dev)
	@$(call need,build/dev/tests/api_sweep)
	build/dev/tests/api_sweep --seed $(SEED)

# Can the tests fail? Breaks src/ on purpose in each way of tests/mutants/mutants.txt; about 15 minutes.
mutants:
	@tools/setup test
	@tools/mutants

# Random operations on trees and graphs against plain references, at least OPS in each of 22 runs.
model:
	@tools/setup test
	@$(call build,release)
	@tools/model build/release/tests $(OPS) $(SEED)

# Damaged files of every kind: each answer is an error or right.
damage:
	@tools/setup test
	@$(call build,release)
	@$(call need,build/release/tests/damage_files)
	build/release/tests/damage_files --files $(FILES) --seed $(SEED)

kill-loop:
	@tools/setup test
	@$(call build,release)
	@$(call need,build/release/tests/kill_loop)
	build/release/tests/kill_loop --seconds $(SECONDS) --seed $(SEED)

# openCypher's conformance suite, or any directory of feature files. SPILL=n: operators keep n rows in memory.
tck:
	@tools/setup build tck
	@$(programs)
	@$(call need,build/release/sombra-tck)
	@SPILL=$(SPILL) tools/tck build/release/sombra-tck $(TCK)

# Random queries on random graphs, against a reference evaluator and each other. LOG=file: go on where the run before ended; its counts add up.
# KIND=plain, update, visible, transactional, deep, paths, many or memory: only such.
metamorphic:
	@tools/setup build
	@$(programs)
	@$(call need,build/release/sombra-tck)
	@python3 tests/cypher/metamorphic.py --seed $(SEED) --queries $(QUERIES) --jobs $(JOBS) $(if $(LOG),--log $(LOG) --keep-going) $(if $(KIND),--kind $(KIND)) \
		build/release/sombra-tck

demo:
	@tools/setup build
	@$(call build,release,--target sombra)
	@$(call need,build/release/sombra)
	@$(call need,tools/demo)
	@tools/demo build/release/sombra

# All benchmarks and their plots: 25 minutes by its budgets.
bench:
	@tools/setup build bench
	@$(programs)
	@$(call need,build/release/sombra-bench)
	@tools/bench-run build/release/sombra-bench build/bench docs/plots

# What the profiling switch costs, against a build without it. PAIRS: rounds of wall times.
profiling-overhead:
	@tools/setup build valgrind
	@JOBS=$(JOBS) tools/profiling-overhead

install:
	@tools/setup build
	@$(programs)
	@$(call need,build/release/sombra)
	cmake --install build/release --prefix $(abspath $(PREFIX))

# The library as one file, for programs that compile it in.
amalgamation:
	@tools/setup test
	@tools/amalgamate.py build/amalgamation

# The Python package: dist/sombra-*.whl, which pip installs without a compiler.
wheel:
	@tools/setup build python
	@tools/wheel dist

# Its tests, with all packages that it works with, on the wheel.
python-test: wheel
	@tools/python-test dist

docs:
	@tools/setup docs
	@$(call need,tools/docs)
	@tools/docs build/docs

clean:
	rm -rf build
