// SPDX-License-Identifier: GPL-2.0-only
/*
 * The members of a round, their links, and what a cluster manager can ask them
 * to do; chaos.h tells of the rest.
 *
 * vm: helper=yes
 */
#include "chaos.h"

#include <sys/socket.h>

#include "common.h"

/* Longest that an operation may take on a fast kernel, in s. */
#define OPERATION	10

void world_say(struct world *world, const char *fmt, ...)
{
	size_t left = sizeof(world->steps) - world->steps_len;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(world->steps + world->steps_len, left, fmt, args);
	va_end(args);
	if (len > 0 && (size_t)len < left)
		world->steps_len += len;
}

__u64 world_draw(struct world *world, __u64 below)
{
	return draw(&world->random) % below;
}

/* Events */

static int member_of(const struct world *world, const struct nlattr *pair)
{
	unsigned int m;

	for (m = 0; pair && m < world->members; m++)
		if (!strcmp(nl_str(pair), world->member[m].pair))
			return m;
	return -1;
}

static int take_event(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_EVENT_MAX + 1];
	struct world *world = data;
	int m;

	nl_parse(nlh, tb, NDVAL_A_EVENT_MAX);
	m = member_of(world, tb[NDVAL_A_EVENT_PAIR]);
	switch (nl_u32(tb[NDVAL_A_EVENT_KIND])) {
	case NDVAL_EVENT_KIND_OP_DONE:
		if (!world->op_wanted || nl_u32(tb[NDVAL_A_EVENT_OPERATION]) != world->op_wanted)
			break;
		world->op_done = true;
		world->op_error = nl_u32(tb[NDVAL_A_EVENT_ERROR]);
		break;
	case NDVAL_EVENT_KIND_DIVERGED:
		if (tb[NDVAL_A_EVENT_JOURNAL])
			check_fault(world->check, FAULT_STATE,
				    "m%d %s: a copy asked for %u at %llx, not for %u (of %s: %u)",
				    m, nl_str(tb[NDVAL_A_EVENT_STREAM]),
				    nl_u32(tb[NDVAL_A_EVENT_VALUE_KIND]),
				    nl_u64(tb[NDVAL_A_EVENT_OFFSET]),
				    nl_u32(tb[NDVAL_A_EVENT_OTHER_KIND]),
				    nl_str(tb[NDVAL_A_EVENT_PEER]),
				    nl_u32(tb[NDVAL_A_EVENT_OTHER_INSTANCE]));
		if (tb[NDVAL_A_EVENT_STREAM])
			break;	/* applications that read in other sizes */
		if (m >= 0)
			world->reported[m]++;
		world->score.diverged++;
		break;
	case NDVAL_EVENT_KIND_FORCED:
		world->forced_events++;
		break;
	case NDVAL_EVENT_KIND_FENCED:
		world->fenced_events++;
		break;
	case NDVAL_EVENT_KIND_INSTANCE_LOST:
		world->score.lost++;
		break;
	}
	return MNL_CB_OK;
}

/* Takes note of all events so far. */
void world_events(struct world *world)
{
	struct nl *nl = world->host.nl;

	while (file_is_ready(nl_fd(nl), POLLIN, 0))
		if (nl_receive_event(nl, take_event, world) == -ENOBUFS)
			world_say(world, " missed");
}

static int take_operation(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_PAIR_MAX + 1];
	struct world *world = data;

	nl_parse(nlh, tb, NDVAL_A_PAIR_MAX);
	world->op_wanted = nl_u32(tb[NDVAL_A_PAIR_OPERATION]);
	return MNL_CB_OK;
}

/* Sends the request that was filled in. */
static int begin(struct world *world)
{
	world_events(world);
	world->op_wanted = 0;
	world->op_done = false;
	return nl_call(world->host.nl, take_operation, world);
}

