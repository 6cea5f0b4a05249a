// SPDX-License-Identifier: GPL-2.0-only
/*
 * What link-attach takes and what it refuses: each refusal has its errno and
 * says why, and keeps nothing of what it was given.
 *
 * vm: sources=peer.c,tls.c,../../tools/lib/nl.c libs=-lmnl timeout=60
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <linux/tls.h>
#include <linux/vm_sockets.h>

#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"
#include "tls.h"

/* Links that two members can have at the same time. */
#define LINKS_MAX	32

FIXTURE(attach)
{
	struct host host;
};

FIXTURE_SETUP(attach)
{
	ASSERT_TRUE(host_open(&self->host));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
}

/* A refusal or a link that kept the member in use would show here. */
FIXTURE_TEARDOWN(attach)
{
	EXPECT_TRUE(host_member_del(&self->host, "m1"));
	host_close(&self->host);
}

#define EXPECT_REFUSED(wanted, member, peer, fd)				\
	do {									\
		int err_ = host_attach(&self->host, member, peer, fd, NULL);	\
										\
		EXPECT_EQ(-(wanted), err_);					\
		EXPECT_TRUE(host_refused_well(&self->host, err_))		\
			TH_LOG("no reason: %s", nl_message(self->host.nl));	\
	} while (0)

static bool vsock_pair(int *ends)
{
	struct sockaddr_vm to = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_LOCAL,
		.svm_port = 5000,
	};
	int listener = socket(AF_VSOCK, SOCK_STREAM, 0);
	bool made;

	ends[0] = socket(AF_VSOCK, SOCK_STREAM, 0);
	made = !bind(listener, (void *)&to, sizeof(to)) && !listen(listener, 1) &&
	       !connect(ends[0], (void *)&to, sizeof(to));
	ends[1] = made ? accept(listener, NULL, NULL) : -1;
	close(listener);
	return ends[1] >= 0;
}

static int tcp_state(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	return info.tcpi_state;
}

TEST_F(attach, refuses_what_is_no_socket)
{
	int pipes[2], file;

	ASSERT_EQ(0, pipe(pipes));
	file = open("/selftests", O_RDONLY);
	ASSERT_LE(0, file);
	EXPECT_REFUSED(ENOTSOCK, "m1", "m2", file);
	EXPECT_REFUSED(ENOTSOCK, "m1", "m2", pipes[0]);
	EXPECT_REFUSED(ENOTSOCK, "m1", "m2", pipes[1]);
	close(file);
	EXPECT_REFUSED(EBADF, "m1", "m2", file);
	EXPECT_REFUSED(EBADF, "m1", "m2", -1);
	EXPECT_REFUSED(EBADF, "m1", "m2", 0x7fffffff);
}

/* Who is let in again and again, and says nothing, gets no more threads and memory. */
TEST_F(attach, refuses_more_than_32_links_to_a_peer)
{
	int ends[LINKS_MAX + 1][2], i;

	for (i = 0; i <= LINKS_MAX; i++)
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i]));
	for (i = 0; i < LINKS_MAX; i++)
		ASSERT_EQ(0, host_attach(&self->host, "m1", "m2", ends[i][0], NULL));
	EXPECT_REFUSED(EBUSY, "m1", "m2", ends[LINKS_MAX][0]);
	EXPECT_EQ(0, host_attach(&self->host, "m1", "m3", ends[LINKS_MAX][0], NULL));
	/* One ends, and there is room for one. */
	close(ends[0][0]);
	close(ends[0][1]);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends[0]));
	EXPECT_TRUE(wait_until(!host_attach(&self->host, "m1", "m2", ends[0][0], NULL), 20));
	EXPECT_REFUSED(EBUSY, "m1", "m2", ends[1][1]);
	for (i = 0; i <= LINKS_MAX; i++) {
		close(ends[i][0]);
		close(ends[i][1]);
	}
}

TEST_F(attach, refuses_what_is_no_stream)
{
	int ends[2], fd;

	fd = socket(AF_INET, SOCK_DGRAM, 0);
	EXPECT_REFUSED(EPROTONOSUPPORT, "m1", "m2", fd);
	close(fd);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	EXPECT_REFUSED(EPROTONOSUPPORT, "m1", "m2", ends[0]);
	close(ends[0]);
	close(ends[1]);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends));
	EXPECT_REFUSED(EPROTONOSUPPORT, "m1", "m2", ends[0]);
	close(ends[0]);
	close(ends[1]);
	fd = socket(AF_NETLINK, SOCK_RAW, 0);
	EXPECT_REFUSED(EPROTONOSUPPORT, "m1", "m2", fd);
	close(fd);
}

