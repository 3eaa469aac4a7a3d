/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing a QEMU process to life: monitor socket, descriptors, lodge-launch, QMP. Blocks; worker or mailbox threads
 * only, never the main loop.
 *
 * The way to use it:
 *     g_autoptr(QemuFds) fds = qemu_fds_new();
 *     int listener = qemu_socket_listen(path, uid, gid, &error);
 *     resources.monitor_fd = qemu_fds_add(fds, listener);           // … and tap, vhost and other descriptors
 *     g_autoptr(GPtrArray) args = qemu_args_build(def, caps, &resources, &error);
 *     qemu_process_spawn(&(QemuSpawn){ .args = args, .fds = fds, … }, &process, &error);
 */
#pragma once
#include "base/process.h"
#include "qemu/qmp.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* Descriptors for QEMU. Each is known to it by a small number given at once, whatever its number is in the daemon. */
typedef struct QemuFds QemuFds;
QemuFds *qemu_fds_new(void);
void qemu_fds_free(QemuFds *fds);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QemuFds, qemu_fds_free)
/* Takes over @fd (closed after the spawn, or with @fds). Gives the number under which QEMU will see it: 3, 4, … */
int qemu_fds_add(QemuFds *fds, int fd);

/*
 * Creates a listening socket at @path (at most 107 bytes), mode 0600, owned by the given user: a monitor's belongs to
 * QEMU's so that QEMU may be reached again by a later daemon. A socket that is there already is replaced, anything else
 * is an error. -1 on error.
 */
int qemu_socket_listen(const char *path, uid_t uid, gid_t gid, GError **error);
/* Connects to the unix socket at @path without waiting. -1 on error. */
int qemu_socket_connect(const char *path, GError **error);
/* Connects to a running QEMU's monitor and shakes hands: for adoption. */
Qmp *qemu_monitor_connect(const char *path, GMainContext *context, const char *name, const QmpCallbacks *callbacks,
                          int timeout_ms, GError **error);

#define QEMU_LIMIT_KEEP     ((guint64)-1) /* leave the daemon's own value */
#define QEMU_LIMIT_INFINITY ((guint64)-2) /* RLIM_INFINITY */

typedef enum {
    QEMU_SCHEDULER_KEEP,
    QEMU_SCHEDULER_BATCH,
    QEMU_SCHEDULER_IDLE,
    QEMU_SCHEDULER_FIFO,
    QEMU_SCHEDULER_RR
} QemuScheduler;

/* What lodge-launch sets before it becomes QEMU. Zero-initialise with QEMU_LAUNCH_INIT: it changes nothing. */
typedef struct {
    bool set_user; /* needs root */
    uid_t uid;
    gid_t gid;
    const gid_t *groups; /* supplementary groups */
    unsigned n_groups;
    guint64 limit_memlock;  /* bytes */
    guint64 limit_nofile;   /* descriptors */
    guint64 limit_nproc;    /* processes and threads of the user */
    guint64 limit_core;     /* bytes */
    const char *cpus;       /* "0-3,5": affinity of the process, or NULL */
    const char *mems;       /* NUMA nodes memory must come from ("0-1"), or NULL */
    const char *netns;      /* path of a network namespace to enter, or NULL */
    const char *const *see; /* "rw:PATH", "ro:PATH": all it gets to see of the host, beside programs; NULL: all. Root */
    bool unprivileged;      /* no capabilities, and none to be had */
    const char *oom_score;  /* text for /proc/self/oom_score_adj, or NULL */
    QemuScheduler scheduler;
    int priority;            /* of FIFO and RR: 1 … 99 */
    const char *working_dir; /* "/" if NULL */
} QemuLaunch;
#define QEMU_LAUNCH_INIT                                                                                               \
    {                                                                                                                  \
        .limit_memlock = QEMU_LIMIT_KEEP, .limit_nofile = QEMU_LIMIT_KEEP, .limit_nproc = QEMU_LIMIT_KEEP,             \
        .limit_core = QEMU_LIMIT_KEEP,                                                                                 \
    }

typedef struct {
    const char *name;             /* for errors: "guest 'web'" */
    const char *emulator;         /* path of the program */
    GPtrArray *args;              /* of char *, without the program; NULL-terminated or not */
    const char *const *env;       /* "NAME=value", NULL-terminated; only these, plus PATH and LC_ALL=C */
    QemuFds *fds;                 /* emptied: the daemon's copies are closed whatever comes */
    const char *monitor_path;     /* the socket of qemu_socket_listen() */
    const char *log_path;         /* appended to; stdout and stderr of QEMU. Its tail explains an early death */
    const char *const *set_names; /* of qemu_explain(); NULL: there are no file sets */
    const QemuLaunch *launch;
    GMainContext *context; /* that runs the QMP connection */
    QmpCallbacks callbacks;
    int timeout_ms; /* until QMP answers; 0: 30 s */
    /* NULL, or told the process id as soon as there is one; false ends the start. With @gated it is not QEMU before. */
    bool (*place)(pid_t pid, gpointer data, GError **error);
    gpointer place_data;
    bool gated;
} QemuSpawn;

typedef struct {
    ProcessId id;
    int pidfd;         /* owned; readable when QEMU has ended */
    Qmp *qmp;          /* owned; handshake done */
    goffset log_start; /* size of the log before QEMU wrote to it */
} QemuProcess;

/* pidfd and QMP connection: closes both. The process itself is left alone. */
void qemu_process_clear(QemuProcess *process);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(QemuProcess, qemu_process_clear)

/*
 * Starts QEMU and returns when QMP is ready. On failure nothing is left: no process, no monitor socket. The error tells
 * what lodge-launch or QEMU itself said. Callbacks may already have run when it fails;
 * `destroy` runs in any case.
 */
bool qemu_process_spawn(QemuSpawn *spawn, QemuProcess *ret_process, GError **error);

/* A program beside QEMU that goes into the background by itself when it is ready: swtpm. */
typedef struct {
    const char *name; /* for errors: "guest 'web': swtpm" */
    const char *program;
    GPtrArray *args; /* of char *, without the program */
    QemuFds *fds;    /* emptied, as above */
    const char *log_path;
    const QemuLaunch *launch;
    int timeout_ms;
} QemuHelper;

/* Runs it through lodge-launch and waits for its first process to end. False, with its own words, if not with status 0.
 */
bool qemu_helper_run(QemuHelper *helper, GError **error);

/* Collects the exit status of an ended child so that no zombie stays. False if it was no child (adopted) or still runs.
 */
bool qemu_process_reap(int pidfd, int *ret_wait_status);

/* "killed by signal 9 (Killed)", "exited with status 1". Free it. */
char *qemu_process_status_text(int wait_status);

#define QEMU_LOG_TAIL_MAX 1024
/* What QEMU wrote after @from, its last QEMU_LOG_TAIL_MAX bytes at most: why it died. Never NULL; free it. */
char *qemu_log_tail(const char *path, goffset from);

/*
 * The path of lodge-launch: $LODGE_LIBEXECDIR/lodge-launch if set, else the one built beside a daemon that runs from
 * its build directory, else the installed one. Static.
 */
const char *qemu_launch_program(void);
