// SPDX-License-Identifier: GPL-2.0-only
/*
 * A round of chaos: what happens to the members, in an order drawn from a seed.
 *
 * vm: helper=yes
 */
#include "chaos.h"

#include "common.h"

/* Longest that anybody may have to wait in the end, in s. */
#define PATIENCE	20

/* What everybody must get then, in bytes. */
#define GOES_ON		2048

/* And of each journal. */
#define RECORDS_GO_ON	512

const char *mode_name(enum mode mode)
{
	static const char *const names[MODES] = {
		[MODE_SUSPEND]	= "suspend",
		[MODE_CONTINUE]	= "continue",
		[MODE_ASYNC]	= "async",
		[MODE_SPLIT]	= "split",
		[MODE_FORCE]	= "force",
	};

	return names[mode];
}

/* Some time for the applications. */
static void run_on(struct world *world, unsigned int most_ms)
{
	usleep(world_draw(world, most_ms * 1000) * (world->slower > 1 ? 3 : 1));
}

/* Another member that is alive, -1 if there is none. */
static int draw_other(struct world *world, int than)
{
	unsigned int first = world_draw(world, world->members), i;

	for (i = 0; i < world->members; i++) {
		unsigned int m = (first + i) % world->members;

		if ((int)m != than && world->member[m].alive)
			return m;
	}
	return -1;
}

/* Waits for a member, not this one, that may take over; false if there is none. */
static bool await_heir(struct world *world, int than)
{
	double end = seconds() + 0.5 * world->slower;
	unsigned int m;

	do {
		for (m = 0; m < world->members; m++)
			if (world->member[m].alive && (int)m != world->primary &&
			    (int)m != than && world_may_lead(world, m))
				return true;
		usleep(3000);
	} while (seconds() < end);
	return false;
}

/* Most failovers find somebody who is fit for it; else they are left out. */
static bool dares(struct world *world, int than)
{
	return !world_draw(world, 24) || await_heir(world, than);
}

static void kill_one(struct world *world, unsigned int member)
{
	world_say(world, " kill(m%u)", member);
	world_member_kill(world, member, world_draw(world, 2));
}

static void kill_primary(struct world *world)
{
	if (!dares(world, -1))
		return;
	kill_one(world, world->primary);
	world->primary = -1;
	manager_failover(world);
}

/* A new primary that dies before anybody has heard of it. */
static void kill_twice(struct world *world)
{
	int first = world->primary;

	kill_primary(world);
	/* Who has not come to be in sync with it leaves nobody to promote. */
	if (!world->over && world->primary != first && dares(world, -1)) {
		kill_one(world, world->primary);
		world->primary = -1;
		manager_failover(world);
	}
}

/* Two at once: what was given is stored by the third too, if it is in sync. */
static void kill_both(struct world *world)
{
	int other = draw_other(world, world->primary);

	if (world->members < 3 || other < 0 || !dares(world, other))
		return;
	if (world->mode == MODE_CONTINUE)
		kill_one(world, world->primary);
	kill_one(world, other);
	if (world->mode != MODE_CONTINUE)
		kill_one(world, world->primary);
	world->primary = -1;
	manager_failover(world);
}

static void kill_secondary(struct world *world)
{
	int member = draw_other(world, world->primary);

	if (member < 0)
		return;
	kill_one(world, member);
	if (world_draw(world, 2))
		manager_release(world);
}

static void revive(struct world *world)
{
	unsigned int m, other;

	for (m = 0; m < world->members; m++) {
		if (world->member[m].alive)
			continue;
		world_say(world, " rebirth(m%u)", m);
		world_member_new(world, m);
		for (other = 0; other < world->members; other++)
			if (other != m && world->member[other].alive)
				world_join(world, m, other);
	}
}

/* Ends a link, or holds back what one says, and each notices by itself. */
static void harm(struct world *world, unsigned int a, unsigned int b, unsigned int how)
{
	struct joint *joint = world_joint(world, a, b);

	if (joint->relay < 0)
		return;
	world_say(world, " cut(m%u,m%u,%u)", a, b, how);
	joint->whole = false;
	switch (how) {
	case 0:
		relay_drop(&world->relay, joint->relay);
		joint->relay = -1;
		break;
	case 1:
	case 2:
		relay_end(&world->relay, joint->relay, how - 1);
		break;
	case 3:
	case 4:
		relay_hold(&world->relay, joint->relay, how - 3, true);
		break;
	case 5:
	case 6:
		/* One has noticed, and the other will hear of it later. */
		relay_hold(&world->relay, joint->relay, how - 5, true);
		relay_end(&world->relay, joint->relay, how - 5);
		break;
	default:
		relay_hold(&world->relay, joint->relay, 0, true);
		relay_hold(&world->relay, joint->relay, 1, true);
		break;
	}
	manager_note_loss(world, a, b);
}

