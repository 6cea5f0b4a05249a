// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may use the family: what changes state, reveals values or tells of
 * peers needs CAP_NET_ADMIN of the initial user namespace; and there is no
 * family at all in another network namespace.
 *
 * vm: sources=peer.c,../../tools/lib/nl.c libs=-lmnl timeout=60
 */
#include <sched.h>

#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"

#define NOBODY	1000

static const __u8 for_admins[] = {
	NDVAL_CMD_MEMBER_NEW, NDVAL_CMD_MEMBER_DEL, NDVAL_CMD_PAIR_NEW, NDVAL_CMD_PAIR_DEL,
	NDVAL_CMD_PAIR_SET, NDVAL_CMD_PROMOTE, NDVAL_CMD_RESYNC, NDVAL_CMD_PEER_ADD,
	NDVAL_CMD_PEER_DEL, NDVAL_CMD_PEER_GET, NDVAL_CMD_LINK_ATTACH, NDVAL_CMD_LINK_DETACH,
	NDVAL_CMD_LINK_GET, NDVAL_CMD_STREAM_DEL, NDVAL_CMD_INSTANCE_SET,
	NDVAL_CMD_VALUES_GET, NDVAL_CMD_DEMOTE, NDVAL_CMD_SWITCHOVER, NDVAL_CMD_OUTDATE,
	NDVAL_CMD_PEER_OUTDATE,
};

static const __u8 for_all[] = {
	NDVAL_CMD_MEMBER_GET, NDVAL_CMD_PAIR_GET, NDVAL_CMD_STREAM_GET,
	NDVAL_CMD_INSTANCE_GET,
};

static void only_looks(struct __test_metadata *_metadata, struct nl *nl)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(for_admins); i++) {
		nl_request(nl, for_admins[i], 0);
		EXPECT_EQ(-EPERM, nl_call(nl, NULL, NULL)) TH_LOG("command %d", for_admins[i]);
		/* Permission comes before anything that is said. */
		nl_request(nl, for_admins[i], 0);
		nl_put_str(nl, 1, "default");
		EXPECT_EQ(-EPERM, nl_call(nl, NULL, NULL)) TH_LOG("command %d", for_admins[i]);
	}
	nl_request(nl, NDVAL_CMD_PEER_GET, NLM_F_DUMP);
	EXPECT_EQ(-EPERM, nl_call(nl, NULL, NULL));
	nl_request(nl, NDVAL_CMD_LINK_GET, NLM_F_DUMP);
	EXPECT_EQ(-EPERM, nl_call(nl, NULL, NULL));
	for (i = 0; i < ARRAY_LEN(for_all); i++) {
		nl_request(nl, for_all[i], NLM_F_DUMP);
		EXPECT_EQ(0, nl_call(nl, NULL, NULL)) TH_LOG("command %d", for_all[i]);
	}
	EXPECT_EQ(-EPERM, nl_join_events(nl));
}

TEST(an_unprivileged_user_only_looks)
{
	struct nl *nl;

	ASSERT_EQ(0, setresuid(NOBODY, NOBODY, NOBODY));
	nl = nl_open();
	ASSERT_NE(NULL, nl);
	only_looks(_metadata, nl);
	nl_close(nl);
}

TEST(root_of_a_user_namespace_only_looks)
{
	struct nl *nl;

	ASSERT_EQ(0, setresuid(NOBODY, NOBODY, NOBODY));
	ASSERT_EQ(0, unshare(CLONE_NEWUSER));
	nl = nl_open();
	ASSERT_NE(NULL, nl);
	only_looks(_metadata, nl);
	nl_close(nl);
}

TEST(in_a_container_with_a_network_of_its_own_there_is_no_family)
{
	ASSERT_EQ(0, setresuid(NOBODY, NOBODY, NOBODY));
	ASSERT_EQ(0, unshare(CLONE_NEWUSER | CLONE_NEWNET));
	EXPECT_EQ(NULL, nl_open());
	EXPECT_EQ(ENOENT, errno);
}

TEST(in_another_network_namespace_there_is_no_family_for_root_either)
{
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	EXPECT_EQ(NULL, nl_open());
	EXPECT_EQ(ENOENT, errno);
}

/* A socket that root opened does nothing more for who has it now. */
TEST(a_privileged_socket_does_not_lend_its_privilege)
{
	struct nl *nl = nl_open();

	ASSERT_NE(NULL, nl);
	ASSERT_EQ(0, setresuid(NOBODY, NOBODY, NOBODY));
	nl_request(nl, NDVAL_CMD_PAIR_DEL, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, "default");
	EXPECT_EQ(-EPERM, nl_call(nl, NULL, NULL));
	nl_close(nl);
}

TEST_HARNESS_MAIN