/* Waits for the end of what was begun. */
int world_finish(struct world *world)
{
	double end = seconds() + OPERATION * world->slower;
	struct nl *nl = world->host.nl;

	if (!world->op_wanted)
		return 0;
	while (!world->op_done && seconds() < end) {
		file_is_ready(nl_fd(nl), POLLIN, 200);
		world_events(world);
	}
	world->op_wanted = 0;
	if (!world->op_done)
		return -ETIME;
	return -(int)world->op_error;
}

static int operate(struct world *world)
{
	return begin(world) ?: world_finish(world);
}

/* Questions */

__u64 world_get(struct world *world, unsigned int member, __u16 type)
{
	return host_pair_get(&world->host, world->member[member].pair, type);
}

__u64 world_stream(struct world *world, unsigned int member, unsigned int stream,
		   __u16 type)
{
	return host_stream_get(&world->host, world->member[member].pair,
			       app_stream_name(stream), type);
}

bool world_is_primary(struct world *world, unsigned int member)
{
	return world->member[member].alive &&
	       world_get(world, member, NDVAL_A_PAIR_ROLE) == NDVAL_ROLE_PRIMARY;
}

/*
 * Is it in the primary's epoch, and in sync? In async rounds what was just given is
 * seldom stored by all.
 */
bool world_follows(struct world *world, unsigned int member)
{
	__u64 id = world_get(world, world->primary, NDVAL_A_PAIR_EPOCH_ID);
	__u32 state = host_peer_state(&world->host, world->member[member].pair,
				      world->member[world->primary].name, NULL);

	return world_get(world, member, NDVAL_A_PAIR_EPOCH_ID) == id &&
	       (state == NDVAL_PEER_STATE_IN_SYNC ||
		(world->mode == MODE_ASYNC && state == NDVAL_PEER_STATE_BEHIND &&
		 world_may_lead(world, member)));
}

/* Commands */

static void request(struct world *world, unsigned int member, __u8 cmd)
{
	nl_request(world->host.nl, cmd, 0);
	nl_put_str(world->host.nl, NDVAL_A_PAIR_NAME, world->member[member].pair);
}

int world_command(struct world *world, unsigned int member, __u8 cmd)
{
	request(world, member, cmd);
	return nl_call(world->host.nl, NULL, NULL);
}

int world_peer_outdate(struct world *world, unsigned int member, unsigned int peer)
{
	struct nl *nl = world->host.nl;

	nl_request(nl, NDVAL_CMD_PEER_OUTDATE, 0);
	nl_put_str(nl, NDVAL_A_PEER_PAIR, world->member[member].pair);
	nl_put_str(nl, NDVAL_A_PEER_NAME, world->member[peer].name);
	return nl_call(nl, NULL, NULL);
}

int world_promote(struct world *world, unsigned int member, __u16 flag)
{
	request(world, member, NDVAL_CMD_PROMOTE);
	if (flag)
		nl_put_flag(world->host.nl, flag);
	return operate(world);
}

/* Begins it; world_finish() waits for its end. */
int world_switchover(struct world *world, unsigned int to)
{
	request(world, world->primary, NDVAL_CMD_SWITCHOVER);
	nl_put_str(world->host.nl, NDVAL_A_PAIR_PEER, world->member[to].name);
	return begin(world);
}

struct flags {
	bool	in_sync;
	bool	outdated;
};

static int take_flags(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_PAIR_MAX + 1];
	struct flags *flags = data;

	nl_parse(nlh, tb, NDVAL_A_PAIR_MAX);
	flags->in_sync = tb[NDVAL_A_PAIR_IN_SYNC];
	flags->outdated = tb[NDVAL_A_PAIR_OUTDATED];
	return MNL_CB_OK;
}

/* Does a secondary say that it may take over? */
bool world_may_lead(struct world *world, unsigned int member)
{
	struct flags flags = { 0 };

	request(world, member, NDVAL_CMD_PAIR_GET);
	return !nl_call(world->host.nl, take_flags, &flags) && flags.in_sync && !flags.outdated;
}

/* Links */

struct joint *world_joint(struct world *world, unsigned int a, unsigned int b)
{
	return &world->joint[a < b ? a : b][a < b ? b : a];
}