static void cut(struct world *world)
{
	int a = draw_other(world, -1), b = draw_other(world, a);

	if (b < 0)
		return;
	harm(world, a, b, world_draw(world, 8));
	run_on(world, 10);
	if (world->mode != MODE_CONTINUE && world_draw(world, 2))
		manager_release(world);
}

/* What was held back arrives, however late. */
static void let_pass(struct world *world)
{
	unsigned int a, b;

	for (a = 0; a < world->members; a++) {
		for (b = a + 1; b < world->members; b++) {
			struct joint *joint = world_joint(world, a, b);

			if (joint->whole || joint->relay < 0)
				continue;
			world_say(world, " let_go(m%u,m%u)", a, b);
			relay_hold(&world->relay, joint->relay, 0, false);
			relay_hold(&world->relay, joint->relay, 1, false);
		}
	}
	run_on(world, 4);
}

static void mend(struct world *world)
{
	world_say(world, " heal");
	manager_heal(world);
}

/* A link that is well gets a successor. */
static void renew(struct world *world)
{
	int a = draw_other(world, -1), b = draw_other(world, a);

	if (b < 0)
		return;
	world_say(world, " replace(m%u,m%u)", a, b);
	world_join(world, a, b);
	manager_note_loss(world, a, b);
}

static void slow_down(struct world *world)
{
	int a = draw_other(world, -1), b = draw_other(world, a);
	int ms = world_draw(world, 2) ? world_draw(world, 15) : 0;

	if (b < 0 || world_joint(world, a, b)->relay < 0)
		return;
	world_say(world, " delay(m%u,m%u,%d)", a, b, ms);
	relay_delay(&world->relay, world_joint(world, a, b)->relay, ms);
}

/* Afterwards, whatever came of it, there is one primary. */
static void find_primary(struct world *world)
{
	world->primary = manager_find_primary(world, world_draw(world, 4) ? 0.3 : 0);
	if (world->primary < 0)
		manager_failover(world);
}

static void switch_over(struct world *world)
{
	int old = world->primary, to = draw_other(world, old);
	unsigned int m;
	int err;

	if (to < 0 || !world_joined(world, old, to))
		return;
	if (world_draw(world, 4))
		await_heir(world, -1);
	/* With `continue' it would leave out whom it does not see. */
	for (m = 0; world->mode == MODE_CONTINUE && m < world->members; m++)
		if ((int)m != to && world->member[m].alive && !manager_sees(world, to, m))
			return;
	err = world_switchover(world, to);
	world_say(world, " switchover(m%d)=%d", to, err);
	if (err)
		return;
	if (!world_draw(world, 4)) {
		run_on(world, 3);
		/* Nobody can say which of the two is to be outdated. */
		if (world->mode == MODE_CONTINUE)
			kill_one(world, world_draw(world, 2) ? old : to);
		else
			harm(world, old, to, world_draw(world, 3));
	}
	err = world_finish(world);
	world_say(world, "=%d", err);
	if (err == -ETIME)
		check_fault(world->check, FAULT_HUNG, "the switchover does not end");
	if (!err)
		world->score.switched++;
	/* It may still be told to take over, as long as it hears the old one. */
	manager_drop_harmed(world, old);
	if (world->member[to].alive && !world_joined(world, old, to))
		host_peer_is(&world->host, world->member[to].pair, world->member[old].name,
			     NDVAL_PEER_STATE_DISCONNECTED);
	find_primary(world);
}

static void step_down(struct world *world)
{
	int err = world_command(world, world->primary, NDVAL_CMD_DEMOTE);

	world_say(world, " demote(m%d)=%d", world->primary, err);
	if (err)
		return;
	world->primary = -1;
	run_on(world, 2);
	manager_failover(world);
}

/* Cut off from all, demoted by its manager, and another one goes on. */
static void isolate(struct world *world)
{
	unsigned int m;

	/* Of those that it goes on without, nobody could take over. */
	if (world->mode == MODE_CONTINUE)
		return;
	if (!dares(world, -1))
		return;
	for (m = 0; m < world->members; m++) {
		if ((int)m == world->primary || !world->member[m].alive)
			continue;
		harm(world, world->primary, m, world_draw(world, 8));
	}
	run_on(world, 5);
	step_down(world);
}

static void resync(struct world *world)
{
	int member = draw_other(world, world->primary);

	if (member >= 0)
		manager_resync(world, member);
}

