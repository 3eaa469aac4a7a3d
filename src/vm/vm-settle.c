/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-settle.h"

#include "base/cpuset.h"
#include "base/error.h"
#include "host/host-procstat.h"
#include "qemu/qemu-args.h"
#include "qemu/qemu-cpu-guest.h"
#include "qemu/qemu-monitor.h"
#include "qemu/qmp-object.h"
#include "vm/vm-console.h"
#include "vm/vm-perf.h"
#include "vm/vm-settings.h"
#include "vm/vm-throttle.h"
#include "vm/vm-tune.h"

#include <errno.h>

bool vm_settle_vcpu_threads(Vm *vm, GError **error)
{
    g_autoptr(GPtrArray) vcpus = NULL;
    if (!qemu_monitor_vcpus(vm->qmp, &vcpus, error))
        return false;
    GArray *tids = g_array_new(FALSE, TRUE, sizeof(pid_t));
    for (unsigned i = 0; i < vcpus->len; i++) {
        const QemuVcpu *vcpu = vcpus->pdata[i];
        if (vcpu->index >= tids->len)
            g_array_set_size(tids, vcpu->index + 1);
        g_array_index(tids, pid_t, vcpu->index) = vcpu->thread;
    }
    VmView *next = vm_view_copy(vm->view);
    g_clear_pointer(&next->vcpu_tids, g_array_unref);
    next->vcpu_tids = tids;
    vm_publish(vm, next);
    return true;
}

static void set_tty(DomainChardev *chardev, gpointer ptys)
{
    if (chardev->source.type != CHARDEV_TYPE_PTY || !chardev->info.alias)
        return;
    g_autofree char *id = qemu_chardev_id(chardev->info.alias);
    const char *path = g_hash_table_lookup(ptys, id);
    if (!path)
        return;
    g_free(chardev->source.path);
    g_free(chardev->source.tty);
    chardev->source.path = g_strdup(path);
    chardev->source.tty = g_strdup(path);
}

/* Calls @visit for every character device that clients can open. */
static void visit_chardevs(const Domain *live, void (*visit)(DomainChardev *chardev, gpointer data), gpointer data)
{
    DomainChardev **const lists[] = { live->serials, live->parallels, live->consoles, live->channels };
    const unsigned counts[] = { live->n_serials, live->n_parallels, live->n_consoles, live->n_channels };
    for (unsigned l = 0; l < G_N_ELEMENTS(lists); l++) {
        for (unsigned i = 0; i < counts[l]; i++)
            visit(lists[l][i], data);
    }
}

static void note_unknown_tty(DomainChardev *chardev, gpointer data)
{
    bool *unknown = data;
    *unknown = *unknown || (chardev->source.type == CHARDEV_TYPE_PTY && !chardev->source.tty);
}

/* Which pseudo-terminals QEMU got for its consoles. */
bool vm_settle_ptys(Vm *vm, GError **error)
{
    g_autoptr(GHashTable) ptys = NULL;
    bool unknown = false;
    visit_chardevs(vm->view->live->domain, note_unknown_tty, &unknown);
    if (!unknown)
        return true;
    if (!qemu_monitor_ptys(vm->qmp, &ptys, error))
        return false;
    Domain *live = domain_copy(vm->view->live->domain);
    visit_chardevs(live, set_tty, ptys);
    vm_publish_live(vm, live);
    return true;
}

/* What QEMU made of the guest's CPU. */
static bool settle_cpu(Vm *vm, GError **error)
{
    if (!qemu_cpu_guest_applies(vm->view->live->domain))
        return true;
    g_autoptr(JsonNode) words = NULL;
    if (!qemu_monitor_cpu_features(vm->qmp, &words, error))
        return false;
    g_autoptr(Domain) live = domain_copy(vm->view->live->domain);
    if (!qemu_cpu_guest_update(live, vm->daemon->qemu_caps, qmp_node_array(words), error))
        return false;
    vm_publish_live(vm, g_steal_pointer(&live));
    return true;
}