/* Is there a link that was not harmed? */
bool world_joined(struct world *world, unsigned int a, unsigned int b)
{
	return world_joint(world, a, b)->whole;
}

static void attach_end(struct world *world, unsigned int to, unsigned int peer, int fd)
{
	double end = seconds() + OPERATION * world->slower;
	int err;

	/* The end of an old link may hold the name for a moment. */
	do {
		err = host_attach(&world->host, world->member[to].name,
				  world->member[peer].name, fd, NULL);
	} while (err == -EBUSY && seconds() < end && !usleep(1000));
	if (err)
		check_fault(world->check, FAULT_STATE, "m%u: attach to m%u: %s", to, peer,
			    nl_message(world->host.nl));
}

/* A new link, which replaces the old one if there is one. */
void world_join(struct world *world, unsigned int a, unsigned int b)
{
	struct joint *joint = world_joint(world, a, b);
	unsigned int low = a < b ? a : b, high = a < b ? b : a;
	int old = joint->relay, ends[2];

	joint->relay = relay_join(&world->relay, ends);
	if (joint->relay < 0)
		return;
	attach_end(world, low, high, ends[0]);
	attach_end(world, high, low, ends[1]);
	close(ends[0]);
	close(ends[1]);
	joint->whole = true;
	if (old < 0)
		return;
	/* By chance the old one ends at once, or is read to its end. */
	if (world_draw(world, 2)) {
		relay_drop(&world->relay, old);
	} else {
		relay_hold(&world->relay, old, 0, false);
		relay_hold(&world->relay, old, 1, false);
		usleep(world_draw(world, 3000));
		relay_drop(&world->relay, old);
	}
}

/* Members */

void world_member_new(struct world *world, unsigned int member)
{
	static const __u32 losses[MODES] = {
		[MODE_SUSPEND]	= NDVAL_ON_PEER_LOSS_SUSPEND,
		[MODE_CONTINUE]	= NDVAL_ON_PEER_LOSS_CONTINUE,
		[MODE_ASYNC]	= NDVAL_ON_PEER_LOSS_SUSPEND,
		[MODE_SPLIT]	= NDVAL_ON_PEER_LOSS_CONTINUE,
		[MODE_FORCE]	= NDVAL_ON_PEER_LOSS_SUSPEND,
	};
	struct nl *nl = world->host.nl;
	unsigned int m, s;

	request(world, member, NDVAL_CMD_PAIR_NEW);
	nl_put_str(nl, NDVAL_A_PAIR_GROUP, "chaos");
	nl_put_str(nl, NDVAL_A_PAIR_MEMBER, world->member[member].name);
	for (m = 0; m < world->members; m++)
		if (m != member)
			nl_put_str(nl, NDVAL_A_PAIR_PEER, world->member[m].name);
	nl_put_u32(nl, NDVAL_A_PAIR_COMMIT, world->mode == MODE_ASYNC ?
		   NDVAL_COMMIT_ASYNC : NDVAL_COMMIT_SYNC);
	nl_put_u32(nl, NDVAL_A_PAIR_ON_PEER_LOSS, losses[world->mode]);
	nl_put_u32(nl, NDVAL_A_PAIR_ON_DIVERGENCE, NDVAL_ON_DIVERGENCE_REPORT);
	nl_put_u32(nl, NDVAL_A_PAIR_RING_SIZE, world->ring_size);
	nl_put_u32(nl, NDVAL_A_PAIR_JOURNAL_SIZE, world->journal_size);
	nl_put_u32(nl, NDVAL_A_PAIR_PREFETCH, world->prefetch);
	nl_put_u32(nl, NDVAL_A_PAIR_OVERFLOW, world->overflow);
	nl_put_u64(nl, NDVAL_A_PAIR_MEMORY_MAX, world->memory_max);
	nl_put_u32(nl, NDVAL_A_PAIR_READ_TIMEOUT_MS, 20);
	nl_put_u32(nl, NDVAL_A_PAIR_PEER_TIMEOUT_MS, world->peer_timeout);
	nl_put_u32(nl, NDVAL_A_PAIR_INSPECT, NDVAL_SWITCH_ON);
	if (nl_call(nl, NULL, NULL)) {
		check_fault(world->check, FAULT_STATE, "m%u: pair add: %s", member,
			    nl_message(nl));
		return;
	}
	world->member[member].alive = true;
	check_forget(world->check, member);
	for (s = 0; s < world->streams; s++)
		app_start(world, member, s, world_draw(world, 1ULL << 62));
}

