// SPDX-License-Identifier: GPL-2.0-only
/*
 * What copies of an application do with libndval: run this on each host, or as
 * each instance, and all print the same.
 *
 *	cc -o orders example.c $(pkg-config --cflags --libs ndval)
 *	./orders [PAIR [STREAM [INSTANCE]]]
 */
#include <err.h>
#include <ndval.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ORDERS	3

/* The identity of an order, and its time: the same in every copy. */
static void take_order(struct ndval *ndval, FILE *reply)
{
	unsigned char uuid[NDVAL_UUID_SIZE];
	char text[NDVAL_UUID_STRING_SIZE];
	struct timespec now;

	if (ndval_uuid(ndval, 7, uuid) || ndval_clock_gettime(ndval, CLOCK_REALTIME, &now))
		err(1, "cannot take an order");
	ndval_uuid_string(uuid, text);
	fprintf(reply, "order %s at %lld.%09ld\n", text, (long long)now.tv_sec, now.tv_nsec);
}

/*
 * The answer from outside, which each copy gets for itself: another one on each. The
 * copy that comes first decides for all.
 */
static void ask_outside(struct ndval *ndval, FILE *reply)
{
	char answer[NDVAL_AGREED_MAX];
	char mine[128];
	size_t length;
	int asked;

	asked = snprintf(mine, sizeof(mine), "answer got by process %d", (int)getpid());
	if (ndval_agree(ndval, mine, asked, answer, sizeof(answer), &length))
		err(1, "cannot agree on an answer");
	fprintf(reply, "%.*s\n", (int)length, answer);
}

int main(int argc, char *argv[])
{
	const char *pair = argc > 1 ? argv[1] : NULL;
	const char *stream = argc > 2 ? argv[2] : NULL;
	unsigned int instance = argc > 3 ? atoi(argv[3]) : 0;
	struct ndval *ndval = ndval_open(pair, stream, instance);
	unsigned char key[16];
	char *text;
	size_t size, i;
	FILE *reply;

	if (!ndval)
		err(1, "cannot open pair %s", pair ? pair : "default");
	reply = open_memstream(&text, &size);
	if (!reply)
		err(1, "no memory");

	if (ndval_bytes(ndval, key, sizeof(key)))
		err(1, "cannot draw a key");
	fprintf(reply, "key ");
	for (i = 0; i < sizeof(key); i++)
		fprintf(reply, "%02x", key[i]);
	fprintf(reply, "\n");
	for (i = 0; i < ORDERS; i++)
		take_order(ndval, reply);
	ask_outside(ndval, reply);
	if (fclose(reply))
		err(1, "no memory");

	/* Nothing leaves the host before its values are safe from the host's failure. */
	if (ndval_commit(ndval))
		err(1, "cannot commit");
	fwrite(text, 1, size, stdout);
	free(text);
	ndval_close(ndval);
	return fflush(stdout) ? 1 : 0;
}
