/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of CPU (or NUMA node) numbers in their three forms: a bitmap, libvirt's text ("0-3,^2,5") and the wire's byte
 * map (bit n of byte n/8, least significant first). Any thread.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define CPUSET_MAX 16384 /* numbers 0 … CPUSET_MAX-1 */

typedef struct {
    unsigned size;  /* in bits; a multiple of 8 */
    uint8_t *bytes; /* size/8 bytes, owned */
} Cpuset;

Cpuset *cpuset_new(unsigned bits);
Cpuset *cpuset_copy(const Cpuset *set);
void cpuset_free(Cpuset *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cpuset, cpuset_free)

bool cpuset_has(const Cpuset *set, unsigned number);
/* Grows the set where needed. @number < CPUSET_MAX. */
void cpuset_add(Cpuset *set, unsigned number);
void cpuset_remove(Cpuset *set, unsigned number);
unsigned cpuset_count(const Cpuset *set);
bool cpuset_equal(const Cpuset *a, const Cpuset *b);
/* The largest member + 1; 0 if empty. */
unsigned cpuset_end(const Cpuset *set);

/* "0-3,^2,5": NULL and an error (VIR_ERR_INVALID_ARG) that quotes the text if it is malformed, empty or too large. */
Cpuset *cpuset_parse(const char *text, GError **error);
/* Ranges in ascending order: "0-1,3,5". Empty text for the empty set. */
char *cpuset_format(const Cpuset *set);
Cpuset *cpuset_from_bytes(const uint8_t *bytes, size_t length);
