/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two kinds of image: by "dump-guest-memory" (MEMORY_ONLY; ELF or kdump, for crash and gdb), during which QEMU pauses
 * the guest by itself and goes on by itself even if no daemon is left to tell it; and by "migrate" into the file (the
 * whole state, devices included), for which the daemon pauses it unless the dump is to be live.
 */
#include "vm/vm-dump.h"

#include "base/auto-fd.h"
#include "base/durable-file.h"
#include "base/error.h"
#include "base/log.h"
#include "base/paths.h"
#include "qemu/qmp-object.h"
#include "rpc/handlers.h"
#include "vm/vm-dump-file.h"
#include "vm/vm-events.h"
#include "vm/vm-job.h"
#include "vm/vm-log.h"
#include "vm/vm-monitor.h"
#include "vm/vm-runstate.h"
#include "vm/vm-settings.h"
#include "vm/vm-stop.h"
#include "vm/vm-wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define FD_NAME             "lodge-dump"
#define REFRESH_TIMEOUT_MS  2000
#define CRASH_GRACE_MS      10000
#define BANDWIDTH_UNLIMITED G_MAXINT64 /* a file needs no throttling */
#define DUMP_FLAGS          (VIR_DUMP_CRASH | VIR_DUMP_LIVE | VIR_DUMP_BYPASS_CACHE | VIR_DUMP_RESET | VIR_DUMP_MEMORY_ONLY)

typedef struct {
    const char *format; /* QEMU's name; NULL: ELF, or a migration stream */
    unsigned flags;     /* virDomainCoreDumpFlags */
    bool resume;        /* the guest ran, and is to run again */
    gint64 bandwidth;   /* the migration limit to put back; -1: none */
    bool completed;     /* by "dump-guest-memory", with @why; QEMU has yet to let the guest go on */
    GError *why;
    VmJobWaiter *waiter; /* of a client's call; NULL: automatic */
    void (*then)(Vm *vm);
    char *path; /* of an automatic dump: removed when it fails */
} Dump;

static const VmWork dump_work;

static void dump_free(Dump *dump)
{
    vm_job_waiter_unref(dump->waiter);
    g_clear_error(&dump->why);
    g_free(dump->path);
    g_free(dump);
}

/* Starting */

