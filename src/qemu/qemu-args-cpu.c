/* SPDX-License-Identifier: Apache-2.0 */
/* -cpu and -smp. */
#include "base/error.h"
#include "qemu/qemu-args-private.h"

#include <string.h>

static void G_GNUC_PRINTF(2, 3) add(GString *text, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    g_string_append_c(text, ',');
    g_string_append_vprintf(text, format, list);
    va_end(list);
}

static bool host_has_feature(const QemuAccelerator *accelerator, const char *name)
{
    return accelerator->host_features && g_strv_contains((const char *const *)accelerator->host_features, name);
}

static void add_features(const DomainCpu *cpu, const QemuAccelerator *accelerator, GString *text)
{
    for (unsigned i = 0; i < cpu->n_features; i++) {
        const DomainCpuFeature *feature = cpu->features[i];
        const char *name = qemu_cpu_feature_to_qemu(feature->name);
        switch (feature->policy) {
        case CPU_POLICY_DISABLE:
        case CPU_POLICY_FORBID: add(text, "%s=off", name); break;
        case CPU_POLICY_OPTIONAL:
            if (host_has_feature(accelerator, feature->name))
                add(text, "%s=on", name);
            break;
        default: add(text, "%s=on", name); break;
        }
    }
}

static bool add_model(QemuArgs *args, GString *text, GError **error)
{
    const DomainCpu *cpu = args->def->cpu;
    const QemuAccelerator *accelerator = args->kvm ? &args->caps->kvm : &args->caps->tcg;
    const char *fallback = args->machine->default_cpu;
    CpuMode mode = cpu ? cpu->mode : CPU_MODE_UNSET;
    /* "This model or more" is as much as the host has. */
    if (cpu && mode != CPU_MODE_HOST_PASSTHROUGH && cpu->match == CPU_MATCH_MINIMUM)
        mode = CPU_MODE_HOST_MODEL;
    switch (mode) {
    case CPU_MODE_HOST_PASSTHROUGH:
        if (!args->kvm)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "CPU mode 'host-passthrough' needs KVM; use mode='maximum' or a model");
        g_string_append(text, "host");
        break;
    case CPU_MODE_MAXIMUM: g_string_append(text, "max"); break;
    case CPU_MODE_HOST_MODEL:
        if (!accelerator->host_model)
            return error_set(
                error, VIR_ERR_CONFIG_UNSUPPORTED,
                "CPU mode 'host-model': %s names no model for this host; use 'host-passthrough' or a model",
                args->caps->emulator);
        g_string_append(text, accelerator->host_model);
        for (char **name = accelerator->host_features; name && *name; name++)
            add(text, "%s=on", qemu_cpu_feature_to_qemu(*name));
        break;
    default:
        if (cpu && cpu->model && !qemu_caps_cpu(accelerator, cpu->model))
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "%s has no CPU model '%s'; 'lodge cpu-models %s' lists those it has", args->caps->emulator,
                             cpu->model, args->caps->arch);
        if (cpu && cpu->model)
            g_string_append(text, cpu->model);
        else if (fallback)
            g_string_append(text, fallback);
        break;
    }
    return true;
}

static void add_cpu_options(const DomainCpu *cpu, GString *text)
{
    bool host = cpu->mode == CPU_MODE_HOST_PASSTHROUGH;
    if (cpu->migratable && (host || cpu->mode == CPU_MODE_MAXIMUM))
        add(text, "migratable=%s", cpu->migratable == TRI_YES ? "on" : "off");
    if (cpu->vendor_id)
        add(text, "vendor=%s", cpu->vendor_id);
    if (cpu->maxphysaddr_mode == CPU_MAXPHYSADDR_MODE_PASSTHROUGH)
        add(text, "host-phys-bits=on");
    else if (cpu->maxphysaddr_mode == CPU_MAXPHYSADDR_MODE_EMULATE && cpu->maxphysaddr_bits)
        add(text, "phys-bits=%u", cpu->maxphysaddr_bits);
    switch (cpu->cache_mode) {
    case CPU_CACHE_MODE_EMULATE: add(text, "%sl3-cache=on", host ? "host-cache-info=off," : ""); break;
    case CPU_CACHE_MODE_PASSTHROUGH: add(text, "host-cache-info=on,l3-cache=off"); break;
    case CPU_CACHE_MODE_DISABLE: add(text, "%sl3-cache=off", host ? "host-cache-info=off," : ""); break;
    default: break;
    }
}

