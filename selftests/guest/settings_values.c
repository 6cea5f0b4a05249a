// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each setting of a pair, by sysfs and by netlink: its legal values are taken;
 * those below, above and between them, and what is no value at all, are
 * refused and change nothing. Netlink says why.
 *
 * vm: timeout=120 libs="-lmnl"
 */
#include "kselftest_harness.h"

#include "common.h"
#include "genl.h"

#define MANY		24

/* What all refuse. */
static const char * const nonsense[] = {
	"", "\n", " ", "x", "-1", "-0x1", "1x", "1.5", "1e3", "1 2", "1\n2", "0x", "0xg",
	"18446744073709551616", "99999999999999999999999999", "\x01", "caf\xc3\xa9", "null",
	"drop stall", "dropstall", "dro", "dropx", "DROP", "anyx", "requir", "onoff", "ON",
};

/* Values end with NULL; where a value reads back otherwise, that follows a '='. */
FIXTURE(setting) {
	struct genl genl;
	char before[1024];
	char after[1024];
};

FIXTURE_VARIANT(setting) {
	const char *name;
	const char *takes[MANY];
	const char *refuses[MANY];
	int attr;
	bool wide;		/* u64 */
	const char *nl_takes[MANY];
	const char *nl_refuses[MANY];
};

FIXTURE_VARIANT_ADD(setting, ring_size) {
	.name = "ring_size",
	.takes = { "8192", "16384", "65536", "0x8000=32768", "040000=16384", "67108864" },
	.refuses = { "0", "1", "4096", "8191", "8193", "12288", "24576", "67108863", "67108865",
		     "134217728", "4294967296", "4294975488", "8K", "18446744073709551615" },
	.attr = NDVAL_A_PAIR_RING_SIZE,
	.nl_takes = { "8192", "16384", "65536", "67108864" },
	.nl_refuses = { "0", "1", "4096", "8191", "8193", "12288", "67108863", "67108865",
			"134217728", "2147483648", "4294967295" },
};

FIXTURE_VARIANT_ADD(setting, retain) {
	.name = "retain",
	.takes = { "0", "1", "4095", "4096", "262143", "262144" },
	.refuses = { "262145", "524288", "67108864", "67108865", "4294967296" },
	.attr = NDVAL_A_PAIR_RETAIN,
	.nl_takes = { "1", "4096", "262144", "0" },
	.nl_refuses = { "262145", "67108864", "67108865", "4294967295" },
};

FIXTURE_VARIANT_ADD(setting, prefetch) {
	.name = "prefetch",
	.takes = { "0", "1", "4096", "131071", "131072" },
	.refuses = { "131073", "262144", "33554432", "33554433", "4294967296" },
	.attr = NDVAL_A_PAIR_PREFETCH,
	.nl_takes = { "1", "4096", "131072", "0" },
	.nl_refuses = { "131073", "33554433", "4294967295" },
};

FIXTURE_VARIANT_ADD(setting, max_streams) {
	.name = "max_streams",
	.takes = { "1", "2", "65535", "65536" },
	.refuses = { "0", "65537", "4294967296", "4294967297" },
	.attr = NDVAL_A_PAIR_MAX_STREAMS,
	.nl_takes = { "1", "2", "65536" },
	.nl_refuses = { "0", "65537", "4294967295" },
};

FIXTURE_VARIANT_ADD(setting, memory_max) {
	.name = "memory_max",
	.takes = { "65536", "65537", "1073741824", "9223372036854775807" },
	.refuses = { "0", "1", "65535", "9223372036854775808", "18446744073709551615" },
	.attr = NDVAL_A_PAIR_MEMORY_MAX,
	.wide = true,
	.nl_takes = { "65536", "65537", "9223372036854775807" },
	.nl_refuses = { "0", "1", "65535", "9223372036854775808", "18446744073709551615" },
};

