# SPDX-License-Identifier: GPL-2.0-only
#
# ndval: a kernel module and its tools.   make help   lists what there is.

PREFIX     ?= /usr
SYSCONFDIR ?= /etc
PYTHON     := /usr/bin/python3
VM         := selftests/vm

# The kernel to build for: the running one where its headers are installed, else
# the newest of Debian's. KDIR=... and KVER=... choose another.
running    := $(wildcard /lib/modules/$(shell uname -r)/build)
newest     := $(lastword $(shell ls -d /usr/src/linux-headers-*-amd64 2>/dev/null | sort -V))
KDIR       ?= $(or $(running),$(newest))
KVER       ?= $(shell cat $(KDIR)/include/config/kernel.release 2>/dev/null)

bindir     := $(DESTDIR)$(PREFIX)/sbin
mandir     := $(DESTDIR)$(PREFIX)/share/man
unitdir    := $(DESTDIR)$(PREFIX)/lib/systemd/system
udevdir    := $(DESTDIR)$(PREFIX)/lib/udev/rules.d
compdir    := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
docdir     := $(DESTDIR)$(PREFIX)/share/doc/ndval
incdir     := $(DESTDIR)$(PREFIX)/include/linux
moddir      = $(DESTDIR)/lib/modules/$(KVER)/updates

.PHONY: all help module modules tools install install-module install-tools \
	deps demo test bench fuzz storm chaos coverage kcsan vm regen clean distclean

all: tools module

help:
	@echo 'make            the tools, and the module for one kernel (KDIR=...)'
	@echo 'make modules    the module for every kernel it is tested on'
	@echo 'make install    module, tools, library, man pages (DESTDIR=, PREFIX=, KVER=)'
	@echo 'make demo       two hosts in virtual machines: see what ndval does'
	@echo 'make test       all tests; TESTS=pattern KERNELS=6.12 choose some'
	@echo 'make bench      ndval against /dev/urandom and others: BENCH="-k 6.1 read"'
	@echo 'make fuzz       fuzzers in a guest for TIME= seconds (600) each'
	@echo 'make storm      everything is taken away in every order: ROUNDS=, REMOVALS='
	@echo 'make chaos      members fail and take over at random: ROUNDS=, FAILOVERS=, SEED='
	@echo 'make coverage   which lines of driver/ and tools/ the tests run'
	@echo 'make kcsan      the tests in one guest, on a kernel that looks for data races'
	@echo 'make vm         two hosts in virtual machines, with a shell on each'
	@echo 'make deps       install the Debian packages all of this needs'
	@echo 'make regen      netlink headers and tables from their specs'
	@echo 'make clean      remove what was built; distclean: the cached kernels too'

module:
ifeq ($(KDIR),)
	@echo 'No kernel headers found: run "make deps", or give KDIR=/path/to/headers.' >&2
	@exit 1
else
ifeq ($(KDIR),$(newest))
	@echo 'No headers of the running kernel: building the module for $(KVER).'
endif
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules
endif

modules:
	$(PYTHON) $(VM)/build.py module

tools:
	$(MAKE) -C tools/lib
	$(MAKE) -C tools/ndvalctl
	$(MAKE) -C tools/ndvald

install: install-module install-tools

install-module: module
	install -D -m 644 ndval.ko $(moddir)/ndval.ko
	$(if $(DESTDIR),,depmod $(KVER))

install-tools: tools
	install -D -m 755 -t $(bindir) tools/ndvalctl/ndvalctl tools/ndvald/ndvald
	install -D -m 644 -t $(incdir) uapi/linux/*.h
	install -D -m 644 tools/ndvalctl/ndvalctl.bash-completion $(compdir)/ndvalctl
	install -D -m 644 -t $(unitdir) tools/ndvald/ndvald.service
	$(foreach rules,$(wildcard tools/udev/*.rules),install -D -m 644 -t $(udevdir) $(rules);)
	for page in $(wildcard Documentation/man/*.[1-8]); do \
		install -D -m 644 -t $(mandir)/man$${page##*.} $$page || exit; \
	done
	$(MAKE) -C tools/lib install DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)
	install -d -m 755 $(DESTDIR)$(SYSCONFDIR)/ndval
	install -D -m 644 -t $(docdir)/examples tools/ndvald/ndvald.conf

deps:
	@selftests/deps.sh

demo: deps
	@$(PYTHON) $(VM)/demo.py

test: deps
	@$(PYTHON) selftests/run.py

bench: deps
	@$(PYTHON) tools/bench/bench.py $(BENCH)

TIME ?= 600
fuzz: deps
	@$(PYTHON) selftests/fuzz/fuzz.py --time=$(TIME)

storm: ROUNDS ?= 10000
REMOVALS ?= 200
storm: deps
	@NDVAL_ROUNDS=$(ROUNDS) NDVAL_REMOVALS=$(REMOVALS) NDVAL_RUN_LIMIT=100000 \
		$(PYTHON) selftests/run.py -v -t 50000 teardown_storm

chaos: ROUNDS ?= 2000
FAILOVERS ?= 1000
chaos: deps
	@NDVAL_ROUNDS=$(ROUNDS) $(if $(SEED),NDVAL_SEED=$(SEED)) NDVAL_RUN_LIMIT=100000 \
		KERNELS=$(or $(KERNELS),6.12) $(PYTHON) selftests/run.py -v -t 50000 'chao[s]'
	@NDVAL_FAILOVERS=$(FAILOVERS) $(if $(SEED),NDVAL_SEED=$(SEED)) NDVAL_RUN_LIMIT=100000 \
		$(PYTHON) selftests/run.py -v -t 50000 test_chaos

coverage: deps
	@$(PYTHON) selftests/coverage.py

kcsan: deps
	@KERNELS=kcsan NDVAL_RUN_LIMIT=20000 $(PYTHON) selftests/run.py

vm: deps
	@$(PYTHON) $(VM)/vm.py up

regen: deps
	@$(PYTHON) $(VM)/kernels.py source >/dev/null
	Documentation/netlink/regen.sh

clean:
	rm -rf build
	$(if $(wildcard tools/lib/Makefile),$(MAKE) -C tools/lib clean)
	$(if $(wildcard tools/ndvalctl/Makefile),$(MAKE) -C tools/ndvalctl clean)
	$(if $(wildcard tools/ndvald/Makefile),$(MAKE) -C tools/ndvald clean)
	$(if $(KDIR),$(MAKE) -C $(KDIR) M=$(CURDIR) clean)

distclean: clean
	$(PYTHON) $(VM)/kernels.py remove
	rm -rf selftests/__pycache__ $(VM)/__pycache__
