// SPDX-License-Identifier: GPL-2.0-only
// vm: helper=yes cflags=-static
/*
 * tap DEVICE FILE: writes the frames that pass a network device, both ways, one behind
 * another to a file, each after its length in 4 bytes. Says "ready"; ends when killed.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	static struct {
		uint32_t length;
		unsigned char bytes[70000];
	} frame;
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int big = 8 << 20;
	ssize_t length;
	int fd, out;

	if (argc != 3)
		errx(1, "usage: tap DEVICE FILE");
	address.sll_ifindex = if_nametoindex(argv[1]);
	fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	if (fd < 0 || bind(fd, (void *)&address, sizeof(address)))
		err(1, "%s", argv[1]);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big));
	out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (out < 0)
		err(1, "%s", argv[2]);
	puts("ready");
	fflush(stdout);
	for (;;) {
		length = recv(fd, frame.bytes, sizeof(frame.bytes), 0);
		if (length <= 0)
			continue;
		frame.length = length;
		if (write(out, &frame, sizeof(frame.length) + length) < 0)
			err(1, "%s", argv[2]);
	}
}
