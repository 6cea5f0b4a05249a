/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sleeper: a reader that sleeps in the copy to its buffer, a trap, as long as the
 * test likes. It delays nobody: no other instance, no peer, no netlink command, no
 * removal. Included once by each test that has another kind of trap, after
 *
 *	struct trap				what it needs
 *	char *trap_set(trap)			BUFFER bytes, or NULL
 *	bool trap_has_caught(trap)		true once somebody sleeps in it
 *	void trap_release(trap, buffer, size)	nobody sleeps there any more
 *	void trap_end(trap, buffer)
 */
#ifndef NDVAL_TEST_SLEEPER_H
#define NDVAL_TEST_SLEEPER_H

/* Members m1 and m2; the reader is instance 0 of web1 or, with @secondary, web2. */
FIXTURE(sleeper) {
	const char *pair;
	struct trap trap;
	int fd;
	int other;		/* instance 1 of the same pair */
	int peer;		/* instance 0 of the other pair */
	char *buffer;
	char *bytes;
	size_t size;
	pthread_t thread;
	ssize_t result;
	bool done;
};

FIXTURE_VARIANT(sleeper) {
	bool secondary;
};

FIXTURE_VARIANT_ADD(sleeper, of_the_primary) {
	.secondary = false,
};

FIXTURE_VARIANT_ADD(sleeper, of_a_secondary) {
	.secondary = true,
};

FIXTURE_SETUP(sleeper)
{
	ASSERT_TRUE(two_members("instances=0,1"));
	self->pair = variant->secondary ? "web2" : "web1";
	self->fd = node_open(self->pair, 0);
	self->other = instance_open(self->pair, "", 1, 0);
	self->peer = node_open(variant->secondary ? "web1" : "web2", 0);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->other);
	ASSERT_LE(0, self->peer);
	self->bytes = malloc(2 * MUCH);
	self->buffer = trap_set(&self->trap);
	ASSERT_NE(NULL, self->buffer);
}

FIXTURE_TEARDOWN(sleeper)
{
	trap_end(&self->trap, self->buffer);
	close(self->fd);
	close(self->other);
	close(self->peer);
	free(self->bytes);
	two_members_end();
}

static void *read_into_trap(void *arg)
{
	FIXTURE_DATA(sleeper) * self = arg;

	self->result = get(self->fd, self->buffer, self->size);
	__atomic_store_n(&self->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Has the reader read @size bytes; true once it sleeps in its buffer. */
static bool put_to_sleep(FIXTURE_DATA(sleeper) * self, size_t size)
{
	self->size = size;
	return !pthread_create(&self->thread, NULL, read_into_trap, self) &&
	       trap_has_caught(&self->trap);
}

static bool is_asleep(FIXTURE_DATA(sleeper) * self)
{
	return !__atomic_load_n(&self->done, __ATOMIC_SEQ_CST);
}

/* Lets the reader go on; returns what its read gives. */
static ssize_t wake_up(FIXTURE_DATA(sleeper) * self)
{
	trap_release(&self->trap, self->buffer, BUFFER);
	if (!wait_until(!is_asleep(self), 20))
		return -ETIME;
	pthread_join(self->thread, NULL);
	return self->result;
}

TEST_F_TIMEOUT(sleeper, delays_no_other_instance_and_no_peer, TIMEOUT)
{
	size_t done;

	ASSERT_TRUE(put_to_sleep(self, 100));
	/* More than the window holds: the sleeper is lost on the way. */
	for (done = 0; done < MUCH; done += MUCH / 16) {
		ASSERT_TRUE(get_all(self->other, self->bytes + done, MUCH / 16, 10000));
		ASSERT_TRUE(get_all(self->peer, self->bytes + MUCH + done, MUCH / 16, 1000));
	}
	EXPECT_EQ(0, memcmp(self->bytes, self->bytes + MUCH, MUCH));
	EXPECT_TRUE(is_asleep(self));
	EXPECT_EQ(-EPIPE, wake_up(self));
	EXPECT_EQ(0, position(self->fd));
}

TEST_F_TIMEOUT(sleeper, gets_its_bytes_when_it_may_go_on, TIMEOUT)
{
	ASSERT_TRUE(put_to_sleep(self, BUFFER));
	ASSERT_TRUE(get_all(self->other, self->bytes, BUFFER, 1000));
	ASSERT_TRUE(get_all(self->peer, self->bytes + MUCH, BUFFER, 1000));
	EXPECT_TRUE(is_asleep(self));
	ASSERT_EQ(BUFFER, wake_up(self));
	EXPECT_EQ(0, memcmp(self->bytes, self->buffer, BUFFER));
	EXPECT_EQ(0, memcmp(self->bytes, self->bytes + MUCH, BUFFER));
}

TEST_F_TIMEOUT(sleeper, delays_no_command, TIMEOUT)
{
	double begin;

	ASSERT_TRUE(put_to_sleep(self, 100));
	begin = seconds();
	EXPECT_TRUE(batch("status\ninstance list %s\nstream list %s\n"
			  "pair set %s ring_size=64K\npair set %s instances=0-2\n"
			  "link detach --member m1 --peer m2\n"
			  "link attach --member m1 --peer m2 --unix-pair m2\n",
			  self->pair, self->pair, self->pair, self->pair));
	EXPECT_LT(0, sys_get(self->pair, "memory"));
	EXPECT_GT(20, seconds() - begin);
	EXPECT_TRUE(is_asleep(self));
	EXPECT_EQ(100, wake_up(self));
}

TEST_F_TIMEOUT(sleeper, delays_no_removal_and_gets_ENODEV, TIMEOUT)
{
	double begin;

	ASSERT_TRUE(put_to_sleep(self, 100));
	begin = seconds();
	ASSERT_TRUE(batch("pair del %s\n", self->pair));
	EXPECT_EQ(-1, sys_get(self->pair, "memory"));
	/* The name is free at once, and the new pair is another. */
	EXPECT_TRUE(batch("pair add %s\nread %s -n 100\n", self->pair, self->pair));
	EXPECT_GT(20, seconds() - begin);
	EXPECT_TRUE(is_asleep(self));
	EXPECT_EQ(-ENODEV, wake_up(self));
}

#endif /* NDVAL_TEST_SLEEPER_H */
