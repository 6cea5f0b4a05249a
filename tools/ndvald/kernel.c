// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module comes and goes: generic netlink's own family tells when ndval's
 * family does. Asking for the family would make the kernel load the module, so
 * it is asked for once, at start; after an rmmod ndvald waits to be told.
 *
 * Events only say that something about links has changed. What is so is then
 * asked: the link that went down need not be the only one to its peer, and
 * events can be lost.
 */
#include "kernel.h"
#include "config.h"
#include "epochs.h"
#include "log.h"
#include "loop.h"
#include "nl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <string.h>

#define DUMP_TRIES	10
#define NOTIFY_GROUP	GENL_ID_CTRL	/* multicast group "notify" of "nlctrl" */

static struct nl *nl;
static struct mnl_socket *module_socket;
static enum kernel_change change;
static bool links_changed;
static bool pairs_changed;
static char host_name[NDVAL_NAME_MAX + 1];
static char problem[256];

static int read_family_change(const struct nlmsghdr *nlh, void *data)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[CTRL_ATTR_MAX + 1];

	(void)data;
	nl_parse(nlh, tb, CTRL_ATTR_MAX);
	if (strcmp(nl_str(tb[CTRL_ATTR_FAMILY_NAME]), NDVAL_FAMILY_NAME))
		return MNL_CB_OK;
	if (genl->cmd == CTRL_CMD_NEWFAMILY)
		change = KERNEL_CAME;
	else if (genl->cmd == CTRL_CMD_DELFAMILY)
		change = KERNEL_WENT;
	else
		return MNL_CB_OK;
	return MNL_CB_STOP;
}

/* One datagram, hence one change, at a time: main() acts on each in turn. */
static void module_ready(struct watch *watch, uint32_t events)
{
	char buffer[16384];
	ssize_t received;

	(void)watch;
	(void)events;
	received = mnl_socket_recvfrom(module_socket, buffer, sizeof(buffer));
	if (received > 0)
		mnl_cb_run(buffer, received, 0, 0, read_family_change, NULL);
	else if (received < 0 && errno == ENOBUFS)
		log_warn("missed what became of kernel modules: restart ndvald if ndval was among them");
}

/**
 * kernel_watch_module() - from now on, notice when the module comes and goes
 *
 * Return: 0 or a negative errno, with kernel_message() set.
 */
int kernel_watch_module(void)
{
	static struct watch watch;
	int group = NOTIFY_GROUP;
	int err = 0;

	module_socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!module_socket || mnl_socket_bind(module_socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(module_socket, NETLINK_ADD_MEMBERSHIP, &group,
				  sizeof(group)) < 0)
		err = -errno;
	if (!err) {
		watch.fd = mnl_socket_get_fd(module_socket);
		watch.ready = module_ready;
		err = loop_add(&watch, EPOLLIN);
	}
	if (err)
		snprintf(problem, sizeof(problem), "generic netlink: %s", strerror(-err));
	return err;
}

/**
 * kernel_take_change() - has the module come or gone?
 *
 * Return: what has happened since the last call.
 */
enum kernel_change kernel_take_change(void)
{
	enum kernel_change taken = change;

	change = KERNEL_SAME;
	if (taken == KERNEL_CAME && nl)		/* loaded by our own kernel_open() */
		return KERNEL_SAME;
	return taken;
}

static int read_event(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_EVENT_MAX + 1];
	char peer[4 * NDVAL_NAME_MAX + 1], reason[512];
	uint32_t kind;

	(void)data;
	nl_parse(nlh, tb, NDVAL_A_EVENT_MAX);
	kind = nl_u32(tb[NDVAL_A_EVENT_KIND]);
	if (kind == NDVAL_EVENT_KIND_PAIR_NEW || kind == NDVAL_EVENT_KIND_PAIR_CHANGE)
		pairs_changed = true;
	if (kind != NDVAL_EVENT_KIND_LINK_UP && kind != NDVAL_EVENT_KIND_LINK_DOWN)
		return MNL_CB_OK;
	if (strcmp(nl_str(tb[NDVAL_A_EVENT_MEMBER]), host_name))
		return MNL_CB_OK;

	links_changed = true;
	log_escape(peer, sizeof(peer), nl_str(tb[NDVAL_A_EVENT_PEER]));
	log_escape(reason, sizeof(reason), nl_str(tb[NDVAL_A_EVENT_REASON]));
	if (kind == NDVAL_EVENT_KIND_LINK_UP)
		log_info("%s: link %u is up", peer, nl_u32(tb[NDVAL_A_EVENT_LINK]));
	else
		log_info("%s: link %u is down%s%s", peer, nl_u32(tb[NDVAL_A_EVENT_LINK]),
			 *reason ? ": " : "", reason);
	return MNL_CB_OK;
}