static bool pause_guest(Vm *vm, Dump *dump, GError **error)
{
    dump->resume = vm->view->state == VIR_DOMAIN_RUNNING;
    if (!dump->resume || ((dump->flags & VIR_DUMP_LIVE) && !(dump->flags & VIR_DUMP_MEMORY_ONLY)))
        return true;
    if (!(dump->flags & VIR_DUMP_MEMORY_ONLY) && !vm_qmp(vm, "stop", NULL, NULL, error))
        return false;
    vm_set_state(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_DUMP);
    vm_runstate_save_state(vm);
    vm_emit_lifecycle(vm, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
    return true;
}

static void resume_guest(Vm *vm)
{
    g_autoptr(GError) error = NULL;
    if (!vm_qmp(vm, "cont", NULL, NULL, &error)) {
        log_error("guest '%s': resume after a core dump: %s", vm_view_domain(vm->view)->name, error->message);
        return;
    }
    vm_set_state(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED);
    vm_runstate_save_state(vm);
    vm_emit_lifecycle(vm, VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED);
}

/* Sets the limit of bytes a second; *ret_old: what it was, -1 if QEMU does not say. */
static bool set_bandwidth(Vm *vm, gint64 limit, gint64 *ret_old, GError **error)
{
    g_autoptr(JsonNode) parameters = NULL;
    if (ret_old) {
        if (!vm_qmp(vm, "query-migrate-parameters", NULL, &parameters, error))
            return false;
        *ret_old = qmp_get_int(qmp_node_object(parameters), "max-bandwidth", -1);
    }
    return vm_qmp(vm, "migrate-set-parameters", qmp_object("i:max-bandwidth", limit, NULL), NULL, error);
}

static void put_bandwidth_back(Vm *vm, const Dump *dump)
{
    g_autoptr(GError) error = NULL;
    if (dump->bandwidth >= 0 && !set_bandwidth(vm, dump->bandwidth, NULL, &error))
        log_warning("guest '%s': %s", vm_view_domain(vm->view)->name, error->message);
}

/* The end of a migration is told by events only when this was asked for. */
static bool ask_for_events(Vm *vm, GError **error)
{
    JsonArray *capabilities = json_array_new();
    json_array_add_object_element(capabilities, qmp_object("s:capability", "events", "b:state", TRUE, NULL));
    return vm_qmp(vm, "migrate-set-capabilities", qmp_object("a:capabilities", capabilities, NULL), NULL, error);
}

static bool order_migration(Vm *vm, Dump *dump, GError **error)
{
    return ask_for_events(vm, error) && set_bandwidth(vm, BANDWIDTH_UNLIMITED, &dump->bandwidth, error) &&
           vm_qmp(vm, "migrate", qmp_object("s:uri", "fd:" FD_NAME, NULL), NULL, error);
}

static bool order_memory(Vm *vm, const Dump *dump, GError **error)
{
    JsonObject *args =
        qmp_object("b:paging", FALSE, "s:protocol", "fd:" FD_NAME, "b:detach", TRUE, "s:format", dump->format, NULL);
    return vm_qmp(vm, "dump-guest-memory", args, NULL, error);
}

static bool order(Vm *vm, Dump *dump, int fd, GError **error)
{
    if (!qmp_call_with_fd(vm->qmp, "getfd", qmp_object("s:fdname", FD_NAME, NULL), fd, VM_QMP_TIMEOUT_MS, NULL, error))
        return false;
    if (dump->flags & VIR_DUMP_MEMORY_ONLY ? order_memory(vm, dump, error) : order_migration(vm, dump, error))
        return true;
    /* QEMU closes the descriptor itself once it has taken it; if it has not, this does. */
    g_autoptr(GError) gone = NULL;
    if (!vm_qmp(vm, "closefd", qmp_object("s:fdname", FD_NAME, NULL), NULL, &gone))
        log_debug("closefd: %s", gone->message);
    return false;
}

/* Takes @dump over when it succeeds. */
static bool start_dump(Vm *vm, Dump *dump, int fd, GError **error)
{
    if (!vm_require_active(vm->view, error) || !vm_job_require_none(vm, error))
        return false;
    if (!vm->qmp)
        return vm_qmp(vm, "query-status", NULL, NULL, error); /* says why it cannot be reached */
    if (!pause_guest(vm, dump, error))
        return false;
    dump->bandwidth = -1;
    if (order(vm, dump, fd, error))
        return vm_job_begin(vm, &dump_work, dump, error);
    put_bandwidth_back(vm, dump);
    if (dump->resume && vm->view->state == VIR_DOMAIN_PAUSED)
        resume_guest(vm);
    return false;
}

/* While it runs, and its end */

static bool refresh(Vm *vm, gpointer data, VmJob *job)
{
    const Dump *dump = data;
    g_autoptr(JsonNode) reply = NULL;
    const char *query = dump->flags & VIR_DUMP_MEMORY_ONLY ? "query-dump" : "query-migrate";
    if (!qmp_call(vm->qmp, query, NULL, REFRESH_TIMEOUT_MS, &reply, NULL))
        return false;
    JsonObject *info = qmp_node_object(reply);
    if (!(dump->flags & VIR_DUMP_MEMORY_ONLY)) {
        vm_job_take_migration(job, info);
        return true;
    }
    job->memory_total = (uint64_t)qmp_get_int(info, "total", 0);
    job->memory_processed = (uint64_t)qmp_get_int(info, "completed", 0);
    job->memory_remaining = job->memory_total - MIN(job->memory_total, job->memory_processed);
    return true;
}

static bool abort_dump(Vm *vm, gpointer data, GError **error)
{
    const Dump *dump = data;
    if (dump->flags & VIR_DUMP_MEMORY_ONLY)
        return error_set(error, VIR_ERR_OPERATION_INVALID,
                         "cannot abort memory-only dump: QEMU cannot; destroy the guest, or wait");
    return vm_qmp(vm, "migrate_cancel", NULL, NULL, error);
}

/* What the flags ask for after a dump that went well, and the guest's run after any. */
static void go_on(Vm *vm, const Dump *dump, bool well)
{
    g_autoptr(GError) error = NULL;
    put_bandwidth_back(vm, dump);
    if (well && (dump->flags & VIR_DUMP_CRASH)) {
        if (!vm_kill(vm, CRASH_GRACE_MS, false, VIR_DOMAIN_SHUTOFF_CRASHED, &error))
            log_error("guest '%s': %s", vm_view_domain(vm->view)->name, error->message);
        return;
    }
    if (well && (dump->flags & VIR_DUMP_RESET) && !vm_qmp(vm, "system_reset", NULL, NULL, &error))
        log_error("guest '%s': %s", vm_view_domain(vm->view)->name, error->message);
    if (dump->resume && vm->view->state != VIR_DOMAIN_RUNNING)
        resume_guest(vm);
}

static void ended(Vm *vm, gpointer data, const GError *why)
{
    Dump *dump = data;
    vm_log_event(vm, "core dump %s%s", why ? "failed: " : "completed", why ? why->message : "");
    if (vm->qmp)
        go_on(vm, dump, !why);
    if (dump->waiter)
        vm_job_waiter_tell(dump->waiter, why);
    else if (why && unlink(dump->path) < 0)
        log_warning("remove '%s': %s", dump->path, g_strerror(errno));
    if (!dump->waiter && why)
        log_error("automatic core dump '%s': %s", dump->path, why->message);
    if (dump->then && vm->qmp)
        dump->then(vm);
    dump_free(dump);
}

static const VmWork dump_work = {
    .what = "a core dump",
    .operation = VIR_DOMAIN_JOB_OPERATION_DUMP,
    .refresh = refresh,
    .abort = abort_dump,
    .ended = ended,
};

/*
 * QEMU tells the end before it lets the guest go on, and in between it cannot bear a system_reset (it aborts: "invalid
 * runstate transition"). So a guest that ran is waited for.
 */
void vm_dump_completed(Vm *vm, JsonObject *data)
{
    Dump *dump = vm_job_data(vm, &dump_work);
    g_autoptr(GError) error = NULL;
    if (!dump || !(dump->flags & VIR_DUMP_MEMORY_ONLY))
        return;
    const char *said = qmp_get_string(data, "error");
    const char *status = qmp_get_string(qmp_get_object(data, "result"), "status");
    if (said || g_strcmp0(status, "completed") != 0)
        error_set(&error, VIR_ERR_OPERATION_FAILED, "dump the memory of guest '%s': %s", vm_view_domain(vm->view)->name,
                  said ? said : "QEMU does not say why");
    if (!dump->resume) {
        vm_job_end(vm, error);
        return;
    }
    dump->completed = true;
    dump->why = g_steal_pointer(&error);
}

void vm_dump_resumed(Vm *vm)
{
    Dump *dump = vm_job_data(vm, &dump_work);
    if (!dump || !dump->completed)
        return;
    g_autoptr(GError) why = g_steal_pointer(&dump->why);
    vm_job_end(vm, why);
}

/* Why QEMU says that the last migration failed. Free it. */
static char *migration_error(Vm *vm)
{
    g_autoptr(JsonNode) reply = NULL;
    if (!vm_qmp(vm, "query-migrate", NULL, &reply, NULL))
        return g_strdup("QEMU does not say why");
    const char *text = qmp_get_string(qmp_node_object(reply), "error-desc");
    return g_strdup(text ? text : "the file cannot be written (is the disk full?)");
}

void vm_dump_migration(Vm *vm, JsonObject *data)
{
    const Dump *dump = vm_job_data(vm, &dump_work);
    const char *status = qmp_get_string(data, "status");
    const char *name = vm_view_domain(vm->view)->name;
    g_autoptr(GError) error = NULL;
    if (!dump || dump->flags & VIR_DUMP_MEMORY_ONLY)
        return;
    if (g_strcmp0(status, "failed") == 0) {
        g_autofree char *text = migration_error(vm);
        error_set(&error, VIR_ERR_OPERATION_FAILED, "dump guest '%s': %s", name, text);
    } else if (g_strcmp0(status, "cancelled") == 0) {
        error_set(&error, VIR_ERR_OPERATION_ABORTED, "dump of guest '%s': canceled by client", name);
    } else if (g_strcmp0(status, "completed") != 0) {
        return; /* a stage on the way */
    }
    vm_job_end(vm, error);
}

void vm_dump_adopt(Vm *vm)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) dump = NULL;
    const VmView *view = vm->view;
    if (!view || !vm->qmp || view->state != VIR_DOMAIN_PAUSED || view->reason != VIR_DOMAIN_PAUSED_DUMP)
        return;
    if (vm_qmp(vm, "query-dump", NULL, &dump, &error) &&
        g_strcmp0(qmp_get_string(qmp_node_object(dump), "status"), "active") == 0)
        return; /* QEMU lets the guest go on by itself, and says so */
    if (error || !vm_qmp(vm, "migrate_cancel", NULL, NULL, &error)) {
        log_error("guest '%s': go on after an interrupted core dump: %s", vm_view_domain(view)->name, error->message);
        return;
    }
    vm_log_event(vm, "core dump interrupted by the end of its daemon");
    resume_guest(vm);
}

