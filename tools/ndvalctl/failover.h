/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVALCTL_FAILOVER_H
#define NDVALCTL_FAILOVER_H

struct nl;

/**
 * struct way_out - what to do about a refusal
 * @error: errno of the refusal; 0 ends an array
 * @sentence: what to do; each @ stands for the name of the pair
 */
struct way_out {
	int		error;
	const char	*sentence;
};

void move_pair(struct nl *nl, const char *pair, const struct way_out *refusals);
void start_and_end_move(struct nl *nl, const char *pair, const struct way_out *refusals,
			const struct way_out *failures);

#endif /* NDVALCTL_FAILOVER_H */
