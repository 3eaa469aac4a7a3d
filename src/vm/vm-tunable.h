/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest's control group limits: one row a parameter, the same row for the start, for what clients set on the
 * running guest, its definition or both, and for what they get. A family is one call's worth of rows. Mailbox, but for
 * vm_tunables_first().
 */
#pragma once
#include "host/host-cgroup.h"
#include "rpc/call.h"
#include "rpc/wire-params.h"
#include "vm/vm.h"

typedef struct VmTunable VmTunable;

/* How rows of one kind work. */
typedef struct {
    bool (*is_set)(const VmTunable *row, const Domain *domain);
    /* Appends the value that @domain has. */
    void (*read)(const VmTunable *row, const Domain *domain, WireParams *params);
    /* Appends what is in effect; NULL: what the live definition has. @group may be NULL: none. */
    bool (*read_live)(const VmTunable *row, Vm *vm, const HostCgroup *group, WireParams *params, GError **error);
    /* Whether a client's value can be; NULL: each can. */
    bool (*check)(const VmTunable *row, const WireTypedValue *value, GError **error);
    bool (*write)(const VmTunable *row, Domain *domain, const WireTypedValue *value, GError **error);
    /* Makes what @domain has effective, also if that is nothing; NULL: it has no effect before the next start. */
    bool (*apply)(const VmTunable *row, Vm *vm, const HostCgroup *group, const Domain *domain, GError **error);
    /* Whether nothing else holds the limit, so that a start without groups must fail; NULL: nothing else. */
    bool (*needs_group)(const VmTunable *row, const Domain *domain);
} VmTunableKind;

struct VmTunable {
    const char *field;   /* of the typed parameter */
    const char *element; /* in the XML, for errors: "<memtune><hard_limit>" */
    const char *event;   /* in the tunable event; NULL: none tells of it */
    WireValueType type;
    bool of_threads;  /* limits threads, so it waits for them at the start */
    unsigned setting; /* the kind's own */
    size_t offset;    /* the kind's own: of the field */
    const VmTunableKind *kind;
};

typedef struct {
    const char *what; /* "CPU tuning", for errors */
    HostCgroupController controller;
    unsigned n_rows;
    const VmTunable *rows;
    /* Whether the whole is possible after a change of @last (in which nothing is changed); NULL: always. */
    bool (*validate)(const Domain *domain, const Domain *last, bool live, GError **error);
} VmTunableFamily;

extern const VmTunableFamily vm_sched_family;
extern const VmTunableFamily vm_memtune_family;
extern const VmTunableFamily vm_blkiotune_family;
extern const VmTunableFamily vm_numatune_family;

/* The XML name of the first limit that @domain sets (and nothing but a group holds); NULL: none. Any thread. */
const char *vm_tunables_first(const Domain *domain, bool needing_group);
/* At the start: applies all limits that @domain sets but those of threads. An error begins with the XML name. */
bool vm_tunables_apply(Vm *vm, const HostCgroup *group, const Domain *domain, GError **error);
/* And those of threads, once these are there. */
bool vm_tunables_apply_threads(Vm *vm, const Domain *domain, GError **error);

/* The calls. @nparams 0: only the number is told (*ret_nparams); NULL: the protocol has no place for it. */
bool vm_tunables_get(Call *call, const VmTunableFamily *family, int nparams, unsigned flags, uint32_t *ret_n,
                     WireTypedParam **ret_params, int32_t *ret_nparams, GError **error);
bool vm_tunables_set(Call *call, const VmTunableFamily *family, const WireTypedParam *params, unsigned n_params,
                     unsigned flags, GError **error);