TEST_F(attach, refuses_what_is_not_connected)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct sockaddr_in any = { .sin_family = AF_INET };
	int tcp = socket(AF_INET, SOCK_STREAM, 0);
	int un = socket(AF_UNIX, SOCK_STREAM, 0);

	EXPECT_REFUSED(ENOTCONN, "m1", "m2", tcp);
	EXPECT_REFUSED(ENOTCONN, "m1", "m2", un);
	ASSERT_EQ(0, bind(tcp, (void *)&any, sizeof(any)));
	ASSERT_EQ(0, listen(tcp, 1));
	ASSERT_EQ(0, bind(un, (void *)&name, sizeof(sa_family_t)));
	ASSERT_EQ(0, listen(un, 1));
	EXPECT_REFUSED(ENOTCONN, "m1", "m2", tcp);
	EXPECT_REFUSED(ENOTCONN, "m1", "m2", un);
	close(tcp);
	close(un);
}

TEST_F(attach, refuses_tcp_that_the_other_side_has_closed)
{
	int ends[2];

	ASSERT_TRUE(tcp_pair(ends));
	close(ends[1]);
	ASSERT_TRUE(wait_until(tcp_state(ends[0]) == TCP_CLOSE_WAIT, 5));
	EXPECT_REFUSED(ENOTCONN, "m1", "m2", ends[0]);
	close(ends[0]);
}

/* What would be in the clear is not taken for encrypted, nor what is not TLS 1.3. */
TEST_F(attach, refuses_tls_without_all_its_keys)
{
	static const struct {
		int		way;
		unsigned short	version;
		int		err;
		const char	*why;
	} halves[] = {
		{ 0, 0, ENOKEY, "no keys" },
		{ TLS_TX, TLS_1_3_VERSION, ENOKEY, "set TLS_RX" },
		{ TLS_RX, TLS_1_3_VERSION, ENOKEY, "set TLS_TX" },
		{ TLS_TX, TLS_1_2_VERSION, EPROTONOSUPPORT, "TLS 1.3" },
	};
	int ends[2];
	size_t i;

	for (i = 0; i < ARRAY_LEN(halves); i++) {
		ASSERT_TRUE(tcp_pair(ends));
		ASSERT_EQ(0, tls_ulp(ends[0]));
		if (halves[i].way)
			ASSERT_EQ(0, tls_key(ends[0], halves[i].way, halves[i].version, AES128, 1));
		if (halves[i].version == TLS_1_2_VERSION)
			ASSERT_EQ(0, tls_key(ends[0], TLS_RX, halves[i].version, AES128, 2));
		EXPECT_REFUSED(halves[i].err, "m1", "m2", ends[0]);
		EXPECT_NE(NULL, strstr(nl_message(self->host.nl), halves[i].why))
			TH_LOG("%s", nl_message(self->host.nl));
		close(ends[0]);
		close(ends[1]);
	}
}

TEST_F(attach, refuses_a_socket_of_another_network_namespace)
{
	int back = open("/proc/self/ns/net", O_RDONLY);
	int ends[2];

	ASSERT_LE(0, back);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	ASSERT_EQ(0, setns(back, CLONE_NEWNET));
	EXPECT_REFUSED(EPERM, "m1", "m2", ends[0]);
	close(ends[0]);
	close(ends[1]);
	close(back);
}

TEST_F(attach, refuses_bad_names)
{
	static const char * const bad[] = {
		"", ".x", "..", "a/b", "a:b", "a b", "a!", "\xc3\xa4", "a\n", "/",
		"x234567890123456789012345678901234567890123456789012345678901234",
	};
	int ends[2];
	size_t i;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	for (i = 0; i < ARRAY_LEN(bad); i++)
		EXPECT_REFUSED(EINVAL, "m1", bad[i], ends[0]);
	EXPECT_REFUSED(EINVAL, "m1", "m1", ends[0]);
	EXPECT_REFUSED(EINVAL, "m1", NULL, ends[0]);
	EXPECT_REFUSED(ENOENT, "nobody", "m2", ends[0]);
	/* Refused as often as that, it can still be attached. */
	EXPECT_EQ(0, host_attach(&self->host, "m1", "m2", ends[0], NULL));
	close(ends[0]);
	close(ends[1]);
}

TEST_F(attach, takes_a_name_of_63_bytes_that_no_pair_has)
{
	char name[64];
	struct peer peer = { 0 };

	memset(name, 'x', 63);
	name[63] = '\0';
	ASSERT_TRUE(peer_connect(&self->host, &peer, "m1", name));
	EXPECT_TRUE(peer_greet(&peer));
	EXPECT_TRUE(peer_is_served(&peer));
	peer_close(&peer);
}

TEST_F(attach, refuses_the_same_socket_twice)
{
	struct peer peer = { 0 };
	int ends[2], twin;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	twin = dup(ends[0]);
	ASSERT_TRUE(peer_attach(&self->host, &peer, "m1", "m2", ends[0], ends[1]));
	EXPECT_REFUSED(EBUSY, "m1", "m2", twin);
	EXPECT_REFUSED(EBUSY, "m1", "m3", twin);
	EXPECT_TRUE(peer_greet(&peer));
	EXPECT_REFUSED(EBUSY, "m1", "m2", twin);
	EXPECT_TRUE(peer_is_served(&peer));
	close(twin);
	peer_close(&peer);
}

