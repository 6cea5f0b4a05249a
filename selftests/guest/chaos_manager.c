// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cluster manager of a round: it makes members go on without others, and
 * promotes. In strict rounds it is right: who is gone on without was outdated
 * before, and nobody is promoted while an old primary lives.
 *
 * vm: helper=yes
 */
#include "chaos.h"

#include "common.h"

/* Longest that a link may take to end, in s of a fast kernel. */
#define LINK_END	10

/* How much of each stream is looked at when somebody takes over. */
#define AUDIT		(24 * KIB)

bool is_strict(const struct world *world)
{
	return world->mode <= MODE_CONTINUE;
}

/* Does the manager see to it that there is only one primary? */
static bool is_fenced(const struct world *world)
{
	return world->mode <= MODE_ASYNC;
}

/* This copy will not be promoted until it is in sync again. */
static void outdate_copy(struct world *world, unsigned int member)
{
	int err;

	if (!world->member[member].alive || !is_fenced(world))
		return;
	err = world_command(world, member, NDVAL_CMD_OUTDATE);
	world_say(world, " outdate(m%u)=%d", member, err);
	if (err && is_strict(world))
		check_fault(world->check, FAULT_STATE, "m%u: outdate: %s", member,
			    nl_message(world->host.nl));
}

/* What the primary may go on without. */
void manager_release(struct world *world)
{
	unsigned int m;
	int err;

	for (m = 0; m < world->members; m++) {
		if ((int)m == world->primary || world_joined(world, m, world->primary))
			continue;
		outdate_copy(world, m);
		wait_until((err = world_peer_outdate(world, world->primary, m)) != -EBUSY,
			   LINK_END * world->slower);
		world_say(world, " peer_outdate(m%u,m%u)=%d", world->primary, m, err);
	}
}

/*
 * After a link was harmed: with `continue' the primary has gone on by itself, and
 * nobody was promoted meanwhile.
 */
void manager_note_loss(struct world *world, unsigned int a, unsigned int b)
{
	if (world->mode != MODE_CONTINUE)
		return;
	if (world->primary == (int)a)
		outdate_copy(world, b);
	if (world->primary == (int)b)
		outdate_copy(world, a);
}

/* Links of which nobody knows whether they live delay a promotion. */
void manager_drop_harmed(struct world *world, unsigned int member)
{
	unsigned int other;

	for (other = 0; other < world->members; other++) {
		struct joint *joint = world_joint(world, member, other);

		if (other == member || joint->whole || joint->relay < 0)
			continue;
		relay_drop(&world->relay, joint->relay);
		joint->relay = -1;
	}
}

/* Is another member connected, as this one sees it? */
bool manager_sees(struct world *world, unsigned int member, unsigned int other)
{
	switch (host_peer_state(&world->host, world->member[member].pair,
				world->member[other].name, NULL)) {
	case NDVAL_PEER_STATE_WAITING:
	case NDVAL_PEER_STATE_BEHIND:
	case NDVAL_PEER_STATE_IN_SYNC:
		return world_joined(world, member, other);
	default:
		return false;
	}
}

/* Who might be primary in the place of @member, and can't be asked later. */
static __u16 fence_others(struct world *world, unsigned int member)
{
	bool all = world_draw(world, 2);
	unsigned int other;

	for (other = 0; other < world->members; other++)
		if (other != member && world->member[other].alive &&
		    (all || !manager_sees(world, member, other)))
			outdate_copy(world, other);
	return all && is_fenced(world) ? NDVAL_A_PAIR_FENCED : 0;
}

/* A promotion that may have to wait for the end of a link. */
static int promote_patiently(struct world *world, unsigned int member, __u16 flag)
{
	double end = seconds() + LINK_END * world->slower;
	bool under_way = false;
	int err;

	do {
		err = world_promote(world, member, flag);
		under_way |= err == -EINPROGRESS;
		if (err != -EBUSY && err != -EINPROGRESS && err != -ETIMEDOUT)
			break;
		usleep(2000);
	} while (seconds() < end);
	world_say(world, " promote(m%u%s)=%d", member,
		  flag == NDVAL_A_PAIR_FORCE ? ",force" :
		  flag == NDVAL_A_PAIR_FENCED ? ",fenced" : "", err);
	/* What was under way has ended meanwhile. */
	if (err == -EALREADY && under_way)
		err = 0;
	if (err == -EBUSY || err == -EINPROGRESS || err == -ETIMEDOUT || err == -ETIME)
		check_fault(world->check, FAULT_HUNG, "m%u: promote: %s", member,
			    strerror(-err));
	return err;
}

