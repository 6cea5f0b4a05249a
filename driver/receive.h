/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_RECEIVE_H
#define NDVAL_RECEIVE_H

int ndval_receive_thread(void *data);

#endif /* NDVAL_RECEIVE_H */