/* An application that goes back to what it has read before. */
static void go_back(struct world *world)
{
	int member = draw_other(world, -1);
	struct app *app = &world->member[member].apps[world_draw(world, world->streams)];

	if (!app->started || app->state != APP_RUNS || !app_hold(app))
		return;
	app->record_lost = world_draw(world, 2);
	if (app->state == APP_RUNS)
		app->state = APP_LOST;
	app->hold = false;
}

static void new_stream(struct world *world)
{
	unsigned int s = world->streams, m;

	if (s == CHAOS_STREAMS)
		return;
	world_say(world, " stream(s%u)", s);
	world->streams++;
	for (m = 0; m < world->members; m++)
		if (world->member[m].alive)
			app_start(world, m, s, world_draw(world, 1ULL << 62));
}

static void slow_all(struct world *world, unsigned int member, int ms)
{
	unsigned int m;

	for (m = 0; m < world->members; m++)
		if (m != member && world_joint(world, member, m)->relay >= 0)
			relay_delay(&world->relay, world_joint(world, member, m)->relay, ms);
}

static bool has_harmed_link(struct world *world, unsigned int member)
{
	unsigned int m;

	for (m = 0; m < world->members; m++)
		if (m != member && world_joint(world, member, m)->relay >= 0 &&
		    !world_joined(world, member, m))
			return true;
	return false;
}

/* A primary that begins anew, and dies before anybody can have heard of it. */
static void reign_briefly(struct world *world)
{
	int old = world->primary, err;

	/* With `continue' it would wait for minutes for the answer of who is silent. */
	if (world->mode == MODE_CONTINUE && has_harmed_link(world, old))
		return;
	if (!dares(world, -1))
		return;
	world_say(world, " brief(m%d)", old);
	slow_all(world, old, 15);
	err = world_command(world, old, NDVAL_CMD_DEMOTE) ? 0 : world_promote(world, old, 0);
	if (err) {
		world_say(world, "=%d", err);
		if (err == -ETIME)
			check_fault(world->check, FAULT_HUNG,
				    "m%d: nobody tells of the promotion's end", old);
		world->primary = -1;
		manager_failover(world);
		return;
	}
	run_on(world, 12);
	world_member_kill(world, old, false);
	world->primary = -1;
	manager_failover(world);
}

/* A member comes back empty, and the primary dies as soon as it may be missed. */
static void come_back_hastily(struct world *world)
{
	int member = draw_other(world, world->primary);

	if (member < 0)
		return;
	kill_one(world, member);
	revive(world);
	world_say(world, " hasty");
	slow_all(world, world->primary, 15);
	if (!await_heir(world, -1))
		return;
	world_member_kill(world, world->primary, false);
	world->primary = -1;
	manager_failover(world);
}

static void rest(struct world *world)
{
	run_on(world, 25);
}

static void release(struct world *world)
{
	if (world->mode != MODE_CONTINUE)
		manager_release(world);
}

/* Two primaries for a while: the manager is wrong, or there is none. */
static void split_up(struct world *world)
{
	int old = world->primary, m;
	bool still = world_draw(world, 2);
	unsigned int s;

	if (world->mode != MODE_SPLIT) {
		isolate(world);
		return;
	}
	await_heir(world, -1);
	for (m = 0; m < (int)world->members; m++)
		if (m != old && world->member[m].alive)
			harm(world, old, m, 0);
	run_on(world, 10);
	/* What the other one begins twice may begin beyond what this one gave. */
	for (s = 0; still && s < world->streams; s++)
		app_hold(&world->member[old].apps[s]);
	world->primary = -1;
	m = draw_other(world, old);
	if (m >= 0 && !world_promote(world, m, 0)) {
		world->score.promoted++;
		world->primary = m;
		world_say(world, " split(m%d)", m);
		run_on(world, 10);
		if (world_draw(world, 2)) {
			run_on(world, 60);
			/* By itself: the old one is still there. */
			if (!world_command(world, m, NDVAL_CMD_DEMOTE) &&
			    world_promote(world, m, 0))
				world->primary = -1;
			run_on(world, 10);
		}
	}
	for (s = 0; still && s < world->streams; s++)
		if (world->member[old].alive)
			app_go(&world->member[old].apps[s]);
	if (world->primary < 0)
		world->primary = old;
	manager_settle(world);
}

/* Somebody sets the clock of the host, by up to a second forward or back. */
static void set_clock(struct world *world)
{
	long by = (long)world_draw(world, 2000) - 1000;
	struct timespec now;

	world_say(world, " clock(%ld)", by);
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_nsec += by % 1000 * 1000000;
	if (now.tv_nsec < 0) {
		now.tv_nsec += 1000000000;
		now.tv_sec--;
	} else if (now.tv_nsec >= 1000000000) {
		now.tv_nsec -= 1000000000;
		now.tv_sec++;
	}
	if (!clock_settime(CLOCK_REALTIME, &now))
		world->score.set++;
	run_on(world, 3);
}

