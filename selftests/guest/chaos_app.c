// SPDX-License-Identifier: GPL-2.0-only
/*
 * Applications: a thread for each stream at each member, which reads, draws from the
 * journal and fsyncs as its seed says, and tells the judge all that it gets.
 *
 * vm: helper=yes
 */
#include "chaos.h"

#include "common.h"

/* Longest pause of the slowest, in us. */
#define PACE_MAX	4000

/* Between looks of one that waits for somebody, in us. */
#define LOOK		500

const char *app_stream_name(unsigned int stream)
{
	static const char *const names[CHAOS_STREAMS] = { "default", "s1", "s2", "s3" };

	return names[stream];
}

bool app_waits(const struct app *app)
{
	return app->state != APP_RUNS;
}

bool app_has_opened(const struct app *app)
{
	return app->opened;
}

bool app_is_gone(const struct app *app)
{
	return app->state == APP_GONE;
}

/* Is it so with all applications of a member? */
bool apps_are(struct world *world, unsigned int member, bool (*ask)(const struct app *app))
{
	unsigned int s;

	for (s = 0; s < CHAOS_STREAMS; s++)
		if (world->member[member].apps[s].started &&
		    !ask(&world->member[member].apps[s]))
			return false;
	return true;
}

/* What an errno means for the application: go on, or wait for somebody. */
enum app_state app_state_after(struct app *app, int err)
{
	switch (err) {
	case EPIPE:
		return APP_LOST;
	case ESTALE:
		/* Nobody diverges, and no copy asks for what another did not. */
		if (is_strict(app->world))
			check_fault(app->world->check, FAULT_STATE, "m%u s%u: ESTALE",
				    app->member, app->stream);
		return APP_STALE;
	case ENODEV:
		return APP_GONE;
	case EAGAIN:
	case EINTR:
	case ENOMEM:
	case ENOTCONN:
	case ETIMEDOUT:
		return APP_RUNS;
	default:
		check_fault(app->world->check, FAULT_STATE, "m%u s%u: errno %d", app->member,
			    app->stream, err);
		return APP_RUNS;
	}
}

/* Where the instance stands, -1 if that can't be had any more. */
static long long position_of(int fd)
{
	struct ndval_info info;

	while (ioctl(fd, NDVAL_IOC_INFO, &info))
		if (errno != EAGAIN && errno != EINTR)
			return -1;
	return info.position;
}

/* One that has read enough still hears what becomes of its instance. */
void app_look_up(struct app *app, int fd)
{
	struct ndval_info info;

	usleep(1000);
	if (ioctl(fd, NDVAL_IOC_INFO, &info)) {
		app->state = app_state_after(app, errno);
		return;
	}
	app->record_lost = info.flags & NDVAL_INFO_JOURNAL_LOST;
	if (info.health == NDVAL_HEALTH_DIVERGED || info.health == NDVAL_HEALTH_FENCED)
		app->state = APP_STALE;
	else if (info.flags & (NDVAL_INFO_LOST | NDVAL_INFO_JOURNAL_LOST))
		app->state = APP_LOST;
}

static void read_some(struct app *app, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t size = 1 + draw(&app->random) % (draw(&app->random) % 8 ? 700 : READ_MAX);
	__u8 bytes[READ_MAX];
	long long now;
	ssize_t len;

	if (app->offset + size > CHAOS_BYTES) {
		app_look_up(app, fd);
		return;
	}
	if (!app->blocks && poll(&p, 1, 5) <= 0)
		return;
	len = read(fd, bytes, size);
	if (len < 0) {
		app->record_lost = false;
		app->state = app_state_after(app, errno);
		return;
	}
	/* What the kernel counts is what it gave, unless it was resynced meanwhile. */
	now = position_of(fd);
	check_deliver(app->world->check, app->member, app->stream,
		      now < len ? app->offset : (__u64)(now - len), bytes, len);
	app->offset += len;
}

static void commit(struct app *app, int fd)
{
	if (fsync(fd)) {
		enum app_state state = app_state_after(app, errno);

		/* Whether it is lost a read says. */
		if (state == APP_GONE)
			app->state = state;
		return;
	}
	check_durable(app->world->check, app->member, app->stream, app->offset);
	check_durable(app->world->check, app->member, CHAOS_JOURNAL(app->stream), app->record);
	__atomic_fetch_add(&app->world->score.fsyncs, 1, __ATOMIC_RELAXED);
}