FIXTURE_VARIANT_ADD(setting, read_timeout_ms) {
	.name = "read_timeout_ms",
	.takes = { "1", "1000", "2147483647", "0" },
	.refuses = { "2147483648", "4294967295", "4294967296" },
	.attr = NDVAL_A_PAIR_READ_TIMEOUT_MS,
	.nl_takes = { "1", "2147483647", "0" },
	.nl_refuses = { "2147483648", "4294967295" },
};

FIXTURE_VARIANT_ADD(setting, peer_timeout_ms) {
	.name = "peer_timeout_ms",
	.takes = { "100", "101", "599999", "600000" },
	.refuses = { "0", "1", "99", "600001", "4294967296", "4294967396" },
	.attr = NDVAL_A_PAIR_PEER_TIMEOUT_MS,
	.nl_takes = { "100", "101", "600000" },
	.nl_refuses = { "0", "1", "99", "600001", "4294967295" },
};

FIXTURE_VARIANT_ADD(setting, overflow) {
	.name = "overflow",
	.takes = { "stall", "drop" },
	.refuses = { "0", "1", "2" },
	.attr = NDVAL_A_PAIR_OVERFLOW,
	.nl_takes = { "1", "0" },
	.nl_refuses = { "2", "4294967295" },
};

FIXTURE_VARIANT_ADD(setting, bind) {
	.name = "bind",
	.takes = { "required", "any" },
	.refuses = { "0", "1", "2" },
	.attr = NDVAL_A_PAIR_BIND,
	.nl_takes = { "1", "0" },
	.nl_refuses = { "2", "4294967295" },
};

FIXTURE_VARIANT_ADD(setting, commit) {
	.name = "commit",
	.takes = { "async", "sync" },
	.refuses = { "0", "1", "2", "asynchronous" },
	.attr = NDVAL_A_PAIR_COMMIT,
	.nl_takes = { "0", "1" },
	.nl_refuses = { "2", "4294967295" },
};

FIXTURE_VARIANT_ADD(setting, on_peer_loss) {
	.name = "on_peer_loss",
	.takes = { "suspend", "continue" },
	.refuses = { "0", "1", "2", "stop" },
	.attr = NDVAL_A_PAIR_ON_PEER_LOSS,
	.nl_takes = { "1", "0" },
	.nl_refuses = { "2", "4294967295" },
};

FIXTURE_VARIANT_ADD(setting, inspect) {
	.name = "inspect",
	.takes = { "on", "off" },
	.refuses = { "0", "1", "2" },
	.attr = NDVAL_A_PAIR_INSPECT,
	.nl_takes = { "1", "0" },
	.nl_refuses = { "2", "4294967295" },
};

FIXTURE_VARIANT_ADD(setting, instances) {
	.name = "instances",
	.takes = { "none", "0", "7", "0,7", "7,0=0,7", "0,1,2,3,4,5,6,7", "1,1=1" },
	.refuses = { "8", "0,8", ",", "0,", ",0", "0,,1", "none,0", "0,none", "a", "0;1",
		     "0,1,2,3,4,5,6,7,8", "4294967296", "0 1" },
	.attr = NDVAL_A_PAIR_INSTANCES,
	.nl_takes = { "128", "1", "255", "0" },
	.nl_refuses = { "256", "257", "4294967295" },
};

/* All files of the pair that are settings. */
static void read_all(char *to, size_t size)
{
	static const char * const names[] = {
		"bind", "commit", "on_peer_loss", "ring_size", "retain",
		"prefetch", "max_streams", "memory_max", "overflow", "instances",
		"read_timeout_ms", "peer_timeout_ms", "inspect",
	};
	size_t i, used = 0;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		char path[128];
		ssize_t len;
		int fd;

		sys_path(path, sizeof(path), "set", names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		len = read(fd, to + used, size - used - 1);
		close(fd);
		used += len > 0 ? len : 0;
	}
	to[used] = '\0';
}

