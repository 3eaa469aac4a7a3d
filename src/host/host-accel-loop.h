/* SPDX-License-Identifier: Apache-2.0 */
/* The machine room of host-accel.c: one guest with one CPU that counts down in 64-bit mode. Only for host-accel.c. */
#pragma once
#include <stdbool.h>

typedef struct {
    bool measured;    /* false where this architecture has no loop, or with @failure */
    double mips;      /* million guest instructions a second */
    unsigned tsc_khz; /* 0: not known */
    bool tsc_scaling;
    char *failure; /* NULL, or what went wrong as the rest of a sentence "…, but". Owned by the caller */
} HostAccelLoop;

/*
 * @kvm: an open KVM device. Any thread: a timer aimed at the calling thread stops a guest that runs too long; its
 * signal stays blocked in the thread, so no handler is installed or run.
 */
void host_accel_loop_measure(int kvm, HostAccelLoop *ret_result);