typedef struct {
    const char *property;
    uint16_t offset;
} SwitchRow;

static void add_switches(GString *text, const SwitchRow *rows, const void *object, bool also_off)
{
    for (; rows->property; rows++) {
        Tri value = *(const Tri *)((const char *)object + rows->offset);
        if (value == TRI_YES || (value == TRI_NO && also_off))
            add(text, "%s=%s", rows->property, value == TRI_YES ? "on" : "off");
    }
}

static void add_hyperv(const DomainHyperv *hyperv, GString *text)
{
    static const SwitchRow rows[] = {
        { "hv-relaxed", offsetof(DomainHyperv, relaxed) },
        { "hv-vapic", offsetof(DomainHyperv, vapic) },
        { "hv-vpindex", offsetof(DomainHyperv, vpindex) },
        { "hv-runtime", offsetof(DomainHyperv, runtime) },
        { "hv-synic", offsetof(DomainHyperv, synic) },
        { "hv-stimer", offsetof(DomainHyperv, stimer) },
        { "hv-stimer-direct", offsetof(DomainHyperv, stimer_direct) },
        { "hv-reset", offsetof(DomainHyperv, reset) },
        { "hv-frequencies", offsetof(DomainHyperv, frequencies) },
        { "hv-reenlightenment", offsetof(DomainHyperv, reenlightenment) },
        { "hv-tlbflush", offsetof(DomainHyperv, tlbflush) },
        { "hv-ipi", offsetof(DomainHyperv, ipi) },
        { "hv-evmcs", offsetof(DomainHyperv, evmcs) },
        { "hv-avic", offsetof(DomainHyperv, avic) },
        { NULL },
    };
    if (!hyperv)
        return;
    if (hyperv->mode == HYPERV_MODE_PASSTHROUGH) {
        add(text, "hv-passthrough=on");
        return;
    }
    add_switches(text, rows, hyperv, false);
    if (hyperv->spinlocks == TRI_YES)
        add(text, "hv-spinlocks=0x%x", hyperv->spinlocks_retries);
    if (hyperv->vendor_id == TRI_YES && hyperv->vendor_id_value) {
        g_autofree char *value = qemu_args_escape(hyperv->vendor_id_value);
        add(text, "hv-vendor-id=%s", value);
    }
}

static void add_kvm_features(const Domain *def, GString *text)
{
    const DomainKvmFeatures *kvm = def->features.kvm;
    static const SwitchRow rows[] = {
        { "kvm-pv-eoi", offsetof(DomainFeatures, apic_eoi) },
        { "kvm-pv-unhalt", offsetof(DomainFeatures, pvspinlock) },
        { "pmu", offsetof(DomainFeatures, pmu) },
        { NULL },
    };
    add_switches(text, rows, &def->features, true);
    if (!kvm)
        return;
    if (kvm->hidden == TRI_YES)
        add(text, "kvm=off");
    if (kvm->hint_dedicated == TRI_YES)
        add(text, "kvm-hint-dedicated=on");
    if (kvm->poll_control == TRI_YES)
        add(text, "kvm-poll-control=on");
    if (kvm->pv_ipi == TRI_NO)
        add(text, "kvm-pv-ipi=off");
}

static void add_timers(const Domain *def, GString *text)
{
    for (unsigned i = 0; i < def->clock.n_timers; i++) {
        const DomainTimer *timer = def->clock.timers[i];
        if (timer->name == TIMER_NAME_KVMCLOCK && timer->present)
            add(text, "kvmclock=%s", timer->present == TRI_YES ? "on" : "off");
        if (timer->name == TIMER_NAME_HYPERVCLOCK && timer->present == TRI_YES)
            add(text, "hv-time=on");
        if (timer->name == TIMER_NAME_TSC && timer->frequency)
            add(text, "tsc-frequency=%" G_GUINT64_FORMAT, timer->frequency);
    }
}