/* Until somebody says where to go on. False if it is to end. */
static bool wait_for_word(struct app *app, int fd)
{
	while (app->hold || app_waits(app)) {
		app->stands = true;
		if (app->quit || app->state == APP_GONE)
			return false;
		usleep(LOOK);
		/* A pair that goes away tells nobody who does not ask. */
		if (app_waits(app) && position_of(fd) < 0)
			return false;
	}
	app->stands = false;
	if (app->at >= 0)
		app->offset = app->at;
	if (app->record_at >= 0)
		app->record = app->record_at;
	app->at = -1;
	app->record_at = -1;
	return !app->quit;
}

/* The pair is just being made, or is about to go. */
static int open_file(struct app *app)
{
	const char *pair = app->world->member[app->member].pair;
	int fd;

	do {
		fd = node_open(pair, app->blocks ? 0 : O_NONBLOCK);
		if (fd >= 0 && !node_bind(fd, app_stream_name(app->stream), 0, NDVAL_BIND_EXCL))
			return fd;
		if (fd >= 0)
			close(fd);
		usleep(LOOK);
	} while (!app->quit);
	return -1;
}

static void do_some(struct app *app, int fd)
{
	switch (draw(&app->random) % 16) {
	case 0:
		commit(app, fd);
		break;
	case 1 ... 6:
		app_draw_record(app, fd);
		break;
	default:
		read_some(app, fd);
		break;
	}
}

static void *run_app(void *data)
{
	struct app *app = data;
	int fd = open_file(app);

	app->opened = true;

	while (fd >= 0 && wait_for_word(app, fd)) {
		do_some(app, fd);
		if (draw(&app->random) % 4 == 0)
			usleep(draw(&app->random) % app->pace);
	}
	if (fd >= 0)
		close(fd);
	app->state = APP_GONE;
	app->stands = true;
	return NULL;
}

/* An application that begins at the start of the stream. */
bool app_start(struct world *world, unsigned int member, unsigned int stream, __u64 seed)
{
	struct app *app = &world->member[member].apps[stream];

	app->world = world;
	app->member = member;
	app->stream = stream;
	app->random = seed;
	app->pace = 1 + draw(&seed) % PACE_MAX;
	app->blocks = draw(&seed) % 2;
	app->life = draw(&seed);
	app->offset = 0;
	app->record = 0;
	app->state = APP_RUNS;
	app->hold = false;
	app->stands = false;
	app->opened = false;
	app->quit = false;
	app->record_lost = false;
	app->at = -1;
	app->record_at = -1;
	check_position(world->check, member, stream, 0);
	check_position(world->check, member, CHAOS_JOURNAL(stream), 0);
	app->started = !pthread_create(&app->thread, NULL, run_app, app);
	return app->started;
}

/* Its pair has gone, or it is to end. */
void app_join(struct app *app)
{
	if (!app->started)
		return;
	app->quit = true;
	pthread_join(app->thread, NULL);
	app->started = false;
}

/* Has it stand still; false if that can't be had. */
bool app_hold(struct app *app)
{
	app->hold = true;
	if (wait_until(app->stands, 20))
		return true;
	app->hold = false;
	return false;
}

/* It goes on, where it stands. */
void app_go(struct app *app)
{
	if (app->state == APP_GONE)
		return;
	app->stands = false;
	app->hold = false;
}

/* It goes on where its instance is now, of which one place may be negative: the same. */
void app_put(struct app *app, long long at, long long record_at)
{
	struct judge *check = app->world->check;

	if (app->state == APP_GONE)
		return;
	/* What it was told before, and has not looked at yet, is still true. */
	if (at >= 0) {
		check_position(check, app->member, app->stream, at);
		app->at = at;
	}
	if (record_at >= 0) {
		check_position(check, app->member, CHAOS_JOURNAL(app->stream), record_at);
		app->record_at = record_at;
	}
	app->state = APP_RUNS;
	app_go(app);
}
