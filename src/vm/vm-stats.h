/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of running guests: asked of QEMU and the kernel with a deadline, and the last answer kept for when one
 * hangs. */
#pragma once
#include "qemu/qemu-monitor.h"
#include "vm/vm-stats-counters.h"
#include "vm/vm.h"

typedef struct {
    guint64 rd_bytes, wr_bytes, rd_ops, wr_ops, rd_time_ns, wr_time_ns, flush_ops, flush_time_ns;
    guint64 highest_offset; /* written, bytes; of the storage below the format */
    guint64 errors;
    guint64 threshold; /* bytes; 0: none */
} VmBlockIo;

typedef struct {
    guint64 virtual_size, actual_size; /* bytes */
    guint64 threshold;                 /* bytes; 0: none */
} VmBlockNode;

typedef struct {
    unsigned id;
    guint64 poll_max_ns, poll_grow, poll_shrink;
} VmIothreadStats;

typedef struct {
    char status[16]; /* "unstarted", "measuring", "measured" */
    char mode[16];   /* "page-sampling", "dirty-bitmap", "dirty-ring" */
    gint64 start_s, period_s;
    gint64 rate;        /* MiB/s; -1: none yet */
    GArray *vcpu_rates; /* of gint64, by vCPU; NULL: not by vCPU */
} VmDirtyRate;

/* What QEMU says that changes by itself: a record (base/record.h). Any thread. */
struct VmStats {
    int run; /* the guest's number when it was asked: answers of another run do not count */
    bool has_balloon;
    QemuBalloonStats balloon;
    GHashTable *blocks;  /* alias of a disk → VmBlockIo *; NULL: never asked */
    GHashTable *node_io; /* name of a block node → VmBlockIo *; NULL: never asked */
    GHashTable *nodes;   /* name of a block node → VmBlockNode *; NULL: never asked */
    GArray *iothreads;   /* of VmIothreadStats, in QEMU's order; NULL: never asked */
    bool has_dirty_rate;
    VmDirtyRate dirty_rate;
    VmCounters counters;
};

VmStats *vm_stats_ref(VmStats *stats);
void vm_stats_unref(VmStats *stats);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmStats, vm_stats_unref)

/* Which questions are put. */
typedef enum {
    VM_STATS_BALLOON = 1 << 0,
    VM_STATS_BLOCK = 1 << 1,
    VM_STATS_BACKING = 1 << 2, /* with BLOCK: of every node of the chains */
    VM_STATS_IOTHREAD = 1 << 3,
    VM_STATS_DIRTY_RATE = 1 << 4,
    VM_STATS_VM = 1 << 5,
    VM_STATS_VCPU = 1 << 6,
} VmStatsQuestions;

/* The questions to one guest that are under way. */
typedef struct VmStatsQuery VmStatsQuery;

/*
 * Sends the questions of @questions that make sense for the guest; NULL if there are none, it cannot be reached or has
 * not answered earlier ones: then vm_stats_last() is all there is. Never blocks.
 */
VmStatsQuery *vm_stats_send(Vm *vm, const VmView *view, VmStatsQuestions questions);
/*
 * Waits until @deadline (monotonic, µs) for the answers and publishes them: vm_stats_last() then has them, and for what
 * was not answered in time, the values of before. Takes @query (may be NULL). Not on the main loop. Returns whether
 * everything was answered.
 */
bool vm_stats_receive(VmStatsQuery *query, gint64 deadline);
/* A reference to the last answers of the guest's present run; NULL before the first. */
VmStats *vm_stats_last(Vm *vm, const VmView *view);

/*
 * The alias of a disk in what QEMU calls its device: "/machine/peripheral/virtio-disk0/virtio-backend", or the id as it
 * is. Free it.
 */
char *vm_alias_of_device(const char *device);
