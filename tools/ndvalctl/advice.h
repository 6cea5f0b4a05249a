/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVALCTL_ADVICE_H
#define NDVALCTL_ADVICE_H

struct view;

void give_advice(const struct view *view, void (*tell)(const char *sentence));

#endif /* NDVALCTL_ADVICE_H */