static void events_ready(struct watch *watch, uint32_t events)
{
	int err;

	(void)watch;
	(void)events;
	do
		err = nl_receive_event(nl, read_event, NULL);
	while (!err || err == -EINTR);

	if (err != -EAGAIN) {
		log_debug("events were lost (%s): asking for links and pairs anew",
			  strerror(-err));
		links_changed = true;
		pairs_changed = true;
	}
}

static struct watch events_watch = { .fd = -1, .ready = events_ready };

static int follow_events(void)
{
	int err;

	err = nl_join_events(nl);
	if (err)
		return err;
	events_watch.fd = nl_fd(nl);
	if (fcntl(events_watch.fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return loop_add(&events_watch, EPOLLIN);
}

static int read_host(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_MEMBER_MAX + 1];
	char *name = data;

	nl_parse(nlh, tb, NDVAL_A_MEMBER_MAX);
	if (tb[NDVAL_A_MEMBER_HOST])
		snprintf(name, NDVAL_NAME_MAX + 1, "%s", nl_str(tb[NDVAL_A_MEMBER_NAME]));
	return MNL_CB_OK;
}

/* Ask until nothing changes while the answer is put together. */
static int dump(uint8_t cmd, mnl_cb_t cb, void *data)
{
	int tries = 0;
	int err;

	do {
		nl_request(nl, cmd, NLM_F_DUMP);
		err = nl_call(nl, cb, data);
	} while (err == -EINTR && ++tries < DUMP_TRIES);
	return err;
}

static int name_host(void)
{
	char name[NDVAL_NAME_MAX + 1] = "";
	int err;

	err = dump(NDVAL_CMD_MEMBER_GET, read_host, name);
	if (err)
		return err;
	if (!strcmp(name, host_name))
		return 0;
	if (*name) {
		snprintf(problem, sizeof(problem),
			 "this host is named '%s' already, the configuration says '%s': set one of them right, the module's name with a reload of the module",
			 name, host_name);
		return -EEXIST;
	}
	nl_request(nl, NDVAL_CMD_MEMBER_NEW, 0);
	nl_put_str(nl, NDVAL_A_MEMBER_NAME, host_name);
	nl_put_flag(nl, NDVAL_A_MEMBER_HOST);
	return nl_call(nl, NULL, NULL);
}

/**
 * kernel_open() - begin to work with the module, and name this host
 * @host: name of this host
 *
 * Return: 0 or a negative errno with kernel_message() set; ENOENT, there is no
 * module.
 */
int kernel_open(const char *host)
{
	int err;

	snprintf(host_name, sizeof(host_name), "%s", host);
	problem[0] = '\0';
	nl = nl_open();
	if (!nl) {
		err = -errno;
		snprintf(problem, sizeof(problem), "%s", nl_message(NULL));
		return err;
	}
	err = follow_events();
	if (!err)
		err = name_host();
	if (err) {
		if (!problem[0])
			snprintf(problem, sizeof(problem), "%s", nl_message(nl));
		kernel_close();
		return err;
	}
	links_changed = true;
	pairs_changed = true;
	return 0;
}

/**
 * kernel_close() - the opposite of kernel_open(); links stay
 */
void kernel_close(void)
{
	if (events_watch.fd >= 0)
		loop_release(&events_watch);	/* closed by nl_close() */
	nl_close(nl);
	nl = NULL;
}

/**
 * kernel_is_open() - is there a module to work with?
 *
 * Return: whether kernel_open() has succeeded and the module is still there.
 */
bool kernel_is_open(void)
{
	return nl;
}

/**
 * kernel_message() - why the last call here has failed
 *
 * Return: one line.
 */
const char *kernel_message(void)
{
	return problem;
}

static int call(mnl_cb_t cb, void *data)
{
	int err = nl_call(nl, cb, data);

	if (err)
		snprintf(problem, sizeof(problem), "%s", nl_message(nl));
	return err;
}

/* The configured peers of a pair, less those the pair has. */
struct missing_peers {
	const struct pair_config *pair;
	bool has[64];
};

static int read_pair_peer(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_PEER_MAX + 1];
	struct missing_peers *missing = data;
	size_t i;

	nl_parse(nlh, tb, NDVAL_A_PEER_MAX);
	if (strcmp(nl_str(tb[NDVAL_A_PEER_PAIR]), missing->pair->name))
		return MNL_CB_OK;
	for (i = 0; i < missing->pair->peer_count && i < 64; i++) {
		if (!strcmp(nl_str(tb[NDVAL_A_PEER_NAME]), missing->pair->peers[i]))
			missing->has[i] = true;
	}
	return MNL_CB_OK;
}