/*
 * As a power cut: nothing that it says from now on is heard, and then it is gone
 * with its memory. What it said before may still arrive, the @last_words.
 */
void world_member_kill(struct world *world, unsigned int member, bool last_words)
{
	unsigned int other, s;
	int err;

	for (other = 0; other < world->members; other++) {
		struct joint *joint = world_joint(world, member, other);

		if (other == member || joint->relay < 0)
			continue;
		relay_last(&world->relay, joint->relay, member > other);
		relay_hold(&world->relay, joint->relay, other > member, true);
		joint->whole = false;
	}
	request(world, member, NDVAL_CMD_PAIR_DEL);
	err = operate(world);
	if (err)
		check_fault(world->check, FAULT_HUNG, "m%u: pair del: %s", member,
			    strerror(-err));
	world->member[member].alive = false;
	for (s = 0; s < CHAOS_STREAMS; s++)
		app_join(&world->member[member].apps[s]);
	for (other = 0; other < world->members; other++) {
		struct joint *joint = world_joint(world, member, other);

		if (other == member || joint->relay < 0)
			continue;
		if (last_words) {
			relay_hold(&world->relay, joint->relay, member > other, false);
			usleep(2000);
		}
		relay_drop(&world->relay, joint->relay);
		joint->relay = -1;
	}
	check_forget(world->check, member);
	world->score.kills++;
}

/* Does a member that has taken over store all that was given, and the same? */

struct audit {
	struct world	*world;
	unsigned int	member;
	unsigned int	stream;
	__u64		next;
};

static int take_values(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_VALUES_MAX + 1], *value[NDVAL_A_VALUE_MAX + 1];
	struct audit *audit = data;
	size_t len;

	nl_parse(nlh, tb, NDVAL_A_VALUES_MAX);
	nl_parse_nest(tb[NDVAL_A_VALUES_VALUE], value, NDVAL_A_VALUE_MAX);
	len = mnl_attr_get_payload_len(value[NDVAL_A_VALUE_DATA]);
	check_stores(audit->world->check, audit->member, audit->stream, audit->next,
		     mnl_attr_get_payload(value[NDVAL_A_VALUE_DATA]), len);
	audit->next += len;
	return MNL_CB_OK;
}

/**
 * world_audit() - compares what a member stores with all that was given
 * @world: the world
 * @member: the member
 * @needed: by check_all_needed(), up to where it has to store it
 * @most: look at this much of each stream, the newest of it; of journals, at all
 */
void world_audit(struct world *world, unsigned int member, const __u64 *needed, __u64 most)
{
	struct audit audit = { .world = world, .member = member };
	struct nl *nl = world->host.nl;

	for (audit.stream = 0; audit.stream < world->streams; audit.stream++) {
		__u64 end = needed[audit.stream], tail, head;

		journal_audit(world, member, audit.stream,
			      needed[CHAOS_JOURNAL(audit.stream)]);
		if (!end)
			continue;
		head = world_stream(world, member, audit.stream, NDVAL_A_STREAM_HEAD);
		if (head == ~0ULL)
			head = 0;
		check_head(world->check, member, audit.stream, head, end);
		tail = world_stream(world, member, audit.stream, NDVAL_A_STREAM_TAIL);
		audit.next = end > most ? end - most : 0;
		while (audit.next < tail || audit.next < end) {
			if (audit.next < tail)
				audit.next = tail;
			if (audit.next >= end)
				break;
			nl_request(nl, NDVAL_CMD_VALUES_GET, 0);
			nl_put_str(nl, NDVAL_A_VALUES_PAIR, world->member[member].pair);
			nl_put_str(nl, NDVAL_A_VALUES_STREAM, app_stream_name(audit.stream));
			nl_put_u64(nl, NDVAL_A_VALUES_OFFSET, audit.next);
			nl_put_u32(nl, NDVAL_A_VALUES_LENGTH,
				   end - audit.next < 4096 ? end - audit.next : 4096);
			/* The window may have moved meanwhile. */
			if (nl_call(nl, take_values, &audit))
				break;
		}
	}
}

