/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVALCTL_ENDPOINT_H
#define NDVALCTL_ENDPOINT_H

/*
 * Each returns a connected stream socket, or ends the program with a message.
 */
int connect_tcp(const char *address);
int listen_tcp(const char *address);
int connect_vsock(const char *address);
int listen_vsock(const char *port);

#endif /* NDVALCTL_ENDPOINT_H */
