# Parley. `make` builds the library and the programs; `make test`, `make demo`, `make lint`, `make help`.
#
# Variants, each in its own folder below build/: SAN=address,undefined   DEBUG=1   CC=clang

.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules
comma := ,

VARIANT := $(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(DEBUG),-debug)$(if $(filter clang%,$(CC)),-$(CC))
B := build$(if $(VARIANT),/variant$(VARIANT))

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Werror
OPTIMISE := $(if $(DEBUG),-O0 -g3,-O2 -g)
SANITISE := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
CFLAGS ?= $(OPTIMISE)
CPPFLAGS_ALL := -std=c11 -D_GNU_SOURCE -DOPENSSL_API_COMPAT=30000 -Iinclude -I. $(CPPFLAGS)
CFLAGS_ALL := $(CPPFLAGS_ALL) $(WARNINGS) $(CFLAGS) $(SANITISE) -fPIC -MMD -MP
LDFLAGS_ALL := $(SANITISE) $(LDFLAGS)

# The library's layers, lowest first; scripts/lint.sh holds who may include whom.
LAYERS := base stun ice dtls sctp rtp sdp peer net
LIB_SRC := $(wildcard $(LAYERS:%=%/*.c))
SIGNALING_SRC := $(wildcard signaling/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
SIGNALING_OBJ := $(SIGNALING_SRC:%.c=$(B)/%.o)
LIBS := -lssl -lcrypto -lsrtp2 -luv
SIGNALING_LIBS := -lwslay -lhttp_parser

# A program per folder of apps/ that has a main.c: apps/parley-hub/*.c -> build/parley-hub.
# apps/common/ is linked into each.
APP_NAMES := $(patsubst apps/%/main.c,%,$(wildcard apps/*/main.c))
APPS := $(APP_NAMES:%=$(B)/%)
APP_COMMON_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard apps/common/*.c))
# What one program links besides. Only programs may use these: the library neither encodes nor decodes.
APP_LIBS_parley-room := -lavdevice -lavformat -lavcodec -lswscale -lswresample -lavutil -lSDL2 -lm

# A test program per *_test.c; the other files of its folder and tests/support are linked into each.
test_programs = $(patsubst %.c,$(B)/%,$(wildcard tests/$(1)/*_test.c))
UNIT_TESTS := $(call test_programs,unit)
SIM_TESTS := $(call test_programs,sim)
NET_TESTS := $(call test_programs,net)
APP_TESTS := $(call test_programs,apps)
TEST_PROGRAMS := $(UNIT_TESTS) $(SIM_TESTS) $(NET_TESTS) $(APP_TESTS)
test_shared_obj = $(patsubst %.c,$(B)/%.o,$(filter-out %_test.c,$(wildcard tests/$(1)/*.c)))
# Our own code's allocations go through tests/support/failmalloc.c, which can make the n-th one fail.
WRAP := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
# Our own code's sendmsg goes through tests/net/kernel.c, which can refuse.
WRAP_net := -Wl,--wrap=sendmsg

FUZZ_NAMES := $(patsubst fuzz/%_fuzz.c,%,$(wildcard fuzz/*_fuzz.c))
FUZZ_REPLAYS := $(FUZZ_NAMES:%=$(B)/fuzz/%_replay)

# One short line per step; V=1 shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $@)

.PHONY: all lib apps test test-unit test-sim test-net test-apps test-fuzz test-nat test-ice test-interop test-calls bench bench-deps lint format deps demo clean help
all: lib apps

lib: $(B)/libparley.a $(B)/libparley.so
apps: $(APPS)

# Everything of the library and of signaling, with all symbols: what tests and programs link.
$(B)/internal.a: $(LIB_OBJ) $(SIGNALING_OBJ)
	@rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcs $@ $^

# The archive for users: one object in which only parley_* is global, so that no internal name can clash with theirs.
$(B)/libparley.a: $(LIB_OBJ)
	@rm -f $@
	$(call say,LD)
	$(Q)$(LD) -r -o $(B)/libparley.o $^
	$(Q)objcopy --wildcard --keep-global-symbol='parley_*' $(B)/libparley.o
	$(call say,AR)
	$(Q)$(AR) rcs $@ $(B)/libparley.o

$(B)/libparley.so: $(LIB_OBJ) scripts/libparley.map
	$(call say,LINK)
	$(Q)$(CC) -shared -Wl,-soname,libparley.so -Wl,--version-script=scripts/libparley.map -o $@ $(LIB_OBJ) $(LDFLAGS_ALL) $(LIBS)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CFLAGS_ALL) $(APP_CFLAGS) -c -o $@ $<

.SECONDEXPANSION:
$(APPS): $(B)/%: $$(addprefix $(B)/,$$(addsuffix .o,$$(basename $$(wildcard apps/$$*/*.c)))) $(APP_COMMON_OBJ) $(B)/internal.a
	$(call say,LINK)
	$(Q)$(CC) -o $@ $^ $(LDFLAGS_ALL) $(LIBS) $(SIGNALING_LIBS) $(APP_LIBS_$*)