/* A pair that exists stays as it is; but an admin may take the file for the truth. */
static void compare_peers(const struct pair_config *pair)
{
	struct missing_peers missing = { .pair = pair };
	size_t i;

	if (dump(NDVAL_CMD_PEER_GET, read_pair_peer, &missing))
		return;
	for (i = 0; i < pair->peer_count && i < 64; i++) {
		if (!missing.has[i])
			log_warn("pair %s exists and does not have the peer %s: add it with 'ndvalctl peer add %s %s'",
				 pair->name, pair->peers[i], pair->name, pair->peers[i]);
	}
}

static void make_pair(const struct pair_config *pair)
{
	size_t i;

	nl_request(nl, NDVAL_CMD_PAIR_NEW, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, pair->name);
	if (pair->group[0])
		nl_put_str(nl, NDVAL_A_PAIR_GROUP, pair->group);
	for (i = 0; i < pair->peer_count; i++)
		nl_put_str(nl, NDVAL_A_PAIR_PEER, pair->peers[i]);
	for (i = 0; i < SETTINGS; i++) {
		if (!pair->given[i])
			continue;
		if (settings[i].wide)
			nl_put_u64(nl, settings[i].attr, pair->values[i]);
		else
			nl_put_u32(nl, settings[i].attr, (uint32_t)pair->values[i]);
	}
	if (call(NULL, NULL))
		log_error("pair %s cannot be made: %s", pair->name, problem);
	else
		log_info("pair %s is made", pair->name);
}

/**
 * kernel_make_pairs() - make the configured pairs that do not exist
 * @config: has the pairs
 *
 * A pair that cannot be made is logged; it does not keep the others away.
 */
void kernel_make_pairs(const struct config *config)
{
	size_t i;
	int err;

	for (i = 0; i < config->pair_count; i++) {
		nl_request(nl, NDVAL_CMD_PAIR_GET, 0);
		nl_put_str(nl, NDVAL_A_PAIR_NAME, config->pairs[i].name);
		err = call(NULL, NULL);
		if (!err)
			compare_peers(&config->pairs[i]);
		else
			make_pair(&config->pairs[i]);
	}
}

static int read_id(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_LINK_MAX + 1];
	uint32_t *id = data;

	nl_parse(nlh, tb, NDVAL_A_LINK_MAX);
	*id = nl_u32(tb[NDVAL_A_LINK_ID]);
	return MNL_CB_OK;
}

/**
 * kernel_attach() - hand a connection to the module
 * @peer: who is at the other end
 * @fd: the connection; still the caller's to close, which it should do at once
 * @id: number of the link
 *
 * Return: 0 or a negative errno with kernel_message() set.
 */
int kernel_attach(const char *peer, int fd, uint32_t *id)
{
	nl_request(nl, NDVAL_CMD_LINK_ATTACH, 0);
	nl_put_str(nl, NDVAL_A_LINK_PEER, peer);
	nl_put_u32(nl, NDVAL_A_LINK_FD, fd);
	return call(read_id, id);
}

/**
 * kernel_detach() - close the link to a peer
 * @peer: which
 *
 * Return: 0, the end comes as an event; or a negative errno with
 * kernel_message() set.
 */
int kernel_detach(const char *peer)
{
	nl_request(nl, NDVAL_CMD_LINK_DETACH, 0);
	nl_put_str(nl, NDVAL_A_LINK_PEER, peer);
	return call(NULL, NULL);
}

/**
 * kernel_detach_link() - close one link
 * @id: its number
 *
 * Return: 0, the end comes as an event; or a negative errno with
 * kernel_message() set.
 */
