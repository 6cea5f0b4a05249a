// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer of the device: an input is what three threads of a program do to the
 * nodes of several pairs, and an administrator meanwhile. Steps of four bytes
 * each,
 *
 *	thread and call (enum call), file and pair, argument, argument
 *
 * the threads' steps run at the same time. No call lasts long: the pairs have
 * a read time-out of a few ms. Afterwards two instances that read the same
 * place must get the same bytes, and no pair has more memory than it may.
 */
#include <pthread.h>
#include <sys/socket.h>

#include "../guest/common.h"
#include "../guest/journal.h"
#include "../guest/peer.h"
#include "kcov.h"
#include "message.h"

#define THREADS		3
#define STEPS_MAX	64
#define FILES		6
#define READ_MAX	(128 * KIB)
#define TIMEOUT_MS	3

/* Inputs from one comparison to the next, of those that change no setting. */
#define CHECK_EACH	4

/* Most streams that are deleted after an input. */
#define STREAMS_MAX	128

enum call {
	CALL_OPEN,
	CALL_BIND,
	CALL_INFO,
	CALL_READ,
	CALL_READ_BAD,
	CALL_READV,
	CALL_POLL,
	CALL_CLOSE,
	CALL_DUP,
	CALL_IOCTL,
	CALL_OTHER,
	CALL_FORK,
	CALL_POSITION,
	CALL_STREAM,
	CALL_SET,
	CALL_PAIR,
	CALL_CLOCK,
	CALL_AGREE,
	CALLS,

	CALL_MASK = 0x1f,	/* what is above it is the thread */
	CALL_BITS = 5,
};

/* Of the argument "where", for an agreement: what is bad about it. */
#define AGREE_BAD_IN	0x08
#define AGREE_BAD_OUT	0x10
#define AGREE_SAME	0x20	/* the value comes to where it was offered */
#define AGREE_FLAGS	0x40
#define AGREE_BAD	0x80	/* the argument itself */

/* What has to be put right after an input; bits. */
#define CHANGED_SETTINGS	0x1
#define CHANGED_EPOCH		0x2

struct step {
	uint8_t call, where, arg, more;
};

struct worker {
	pthread_t thread;
	struct kcov kcov;
	struct host host;
	struct step steps[STEPS_MAX];
	size_t count;
	char *buffer;		/* READ_MAX bytes, and then a page that can't be written */
};

static const char * const pairs[] = { "solo", "web1", "web2", "sec", "small", "tmp" };

static struct worker workers[THREADS];
static struct host host;
static pthread_barrier_t begin, end;
static int files[FILES];
static unsigned int changed;
static unsigned long inputs;

static const char *pair_of(const struct step *step)
{
	return pairs[(step->where >> 3) % ARRAY_LEN(pairs)];
}

static int *slot_of(const struct step *step)
{
	return &files[(step->where & 7) % FILES];
}

/* A file that another thread may close at any time, as a program's may. */
static int file_of(const struct step *step)
{
	return __atomic_load_n(slot_of(step), __ATOMIC_RELAXED);
}

static void put_file(int *slot, int fd)
{
	int old = __atomic_exchange_n(slot, fd, __ATOMIC_RELAXED);

	if (old >= 0)
		close(old);
}

static void open_node(const struct step *step)
{
	static const int modes[] = {
		O_RDONLY, O_RDONLY, O_RDWR, O_WRONLY, O_RDONLY | O_ASYNC, O_RDONLY | O_APPEND,
	};
	int flags = O_CLOEXEC | modes[(step->arg >> 1) % ARRAY_LEN(modes)];
	char path[64];

	if (step->arg & 1)
		flags |= O_NONBLOCK;
	snprintf(path, sizeof(path), "/dev/ndval-%s", pair_of(step));
	put_file(slot_of(step), open(path, flags));
}

static void bind_file(const struct step *step)
{
	struct ndval_binding bind = {
		.instance = step->more & 0x0f,
		.flags = step->more >> 4,
	};

	/* The longest ones have no NUL. */
	memcpy(bind.stream, name_of(step->arg), strnlen(name_of(step->arg), NDVAL_NAME_SIZE));
	ioctl(file_of(step), NDVAL_IOC_BIND, step->where & 0x40 ? NULL : &bind);
}

