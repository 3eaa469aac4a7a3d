/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One guest: a mailbox, and an immutable view that readers take without waiting.
 *
 * Who may do what: only jobs of vm->mailbox touch the fields marked "mailbox"; everybody may take vm_view(). A job
 * changes the guest by making a new view (vm_view_copy, fill in, vm_publish). Nobody ever holds a lock while a guest,
 * a disk or the network is waited for.
 */
#pragma once
#include "base/mailbox.h"
#include "base/process.h"
#include "base/uuid.h"
#include "daemon/daemon.h"
#include "vm/definition.h"

#include <glib.h>
#include <libvirt/libvirt.h>

typedef struct Qmp Qmp;               /* qemu/qmp.h */
typedef struct QemuCaps QemuCaps;     /* qemu/qemu-caps.h */
typedef struct VmBond VmBond;         /* vm/vm-autodestroy.c */
typedef struct VmConsoles VmConsoles; /* vm/vm-console.h */
typedef struct VmJob VmJob;           /* vm/vm-job.h */
typedef struct VmJobRun VmJobRun;     /* vm/vm-job.c */
typedef struct VmPerf VmPerf;         /* vm/vm-perf.h */
typedef struct VmStats VmStats;       /* vm/vm-stats.h */
typedef struct VmAgent VmAgent;       /* vm/vm-agent.h */

/* What readers see, a record (base/record.h). Immutable after vm_publish(); a field is added here and set by the job
 * that knows it. */
typedef struct {
    int id;                  /* the running guest's number; -1 while it is off */
    int state;               /* virDomainState */
    int reason;              /* the state's own reason enumeration, e.g. virDomainShutoffReason */
    bool persistent;         /* has a definition that outlives its run */
    bool autostart;          /* started when the daemon first starts after boot */
    bool updated;            /* the persistent definition was changed while the guest ran */
    bool reachable;          /* QEMU answers; false while an adopted guest's monitor is being retried */
    bool monitor_used;       /* a client has given this run's QEMU commands of its own */
    bool dirty_rate_ordered; /* this run's rate of dirty memory was measured, or is */
    Definition *config;      /* the persistent definition: what the next start uses; NULL for a transient guest */
    Definition *live;        /* the running guest's definition, with ids, aliases, ports; NULL while it is off */
    ProcessId process;       /* QEMU; pid 0 while off */
    GArray *vcpu_tids;       /* of pid_t, index = vCPU number, 0 = offline; NULL while off */
} VmView;

typedef struct Vm {
    gatomicrefcount refs;
    Daemon *daemon;
    Uuid uuid;
    Mailbox *mailbox;

    VmAgent *agent; /* has its own lock */

    GMutex view_lock; /* only around the swap of view, stats, perf, jobs and qmp */
    unsigned claims;  /* under way; guarded by the registry's lock */
    VmView *view;     /* NULL: claimed but not defined yet, or gone */
    VmStats *stats;   /* last statistics; NULL before the first */
    VmPerf *perf;     /* counters of perf events; NULL: none */
    VmJob *job;       /* the job that runs, and the one that ended last; see vm-job.h */
    VmJob *last_job;
    gint job_asked; /* atomic: its progress is being asked for */

    /* mailbox: */
    Qmp *qmp;             /* NULL while off or unreachable */
    unsigned monitor_run; /* counts the connections, so that late events of an earlier one are told apart */
    QemuCaps *caps;       /* of the emulator that runs it */
    int pidfd;            /* of QEMU; -1 while off */
    char *run_dir;        /* Paths.qemu_run_dir/ID-NAME, while it runs */
    char *cgroup;         /* path of its control group; NULL: none */
    VmConsoles *consoles;
    VmBond *autodestroy;    /* to the client whose end ends this run; vm-autodestroy.c */
    VmJobRun *job_run;      /* the other half of `job` */
    GHashTable *unplugs;    /* alias → VmJobWaiter *, told when the guest lets go of the device; NULL: none */
    bool reset_on_shutdown; /* this shutdown is one half of a reboot */
    int stop_reason;        /* virDomainShutoffReason to report when QEMU's end is seen; -1: find out */
    GArray *ports;          /* of unsigned: TCP ports to give back after the run */
} Vm;

/* A new, unpublished guest; reached by vm_registry_claim(). */
Vm *vm_new(Daemon *daemon, const Uuid *uuid);
Vm *vm_ref(Vm *vm);
void vm_unref(Vm *vm);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Vm, vm_unref)

Mailbox *vm_mailbox(Vm *vm);

VmView *vm_view_ref(VmView *view);
void vm_view_unref(VmView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmView, vm_view_unref)

/* A reference to the present view, or NULL if the guest is not (or no longer) defined. Any thread. */
VmView *vm_view(Vm *vm);
/* A changeable copy of @view (NULL: of an empty one) that shares its definitions. */
VmView *vm_view_copy(const VmView *view);
/* Makes @view (taken over) what readers see and keeps the registry's names and numbers in step; NULL removes the guest.
 */
void vm_publish(Vm *vm, VmView *view);

/* Publishes @live (taken over) as the running guest's definition and leaves the rest of the view. Mailbox. */
void vm_publish_live(Vm *vm, Domain *live);

/* The definition that describes the guest now: live while it runs, else the persistent one. */
static inline const Domain *vm_view_domain(const VmView *view)
{
    return view->live ? view->live->domain : view->config->domain;
}

static inline bool vm_view_active(const VmView *view)
{
    return view->id >= 0;
}

/* Errors with VIR_ERR_OPERATION_INVALID and the cure if the guest is off (or on). */
bool vm_require_active(const VmView *view, GError **error);
bool vm_require_inactive(const VmView *view, GError **error);

/* Sets state and reason in a new view, and nothing else. Mailbox. */
void vm_set_state(Vm *vm, int state, int reason);
