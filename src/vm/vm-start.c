/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-start.h"

#include "base/durable-file.h"
#include "base/error.h"
#include "base/log.h"
#include "base/paths.h"
#include "host/host-facts.h"
#include "qemu/qemu-cpu-guest.h"
#include "qemu/qemu-explain.h"
#include "qemu/qemu-monitor.h"
#include "vm/vm-autodestroy.h"
#include "vm/vm-cgroup.h"
#include "vm/vm-confine.h"
#include "vm/vm-console.h"
#include "vm/vm-events.h"
#include "vm/vm-log.h"
#include "vm/vm-monitor.h"
#include "vm/vm-prepare.h"
#include "vm/vm-refuse.h"
#include "vm/vm-registry.h"
#include "vm/vm-runstate.h"
#include "vm/vm-settings.h"
#include "vm/vm-settle.h"
#include "vm/vm-stop.h"
#include "vm/vm-tpm.h"

#include <signal.h>

#define DEATH_GRACE_MS   200
#define START_TIMEOUT_MS 30000 /* until QMP answers; an idle host needs 30 ms */

static bool check_unapplied(VmStart *start, GError **error)
{
    return vm_refuse_unapplied(start->live, error);
}

/* A definition may name another user than the configuration. */
static bool choose_user(VmStart *start, GError **error)
{
    const Domain *live = start->live;
    for (unsigned i = 0; i < live->n_seclabels; i++) {
        const DomainSeclabel *label = live->seclabels[i];
        if (label->type != SECLABEL_TYPE_STATIC || g_strcmp0(label->model, "dac") != 0)
            continue;
        start->own_settings = g_memdup2(start->settings, sizeof *start->settings);
        start->settings = start->own_settings;
        return vm_user_of_label(label->label, &start->own_settings->user, error);
    }
    return true;
}

static bool find_emulator(VmStart *start, GError **error)
{
    start->caps = qemu_caps_cache_get(start->daemon->qemu_caps, start->live->emulator, error);
    if (!start->caps)
        return false;
    bool kvm = start->live->virt_type == VIRT_TYPE_KVM;
    if (kvm && !start->caps->kvm.usable)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "KVM is not usable on this host: see 'lodge doctor', or use <domain type='qemu'>");
    qemu_args_assign_aliases(start->live);
    return true;
}

static bool check_cpu(VmStart *start, GError **error)
{
    const Daemon *daemon = start->daemon;
    return !qemu_cpu_guest_applies(start->live) || qemu_cpu_guest_prepare(start->live, start->caps, daemon->qemu_caps,
                                                                          host_facts_processor(daemon->host), error);
}

static bool build_arguments(VmStart *start, GError **error)
{
    start->args = qemu_args_build(start->handed, start->caps, &start->resources, error);
    if (!start->args)
        return false;
    /* A NULL may end the array; the descriptor sets stand before everything that uses them. */
    while (start->add_fds->len > 0)
        g_ptr_array_insert(start->args, 0, g_ptr_array_steal_index(start->add_fds, start->add_fds->len - 1));
    start->log_path = vm_log_prepare(start->daemon->paths, start->name);
    vm_log_command(start->vm, start->live->emulator, start->args);
    return true;
}

/* VFIO pins all of the guest's memory. */
static bool has_vfio(const Domain *live)
{
    for (unsigned i = 0; i < live->n_hostdevs; i++) {
        if (live->hostdevs[i]->type == HOSTDEV_TYPE_PCI || live->hostdevs[i]->type == HOSTDEV_TYPE_MDEV)
            return true;
    }
    return false;
}

static void fill_launch(VmStart *start, QemuLaunch *launch)
{
    const VmSettings *settings = start->settings;
    const VmUser *user = &settings->user;
    launch->set_user = user->switch_user;
    launch->uid = user->uid;
    launch->gid = user->gid;
    launch->groups = user->groups;
    launch->n_groups = user->n_groups;
    launch->working_dir = start->vm->run_dir;
    launch->limit_core = settings->max_core;
    launch->unprivileged = true;
    if (settings->max_processes)
        launch->limit_nproc = settings->max_processes;
    if (settings->max_files)
        launch->limit_nofile = settings->max_files;
    launch->cpus = start->live->vcpu_cpuset;
    if (start->live->memory_locked || has_vfio(start->live))
        launch->limit_memlock = QEMU_LIMIT_INFINITY;
}

/* Where SDL finds its screen and its sound, and the zone of a clock that has one. */
static void add_host_environment(const Domain *live, GPtrArray *env)
{
    if (live->clock.offset == CLOCK_OFFSET_TIMEZONE)
        g_ptr_array_add(env, g_strdup_printf("TZ=%s", live->clock.timezone));
    for (unsigned i = 0; i < live->n_graphics; i++) {
        const DomainGraphics *graphics = live->graphics[i];
        if (graphics->type == GRAPHICS_TYPE_SDL && graphics->display)
            g_ptr_array_add(env, g_strdup_printf("DISPLAY=%s", graphics->display));
        if (graphics->type == GRAPHICS_TYPE_SDL && graphics->xauth)
            g_ptr_array_add(env, g_strdup_printf("XAUTHORITY=%s", graphics->xauth));
    }
    for (unsigned i = 0; i < live->n_audios; i++) {
        const char *driver = model_enum_text(&model_enum_audio_sdl_driver, live->audios[i]->driver);
        if (driver)
            g_ptr_array_add(env, g_strdup_printf("SDL_AUDIODRIVER=%s", driver));
    }
}

