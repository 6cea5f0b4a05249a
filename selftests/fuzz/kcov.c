// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coverage of the module for libFuzzer, and the last inputs; see kcov.h.
 */
#include "kcov.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcov.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Addresses that one execution may run; what comes later is not seen. */
#define AREA_WORDS	(256 << 10)

/* Of a link's thread, from one message to the next. */
#define REMOTE_WORDS	(32 << 10)

/*
 * One counter for 4 bytes of the module's text: calls of the instrumentation
 * are longer. Enough for 512 KiB.
 */
#define COUNTERS	(128 << 10)

/* Counted so far: how often a place runs is also a matter of threads' timing. */
#define OFTEN		16

/*
 * In memory of the machine that runs the guest: how many inputs there were and
 * how many places of the module they ran (the first slot, as number and size),
 * and a ring of the last ones.
 */
#define SLOTS		64
#define SLOT_SIZE	16384
#define SHARED		"/fuzz/shared"

struct slot {
	uint64_t number;	/* of the input, from 1; 0, none */
	uint64_t size;
	uint8_t data[SLOT_SIZE - 16];
};

static uint8_t counters[COUNTERS] __attribute__((used, section("__libfuzzer_extra_counters")));
static uint8_t seen[COUNTERS];
static unsigned long points, text;
static struct slot *slots;
static uint64_t inputs;

void fuzz_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "FAILED: %s:%d: %s (errno %d)\n", file, line, what, errno);
	abort();
}

static unsigned long text_address(void)
{
	FILE *file = fopen("/sys/module/ndval/sections/.text", "re");
	unsigned long address = 0;

	must(file);
	must(fscanf(file, "%lx", &address) == 1);
	must(address);
	fclose(file);
	return address;
}

/* Memory of QEMU's ivshmem, if fuzz.py gave the guest one: a file outside. */
static struct slot *map_slots(void)
{
	int fd = open(SHARED, O_RDWR | O_CLOEXEC);
	void *memory;

	if (fd < 0)
		return NULL;
	memory = mmap(NULL, SLOTS * sizeof(struct slot), PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	must(memory != MAP_FAILED);
	close(fd);
	return memory;
}

/* Before the first input. */
void fuzz_begin(void)
{
	text = text_address();
	slots = map_slots();
}

/* Before each input: if it is the kernel's last, somebody may want to know it. */
void fuzz_input(const uint8_t *data, size_t size)
{
	struct slot *slot;

	inputs++;
	if (!slots || size > sizeof(slot->data))
		return;
	slots[0].number = inputs;
	slot = &slots[1 + inputs % (SLOTS - 1)];
	slot->number = inputs;
	slot->size = size;
	memcpy(slot->data, data, size);
}

void kcov_open(struct kcov *kcov)
{
	kcov->fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	must(kcov->fd >= 0);
	must(!ioctl(kcov->fd, KCOV_INIT_TRACE, AREA_WORDS));
	kcov->area = mmap(NULL, AREA_WORDS * sizeof(*kcov->area), PROT_READ | PROT_WRITE,
			  MAP_SHARED, kcov->fd, 0);
	must(kcov->area != MAP_FAILED);
}

/* Follow the calling thread. */
void kcov_trace(struct kcov *kcov)
{
	must(!ioctl(kcov->fd, KCOV_ENABLE, KCOV_TRACE_PC));
}

/* Follow the threads of the links that the calling thread attaches from now on. */
void kcov_trace_links(struct kcov *kcov)
{
	struct kcov_remote_arg arg = {
		.trace_mode = KCOV_TRACE_PC,
		.area_size = REMOTE_WORDS,
		.common_handle = kcov_remote_handle(KCOV_SUBSYSTEM_COMMON, getpid()),
	};

	must(!ioctl(kcov->fd, KCOV_REMOTE_ENABLE, &arg));
}

/* What was run so far does not count. */
void kcov_forget(struct kcov *kcov)
{
	__atomic_store_n(&kcov->area[0], 0, __ATOMIC_RELAXED);
}

/* What was run since counts. */
void kcov_take(struct kcov *kcov)
{
	unsigned long count = __atomic_load_n(&kcov->area[0], __ATOMIC_RELAXED);
	unsigned long i;

	for (i = 1; i <= count && i < AREA_WORDS; i++) {
		unsigned long place = (kcov->area[i] - text) / 4;

		if (place >= COUNTERS)
			continue;
		points += !seen[place];
		seen[place] = 1;
		if (counters[place] < OFTEN)
			counters[place]++;
	}
	kcov_forget(kcov);
	if (slots)
		slots[0].size = points;
}
