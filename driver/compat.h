/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the supported kernels, 6.1 and newer. Included before
 * everything else by Kbuild; the rest of the driver is written for the newer
 * form, and nothing else asks for a kernel version.
 */
#ifndef NDVAL_COMPAT_H
#define NDVAL_COMPAT_H

/* Here because every file needs it before its first header. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ktime.h>
#include <linux/timex.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "ndval needs Linux 6.1 or newer"
#endif

#ifndef CONFIG_64BIT
#error "ndval is for 64-bit kernels"
#endif

#ifdef __BIG_ENDIAN
#error "the wire protocol is little-endian; so must the host be"
#endif

/* 6.2 made the device of the devnode callback const. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define NDVAL_DEVNODE_CONST
#else
#define NDVAL_DEVNODE_CONST const
#endif

/* 6.4 took the module away from class_create() and struct class. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define ndval_class_create(name) class_create(THIS_MODULE, name)
#else
#define ndval_class_create(name) class_create(name)
#endif

/* 6.12 took no_llseek away; NULL means the same there, not before. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define NDVAL_NO_LLSEEK no_llseek
#else
#define NDVAL_NO_LLSEEK NULL
#endif

/* 6.1 without CONFIG_VMGENID, as Debian builds it, tells of no VM clone. */
#if IS_ENABLED(CONFIG_VMGENID)
#define NDVAL_HAVE_VMFORK 1
#else
#define NDVAL_HAVE_VMFORK 0
#endif

/* The cycle counter, and its cycles a millisecond; without a known one nanoseconds are. */
#ifdef CONFIG_X86_TSC
#include <asm/tsc.h>
#define ndval_tsc_khz	tsc_khz
#else
#define ndval_tsc_khz	0
#endif

static inline u64 ndval_cycles_khz(void)
{
	return ndval_tsc_khz ?: NSEC_PER_MSEC;
}

static inline u64 ndval_cycles(void)
{
	return ndval_tsc_khz ? get_cycles() : ktime_get_raw_ns();
}

#endif /* NDVAL_COMPAT_H */