/* The number of references to our end tells: ours sees EOF only at the last. */
TEST_F(attach, keeps_nothing_of_a_socket_it_refused)
{
	char byte;
	int ends[2];
	int i;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(-EINVAL, host_attach(&self->host, "m1", "m1", ends[0], NULL));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(-ENOENT, host_attach(&self->host, "nobody", "m2", ends[0], NULL));
	close(ends[0]);
	EXPECT_EQ(0, recv(ends[1], &byte, 1, MSG_DONTWAIT));
	close(ends[1]);

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends));
	EXPECT_EQ(-EPROTONOSUPPORT, host_attach(&self->host, "m1", "m2", ends[0], NULL));
	close(ends[0]);
	EXPECT_EQ(0, recv(ends[1], &byte, 1, MSG_DONTWAIT));
	close(ends[1]);
}

TEST_F(attach, a_socket_lives_as_long_as_its_link_and_no_longer)
{
	struct peer peer = { 0 };
	char reason[REASON_SIZE];
	char byte;

	ASSERT_TRUE(peer_connect(&self->host, &peer, "m1", "m2"));
	ASSERT_TRUE(peer_greet(&peer));
	ASSERT_EQ(-1, recv(peer.fd, &byte, 1, MSG_DONTWAIT));
	ASSERT_EQ(EAGAIN, errno);
	nl_request(self->host.nl, NDVAL_CMD_LINK_DETACH, 0);
	nl_put_u32(self->host.nl, NDVAL_A_LINK_ID, peer.link);
	ASSERT_EQ(0, nl_call(self->host.nl, NULL, NULL));
	EXPECT_TRUE(host_link_down(&self->host, peer.link, reason));
	EXPECT_STREQ("detached", reason);
	EXPECT_TRUE(peer_expect_eof(&peer));
	peer_close(&peer);
}

TEST_F(attach, a_peer_that_is_gone_already_ends_the_link)
{
	char reason[REASON_SIZE];
	int ends[2];
	__u32 link;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	close(ends[1]);
	ASSERT_EQ(0, host_attach(&self->host, "m1", "m2", ends[0], &link));
	close(ends[0]);
	EXPECT_TRUE(host_link_down(&self->host, link, reason));
}

static void serve_over(struct __test_metadata *_metadata, struct host *host, int *ends,
		       const char *transport)
{
	struct peer peer = { 0 };
	char reason[REASON_SIZE];

	ASSERT_TRUE(peer_attach(host, &peer, "m1", "m2", ends[0], ends[1]));
	EXPECT_TRUE(peer_greet(&peer));
	EXPECT_TRUE(peer_is_served(&peer));
	EXPECT_EQ(0, run("ndvalctl link list --json | grep -q '\"%s\"'", transport));
	peer_close(&peer);
	EXPECT_TRUE(host_link_down(host, peer.link, reason));
}

TEST_F(attach, takes_a_socketpair)
{
	int ends[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	serve_over(_metadata, &self->host, ends, "unix");
}

TEST_F(attach, takes_tcp)
{
	int ends[2];

	ASSERT_TRUE(tcp_pair(ends));
	serve_over(_metadata, &self->host, ends, "tcp");
}

TEST_F(attach, takes_tcp_with_tls)
{
	int ends[2];

	ASSERT_TRUE(tls_pair(ends, CHACHA20, 1));
	serve_over(_metadata, &self->host, ends, "tls");
}

TEST_F(attach, takes_vsock)
{
	int ends[2];

	ASSERT_EQ(0, run("modprobe vsock_loopback"));
	ASSERT_TRUE(vsock_pair(ends));
	serve_over(_metadata, &self->host, ends, "vsock");
}

/* File descriptors that come along with bytes must not stay anywhere. */
TEST_F(attach, descriptors_sent_over_the_socket_are_dropped)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct peer peer = { 0 };
	struct wire wire;
	struct iovec vec;
	struct msghdr msg = {
		.msg_iov = &vec,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	char byte;
	int pipes[2];

	ASSERT_EQ(0, pipe2(pipes, O_NONBLOCK));
	ASSERT_TRUE(peer_connect(&self->host, &peer, "m1", "m2"));
	ASSERT_TRUE(peer_greet(&peer));
	wire_time(&wire, NDVAL_WIRE_CMD_PING, 77);
	vec.iov_base = wire.buf;
	vec.iov_len = wire.nlh->nlmsg_len;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &pipes[1], sizeof(int));
	ASSERT_EQ((ssize_t)vec.iov_len, sendmsg(peer.fd, &msg, 0));
	close(pipes[1]);
	EXPECT_TRUE(peer_is_served(&peer));
	/* All writers of the pipe are gone, as soon as a kernel thread can close. */
	EXPECT_TRUE(wait_until(read(pipes[0], &byte, 1) == 0, 5));
	close(pipes[0]);
	peer_close(&peer);
}

TEST_HARNESS_MAIN