bool qemu_args_cpu(QemuArgs *args, GError **error)
{
    const Domain *def = args->def;
    g_autoptr(GString) text = g_string_new(NULL);
    if (!add_model(args, text, error))
        return false;
    if (text->len == 0)
        return true; /* the machine has one CPU model and no name for it */
    if (def->cpu)
        add_cpu_options(def->cpu, text);
    if (def->cpu)
        add_features(def->cpu, args->kvm ? &args->caps->kvm : &args->caps->tcg, text);
    if (qemu_args_is_x86(def)) {
        add_kvm_features(def, text);
        add_timers(def, text);
        add_hyperv(def->features.hyperv, text);
    }
    for (unsigned i = 0; i < def->n_panics; i++)
        if (def->panics[i]->model == PANIC_MODEL_HYPERV)
            add(text, "hv-crash");
    qemu_args_add(args, "-cpu", "%s", text->str);
    return true;
}

bool qemu_args_smp(QemuArgs *args, GError **error)
{
    const Domain *def = args->def;
    const DomainCpu *cpu = def->cpu;
    unsigned max = def->max_vcpus ? def->max_vcpus : 1, now = def->vcpus ? def->vcpus : max;
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, "%u", now);
    if (now != max)
        add(text, "maxcpus=%u", max);
    if (cpu && cpu->sockets)
        add(text, "sockets=%u,dies=%u,cores=%u,threads=%u", cpu->sockets, cpu->dies ? cpu->dies : 1, cpu->cores,
            cpu->threads);
    else
        add(text, "sockets=%u,cores=1,threads=1", max);
    qemu_args_add(args, "-smp", "%s", text->str);
    return true;
}

static JsonObject *iothread_object(unsigned id, const DomainIothread *thread)
{
    g_autofree char *name = g_strdup_printf("iothread%u", id);
    JsonObject *object = qmp_object("s:qom-type", "iothread", "s:id", name, NULL);
    if (thread && thread->thread_pool_min_set)
        json_object_set_int_member(object, "thread-pool-min", thread->thread_pool_min);
    if (thread && thread->thread_pool_max_set)
        json_object_set_int_member(object, "thread-pool-max", thread->thread_pool_max);
    if (thread && thread->poll_max_set)
        json_object_set_int_member(object, "poll-max-ns", (gint64)thread->poll_max);
    if (thread && thread->poll_grow_set)
        json_object_set_int_member(object, "poll-grow", (gint64)thread->poll_grow);
    if (thread && thread->poll_shrink_set)
        json_object_set_int_member(object, "poll-shrink", (gint64)thread->poll_shrink);
    return object;
}

bool qemu_args_iothreads(QemuArgs *args, GError **error)
{
    const Domain *def = args->def;
    if (def->default_iothread_pool_min_set || def->default_iothread_pool_max_set) {
        JsonObject *loop = qmp_object("s:qom-type", "main-loop", "s:id", "main-loop", NULL);
        if (def->default_iothread_pool_min_set)
            json_object_set_int_member(loop, "thread-pool-min", def->default_iothread_pool_min);
        if (def->default_iothread_pool_max_set)
            json_object_set_int_member(loop, "thread-pool-max", def->default_iothread_pool_max);
        qemu_args_add_json(args, "-object", loop);
    }
    for (unsigned i = 0; i < def->n_iothread_list; i++)
        qemu_args_add_json(args, "-object", iothread_object(def->iothread_list[i]->id, def->iothread_list[i]));
    for (unsigned i = 0; def->n_iothread_list == 0 && i < def->iothreads; i++)
        qemu_args_add_json(args, "-object", iothread_object(i + 1, NULL));
    return true;
}