static bool take_over(struct world *world, unsigned int member, __u16 flag)
{
	__u64 needed[CHAOS_BOOKS];
	unsigned int m;

	check_all_needed(world->check, needed);
	/* Also of others, who might still see a primary there. */
	for (m = 0; m < world->members; m++)
		manager_drop_harmed(world, m);
	if (flag != NDVAL_A_PAIR_FORCE)
		flag = fence_others(world, member);
	if (promote_patiently(world, member, flag)) {
		world->score.refused++;
		return false;
	}
	world->primary = member;
	world->score.promoted++;
	if (flag != NDVAL_A_PAIR_FORCE) {
		world_audit(world, member, needed, AUDIT);
		return true;
	}
	world->score.forced++;
	world_events(world);
	if (!world->forced_events)
		check_fault(world->check, FAULT_UNREPORTED,
			    "m%u was promoted by force, and no event said so", member);
	return true;
}

/* Does it look as if this one may take over? It may be asked all the same. */
static bool looks_fit(struct world *world, unsigned int member)
{
	return world->bold || !world_draw(world, 8) || world_may_lead(world, member);
}

/* There is no primary: somebody becomes it, or the round is over. */
void manager_failover(struct world *world)
{
	unsigned int first = world_draw(world, world->members), i;

	if (world->mode == MODE_FORCE && world_draw(world, 2) &&
	    world->member[first].alive && take_over(world, first, NDVAL_A_PAIR_FORCE))
		return;
	for (i = 0; i < world->members; i++) {
		unsigned int m = (first + i) % world->members;

		if (world->member[m].alive && looks_fit(world, m) && take_over(world, m, 0))
			return;
	}
	/* Once more, without any doubt; one that was spared may be asked now. */
	for (i = 0; i < world->members; i++)
		if (world->member[i].alive && world_may_lead(world, i) &&
		    take_over(world, i, 0))
			return;
	for (i = 0; !is_fenced(world) && i < world->members; i++)
		if (world->member[i].alive && take_over(world, i, NDVAL_A_PAIR_FORCE))
			return;
	world_say(world, " stuck");
	world->primary = -1;
	world->over = true;
	world->score.stuck++;
}

/* Who is primary after something that may or may not have changed it? */
int manager_find_primary(struct world *world, double wait)
{
	double end = seconds() + wait;
	unsigned int m;

	do {
		for (m = 0; m < world->members; m++)
			if (world_is_primary(world, m))
				return m;
		usleep(2000);
	} while (seconds() < end);
	return -1;
}

static bool has_diverged(struct world *world, unsigned int member)
{
	return world_get(world, member, NDVAL_A_PAIR_HEALTH) == NDVAL_HEALTH_DIVERGED;
}

/* An offset in what a member stores, -1 if there is none. */
static long long draw_offset(struct world *world, unsigned int member, unsigned int stream)
{
	__u64 head = world_stream(world, member, stream, NDVAL_A_STREAM_HEAD);
	__u64 tail = world_stream(world, member, stream, NDVAL_A_STREAM_TAIL);

	if (head == ~0ULL || tail > head)
		return -1;
	return tail + (world_draw(world, 2) ? 0 : world_draw(world, head - tail + 1));
}

/* A negative place stays as it is. */
static int set_instance(struct world *world, const struct app *app, long long at,
			long long record_at)
{
	struct nl *nl = world->host.nl;

	nl_request(nl, NDVAL_CMD_INSTANCE_SET, 0);
	nl_put_str(nl, NDVAL_A_INSTANCE_PAIR, world->member[app->member].pair);
	nl_put_str(nl, NDVAL_A_INSTANCE_STREAM, app_stream_name(app->stream));
	nl_put_u32(nl, NDVAL_A_INSTANCE_INSTANCE, 0);
	if (at >= 0)
		nl_put_u64(nl, NDVAL_A_INSTANCE_POSITION, at);
	if (record_at >= 0)
		nl_put_u64(nl, NDVAL_A_INSTANCE_JOURNAL_POSITION, record_at);
	return nl_call(nl, NULL, NULL);
}

/* It goes on elsewhere where it is lost, and by chance in the other one too. */
static void reposition(struct world *world, struct app *app)
{
	bool record = app->state == APP_STALE || app->record_lost;
	bool bytes = app->state == APP_STALE || !app->record_lost;
	long long at = -1, record_at = -1;

	if (bytes || world_draw(world, 2))
		at = draw_offset(world, app->member, app->stream);
	if (record || world_draw(world, 2))
		record_at = journal_place(world, app->member, app->stream);
	if (at < 0 && record_at < 0)
		return;
	if (!set_instance(world, app, at, record_at))
		app_put(app, at, record_at);
}

/* Instances that are lost go on somewhere in what their member stores. */
void manager_reposition(struct world *world)
{
	unsigned int m, s;

	for (m = 0; m < world->members; m++) {
		for (s = 0; s < world->streams; s++) {
			struct app *app = &world->member[m].apps[s];

			if (!app->started || !app->stands ||
			    (app->state != APP_LOST && app->state != APP_STALE) ||
			    (app->state == APP_STALE && has_diverged(world, m)))
				continue;
			reposition(world, app);
		}
	}
}