static bool open_consoles(Vm *vm, GError **error)
{
    vm_consoles_open(vm);
    return true;
}

bool vm_settle_password(Vm *vm, const DomainGraphics *graphics, GError **error)
{
    bool vnc = graphics->type == GRAPHICS_TYPE_VNC;
    const char *password = graphics->passwd ? graphics->passwd : vnc ? vm->daemon->vm_settings->vnc_password : NULL;
    const char *connected = graphics->connected == GRAPHICS_CONNECTED_FAIL         ? "fail"
                            : graphics->connected == GRAPHICS_CONNECTED_DISCONNECT ? "disconnect"
                            : graphics->connected == GRAPHICS_CONNECTED_KEEP       ? "keep"
                                                                                   : NULL;
    if ((!vnc && graphics->type != GRAPHICS_TYPE_SPICE) || !password)
        return true;
    g_autofree char *expire = NULL;
    if (graphics->passwd_valid_to) {
        g_autofree char *text = g_strconcat(graphics->passwd_valid_to, "Z", NULL);
        g_autoptr(GDateTime) until = g_date_time_new_from_iso8601(text, NULL);
        if (!until)
            return error_set(error, VIR_ERR_INVALID_ARG, "passwdValidTo '%s' is no time: write 2026-12-31T23:59:59",
                             graphics->passwd_valid_to);
        expire = g_strdup_printf("%" G_GINT64_FORMAT, g_date_time_to_unix(until));
    }
    return qemu_monitor_set_password(vm->qmp, vnc ? "vnc" : "spice", password, connected, expire, error);
}

static bool set_passwords(Vm *vm, GError **error)
{
    const Domain *live = vm->view->live->domain;
    for (unsigned i = 0; i < live->n_graphics; i++) {
        if (!vm_settle_password(vm, live->graphics[i], error))
            return false;
    }
    return true;
}

static bool set_balloon(Vm *vm, GError **error)
{
    const Domain *live = vm->view->live->domain;
    if (live->n_memballoons == 0 || live->memballoons[0]->model == MEMBALLOON_MODEL_NONE)
        return true;
    const DomainMemballoon *balloon = live->memballoons[0];
    if (balloon->stats_period > 0 &&
        !qemu_monitor_set_balloon_period(vm->qmp, balloon->info.alias, balloon->stats_period, error))
        return false;
    return live->current_memory == live->memory ||
           qemu_monitor_set_balloon(vm->qmp, live->current_memory * 1024, error);
}

static bool set_links(Vm *vm, GError **error)
{
    const Domain *live = vm->view->live->domain;
    for (unsigned i = 0; i < live->n_interfaces; i++) {
        if (live->interfaces[i]->link == LINK_STATE_DOWN &&
            !qemu_monitor_set_link(vm->qmp, live->interfaces[i]->info.alias, false, error))
            return false;
    }
    return true;
}

void vm_settle_channel_path(const char *run_dir, DomainChardev *chardev)
{
    ChardevSource *source = &chardev->source;
    if (source->type == CHARDEV_TYPE_UNIX && !source->path) {
        source->path = qemu_channel_path(run_dir, chardev);
        source->mode = CHARDEV_MODE_BIND;
    }
}

bool vm_settle_pins(Vm *vm, GError **error)
{
    return vm_tune_apply_pins(vm, error);
}

static bool (*const settle_steps[])(Vm *vm, GError **error) = {
    vm_settle_vcpu_threads, settle_cpu,    vm_settle_ptys, open_consoles, vm_settle_pins,
    vm_perf_start,          set_passwords, set_balloon,    set_links,     vm_throttle_apply_all,
};

bool vm_settle(Vm *vm, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(settle_steps); i++) {
        if (!settle_steps[i](vm, error))
            return false;
    }
    return true;
}