/* Does the file say @value? */
static bool reads_as(const char *name, const char *value)
{
	char path[128], text[128];
	ssize_t len;
	int fd;

	sys_path(path, sizeof(path), "set", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	return len > 1 && text[len - 1] == '\n' && (size_t)len - 1 == strlen(value) &&
	       !memcmp(text, value, len - 1);
}

/* Sets by netlink; returns 0 or an errno. */
static int nl_set(struct genl *genl, int attr, uint64_t value, size_t size)
{
	char buffer[512];
	struct nlmsghdr *nlh = genl_pair(genl, buffer, NDVAL_CMD_PAIR_SET, "set");

	mnl_attr_put(nlh, attr, size, &value);	/* little-endian */
	return genl_ask(genl, nlh);
}

FIXTURE_SETUP(setting)
{
	ASSERT_TRUE(genl_open(&self->genl));
	ASSERT_TRUE(pair_new("set", ""));
	read_all(self->before, sizeof(self->before));
}

FIXTURE_TEARDOWN(setting)
{
	genl_close(&self->genl);
	run("ndvalctl pair del set");
}

TEST_F(setting, takes_its_values_by_sysfs)
{
	const char * const *value;

	for (value = variant->takes; *value; value++) {
		char text[64];
		char *shown;

		snprintf(text, sizeof(text), "%s", *value);
		shown = strchr(text, '=');
		if (shown)
			*shown++ = '\0';
		EXPECT_EQ(0, sys_set("set", variant->name, text));
		EXPECT_TRUE(reads_as(variant->name, shown ?: text));
		/* As a shell writes it. */
		if (!shown) {
			strcat(text, "\n");
			EXPECT_EQ(0, sys_set("set", variant->name, text));
		}
	}
}

static int refused_by_sysfs(const char *name, const char *value)
{
	int err = sys_set("set", name, value);

	if (err != EINVAL)
		printf("# %s: '%s': %s\n", name, value, err ? strerror(err) : "taken");
	return err;
}

TEST_F(setting, refuses_what_is_no_value_by_sysfs)
{
	const char * const *value;
	size_t i;

	for (value = variant->refuses; *value; value++)
		EXPECT_EQ(EINVAL, refused_by_sysfs(variant->name, *value));
	/* The first of them is nothing at all, which is not written. */
	for (i = 1; i < ARRAY_LEN(nonsense); i++)
		EXPECT_EQ(EINVAL, refused_by_sysfs(variant->name, nonsense[i]));
	read_all(self->after, sizeof(self->after));
	EXPECT_STREQ(self->before, self->after);
}

TEST_F(setting, takes_its_values_by_netlink)
{
	size_t size = variant->wide ? sizeof(uint64_t) : sizeof(uint32_t);
	const char * const *value;

	for (value = variant->nl_takes; *value; value++) {
		read_all(self->before, sizeof(self->before));
		EXPECT_EQ(0, nl_set(&self->genl, variant->attr, strtoull(*value, NULL, 10), size));
		read_all(self->after, sizeof(self->after));
		/* The last one may be what it was at first. */
		if (value == variant->nl_takes)
			EXPECT_STRNE(self->before, self->after);
	}
}

static int refused_by_netlink(struct genl *genl, int attr, uint64_t value, size_t size)
{
	int err = nl_set(genl, attr, value, size);

	if (!err || !genl->why[0])
		printf("# value %llu of %zu bytes: %s, '%s'\n", (unsigned long long)value, size,
		       strerror(err), genl->why);
	return err && genl->why[0] ? err : 0;
}

TEST_F(setting, refuses_what_is_no_value_by_netlink_and_says_why)
{
	size_t size = variant->wide ? sizeof(uint64_t) : sizeof(uint32_t);
	const char * const *value;
	size_t odd;

	for (value = variant->nl_refuses; *value; value++)
		EXPECT_NE(0, refused_by_netlink(&self->genl, variant->attr,
						strtoull(*value, NULL, 10), size));
	/* A legal value in an attribute of another length. */
	for (odd = 0; odd <= sizeof(uint64_t); odd++)
		if (odd != size)
			EXPECT_NE(0, nl_set(&self->genl, variant->attr,
					    strtoull(variant->nl_takes[0], NULL, 10), odd));
	read_all(self->after, sizeof(self->after));
	EXPECT_STREQ(self->before, self->after);
}

TEST_HARNESS_MAIN
