/* SPDX-License-Identifier: Apache-2.0 */
/* Calls about the host that its emulators have a part in. They may wait for a first probe: all run on workers. */
#include "rpc/handlers.h"

#include "base/error.h"
#include "daemon/daemon.h"
#include "host/host-accel.h"
#include "host/host-capabilities.h"
#include "host/host-facts.h"
#include "qemu/qemu-caps.h"
#include "vm/vm-settings.h"
#include "vm/vm-wire.h"

#include <string.h>

/* The capabilities of the emulator for the host's own architecture. */
static QemuCaps *native_caps(Call *call, GError **error)
{
    g_autofree char *emulator = qemu_emulator_find(qemu_host_arch());
    if (!emulator) {
        error_set(error, VIR_ERR_INTERNAL_ERROR,
                  "there is no QEMU for %s on this host: install qemu-system-x86, or the package of your system",
                  qemu_host_arch());
        return NULL;
    }
    return qemu_caps_cache_get(call->daemon->qemu_caps, emulator, error);
}

/*
 * Clients that find 'kvm' among an architecture's domain types take it without asking further, so it is there only if
 * KVM is faster than TCG, and the emulator, run as the user that guests run as, could open it. A definition that says
 * type='kvm' by itself is obeyed all the same.
 */
static bool prefers_kvm(const QemuCaps *caps)
{
    return caps->kvm.usable && strcmp(host_accel_choose(), "kvm") == 0;
}

typedef struct {
    GPtrArray *caps; /* QemuCaps, referenced: the strings of @guests are theirs */
    GArray *guests;  /* HostGuest */
} Guests;

static void guests_clear(Guests *guests)
{
    for (guint i = 0; i < guests->guests->len; i++)
        g_free((gpointer)g_array_index(guests->guests, HostGuest, i).machines);
    g_array_unref(guests->guests);
    g_ptr_array_unref(guests->caps);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Guests, guests_clear)

static HostGuestMachine describe_machine(const QemuMachine *machine)
{
    return (HostGuestMachine){
        .name = machine->name,
        .alias = machine->alias,
        .max_cpus = machine->max_cpus,
        .deprecated = machine->deprecated,
    };
}

/* The default machine stands first, since clients take the first. */
static void add_guest(Guests *guests, QemuCaps *caps, const char *arch)
{
    HostGuestMachine *machines = g_new0(HostGuestMachine, caps->n_machines);
    const QemuMachine *first = qemu_caps_machine(caps, NULL);
    unsigned n_machines = 0;
    if (first)
        machines[n_machines++] = describe_machine(first);
    for (unsigned i = 0; i < caps->n_machines; i++) {
        const QemuMachine *machine = &caps->machines[i];
        if (machine != first && strcmp(machine->name, "none") != 0)
            machines[n_machines++] = describe_machine(machine);
    }
    HostGuest guest = {
        .arch = arch,
        .emulator = caps->emulator,
        .word_size = qemu_arch_word_size(arch),
        .kvm = prefers_kvm(caps),
        .machines = machines,
        .n_machines = n_machines,
    };
    g_ptr_array_add(guests->caps, qemu_caps_ref(caps));
    g_array_append_val(guests->guests, guest);
}

/* An emulator that does not answer is left out: it can run no guests. */
static void add_guests(Call *call, Guests *guests, char **arches)
{
    for (char **arch = arches; *arch; arch++) {
        g_autofree char *emulator = qemu_emulator_find(*arch);
        g_autoptr(QemuCaps) caps = emulator ? qemu_caps_cache_get(call->daemon->qemu_caps, emulator, NULL) : NULL;
        if (caps)
            add_guest(guests, caps, *arch);
    }
}