/* Variables that the definition asks for, and our own mark. */
static char **build_environment(VmStart *start)
{
    const DomainQemuCommandline *extra = start->live->qemu_commandline;
    g_autoptr(GPtrArray) env = g_ptr_array_new();
    char uuid[UUID_TEXT_SIZE];
    uuid_format(&start->vm->uuid, uuid);
    g_ptr_array_add(env, g_strdup_printf(VM_RUN_DIR_VARIABLE "=%s", start->vm->run_dir));
    g_ptr_array_add(env, g_strdup_printf(VM_UUID_VARIABLE "=%s", uuid));
    add_host_environment(start->live, env);
    for (unsigned i = 0; extra && i < extra->n_env; i++)
        g_ptr_array_add(
            env, g_strdup_printf("%s=%s", extra->env[i]->name, extra->env[i]->value ? extra->env[i]->value : ""));
    g_ptr_array_add(env, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&env), FALSE);
}

static bool spawn(VmStart *start, GError **error)
{
    Vm *vm = start->vm;
    g_auto(QemuProcess) process = { .pidfd = -1 };
    QemuLaunch launch = QEMU_LAUNCH_INIT;
    fill_launch(start, &launch);
    g_auto(GStrv) see = vm_confine_paths(start);
    launch.see = (const char *const *)see;
    g_autofree char *label = g_strdup_printf("guest '%s'", start->name);
    g_auto(GStrv) env = build_environment(start);
    QemuSpawn order = {
        .name = label,
        .emulator = start->live->emulator,
        .args = start->args,
        .env = (const char *const *)env,
        .fds = start->fds,
        .monitor_path = start->monitor_path,
        .log_path = start->log_path,
        .set_names = (const char *const *)start->set_names->pdata,
        .launch = &launch,
        .callbacks = vm_monitor_callbacks(vm),
        .timeout_ms = START_TIMEOUT_MS,
    };
    VmPlacing placing;
    vm_cgroup_plan(&placing, vm, start->live);
    order.place = vm_cgroup_place;
    order.place_data = &placing;
    order.gated = placing.required;
    bool spawned = qemu_process_spawn(&order, &process, error);
    vm_cgroup_placed(&placing);
    if (!spawned)
        return false;
    start->log_start = process.log_start;
    vm_monitor_attach(vm, g_steal_pointer(&process.qmp));
    vm->pidfd = process.pidfd;
    process.pidfd = -1;
    vm->caps = qemu_caps_ref(start->caps);
    VmView *next = vm_view_copy(vm->view);
    next->id = start->live->id;
    next->process = process.id;
    next->live = definition_new(g_steal_pointer(&start->live), NULL);
    next->state = VIR_DOMAIN_PAUSED;
    next->reason = VIR_DOMAIN_PAUSED_STARTING_UP;
    next->updated = false;
    next->monitor_used = false;
    next->dirty_rate_ordered = false;
    next->reachable = true;
    vm_publish(vm, next);
    return true;
}

static bool settle(VmStart *start, GError **error)
{
    return vm_settle(start->vm, error);
}

static bool save_run_state(VmStart *start, GError **error)
{
    return vm_runstate_save(start->vm, error);
}

