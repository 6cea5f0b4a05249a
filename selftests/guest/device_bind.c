// SPDX-License-Identifier: GPL-2.0-only
/*
 * NDVAL_IOC_BIND and NDVAL_IOC_INFO: which stream and instance an open file
 * is, what is refused, and what a file is told.
 *
 * vm: timeout=120
 */
#include "kselftest_harness.h"

#include "common.h"

#define LONGEST	"123456789012345678901234567890123456789012345678901234567890123"

FIXTURE(file) {
	int fd;
	char byte;
};

FIXTURE_SETUP(file)
{
	ASSERT_EQ(63, strlen(LONGEST));
	ASSERT_TRUE(pair_new("b", "instances=0,1,7 max_streams=8"));
	self->fd = node_open("b", 0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(file)
{
	close(self->fd);
	run("ndvalctl pair del b");
}

TEST_F(file, is_bound_once)
{
	ASSERT_EQ(0, node_bind(self->fd, "s", 1, 0));
	EXPECT_EQ(EBUSY, node_bind(self->fd, "s", 1, 0));
	EXPECT_EQ(EBUSY, node_bind(self->fd, "t", 0, 0));
	EXPECT_EQ(1, sys_get("b", "streams"));
}

TEST_F(file, is_bound_by_its_first_read)
{
	ASSERT_EQ(1, get(self->fd, &self->byte, 1));
	EXPECT_EQ(EBUSY, node_bind(self->fd, "s", 0, 0));
}

TEST_F(file, is_bound_by_a_read_of_nothing)
{
	ASSERT_EQ(0, get(self->fd, &self->byte, 0));
	EXPECT_EQ(EBUSY, node_bind(self->fd, "s", 0, 0));
}

TEST_F(file, is_bound_by_its_first_poll)
{
	ASSERT_EQ(POLLIN, poll_now(self->fd));
	EXPECT_EQ(EBUSY, node_bind(self->fd, "s", 0, 0));
}

TEST_F(file, is_bound_by_asking_for_its_position)
{
	ASSERT_EQ(0, position(self->fd));
	EXPECT_EQ(EBUSY, node_bind(self->fd, "s", 0, 0));
}

TEST_F(file, is_not_bound_by_a_bind_that_is_refused)
{
	ASSERT_EQ(EINVAL, node_bind(self->fd, "/", 0, 0));
	ASSERT_EQ(EINVAL, node_bind(self->fd, "s", 8, 0));
	ASSERT_EQ(ENXIO, node_bind(self->fd, "s", 2, 0));
	EXPECT_EQ(0, sys_get("b", "streams"));
	EXPECT_EQ(0, node_bind(self->fd, "s", 7, 0));
}

TEST_F(file, has_an_instance_from_0_to_7_that_is_expected)
{
	EXPECT_EQ(EINVAL, node_bind(self->fd, "s", 8, 0));
	EXPECT_EQ(EINVAL, node_bind(self->fd, "s", ~0U, 0));
	EXPECT_EQ(EINVAL, node_bind(self->fd, "s", 0x80000001, 0));
	EXPECT_EQ(ENXIO, node_bind(self->fd, "s", 2, 0));
	EXPECT_EQ(ENXIO, node_bind(self->fd, "s", 6, 0));
	EXPECT_EQ(0, node_bind(self->fd, "s", 7, 0));
}

TEST_F(file, refuses_flags_that_are_not_known)
{
	unsigned int bit;

	for (bit = 1; bit < 32; bit++) {
		EXPECT_EQ(EINVAL, node_bind(self->fd, "s", 0, 1U << bit));
		EXPECT_EQ(EINVAL, node_bind(self->fd, "s", 0, 1U << bit | NDVAL_BIND_EXCL));
	}
	EXPECT_EQ(0, sys_get("b", "streams"));
}

TEST_F(file, refuses_names_that_are_none)
{
	static const char * const bad[] = {
		/* 64 bytes, without a NUL */
		LONGEST "4",
		".", "..", ".hidden", "../x", "/", "/abs", "a!b", "a b", "a\nb", "a\tb",
		"caf\xc3\xa9", "\x80", "\xff", "\x7f", "a*", "a?", "a\\b", "a%s", "a,b", "a=b",
		"a@b", "a+b", "a~b", "#a", "$a", "'", "\"",
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++)
		EXPECT_EQ(EINVAL, node_bind(self->fd, bad[i], 0, 0))
			TH_LOG("name %zu", i);
	EXPECT_EQ(0, sys_get("b", "streams"));
}

TEST_F(file, takes_names_that_are_some)
{
	static const char * const good[] = {
		LONGEST, "a", "-", "_", ":", "a/b", "worker/3:tokens", "A.b-c_9",
	};
	struct ndval_info info;
	size_t i;

	for (i = 0; i < ARRAY_LEN(good); i++) {
		int fd = node_open("b", 0);

		ASSERT_LE(0, fd);
		EXPECT_EQ(0, node_bind(fd, good[i], 0, 0))
			TH_LOG("name %zu", i);
		EXPECT_EQ(1, get(fd, &self->byte, 1));
		EXPECT_EQ(0, ioctl(fd, NDVAL_IOC_INFO, &info));
		EXPECT_STREQ(good[i], info.stream);
		close(fd);
	}
	EXPECT_EQ(ARRAY_LEN(good), sys_get("b", "streams"));
	/* max_streams are there now. */
	EXPECT_EQ(ENOSPC, node_bind(self->fd, "one-more", 0, 0));
	EXPECT_EQ(-ENOSPC, get(self->fd, &self->byte, 1));
	EXPECT_EQ(0, node_bind(self->fd, good[0], 0, 0));
}

TEST_F(file, without_a_name_has_the_stream_default)
{
	int other = node_open("b", 0);
	struct ndval_info info;

	ASSERT_EQ(0, node_bind(self->fd, "", 0, 0));
	ASSERT_EQ(0, ioctl(self->fd, NDVAL_IOC_INFO, &info));
	EXPECT_STREQ("default", info.stream);
	ASSERT_EQ(1, get(self->fd, &self->byte, 1));
	ASSERT_EQ(1, position(other));
	close(other);
}

TEST_F(file, refuses_a_binding_it_cannot_read)
{
	EXPECT_EQ(-1, ioctl(self->fd, NDVAL_IOC_BIND, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(self->fd, NDVAL_IOC_BIND, -8L));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, node_bind(self->fd, "s", 0, 0));
}

TEST_F(file, may_have_its_instance_for_itself)
{
	int other = node_open("b", 0);
	int third = node_open("b", 0);

	ASSERT_EQ(0, node_bind(self->fd, "s", 0, NDVAL_BIND_EXCL));
	EXPECT_EQ(EBUSY, node_bind(other, "s", 0, 0));
	EXPECT_EQ(EBUSY, node_bind(other, "s", 0, NDVAL_BIND_EXCL));
	/* Another instance, or another stream, is another matter. */
	EXPECT_EQ(0, node_bind(other, "s", 1, NDVAL_BIND_EXCL));
	EXPECT_EQ(0, node_bind(third, "t", 0, 0));
	close(other);
	close(third);
	/* It ends with the file, not with the process that opened it. */
	other = node_open("b", 0);
	third = dup(self->fd);
	close(self->fd);
	EXPECT_EQ(EBUSY, node_bind(other, "s", 0, 0));
	close(third);
	EXPECT_EQ(0, node_bind(other, "s", 0, 0));
	self->fd = other;
}

TEST_F(file, cannot_have_an_instance_for_itself_that_another_has)
{
	int other = node_open("b", 0);

	ASSERT_EQ(0, node_bind(other, "s", 0, 0));
	EXPECT_EQ(EBUSY, node_bind(self->fd, "s", 0, NDVAL_BIND_EXCL));
	EXPECT_EQ(0, node_bind(self->fd, "s", 0, 0));
	close(self->fd);
	close(other);
	self->fd = node_open("b", 0);
	EXPECT_EQ(0, node_bind(self->fd, "s", 0, NDVAL_BIND_EXCL));
}

TEST_F(file, cannot_take_default_unasked_from_one_that_has_it_for_itself)
{
	int other = node_open("b", 0);

	ASSERT_EQ(0, node_bind(other, "", 0, NDVAL_BIND_EXCL));
	EXPECT_EQ(-EBUSY, get(self->fd, &self->byte, 1));
	EXPECT_EQ(1, get(other, &self->byte, 1));
	close(other);
	EXPECT_EQ(1, get(self->fd, &self->byte, 1));
}

TEST_F(file, must_be_bound_where_the_pair_says_so)
{
	ASSERT_EQ(0, sys_set("b", "bind", "required"));
	EXPECT_EQ(-ENXIO, get(self->fd, &self->byte, 1));
	EXPECT_EQ(-1, position(self->fd));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(POLLIN | POLLERR, poll_now(self->fd));
	EXPECT_EQ(0, sys_get("b", "streams"));
	/* Nor has any of that bound it. */
	ASSERT_EQ(0, node_bind(self->fd, "", 0, 0));
	EXPECT_EQ(1, get(self->fd, &self->byte, 1));
	EXPECT_EQ(1, position(self->fd));
}

TEST_F(file, cannot_be_bound_by_default_when_instance_0_is_not_expected)
{
	ASSERT_EQ(0, sys_set("b", "instances", "none"));
	EXPECT_EQ(-ENXIO, get(self->fd, &self->byte, 1));
	EXPECT_EQ(ENXIO, node_bind(self->fd, "", 0, 0));
	ASSERT_EQ(0, sys_set("b", "instances", "0"));
	EXPECT_EQ(1, get(self->fd, &self->byte, 1));
}

TEST_F(file, knows_no_other_ioctl)
{
	static const unsigned long bad[] = {
		0, _IO(NDVAL_IOC_MAGIC, 0), _IO(NDVAL_IOC_MAGIC, 1), _IO(NDVAL_IOC_MAGIC, 2),
		_IOWR(NDVAL_IOC_MAGIC, 3, __u64), _IOW(NDVAL_IOC_MAGIC, 1, __u64),
		_IOR(NDVAL_IOC_MAGIC, 2, __u64), 0x5401 /* TCGETS */, ~0U,
	};
	char argument[512] = {};
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		EXPECT_EQ(-1, ioctl(self->fd, bad[i], argument));
		EXPECT_EQ(ENOTTY, errno);
	}
	EXPECT_EQ(0, node_bind(self->fd, "s", 0, 0));
}

TEST_F(file, is_told_all_about_itself)
{
	struct ndval_info info;
	char bytes[5000];

	memset(&info, 0xff, sizeof(info));
	ASSERT_EQ(0, node_bind(self->fd, "told", 1, 0));
	ASSERT_TRUE(get_all(self->fd, bytes, sizeof(bytes), sizeof(bytes)));
	ASSERT_EQ(0, ioctl(self->fd, NDVAL_IOC_INFO, &info));
	EXPECT_STREQ("b", info.pair);
	EXPECT_STREQ("told", info.stream);
	EXPECT_EQ(1, info.instance);
	EXPECT_EQ(0, info.flags);
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, info.role);
	EXPECT_EQ(NDVAL_HEALTH_STANDALONE, info.health);
	EXPECT_NE(0, info.incarnation);
	EXPECT_EQ(1, info.epoch);
	EXPECT_NE(0, info.epoch_id);
	EXPECT_EQ(5000, info.position);
	EXPECT_EQ(0, info.tail);
	EXPECT_EQ(8192, info.head);
	EXPECT_EQ(8192, info.committed);
	EXPECT_EQ(0, info.journal_position | info.journal_tail | info.journal_head |
		     info.journal_committed | info.reserved);
	/* What follows a name is no leftover of the kernel's. */
	EXPECT_EQ(0, info.pair[sizeof(info.pair) - 1]);
	EXPECT_EQ(0, info.stream[sizeof(info.stream) - 1]);
	EXPECT_EQ(-1, ioctl(self->fd, NDVAL_IOC_INFO, NULL));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(file, is_told_that_it_is_lost)
{
	struct ndval_info info;
	char *bytes = malloc(MIB);
	int other = instance_open("b", "s", 1, 0);

	ASSERT_EQ(0, node_bind(self->fd, "s", 0, 0));
	ASSERT_TRUE(get_all(other, bytes, MIB, MIB));
	ASSERT_EQ(0, ioctl(self->fd, NDVAL_IOC_INFO, &info));
	EXPECT_EQ(NDVAL_INFO_LOST, info.flags);
	EXPECT_EQ(0, info.position);
	EXPECT_LT(0, info.tail);
	ASSERT_EQ(0, ioctl(other, NDVAL_IOC_INFO, &info));
	EXPECT_EQ(0, info.flags);
	EXPECT_EQ(MIB, info.position);
	EXPECT_EQ(MIB, info.head);
	close(other);
	free(bytes);
}

TEST_F(file, is_told_the_same_identities_on_both_members)
{
	struct ndval_info a, b;
	int fd_a, fd_b;

	ASSERT_TRUE(two_members(""));
	fd_a = node_open("web1", 0);
	fd_b = node_open("web2", 0);
	ASSERT_EQ(1, get(fd_a, &self->byte, 1));
	ASSERT_EQ(1, get(fd_b, &self->byte, 1));
	ASSERT_EQ(0, ioctl(fd_a, NDVAL_IOC_INFO, &a));
	ASSERT_EQ(0, ioctl(fd_b, NDVAL_IOC_INFO, &b));
	EXPECT_EQ(NDVAL_ROLE_PRIMARY, a.role);
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, b.role);
	EXPECT_EQ(a.incarnation, b.incarnation);
	EXPECT_EQ(a.epoch, b.epoch);
	EXPECT_EQ(a.epoch_id, b.epoch_id);
	EXPECT_NE(0, a.incarnation);
	EXPECT_STREQ("web1", a.pair);
	EXPECT_STREQ("web2", b.pair);
	EXPECT_TRUE(wait_until(!ioctl(fd_a, NDVAL_IOC_INFO, &a) && a.committed == a.head &&
			       a.health == NDVAL_HEALTH_PROTECTED, 20));
	EXPECT_TRUE(wait_until(!ioctl(fd_b, NDVAL_IOC_INFO, &b) && b.head == a.head &&
			       b.health == NDVAL_HEALTH_PROTECTED && !b.flags, 20));
	close(fd_a);
	close(fd_b);
	two_members_end();
}

TEST_F(file, is_told_that_the_primary_has_not_confirmed_its_stream)
{
	struct ndval_info info;
	int fd;

	ASSERT_TRUE(pair_new("s", "--peer nobody"));
	fd = node_open("s", 0);
	ASSERT_EQ(0, ioctl(fd, NDVAL_IOC_INFO, &info));
	EXPECT_EQ(NDVAL_INFO_ASKED, info.flags);
	EXPECT_EQ(NDVAL_ROLE_SECONDARY, info.role);
	EXPECT_EQ(NDVAL_HEALTH_ALONE, info.health);
	EXPECT_EQ(0, info.incarnation);
	EXPECT_EQ(0, info.epoch);
	EXPECT_EQ(0, info.epoch_id);
	EXPECT_EQ(0, info.head);
	close(fd);
	ASSERT_EQ(0, run("ndvalctl pair del s"));
}

TEST_HARNESS_MAIN