bool vm_host_get_capabilities(Call *call, const void *args, ConnectGetCapabilitiesRet *ret, GError **error)
{
    HostFacts *facts = call->daemon->host;
    const VmUser *user = &call->daemon->vm_settings->user;
    /* Not the kept one: the page pools in it are those of now. */
    g_autoptr(HostTopology) topology = host_topology_load(host_facts_sysroot(facts), error);
    if (!topology)
        return false;
    g_auto(GStrv) arches = qemu_emulator_arches();
    g_auto(Guests) guests = { g_ptr_array_new_with_free_func((GDestroyNotify)qemu_caps_unref),
                              g_array_new(FALSE, FALSE, sizeof(HostGuest)) };
    add_guests(call, &guests, arches);
    g_autoptr(HostAccel) accel = host_accel_get();
    g_autoptr(QemuCaps) native = native_caps(call, NULL);
    g_autofree char *label = g_strdup_printf("+%u:+%u", user->uid, user->gid);
    const HostSecurityModel security[] = { { "none", "0", NULL }, { "dac", "0", label } };
    const HostCapabilities capabilities = {
        .sysroot = host_facts_sysroot(facts),
        .uuid = host_facts_uuid(facts),
        .processor = host_facts_processor(facts),
        .topology = topology,
        .cpu_model = native ? native->native_model : NULL,
        .cpu_features = native ? (const char *const *)native->native_features : NULL,
        .tsc_khz = accel->tsc_khz,
        .tsc_scaling = accel->tsc_scaling,
        .security = security,
        .n_security = user->switch_user ? 2 : 1,
        .guests = (const HostGuest *)(gpointer)guests.guests->data,
        .n_guests = guests.guests->len,
    };
    ret->capabilities = host_capabilities_format(&capabilities);
    return true;
}

bool vm_host_get_max_vcpus(Call *call, const ConnectGetMaxVcpusArgs *args, ConnectGetMaxVcpusRet *ret, GError **error)
{
    if (args->type && g_ascii_strcasecmp(args->type, "kvm") == 0) {
        g_autoptr(HostAccel) accel = host_accel_get();
        if (accel->max_vcpus == 0)
            return error_set(error, VIR_ERR_OPERATION_FAILED, "%s%s%s", accel->message, accel->cure ? ": " : "",
                             accel->cure ? accel->cure : "");
        ret->max_vcpus = accel->max_vcpus;
        return true;
    }
    if (args->type && g_ascii_strcasecmp(args->type, "qemu") != 0)
        return error_set(error, VIR_ERR_INVALID_ARG, "unknown type '%s': 'kvm' and 'qemu' are known", args->type);
    g_autoptr(QemuCaps) caps = native_caps(call, error);
    if (!caps)
        return false;
    const QemuMachine *machine = qemu_caps_machine(caps, NULL);
    ret->max_vcpus = machine ? (int32_t)machine->max_cpus : 1;
    return true;
}

/* "host", "max" and "base" are ways to choose a model; versions are amendments of those that have the plain name. */
static bool is_plain_model(const QemuCpuModel *cpu)
{
    const char *version = g_strrstr(cpu->name, "-v");
    bool versioned = version && version[2] && strspn(version + 2, "0123456789") == strlen(version + 2);
    return !versioned && strcmp(cpu->name, "host") != 0 && strcmp(cpu->name, "max") != 0 &&
           strcmp(cpu->name, "base") != 0;
}

bool vm_host_get_cpu_model_names(Call *call, const ConnectGetCpuModelNamesArgs *args, ConnectGetCpuModelNamesRet *ret,
                                 GError **error)
{
    if (!flags_check(call, args->flags, 0, error))
        return false;
    if (!qemu_arch_suffix(args->arch))
        return error_set(error, VIR_ERR_INVALID_ARG, "cannot find architecture %s", args->arch);
    g_autofree char *emulator = qemu_emulator_find(args->arch);
    if (!emulator)
        return true; /* no emulator, no models */
    g_autoptr(QemuCaps) caps = qemu_caps_cache_get(call->daemon->qemu_caps, emulator, error);
    if (!caps)
        return false;
    const QemuAccelerator *accelerator = caps->tcg.n_cpus ? &caps->tcg : &caps->kvm;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < accelerator->n_cpus; i++) {
        if (is_plain_model(&accelerator->cpus[i]))
            g_ptr_array_add(names, g_strdup(accelerator->cpus[i].name));
    }
    ret->ret = (int32_t)names->len;
    if (args->need_results) {
        ret->n_models = names->len;
        ret->models = (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
    }
    return true;
}