static bool run_vcpus(VmStart *start, GError **error)
{
    Vm *vm = start->vm;
    vm_emit_lifecycle(vm, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_BOOTED);
    if (start->flags & VIR_DOMAIN_START_PAUSED) {
        vm_set_state(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER);
        vm_emit_lifecycle(vm, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
    } else {
        vm_set_state(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED);
        if (!qemu_monitor_run(vm->qmp, "cont", error))
            return false;
        vm_emit_lifecycle(vm, VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED);
    }
    vm_runstate_save_state(vm);
    return true;
}

static const struct {
    const char *what;
    bool (*run)(VmStart *start, GError **error);
} start_steps[] = {
    { "apply all of the definition", check_unapplied },
    { "choose its user", choose_user },
    { "find the emulator", find_emulator },
    { "check its CPU", check_cpu },
    { "prepare the run directory", vm_prepare_directory },
    { "prepare the firmware", vm_prepare_firmware },
    { "prepare the displays", vm_prepare_displays },
    { "prepare character devices", vm_prepare_chardevs },
    { "connect the networks", vm_prepare_networks },
    { "prepare its vsock", vm_prepare_vsocks },
    { "prepare the memory", vm_prepare_memory },
    { "start its TPM", vm_prepare_tpms },
    { "open its files", vm_prepare_files },
    { "build QEMU's arguments", build_arguments },
    { "run QEMU", spawn },
    { "set QEMU up", settle },
    { "save the run state", save_run_state },
    { "run its vCPUs", run_vcpus },
};

/* Ends whatever of the attempt runs, and puts the view back to what it was before. */
static void undo(Vm *vm, VmView *before)
{
    if (vm->pidfd >= 0) {
        g_autoptr(GError) error = NULL;
        if (!process_signal(vm->pidfd, SIGKILL, &error))
            log_debug("%s", error->message);
        if (!process_wait(vm->pidfd, 10000))
            log_error("QEMU (pid %d) of a failed start does not end", (int)vm->view->process.pid);
    }
    vm_release_resources(vm);
    vm_publish(vm, before->persistent ? vm_view_ref(before) : NULL);
}

/* A step that fails because QEMU is gone says that, with QEMU's last words, and not what it tripped over. */
static void explain_death(VmStart *start, GError **error)
{
    Vm *vm = start->vm;
    /* Its threads and sockets go before the process itself is seen to have ended. */
    if (vm->pidfd < 0 || !process_wait(vm->pidfd, DEATH_GRACE_MS) || !error || !*error)
        return;
    g_autoptr(GError) first = g_steal_pointer(error);
    g_autofree char *tail = qemu_log_tail(start->log_path, start->log_start);
    g_autofree char *words = qemu_explain(tail, (const char *const *)start->set_names->pdata);
    error_set(error, VIR_ERR_OPERATION_FAILED, "guest '%s': QEMU ended while it was started: %s", start->name,
              tail[0] ? words : first->message);
}

static bool run_steps(VmStart *start, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(start_steps); i++) {
        if (start_steps[i].run(start, error))
            continue;
        log_debug("guest '%s': cannot %s", start->name, start_steps[i].what);
        explain_death(start, error);
        return false;
    }
    return true;
}

bool vm_start_definition(Vm *vm, Domain *domain, unsigned flags, Client *client, GError **error)
{
    g_autofree char *name = g_strdup(domain->name);
    domain->id = vm_registry_next_id(vm->daemon->vms);
    if (!vm->view) {
        /* Named to readers only from here on; a failed start takes it back. */
        VmView *first = vm_view_copy(NULL);
        first->config = definition_new(domain_copy(domain), NULL);
        vm_publish(vm, first);
    }
    g_autoptr(VmView) before = vm_view_ref(vm->view);
    VmStart start = {
        .vm = vm,
        .daemon = vm->daemon,
        .settings = vm->daemon->vm_settings,
        .name = name,
        .live = domain,
        .fds = qemu_fds_new(),
        .add_fds = g_ptr_array_new_with_free_func(g_free),
        .set_names = g_ptr_array_new_null_terminated(4, g_free, TRUE),
        .net_fds = g_array_new(FALSE, FALSE, sizeof(int *)),
        .flags = flags,
    };
    vm->ports = g_array_new(FALSE, FALSE, sizeof(unsigned));
    bool started = run_steps(&start, error);
    vm_start_clear(&start);
    if (!started) {
        undo(vm, before);
        return false;
    }
    if (!vm->view->persistent) {
        VmView *next = vm_view_copy(vm->view);
        g_clear_pointer(&next->config, definition_unref);
        vm_publish(vm, next);
    }
    if (client && (flags & VIR_DOMAIN_START_AUTODESTROY))
        vm_autodestroy_with(vm, client);
    return true;
}

bool vm_start(Vm *vm, unsigned flags, Client *client, GError **error)
{
    if (!vm_require_inactive(vm->view, error))
        return false;
    return vm_start_definition(vm, domain_copy(vm->view->config->domain), flags, client, error);
}

static void autostart_job(gpointer data)
{
    g_autoptr(Vm) vm = data;
    g_autoptr(GError) error = NULL;
    if (vm->view && !vm_view_active(vm->view) && !vm_start(vm, 0, NULL, &error))
        log_error("autostart of guest '%s': %s", vm_view_domain(vm->view)->name, error->message);
}

/* Whether no daemon has started guests since the host booted; notes that one does now. */
static bool first_since_boot(const Paths *paths)
{
    g_autofree char *mark = g_build_filename(paths->run_dir, "autostarted", NULL);
    g_autofree char *boot = NULL;
    g_autofree char *marked = NULL;
    g_autoptr(GError) error = NULL;
    if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot, NULL, &error)) {
        log_error("autostart: %s", error->message);
        return false;
    }
    if (g_file_get_contents(mark, &marked, NULL, NULL) && g_str_equal(marked, boot))
        return false;
    if (!atomic_file_write(mark, boot, -1, 0600, &error))
        log_error("autostart: %s", error->message);
    return true;
}

void vm_autostart_all(Daemon *daemon)
{
    if (!first_since_boot(daemon->paths))
        return;
    g_autoptr(GPtrArray) all = vm_registry_all(daemon->vms);
    for (unsigned i = 0; i < all->len; i++) {
        Vm *vm = all->pdata[i];
        g_autoptr(VmView) view = vm_view(vm);
        if (view && view->autostart && !vm_view_active(view))
            mailbox_post(vm->mailbox, autostart_job, vm_ref(vm));
    }
}