int kernel_detach_link(uint32_t id)
{
	nl_request(nl, NDVAL_CMD_LINK_DETACH, 0);
	nl_put_u32(nl, NDVAL_A_LINK_ID, id);
	return call(NULL, NULL);
}

static int read_link(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_LINK_MAX + 1];
	kernel_link *each = *(kernel_link **)data;
	uint64_t sent, received;
	uint32_t state;

	nl_parse(nlh, tb, NDVAL_A_LINK_MAX);
	state = nl_u32(tb[NDVAL_A_LINK_STATE]);
	sent = nl_u64(tb[NDVAL_A_LINK_TX_MESSAGES]);
	received = nl_u64(tb[NDVAL_A_LINK_RX_MESSAGES]);
	if ((state == NDVAL_LINK_STATE_UP || state == NDVAL_LINK_STATE_HANDSHAKE) &&
	    !strcmp(nl_str(tb[NDVAL_A_LINK_MEMBER]), host_name))
		each(nl_str(tb[NDVAL_A_LINK_PEER]), nl_u32(tb[NDVAL_A_LINK_ID]),
		     strcmp(nl_str(tb[NDVAL_A_LINK_SECURITY]), "tls"),
		     sent > received ? sent : received);
	return MNL_CB_OK;
}

/**
 * kernel_links() - the links there are
 * @each: called for each that carries values or is about to; perhaps twice
 *
 * Return: 0 or a negative errno with kernel_message() set.
 */
int kernel_links(kernel_link *each)
{
	int err = dump(NDVAL_CMD_LINK_GET, read_link, &each);

	links_changed = err;
	if (err)
		snprintf(problem, sizeof(problem), "%s", nl_message(nl));
	return err;
}

/**
 * kernel_links_changed() - may links have come or gone?
 *
 * Return: whether so since kernel_links() was called with success.
 */
bool kernel_links_changed(void)
{
	return nl && links_changed;
}

/* A pair that has peers, and a life. */
static int read_epoch(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_PAIR_MAX + 1];
	struct epoch epoch = { };
	struct epochs *epochs = data;
	__u64 seen;

	nl_parse(nlh, tb, NDVAL_A_PAIR_MAX);
	snprintf(epoch.pair, sizeof(epoch.pair), "%s", nl_str(tb[NDVAL_A_PAIR_NAME]));
	epoch.incarnation = nl_u64(tb[NDVAL_A_PAIR_INCARNATION]);
	epoch.number = nl_u64(tb[NDVAL_A_PAIR_EPOCH]);
	seen = nl_u64(tb[NDVAL_A_PAIR_EPOCH_SEEN]);
	if (seen > epoch.number)
		epoch.number = seen;
	if (!epoch.incarnation || !nl_u32(tb[NDVAL_A_PAIR_PEERS]))
		return MNL_CB_OK;
	if (epochs_add(epochs, &epoch) < 0) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	return MNL_CB_OK;
}

/**
 * kernel_epochs() - the epochs of pairs that have peers
 * @epochs: an empty list, for the result; and for epochs_free() in any case
 *
 * Return: 0 or a negative errno with kernel_message() set.
 */
int kernel_epochs(struct epochs *epochs)
{
	int err = dump(NDVAL_CMD_PAIR_GET, read_epoch, epochs);

	pairs_changed = err;
	if (err)
		snprintf(problem, sizeof(problem), "%s", nl_message(nl));
	return err;
}

/**
 * kernel_raise_epoch() - tell that an epoch has been
 * @pair: of this pair
 * @incarnation: in this life of it
 * @number: of the epoch
 *
 * Return: 0 or a negative errno with kernel_message() set.
 */
int kernel_raise_epoch(const char *pair, uint64_t incarnation, uint64_t number)
{
	nl_request(nl, NDVAL_CMD_PAIR_SET, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, pair);
	nl_put_u64(nl, NDVAL_A_PAIR_INCARNATION, incarnation);
	nl_put_u64(nl, NDVAL_A_PAIR_EPOCH_SEEN, number);
	return call(NULL, NULL);
}

/**
 * kernel_pairs_changed() - may the epoch of a pair be another one?
 *
 * Return: whether so since kernel_epochs() was called with success.
 */
bool kernel_pairs_changed(void)
{
	return nl && pairs_changed;
}

/**
 * kernel_ask_pairs_again() - what kernel_epochs() told could not be dealt with
 */
void kernel_ask_pairs_again(void)
{
	pairs_changed = true;
}