static void settle(struct world *world)
{
	manager_settle(world);
}

/* Some more often, so that there is something to harm. */
static void (* const things[])(struct world *world) = {
	kill_primary, kill_primary, kill_primary, kill_twice, kill_both, kill_secondary,
	revive, revive, revive, revive, cut, cut, cut, let_pass, mend, mend, mend, mend,
	renew, slow_down, switch_over, switch_over, switch_over, step_down, step_down, isolate,
	isolate, resync, go_back, go_back, new_stream, rest, rest, rest, release, release,
	split_up, settle, reign_briefly, come_back_hastily, set_clock,
};

/* What must hold at any moment. */
static void look(struct world *world)
{
	unsigned int m, primaries = 0;

	world_events(world);
	for (m = 0; m < world->members; m++) {
		if (!world->member[m].alive)
			continue;
		primaries += world_is_primary(world, m);
		check_memory(world->check, m, world_get(world, m, NDVAL_A_PAIR_MEMORY),
			     world->memory_max);
		if (world->reported[m] && is_strict(world))
			check_fault(world->check, FAULT_STATE, "m%u is diverged", m);
	}
	if (primaries > 1 && is_strict(world))
		check_fault(world->check, FAULT_STATE, "there are %u primaries", primaries);
	if (world->fenced_events)
		check_fault(world->check, FAULT_STATE, "a member is fenced");
}

/* Does every application go on, and get so much more? */
static bool has_gone_on(struct world *world, __u64 goal[CHAOS_MEMBERS][CHAOS_BOOKS])
{
	unsigned int m, s;

	for (m = 0; m < world->members; m++)
		for (s = 0; world->member[m].alive && s < CHAOS_BOOKS; s++)
			if (check_next(world->check, m, s) < goal[m][s])
				return false;
	return true;
}

static void set_goal(struct world *world, __u64 goal[CHAOS_MEMBERS][CHAOS_BOOKS])
{
	unsigned int m, s;

	memset(goal, 0, CHAOS_MEMBERS * sizeof(*goal));
	for (m = 0; m < world->members; m++) {
		for (s = 0; s < world->streams; s++) {
			__u64 *journal = &goal[m][CHAOS_JOURNAL(s)];

			goal[m][s] = check_next(world->check, m, s) + GOES_ON;
			if (goal[m][s] > APP_BYTES)
				goal[m][s] = APP_BYTES;
			*journal = check_next(world->check, m, CHAOS_JOURNAL(s)) +
				   RECORDS_GO_ON;
			if (*journal > APP_BYTES)
				*journal = APP_BYTES;
		}
	}
}

/* After all that, everybody is served. */
static void go_on(struct world *world)
{
	__u64 goal[CHAOS_MEMBERS][CHAOS_BOOKS];
	double begin = seconds(), again = begin + 2 * world->slower;

	set_goal(world, goal);
	while (!has_gone_on(world, goal)) {
		if (seconds() > begin + PATIENCE * world->slower) {
			check_fault(world->check, FAULT_HUNG, "somebody is not served any more");
			return;
		}
		if (seconds() > again) {
			manager_relink(world);
			again = seconds() + 2 * world->slower;
		}
		/* One that is put back has more to get, which is no harm. */
		manager_reposition(world);
		usleep(2000);
	}
}

/* What each stores, as far as its window goes, is what was given. */
static void compare_all(struct world *world)
{
	__u64 needed[CHAOS_BOOKS];
	unsigned int m;

	for (m = 0; m < world->members; m++) {
		if (!world->member[m].alive)
			continue;
		check_all_needed(world->check, needed);
		world_audit(world, m, needed, 64 * KIB);
	}
}

/**
 * chaos_round() - lets everything happen, until somebody was wrong
 * @world: the world, after world_begin()
 * @steps: how many
 */
void chaos_round(struct world *world, unsigned int steps)
{
	unsigned int i;

	run_on(world, 20);
	for (i = 0; i < steps && !world->over && !world->check->faults; i++) {
		things[world_draw(world, ARRAY_LEN(things))](world);
		manager_reposition(world);
		look(world);
		world->score.steps++;
	}
	if (!world->over && !world->check->faults) {
		revive(world);
		manager_settle(world);
	}
	if (!world->over && !world->check->faults)
		go_on(world);
	if (!world->over && !world->check->faults && is_strict(world)) {
		manager_reposition(world);
		run_on(world, 10);
		compare_all(world);
	}
	if (world->check->faults)
		world_explain(world);
	world->score.rounds++;
}