/* The calls */

typedef struct {
    Vm *vm;
    Dump *dump;
    int fd;
} StartJob;

static bool start_job(gpointer data, GError **error)
{
    StartJob *job = data;
    if (!job->vm->view)
        return error_set(error, VIR_ERR_NO_DOMAIN, "the guest has just been removed");
    if (!start_dump(job->vm, job->dump, job->fd, error))
        return false;
    job->dump = NULL;
    return true;
}

static bool check_flags(Call *call, unsigned flags, const char *format, GError **error)
{
    if (!flags_check(call, flags, DUMP_FLAGS, error))
        return false;
    if ((flags & VIR_DUMP_CRASH) && (flags & (VIR_DUMP_LIVE | VIR_DUMP_RESET)))
        return error_set(error, VIR_ERR_INVALID_ARG, "flags 'crash' and '%s' exclude each other",
                         flags & VIR_DUMP_LIVE ? "live" : "reset");
    if ((flags & VIR_DUMP_LIVE) && (flags & VIR_DUMP_RESET))
        return error_set(error, VIR_ERR_INVALID_ARG, "flags 'live' and 'reset' exclude each other");
    if (format && !(flags & VIR_DUMP_MEMORY_ONLY))
        return error_set(error, VIR_ERR_INVALID_ARG,
                         "format '%s' is only supported with memory-only dump: add --memory-only", format);
    return true;
}