static void explain_stream(struct world *world, unsigned int member, unsigned int stream)
{
	const struct app *app = &world->member[member].apps[stream];

	printf("; s%u: app %d%s%s%s at %llx, %llx to %llx (%llx)", stream, app->state,
	       app->blocks ? " blocking" : "", app->hold ? " held" : "",
	       app->stands ? " standing" : "", check_next(world->check, member, stream),
	       world_stream(world, member, stream, NDVAL_A_STREAM_TAIL),
	       world_stream(world, member, stream, NDVAL_A_STREAM_HEAD),
	       world_stream(world, member, stream, NDVAL_A_STREAM_COMMITTED));
	printf(", journal at %llx, %llx to %llx (%llx)",
	       check_next(world->check, member, CHAOS_JOURNAL(stream)),
	       world_stream(world, member, stream, NDVAL_A_STREAM_JOURNAL_TAIL),
	       world_stream(world, member, stream, NDVAL_A_STREAM_JOURNAL_HEAD),
	       world_stream(world, member, stream, NDVAL_A_STREAM_JOURNAL_COMMITTED));
}

/* What lies on a link, and where all tasks wait. */
static void explain_links(struct world *world)
{
	struct relay_link *links = world->relay.links;
	int i, side;

	for (i = 0; i < RELAY_LINKS; i++) {
		for (side = 0; links[i].used && side < 2; side++) {
			const struct relay_way *way = &links[i].way[side];

			printf("# relay %d.%d: fd %d, %zu to %zu%s%s\n", i, side,
			       links[i].fd[side], way->from, way->to,
			       way->held ? ", held" : "", way->last ? ", last" : "");
		}
	}
	run("ndvalctl link list --json | tr -d '\n'");
	run("echo t >/proc/sysrq-trigger");
}

/* What everybody is in, for who reads of a failure. */
void world_explain(struct world *world)
{
	static const __u16 types[] = {
		NDVAL_A_PAIR_ROLE, NDVAL_A_PAIR_HEALTH, NDVAL_A_PAIR_EPOCH,
		NDVAL_A_PAIR_EPOCH_ID, NDVAL_A_PAIR_ISSUED, NDVAL_A_PAIR_COMMITTED,
		NDVAL_A_PAIR_DELIVERED,
	};
	unsigned int m, other, i;
	char reason[REASON_SIZE];

	for (m = 0; m < world->members; m++) {
		if (!world->member[m].alive)
			continue;
		printf("# m%u:", m);
		for (i = 0; i < ARRAY_LEN(types); i++)
			printf(" %llx", world_get(world, m, types[i]));
		for (other = 0; other < world->members; other++) {
			if (other == m)
				continue;
			printf("; m%u %d", other,
			       (int)host_peer_state(&world->host, world->member[m].pair,
						    world->member[other].name, reason));
			printf(" %s", reason);
		}
		printf("; memory %llx of %llx", world_get(world, m, NDVAL_A_PAIR_MEMORY),
		       world_get(world, m, NDVAL_A_PAIR_MEMORY_MAX));
		for (i = 0; i < world->streams; i++)
			explain_stream(world, m, i);
		printf("\n");
	}
	if (world->check->fault == FAULT_HUNG)
		explain_links(world);
}

/* Begin and end */