static void get_info(struct worker *worker, const struct step *step)
{
	ioctl(file_of(step), NDVAL_IOC_INFO, step->more & 1 ?
	      worker->buffer + READ_MAX - step->arg : worker->buffer);
}

/* The page after the buffer, or so close before it that a part of it is there. */
static void *bad_address(struct worker *worker, const struct step *step)
{
	return worker->buffer + READ_MAX - step->more % 64;
}

static void read_clock(struct worker *worker, const struct step *step)
{
	struct ndval_clock clock = {
		.clock = step->arg < 128 ? all_clocks[step->arg % ARRAY_LEN(all_clocks)] :
					   corner_of(step->arg, step->more),
		.flags = step->where & AGREE_FLAGS ? step->more : 0,
	};

	ioctl(file_of(step), NDVAL_IOC_CLOCK, step->where & AGREE_BAD ?
	      bad_address(worker, step) : &clock);
}

static void agree_on(struct worker *worker, const struct step *step)
{
	static const uint32_t lengths[] = {
		0, 1, 7, 8, 64, 255, 1024, 2000, 4000, 4095, 4096, 4097, 8192, 1U << 31, ~0U,
	};
	char *in = worker->buffer, *out = in + READ_MAX / 2;
	struct ndval_agreement agreement = {
		.in_length = lengths[(step->arg & 15) % ARRAY_LEN(lengths)],
		.out_size = lengths[(step->arg >> 4) % ARRAY_LEN(lengths)],
		.flags = step->where & AGREE_FLAGS ? step->more : 0,
	};

	if (step->where & AGREE_BAD_IN)
		in = bad_address(worker, step);
	if (step->where & AGREE_BAD_OUT)
		out = step->more & 1 ? NULL : bad_address(worker, step);
	else if (step->where & AGREE_SAME)
		out = in;
	agreement.in = (uintptr_t)in;
	agreement.out = (uintptr_t)out;
	ioctl(file_of(step), NDVAL_IOC_AGREE, step->where & AGREE_BAD ?
	      bad_address(worker, step) : &agreement);
}

static size_t length_of(const struct step *step)
{
	return corner_of(step->arg % 9, step->more) % READ_MAX;
}

/* Half of it into a page that is not there, or all of it. */
static void read_bad(struct worker *worker, const struct step *step)
{
	get(file_of(step), step->more & 1 ? worker->buffer + READ_MAX - step->arg : NULL,
	    2 * CHUNK);
}

static void read_vector(struct worker *worker, const struct step *step)
{
	struct iovec vector[] = {
		{ worker->buffer, step->arg },
		{ NULL, 0 },
		{ worker->buffer + CHUNK, CHUNK + step->more },
		{ step->more & 1 ? NULL : worker->buffer, step->more },
		{ worker->buffer + READ_MAX - 7, 7 + (step->arg & 1) },
	};

	if (readv(file_of(step), vector, 1 + step->arg % ARRAY_LEN(vector)) < 0)
		errno = 0;
}

static void poll_file(const struct step *step)
{
	struct pollfd p = { .fd = file_of(step), .events = step->arg };

	poll(&p, 1, step->more % (TIMEOUT_MS + 1));
}

static void bad_ioctl(struct worker *worker, const struct step *step)
{
	unsigned long request = _IOC(step->where >> 6, NDVAL_IOC_MAGIC, step->arg, step->more);

	ioctl(file_of(step), request, worker->buffer);
}

/* What a program may try, and a source of random bytes need not offer. */
static void other_call(struct worker *worker, const struct step *step)
{
	int fd = file_of(step);
	void *map;

	switch (step->arg % 6) {
	case 0:
		if (pread(fd, worker->buffer, step->more, step->more) < 0)
			errno = 0;
		break;
	case 1:
		if (write(fd, worker->buffer, step->more) < 0)
			errno = 0;
		break;
	case 2:
		lseek(fd, step->more, SEEK_SET);
		break;
	case 3:
		fsync(fd);
		break;
	case 4:
		fcntl(fd, F_SETFL, step->more & 1 ? O_NONBLOCK : 0);
		break;
	default:
		map = mmap(NULL, CHUNK, PROT_READ, MAP_SHARED, fd, 0);
		if (map != MAP_FAILED)
			munmap(map, CHUNK);
	}
}