/* An administrator's word: throw everything away. Nobody reads until told where. */
void manager_resync(struct world *world, unsigned int member)
{
	int err;

	/* Who comes later is not lost. */
	wait_until(apps_are(world, member, app_has_opened), LINK_END * world->slower);
	err = world_command(world, member, NDVAL_CMD_RESYNC);
	world_say(world, " resync(m%u)=%d", member, err);
	if (err)
		return;
	if (!wait_until(apps_are(world, member, app_waits), LINK_END * world->slower)) {
		check_fault(world->check, FAULT_HUNG, "m%u: reads go on after resync", member);
		return;
	}
	check_forget(world->check, member);
	world->reported[member] = 0;
}

/* Nothing keeps two members apart any more. */
void manager_heal(struct world *world)
{
	unsigned int a, b;

	for (a = 0; a < world->members; a++) {
		for (b = a + 1; b < world->members; b++) {
			if (!world->member[a].alive || !world->member[b].alive ||
			    world_joined(world, a, b))
				continue;
			world_join(world, a, b);
			manager_note_loss(world, a, b);
		}
	}
}

/*
 * A link may have timed out that nobody harmed, on a busy machine. One that is up
 * stays: what it owes to anybody it has to give by itself.
 */
void manager_relink(struct world *world)
{
	unsigned int a, b;

	for (a = 0; a < world->members; a++)
		for (b = a + 1; b < world->members; b++)
			if (world->member[a].alive && world->member[b].alive &&
			    (!manager_sees(world, a, b) || !manager_sees(world, b, a)))
				world_joint(world, a, b)->whole = false;
	manager_heal(world);
}

/* Two that stand against each other: the second gives way. */
static void part(struct world *world)
{
	unsigned int m;

	for (m = 0; m < world->members; m++) {
		if (!world->member[m].alive || (int)m == world->primary ||
		    has_diverged(world, m) || world_follows(world, m))
			continue;
		manager_resync(world, m);
	}
}

/* Is everybody with the primary, or reported as different? */
static bool together(struct world *world)
{
	unsigned int m;

	if (world->primary < 0 || !world_is_primary(world, world->primary))
		return false;
	for (m = 0; m < world->members; m++) {
		if (!world->member[m].alive || (int)m == world->primary)
			continue;
		if (has_diverged(world, m) && !is_strict(world))
			continue;
		if (!world_follows(world, m))
			return false;
	}
	return true;
}

/* Waits until it is so, and helps where an administrator has to. */
static bool come_together(struct world *world)
{
	double begin = seconds();
	double end = begin + 30 * world->slower;
	double again = begin + 2 * world->slower;
	bool parted = false;

	while (!together(world)) {
		if (seconds() > end)
			return false;
		if (!is_strict(world) &&
		    (world->primary < 0 || !world_is_primary(world, world->primary))) {
			world->primary = manager_find_primary(world, 0);
			if (world->primary < 0)
				manager_failover(world);
		}
		if (!parted && !is_strict(world) && seconds() > begin + world->slower) {
			part(world);
			parted = true;
		}
		if (seconds() > again) {
			manager_relink(world);
			/* One that is lost in its stream holds the journal under stall. */
			manager_reposition(world);
			again = seconds() + 2 * world->slower;
		}
		world_events(world);
		usleep(3000);
	}
	return true;
}

/* Who is together again gave the same, or was reported, and is told to resync. */
static void compare(struct world *world)
{
	bool diverged[CHAOS_MEMBERS] = { 0 };
	unsigned int a, b;

	world_events(world);
	for (a = 0; a < world->members; a++) {
		if (!world->member[a].alive)
			continue;
		diverged[a] = has_diverged(world, a);
		if (diverged[a] && !world->reported[a])
			check_fault(world->check, FAULT_UNREPORTED,
				    "m%u is diverged, and no event said so", a);
	}
	for (a = 0; a < world->members; a++)
		for (b = a + 1; b < world->members; b++)
			if (world->member[a].alive && world->member[b].alive &&
			    !diverged[a] && !diverged[b])
				check_same(world->check, a, b);
	for (a = 0; a < world->members; a++)
		if (diverged[a])
			manager_resync(world, a);
}

/* All links are whole, all members agree, or somebody was told why not. */
void manager_settle(struct world *world)
{
	world_say(world, " settle");
	manager_heal(world);
	/* Who waits for the dead gives nothing to the living. */
	if (world->mode != MODE_CONTINUE && world->primary >= 0)
		manager_release(world);
	if (!come_together(world)) {
		check_fault(world->check, FAULT_HUNG, "the members do not come together");
		return;
	}
	if (!world->over)
		compare(world);
}