/* Waits for the end of a dump that has started. @from: where it comes from when it goes around the page cache, else -1.
 */
static bool receive_dump(VmJobWaiter *waiter, int *from, int fd, const char *path, GError **error)
{
    g_autoptr(GError) why = NULL;
    bool copied = *from < 0 || dump_file_copy_direct(*from, fd, path, error);
    auto_fd_close(from); /* when the copy failed, QEMU's next write does too, and the job ends */
    bool done = vm_job_waiter_wait(waiter, copied ? error : &why);
    return copied && done && dump_file_sync(fd, path, error);
}

/* @given: a descriptor, other than @fd, for QEMU to write to; -1: @fd itself. */
static bool run_dump(Vm *vm, Dump *dump, int *given, int *from, int fd, const char *path, GError **error)
{
    g_autoptr(VmJobWaiter) waiter = vm_job_waiter_ref(dump->waiter);
    StartJob job = { vm, dump, *given >= 0 ? *given : fd };
    bool started = mailbox_run(vm->mailbox, start_job, &job, error);
    auto_fd_close(given);
    if (job.dump)
        dump_free(job.dump);
    return started && receive_dump(waiter, from, fd, path, error);
}

static bool dump_to(Call *call, const WireDomain *dom, const char *path, const char *format, unsigned flags,
                    GError **error)
{
    g_autoptr(VmView) view = NULL;
    bool direct = flags & VIR_DUMP_BYPASS_CACHE;
    if (!check_flags(call, flags, format, error))
        return false;
    g_autoptr(Vm) vm = wire_domain_find(call, dom, &view, error);
    if (!vm || !vm_require_active(view, error))
        return false;
    if (!g_path_is_absolute(path))
        return error_set(error, VIR_ERR_INVALID_ARG, "core dump '%s': give an absolute path", path);
    int ends[2] = { -1, -1 };
    if (direct && pipe2(ends, O_CLOEXEC) < 0)
        return error_set_errno(error, errno, "make a pipe for core dump '%s'", path);
    auto_fd int from = ends[0];
    auto_fd int given = ends[1];
    auto_fd int fd = dump_file_create(path, direct, error);
    if (fd < 0)
        return false;
    Dump *dump = g_new0(Dump, 1);
    *dump = (Dump){ .format = format, .flags = flags, .waiter = vm_job_waiter_new() };
    if (run_dump(vm, dump, &given, &from, fd, path, error))
        return true;
    dump_file_discard(fd, path);
    return false;
}