SUPPORT_OBJ := $(call test_shared_obj,support)
define test_rule
$(call test_programs,$(1)): $(B)/tests/$(1)/%: $(B)/tests/$(1)/%.o $(call test_shared_obj,$(1)) $(SUPPORT_OBJ) $(B)/internal.a
	$$(call say,LINK)
	$$(Q)$$(CC) -o $$@ $$^ $$(LDFLAGS_ALL) $$(WRAP) $$(WRAP_$(1)) $$(LIBS) $$(SIGNALING_LIBS) -lcmocka $$(TEST_LIBS)
endef
$(foreach kind,unit sim net,$(if $(call test_programs,$(kind)),$(eval $(call test_rule,$(kind)))))

# Tests of a program's parts: tests/apps/*_test.c, linked with all of parley-room but its main.
ROOM_OBJ := $(patsubst %.c,$(B)/%.o,$(filter-out %/main.c,$(wildcard apps/parley-room/*.c)))
$(APP_TESTS): $(B)/tests/apps/%: $(B)/tests/apps/%.o $(call test_shared_obj,apps) $(ROOM_OBJ) $(APP_COMMON_OBJ) $(B)/internal.a
	$(call say,LINK)
	$(Q)$(CC) -o $@ $^ $(LDFLAGS_ALL) $(LIBS) $(SIGNALING_LIBS) $(APP_LIBS_parley-room) -lcmocka

# The link emulator of the browser tests.
LINKEM := $(B)/tests/linkem
$(LINKEM): $(B)/tests/support/linkem/linkem.o
	$(call say,LINK)
	$(Q)$(CC) -o $@ $^ $(LDFLAGS_ALL)

# --- benchmarks: a program per bench/NAME_bench.c, with the other files of bench/ linked into each ---
BENCH_NAMES := $(patsubst bench/%_bench.c,%,$(wildcard bench/*_bench.c))
BENCHES := $(BENCH_NAMES:%=$(B)/bench/%_bench)
BENCH_OBJ := $(patsubst %.c,$(B)/%.o,$(filter-out %_bench.c,$(wildcard bench/*.c)))
$(BENCHES): $(B)/bench/%_bench: $(B)/bench/%_bench.o $(BENCH_OBJ) $(B)/internal.a
	$(call say,LINK)
	$(Q)$(CC) -o $@ $^ $(LDFLAGS_ALL) $(BENCH_FLAGS_$*) $(LIBS) $(SIGNALING_LIBS)
BENCH_FLAGS_memory := $(WRAP)

# The ends of the connections that bench/*_bench.js measures: a program per bench/ends/NAME_end.c, and Pion's in Go.
BENCH_ENDS := $(patsubst %.c,$(B)/%,$(wildcard bench/ends/*_end.c))
BENCH_ENDS_OBJ := $(patsubst %.c,$(B)/%.o,$(filter-out %_end.c,$(wildcard bench/ends/*.c))) $(BENCH_OBJ) $(APP_COMMON_OBJ)
$(BENCH_ENDS): $(B)/%: $(B)/%.o $(BENCH_ENDS_OBJ) $(B)/internal.a
	$(call say,LINK)
	$(Q)$(CC) -o $@ $^ $(LDFLAGS_ALL) $(LIBS) $(SIGNALING_LIBS)
PION_END := $(B)/bench/ends/pion_end
$(PION_END): bench/ends/pion_end.go
	@mkdir -p $(@D)
	$(call say,GO)
	$(Q)GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS= go build -o $@ $<

BENCH_SCRIPTS := $(patsubst bench/%_bench.js,%,$(wildcard bench/*_bench.js))
bench: $(BENCH_NAMES:%=bench-%) $(BENCH_SCRIPTS:%=bench-%)
$(BENCH_NAMES:%=bench-%): bench-%: $(B)/bench/%_bench
	@$<
$(BENCH_SCRIPTS:%=bench-%): bench-%: bench-deps
	@$(MAKE) --no-print-directory all $(LINKEM) $(BENCH_ENDS) $(PION_END)
	@PARLEY_BUILD=$(B) node bench/$*_bench.js $(ARGS)
bench-deps:
	@scripts/deps.sh bench

# --- fuzzing: fuzz/NAME_fuzz.c, seeds in fuzz/corpus/NAME/, dictionary fuzz/dict/NAME.dict ---
FUZZ_SHARED := $(filter-out %_fuzz.c fuzz/replay_main.c,$(wildcard fuzz/*.c))
$(B)/fuzz/%_replay: $(B)/fuzz/%_fuzz.o $(B)/fuzz/replay_main.o $(FUZZ_SHARED:%.c=$(B)/%.o) $(B)/internal.a
	$(call say,LINK)
	$(Q)$(CC) -o $@ $^ $(LDFLAGS_ALL) $(LIBS) $(SIGNALING_LIBS)

FUZZ_FLAGS := $(CPPFLAGS_ALL) -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
build/fuzz/%: fuzz/%_fuzz.c $(FUZZ_SHARED) $(LIB_SRC) $(SIGNALING_SRC)
	@mkdir -p $(@D)
	$(call say,FUZZ)
	$(Q)clang $(FUZZ_FLAGS) -o $@ $^ $(LIBS) $(SIGNALING_LIBS)

SECONDS ?= 60
fuzz-%: build/fuzz/%
	@mkdir -p build/fuzz/found/$*
	$< -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=2048 $(if $(wildcard fuzz/dict/$*.dict),-dict=fuzz/dict/$*.dict) \
		-artifact_prefix=build/fuzz/found/$*- build/fuzz/found/$* fuzz/corpus/$*

# --- tests: every kind ends with "N passed, N failed"; scripts/run-tests.sh adds them up ---
test: deps
	@$(MAKE) --no-print-directory all $(TEST_PROGRAMS) $(FUZZ_REPLAYS) $(LINKEM)
	@B=$(B) SAN=$(SAN) scripts/run-tests.sh unit sim net apps fuzz nat interop
test-unit: $(UNIT_TESTS)
	@B=$(B) SAN=$(SAN) scripts/run-tests.sh unit
test-sim: $(SIM_TESTS)
	@B=$(B) SAN=$(SAN) scripts/run-tests.sh sim
test-net: all $(NET_TESTS)
	@B=$(B) SAN=$(SAN) scripts/run-tests.sh net
test-apps: all $(APP_TESTS)
	@B=$(B) SAN=$(SAN) scripts/run-tests.sh apps
test-fuzz: $(FUZZ_REPLAYS)
	@B=$(B) SAN=$(SAN) scripts/run-tests.sh fuzz
# Every cell of the matrix of NATs, where `make test` runs some.
test-nat: all
	@B=$(B) SAN=$(SAN) PARLEY_LONG=1 TEST_LIMIT_S=3600 scripts/run-tests.sh nat
	@cat $(B)/logs/nat_matrix_test.log
# Calls with Chromium through coturn, five minutes over each transport, where `make test` has them for seconds.
test-ice: all
	@PARLEY_BUILD=$(B) PARLEY_LONG=1 node tests/interop/ice_test.js
test-interop: all $(LINKEM)
	@B=$(B) SAN=$(SAN) scripts/run-tests.sh interop
test-calls: all $(LINKEM)
	@B=$(B) SAN=$(SAN) scripts/run-tests.sh calls

deps:
	@scripts/deps.sh

demo: deps
	@$(MAKE) --no-print-directory all
	@B=$(B) scripts/demo.sh

lint:
	@scripts/lint.sh

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build

help:
	@echo "make            the library (build/libparley.a, .so) and the programs (build/parley-*)"
	@echo "make demo       a hub, two native peers that meet, and one that waits for your browser"
	@echo "make test       all tests; test-unit, test-sim, test-net, test-apps, test-fuzz, test-interop for one kind"
	@echo "make test-ice   calls with Chromium through coturn, for five minutes each, and over paths that are cut"
	@echo "make test-nat   peers behind every kind of NAT with every other, in network namespaces; make test has some of them"
	@echo "make test-calls  video calls with browsers, measured: wants an idle machine, and root for its network namespaces"
	@echo "make lint       layer rules and static analysis"
	@echo "make bench      what is measured, as ratios, an hour as root; bench-NAME for one of: $(BENCH_NAMES) $(BENCH_SCRIPTS)"
	@echo "make fuzz-NAME SECONDS=60   NAME is one of: $(FUZZ_NAMES)"
	@echo "variants        SAN=address,undefined  DEBUG=1  CC=clang"

.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