bool world_open(struct world *world)
{
	unsigned int m;

	memset(world, 0, sizeof(*world));
	world->slower = from_environment("NDVAL_SLOWER", 1);
	world->check = check_new();
	if (!world->check || !host_open(&world->host) || !relay_open(&world->relay))
		return false;
	for (m = 0; m < CHAOS_MEMBERS; m++) {
		struct member *member = &world->member[m];

		snprintf(member->name, sizeof(member->name), "m%u", m);
		snprintf(member->pair, sizeof(member->pair), "c%u", m);
		if (host_call(&world->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME,
			      member->name))
			return false;
	}
	return true;
}

void world_close(struct world *world)
{
	unsigned int m;

	relay_close(&world->relay);
	for (m = 0; m < CHAOS_MEMBERS; m++)
		host_member_del(&world->host, world->member[m].name);
	host_close(&world->host);
	check_free(world->check);
}

static void draw_settings(struct world *world)
{
	static const __u64 rings[] = { 64 * KIB, 256 * KIB, 256 * KIB };
	static const __u64 prefetches[] = { 0, 4 * KIB, 16 * KIB, 16 * KIB };
	static const __u64 journals[] = { 8 * KIB, 64 * KIB, 64 * KIB };

	world->ring_size = rings[world_draw(world, ARRAY_LEN(rings))];
	world->journal_size = journals[world_draw(world, ARRAY_LEN(journals))];
	world->prefetch = prefetches[world_draw(world, ARRAY_LEN(prefetches))];
	world->overflow = world_draw(world, 2) ? NDVAL_OVERFLOW_STALL : NDVAL_OVERFLOW_DROP;
	world->memory_max = world_draw(world, 4) ? 16 * MIB : MIB;
	/*
	 * Who goes on by itself must lose nobody but whom the manager has dealt with;
	 * who waits may lose anybody at any time.
	 */
	world->peer_timeout = world->mode == MODE_CONTINUE ? 600000 :
			      (600 + world_draw(world, 900)) * world->slower;
}

/* A new life, all members joined. */
void world_begin(struct world *world, __u64 seed, int mode, unsigned int members)
{
	unsigned int a, b;

	world->seed = seed;
	world->random = seed;
	world->steps_len = 0;
	world->steps[0] = '\0';
	world->mode = mode >= 0 ? (enum mode)mode : world_draw(world, MODES);
	world->members = members ?: 2 + world_draw(world, CHAOS_MEMBERS - 1);
	world->streams = 1 + world_draw(world, 2);
	draw_settings(world);
	world->over = false;
	world->forced_events = 0;
	world->fenced_events = 0;
	memset(world->reported, 0, sizeof(world->reported));
	check_begin(world->check, world->mode <= MODE_CONTINUE, world->mode == MODE_ASYNC);
	world_say(world,
		  "%s, %u members, ring %lluK, journal %lluK, prefetch %lluK, overflow %u:",
		  mode_name(world->mode), world->members, world->ring_size / KIB,
		  world->journal_size / KIB, world->prefetch / KIB, world->overflow);
	for (a = 0; a < world->members; a++)
		world_member_new(world, a);
	for (a = 0; a < world->members; a++)
		for (b = 0; b < CHAOS_MEMBERS; b++)
			world->joint[a][b] = (struct joint){ .relay = -1 };
	for (a = 0; a < world->members; a++)
		for (b = a + 1; b < world->members; b++)
			world_join(world, a, b);
	world->primary = world_draw(world, world->members);
	if (world_promote(world, world->primary, NDVAL_A_PAIR_NEW))
		check_fault(world->check, FAULT_STATE, "promote --new: %s",
			    nl_message(world->host.nl));
}

/* Everything of the round goes. */
void world_end(struct world *world)
{
	unsigned int m;
	int i;

	for (m = 0; m < world->members; m++) {
		if (world->member[m].alive) {
			world_member_kill(world, m, false);
			world->score.kills--;
		}
	}
	for (i = 0; i < RELAY_LINKS; i++)
		relay_drop(&world->relay, i);
	world_events(world);
}