/* A child that has the file too, and ends while it reads or before. */
static void fork_reader(const struct step *step)
{
	pid_t child;

	/* Costs as much as a hundred other steps. */
	if (step->arg % 8)
		return;
	child = fork();
	if (!child) {
		char value[64];

		get(file_of(step), value, step->more % sizeof(value));
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

static int set_place(struct host *as, const char *pair, const char *stream,
		     uint32_t instance, uint16_t type, uint64_t offset)
{
	nl_request(as->nl, NDVAL_CMD_INSTANCE_SET, 0);
	nl_put_str(as->nl, NDVAL_A_INSTANCE_PAIR, pair);
	nl_put_str(as->nl, NDVAL_A_INSTANCE_STREAM, stream);
	nl_put_u32(as->nl, NDVAL_A_INSTANCE_INSTANCE, instance);
	nl_put_u64(as->nl, type, offset);
	return nl_call(as->nl, NULL, NULL);
}

static int set_position(struct host *as, const char *pair, const char *stream,
			uint32_t instance, uint64_t offset)
{
	return set_place(as, pair, stream, instance, NDVAL_A_INSTANCE_POSITION, offset);
}

static void delete_stream(struct host *as, const char *pair, const char *stream)
{
	nl_request(as->nl, NDVAL_CMD_STREAM_DEL, 0);
	nl_put_str(as->nl, NDVAL_A_STREAM_PAIR, pair);
	nl_put_str(as->nl, NDVAL_A_STREAM_NAME, stream);
	nl_call(as->nl, NULL, NULL);
}

static void change_setting(struct host *as, const struct step *step)
{
	static const uint16_t settings[] = {
		NDVAL_A_PAIR_RING_SIZE, NDVAL_A_PAIR_RETAIN, NDVAL_A_PAIR_PREFETCH,
		NDVAL_A_PAIR_MAX_STREAMS, NDVAL_A_PAIR_MEMORY_MAX, NDVAL_A_PAIR_OVERFLOW,
		NDVAL_A_PAIR_INSTANCES, NDVAL_A_PAIR_BIND, NDVAL_A_PAIR_JOURNAL_SIZE,
		NDVAL_A_PAIR_ON_DIVERGENCE,
	};
	uint16_t type = settings[step->arg % ARRAY_LEN(settings)];

	if (!host_set(as, pair_of(step), type, corner_of(step->arg >> 3, step->more)))
		__atomic_or_fetch(&changed, CHANGED_SETTINGS, __ATOMIC_RELAXED);
}

static void change_pair(struct host *as, const struct step *step)
{
	const char *pair = pair_of(step);

	switch (step->arg % 4) {
	case 0:
		host_promote(as, pair);
		break;
	case 1:
		host_call(as, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, pair);
		break;
	case 2:
		/* Its end is not awaited: the next one may come too early. */
		host_call(as, NDVAL_CMD_PAIR_DEL, NDVAL_A_PAIR_NAME, "tmp");
		return;
	default:
		host_pair(as, "tmp", NULL, NULL, NULL);
		return;
	}
	__atomic_or_fetch(&changed, CHANGED_EPOCH, __ATOMIC_RELAXED);
}

static void run_step(struct worker *worker, const struct step *step)
{
	switch ((step->call & CALL_MASK) % CALLS) {
	case CALL_OPEN:
		open_node(step);
		break;
	case CALL_BIND:
		bind_file(step);
		break;
	case CALL_INFO:
		get_info(worker, step);
		break;
	case CALL_READ:
		get(file_of(step), worker->buffer, length_of(step));
		break;
	case CALL_READ_BAD:
		read_bad(worker, step);
		break;
	case CALL_READV:
		read_vector(worker, step);
		break;
	case CALL_POLL:
		poll_file(step);
		break;
	case CALL_CLOSE:
		put_file(slot_of(step), -1);
		break;
	case CALL_DUP:
		put_file(&files[step->arg % FILES], dup(file_of(step)));
		break;
	case CALL_IOCTL:
		bad_ioctl(worker, step);
		break;
	case CALL_OTHER:
		other_call(worker, step);
		break;
	case CALL_FORK:
		fork_reader(step);
		break;
	case CALL_POSITION:
		set_place(&worker->host, pair_of(step), name_of(step->arg >> 4),
			  step->where & 7, step->where & 0x40 ?
			  NDVAL_A_INSTANCE_JOURNAL_POSITION : NDVAL_A_INSTANCE_POSITION,
			  corner_of(step->arg, step->more));
		break;
	case CALL_STREAM:
		delete_stream(&worker->host, pair_of(step), name_of(step->arg));
		break;
	case CALL_SET:
		change_setting(&worker->host, step);
		break;
	case CALL_PAIR:
		change_pair(&worker->host, step);
		break;
	case CALL_CLOCK:
		read_clock(worker, step);
		break;
	case CALL_AGREE:
		agree_on(worker, step);
		break;
	}
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	size_t i;

	kcov_open(&worker->kcov);
	kcov_trace(&worker->kcov);
	for (;;) {
		pthread_barrier_wait(&begin);
		for (i = 0; i < worker->count; i++)
			run_step(worker, &worker->steps[i]);
		pthread_barrier_wait(&end);
	}
	return NULL;
}

static void start_worker(struct worker *worker)
{
	worker->buffer = mmap(NULL, READ_MAX + CHUNK, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(worker->buffer != MAP_FAILED);
	must(!mprotect(worker->buffer + READ_MAX, CHUNK, PROT_NONE));
	worker->host.nl = nl_open();
	must(worker->host.nl);
	must(!pthread_create(&worker->thread, NULL, work, worker));
}

static uint64_t memory_max(const char *pair)
{
	return !strcmp(pair, "small") ? 128 * KIB : 4 * MIB;
}

static void settle(const char *pair)
{
	bool small = !strcmp(pair, "small");
	size_t ring_size = small ? 8 * KIB : 64 * KIB;

	host_set(&host, pair, NDVAL_A_PAIR_RETAIN, 0);
	host_set(&host, pair, NDVAL_A_PAIR_PREFETCH, 0);
	must(!host_set(&host, pair, NDVAL_A_PAIR_RING_SIZE, ring_size));
	must(!host_set(&host, pair, NDVAL_A_PAIR_RETAIN, ring_size));
	must(!host_set(&host, pair, NDVAL_A_PAIR_PREFETCH, 4 * KIB));
	must(!host_set(&host, pair, NDVAL_A_PAIR_JOURNAL_SIZE, ring_size));
	must(!host_set(&host, pair, NDVAL_A_PAIR_MAX_STREAMS, small ? 2 : 8));
	must(!host_set(&host, pair, NDVAL_A_PAIR_MEMORY_MAX, memory_max(pair)));
	must(!host_set(&host, pair, NDVAL_A_PAIR_OVERFLOW,
		       small ? NDVAL_OVERFLOW_STALL : NDVAL_OVERFLOW_DROP));
	must(!host_set(&host, pair, NDVAL_A_PAIR_INSTANCES, 3));
	must(!host_set(&host, pair, NDVAL_A_PAIR_READ_TIMEOUT_MS, TIMEOUT_MS));
	/* Where this member is a secondary, the primary decides. */
	host_set(&host, pair, NDVAL_A_PAIR_BIND, NDVAL_BIND_ANY);
	host_set(&host, pair, NDVAL_A_PAIR_ON_DIVERGENCE, NDVAL_ON_DIVERGENCE_FAIL);
}

static bool has_begun(void)
{
	int err;

	host_call(&host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, "web2");
	host_call(&host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, "web1");
	err = host_promote(&host, "web1");
	/* Word of the old incarnation was still on its way: both may know it again. */
	must(!err || err == -EEXIST);
	return !err;
}

static void begin_epochs(void)
{
	must(wait_until(has_begun(), PATIENCE_MS / 1000));
}

static void make_objects(void)
{
	size_t i;
	int ends[2];

	must(host_open(&host));
	must(!host_call(&host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	must(!host_call(&host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m2"));
	must(!host_pair(&host, "solo", NULL, NULL, NULL));
	must(!host_pair(&host, "web1", "web", "m1", "m2"));
	must(!host_pair(&host, "web2", "web", "m2", "m1"));
	must(!host_pair(&host, "sec", NULL, "m1", "m2"));
	must(!host_pair(&host, "small", NULL, NULL, NULL));
	for (i = 0; strcmp(pairs[i], "tmp"); i++)
		settle(pairs[i]);
	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	must(!host_attach(&host, "m1", "m2", ends[0], NULL));
	must(!host_attach(&host, "m2", "m1", ends[1], NULL));
	close(ends[0]);
	close(ends[1]);
	must(!host_promote(&host, "web1"));
	must(host_peer_is(&host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC));
}

struct streams {
	size_t count;
	char pair[STREAMS_MAX][64];
	char name[STREAMS_MAX][64];
};

static int take_stream(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_STREAM_MAX + 1];
	struct streams *streams = data;

	nl_parse(nlh, tb, NDVAL_A_STREAM_MAX);
	if (streams->count == STREAMS_MAX)
		return MNL_CB_OK;
	snprintf(streams->pair[streams->count], 64, "%s", nl_str(tb[NDVAL_A_STREAM_PAIR]));
	snprintf(streams->name[streams->count++], 64, "%s", nl_str(tb[NDVAL_A_STREAM_NAME]));
	return MNL_CB_OK;
}

/* Where the pair is a secondary, the primary's are deleted with its. */
static void delete_streams(void)
{
	static struct streams streams;
	size_t i;

	streams.count = 0;
	nl_request(host.nl, NDVAL_CMD_STREAM_GET, NLM_F_DUMP);
	must(!nl_call(host.nl, take_stream, &streams));
	/* Nobody leads "sec", which has to, for a moment. */
	host_call(&host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, "sec");
	must(!host_promote(&host, "sec"));
	for (i = 0; i < streams.count; i++)
		delete_stream(&host, streams.pair[i], streams.name[i]);
	must(!host_call(&host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, "sec"));
}

/* A reader of the default stream, at a position; -1 if that can't be had now. */
static int reader_at(const char *pair, uint32_t instance, uint64_t offset)
{
	int fd = instance_open(pair, "default", instance, O_NONBLOCK);

	if (fd >= 0 && set_position(&host, pair, "default", instance, offset)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static uint64_t tail_of(const char *pair, uint32_t instance)
{
	int fd = instance_open(pair, "default", instance, O_NONBLOCK);
	struct ndval_info info = { .tail = 0 };

	if (fd < 0)
		return 0;
	ioctl(fd, NDVAL_IOC_INFO, &info);
	close(fd);
	return info.tail;
}

/* Two instances at one position get the same bytes, or one of them gets none. */
static void check_agreement(const char *one, uint32_t first, const char *two, uint32_t second)
{
	uint64_t a = tail_of(one, first), b = tail_of(two, second);
	uint64_t offset = a > b ? a : b;
	int one_fd = reader_at(one, first, offset);
	int two_fd = reader_at(two, second, offset);
	char got[2][256];
	ssize_t lens[2];

	if (one_fd >= 0 && two_fd >= 0) {
		lens[0] = get(one_fd, got[0], sizeof(got[0]));
		lens[1] = get(two_fd, got[1], sizeof(got[1]));
		if (lens[0] > 0 && lens[1] > 0)
			must(!memcmp(got[0], got[1], lens[0] < lens[1] ? lens[0] : lens[1]));
	}
	if (one_fd >= 0)
		close(one_fd);
	if (two_fd >= 0)
		close(two_fd);
}

static uint64_t journal_tail_of(int fd)
{
	struct ndval_info info = { .journal_tail = 0 };

	ioctl(fd, NDVAL_IOC_INFO, &info);
	return info.journal_tail;
}

/* What one call of a journal gives: of clocks the reading, else what is agreed. */
struct got {
	long ret;
	struct ndval_clock clock;
	char value[NDVAL_AGREED_MAX];
};

/* @kind: one of all_clocks, or the number behind them: a value. */
static void call_journal(int fd, size_t kind, const char *offer, struct got *got)
{
	memset(got, 0, sizeof(*got));
	if (kind < ARRAY_LEN(all_clocks))
		got->ret = clock_call(fd, all_clocks[kind], &got->clock);
	else
		got->ret = agree(fd, offer, strlen(offer), got->value, sizeof(got->value));
}

/* Two copies at one place of the journal get the same, or one of them nothing. */
static void check_journal(const char *one, uint32_t first, const char *two, uint32_t second)
{
	static struct got got[2];
	int fds[2] = { instance_open(one, "default", first, O_NONBLOCK),
		       instance_open(two, "default", second, O_NONBLOCK) };
	uint64_t a = journal_tail_of(fds[0]), b = journal_tail_of(fds[1]);
	uint64_t place = a > b ? a : b;
	uint16_t type = NDVAL_A_INSTANCE_JOURNAL_POSITION;
	size_t kind;

	/* What is there may be anything; who asks for something else gets nothing. */
	for (kind = 0; kind <= ARRAY_LEN(all_clocks); kind++) {
		if (set_place(&host, one, "default", first, type, place) ||
		    set_place(&host, two, "default", second, type, place))
			break;
		call_journal(fds[0], kind, "first", &got[0]);
		call_journal(fds[1], kind, "second", &got[1]);
		if (got[0].ret < 0 || got[1].ret < 0)
			continue;
		must(!memcmp(&got[0], &got[1], sizeof(got[0])));
		break;
	}
	close(fds[0]);
	close(fds[1]);
}

static void check(void)
{
	size_t i;

	for (i = 0; strcmp(pairs[i], "tmp"); i++) {
		uint64_t memory = host_pair_get(&host, pairs[i], NDVAL_A_PAIR_MEMORY);

		must(memory <= memory_max(pairs[i]) || changed & CHANGED_SETTINGS);
	}
	check_agreement("solo", 0, "solo", 1);
	check_journal("solo", 0, "solo", 1);
	/* A resynced copy is another life: only with the epochs as they were. */
	if (!(changed & CHANGED_EPOCH)) {
		check_agreement("web1", 0, "web2", 0);
		check_journal("web1", 0, "web2", 0);
	}
}

static void put_right(void)
{
	size_t i;

	delete_streams();
	if (changed & CHANGED_SETTINGS)
		for (i = 0; strcmp(pairs[i], "tmp"); i++)
			settle(pairs[i]);
	if (changed & CHANGED_EPOCH)
		begin_epochs();
	changed = 0;
}

int LLVMFuzzerInitialize(int *argc UNUSED, char ***argv UNUSED)
{
	size_t i;

	fuzz_begin();
	for (i = 0; i < FILES; i++)
		files[i] = -1;
	make_objects();
	must(!pthread_barrier_init(&begin, NULL, THREADS + 1));
	must(!pthread_barrier_init(&end, NULL, THREADS + 1));
	for (i = 0; i < THREADS; i++)
		start_worker(&workers[i]);
	/* Its threads trace themselves before they wait here. */
	pthread_barrier_wait(&begin);
	pthread_barrier_wait(&end);
	return 0;
}

/* Gives each thread its steps. */
static void deal(const uint8_t *data, size_t size)
{
	size_t i;

	for (i = 0; i < THREADS; i++) {
		workers[i].count = 0;
		kcov_forget(&workers[i].kcov);
	}
	for (i = 0; i + sizeof(struct step) <= size; i += sizeof(struct step)) {
		struct worker *worker = &workers[(data[i] >> CALL_BITS) % THREADS];

		if (worker->count < STEPS_MAX)
			memcpy(&worker->steps[worker->count++], data + i, sizeof(struct step));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t i;

	fuzz_input(data, size);
	deal(data, size);
	pthread_barrier_wait(&begin);
	pthread_barrier_wait(&end);
	for (i = 0; i < THREADS; i++)
		kcov_take(&workers[i].kcov);
	for (i = 0; i < FILES; i++)
		put_file(&files[i], -1);
	if (changed || ++inputs % CHECK_EACH == 0) {
		check();
		put_right();
	}
	return 0;
}