bool vm_core_dump(Call *call, const DomainCoreDumpArgs *args, void *ret, GError **error)
{
    return dump_to(call, &args->dom, args->to, NULL, args->flags, error);
}

bool vm_core_dump_with_format(Call *call, const DomainCoreDumpWithFormatArgs *args, void *ret, GError **error)
{
    static const char *const formats[] = {
        [VIR_DOMAIN_CORE_DUMP_FORMAT_RAW] = NULL,
        [VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_ZLIB] = "kdump-zlib",
        [VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_LZO] = "kdump-lzo",
        [VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_SNAPPY] = "kdump-snappy",
        [VIR_DOMAIN_CORE_DUMP_FORMAT_WIN_DMP] = "win-dmp",
    };
    if (args->dumpformat >= G_N_ELEMENTS(formats))
        return error_set(error, VIR_ERR_INVALID_ARG, "dump format %u is not known", args->dumpformat);
    return dump_to(call, &args->dom, args->to, formats[args->dumpformat], args->flags, error);
}

bool vm_dump_automatic(Vm *vm, void (*then)(Vm *vm), GError **error)
{
    const VmSettings *settings = vm->daemon->vm_settings;
    g_autofree char *fallback = g_build_filename(vm->daemon->paths->qemu_state_dir, "dump", NULL);
    const char *dir = settings->dump_dir ? settings->dump_dir : fallback;
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *time = g_date_time_format(now, "%Y-%m-%d-%H:%M:%S");
    g_autofree char *path = g_strdup_printf("%s/%s-%s", dir, vm_view_domain(vm->view)->name, time);
    if (!directory_ensure(dir, 0700, error))
        return false;
    auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return error_set_errno(error, errno, "create core dump '%s'", path);
    Dump *dump = g_new0(Dump, 1);
    *dump = (Dump){ .flags = VIR_DUMP_MEMORY_ONLY, .then = then, .path = g_strdup(path) };
    if (start_dump(vm, dump, fd, error))
        return true;
    dump_free(dump);
    if (unlink(path) < 0)
        log_warning("remove '%s': %s", path, g_strerror(errno));
    return false;
}
