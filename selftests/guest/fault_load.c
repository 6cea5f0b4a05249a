// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module is loaded while one allocation after the other fails: it is there
 * and works, or nothing of it is.
 *
 * vm: flavours=debug sources=fault.c module=no timeout=900
 */
#include "kselftest_harness.h"

#include <sys/stat.h>
#include <sys/utsname.h>

#include "common.h"
#include "fault.h"

/* More allocations than loading it takes. */
#define COUNT_MAX	1000000

#define STRIDE		20

FIXTURE(load) {
	struct fault fault;
	void *image;
	size_t size;
};

FIXTURE_SETUP(load)
{
	char path[256];
	struct utsname host;
	struct stat stat;
	int fd;

	ASSERT_EQ(0, uname(&host));
	snprintf(path, sizeof(path), "/lib/modules/%s/extra/ndval.ko", host.release);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &stat));
	self->size = stat.st_size;
	self->image = malloc(self->size);
	ASSERT_TRUE(get_all(fd, self->image, self->size, self->size));
	close(fd);
	ASSERT_TRUE(fault_open(&self->fault, "thread-self"));
}

FIXTURE_TEARDOWN(load)
{
	fault_close(&self->fault);
	free(self->image);
}

/* Without a program: it is asked after each load. */
static bool has_numbers(void)
{
	FILE *devices = fopen("/proc/devices", "re");
	char name[64];
	bool found = false;

	if (!devices)
		return true;
	while (!found && fscanf(devices, "%63s", name) == 1)
		found = !strcmp(name, "ndval");
	fclose(devices);
	return found;
}

/* Anything that the module makes. */
static bool is_anything_there(void)
{
	return !access("/sys/module/ndval", F_OK) || !access("/sys/class/ndval", F_OK) ||
	       !access("/dev/ndval", F_OK) || has_numbers();
}

static bool works(void)
{
	int fd = node_open("default", 0);
	bool worked;
	char byte;

	worked = fd >= 0 && get(fd, &byte, 1) == 1 && !run("ndvalctl status");
	close(fd);
	return worked;
}

/* Returns 0 or an errno. */
static int load(const void *image, size_t size, const char *parameters)
{
	return syscall(SYS_init_module, image, size, parameters) ? errno : 0;
}

static int unload(void)
{
	return syscall(SYS_delete_module, "ndval", 0) ? errno : 0;
}

/* How many allocations loading it takes, if it ends like this. */
static unsigned int needs(struct __test_metadata *_metadata, struct fault *fault,
			  const void *image, size_t size, const char *parameters, int end)
{
	int err;

	fault->nth = COUNT_MAX;
	fault_arm(fault);
	err = load(image, size, parameters);
	fault_disarm(fault);
	ASSERT_EQ(end, err);
	ASSERT_TRUE(err || !unload());
	return COUNT_MAX - fault->left;
}

/*
 * What the kernel allocates before it looks at the parameters is its own affair
 * alone, and not tried: bad ones tell how much that is. Then one of STRIDE fails,
 * or it would take too long; and from where the module itself begins, which looks
 * at its parameter first, each one.
 */
TEST_F_TIMEOUT(load, is_whole_or_not_at_all, 890)
{
	unsigned int refused = 0, all, kernel, own;

	ASSERT_FALSE(is_anything_there());
	/* The first time, KASAN needs memory for the place of the module. */
	needs(_metadata, &self->fault, self->image, self->size, "", 0);
	all = needs(_metadata, &self->fault, self->image, self->size, "", 0);
	kernel = needs(_metadata, &self->fault, self->image, self->size,
		       "total_max=nonsense", EINVAL);
	own = needs(_metadata, &self->fault, self->image, self->size,
		    "hibernate=nonsense", EINVAL);
	TH_LOG("%u allocations, %u of them before the parameters, %u before the module's own",
	       all, kernel, own);
	ASSERT_LT(kernel, own);
	ASSERT_LT(own, all);
	self->fault.nth = kernel;
	self->fault.reached = true;
	while (fault_next(&self->fault)) {
		int err;

		if (self->fault.nth + STRIDE <= own)
			self->fault.nth += STRIDE - 1;
		fault_arm(&self->fault);
		err = load(self->image, self->size, "");
		fault_disarm(&self->fault);
		ASSERT_TRUE(!err || err == ENOMEM || err == EFAULT) {
			TH_LOG("number %u: %s", self->fault.nth, strerror(err));
		}
		ASSERT_TRUE(self->fault.reached || !err);
		refused += !!err;
		ASSERT_TRUE(err || works()) {
			TH_LOG("number %u: loaded, but does not work", self->fault.nth);
		}
		ASSERT_TRUE(err || !unload());
		ASSERT_FALSE(is_anything_there()) {
			TH_LOG("number %u: something is left", self->fault.nth);
		}
	}
	TH_LOG("%u injections, %u loads refused", self->fault.injected, refused);
	EXPECT_LT(50, refused);
}

TEST_HARNESS_MAIN
