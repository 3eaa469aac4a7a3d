/* SPDX-License-Identifier: Apache-2.0 */
/* Asks an emulator, started without a machine, what it can do. Questions that need no earlier answer are pipelined. */
#include "base/auto-fd.h"
#include "base/error.h"
#include "host/host-processor.h"
#include "qemu/qemu-caps-private.h"
#include "qemu/qemu-cpu-models.h"
#include "qemu/qemu-process.h"
#include "qemu/qmp-object.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#define PROBE_TIMEOUT_MS 30000

typedef struct {
    char *monitor, *log;
    QemuProcess process;
    GString *models; /* qemu_cpu_models_append() */
} Session;

static void session_end(Session *session)
{
    if (session->process.qmp) {
        g_autoptr(GError) ignored = NULL; /* it is killed below if it does not go */
        qmp_call(session->process.qmp, "quit", NULL, 2000, NULL, &ignored);
        if (!process_wait(session->process.pidfd, 2000))
            process_signal(session->process.pidfd, SIGKILL, NULL);
        process_wait(session->process.pidfd, 5000);
        qemu_process_reap(session->process.pidfd, NULL);
    }
    qemu_process_clear(&session->process);
    if (session->monitor)
        g_unlink(session->monitor);
    if (session->log)
        g_unlink(session->log);
    g_free(session->monitor);
    g_free(session->log);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Session, session_end)

static bool session_start(Session *session, const QemuProbe *probe, const char *accelerators, GError **error)
{
    static gint serial;
    int number = g_atomic_int_add(&serial, 1);
    session->monitor = g_strdup_printf("%s/probe-%d-%d.sock", probe->work_dir, getpid(), number);
    session->log = g_strdup_printf("%s/probe-%d-%d.log", probe->work_dir, getpid(), number);
    int listener = qemu_socket_listen(session->monitor, geteuid(), getegid(), error);
    if (listener < 0)
        return false;
    g_autoptr(QemuFds) fds = qemu_fds_new();
    int monitor_fd = qemu_fds_add(fds, listener);
    g_autoptr(GPtrArray) args = g_ptr_array_new_with_free_func(g_free);
    static const char *const fixed[] = {
        "-S", "-no-user-config", "-nodefaults", "-display", "none", "-mon", "chardev=monitor,mode=control"
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(fixed); i++)
        g_ptr_array_add(args, g_strdup(fixed[i]));
    g_ptr_array_add(args, g_strdup("-machine"));
    g_ptr_array_add(args, g_strdup_printf("none,accel=%s", accelerators));
    g_ptr_array_add(args, g_strdup("-chardev"));
    g_ptr_array_add(args, g_strdup_printf("socket,id=monitor,fd=%d,server=on,wait=off", monitor_fd));
    QemuLaunch launch = QEMU_LAUNCH_INIT;
    launch.set_user = probe->user != NULL;
    if (probe->user) {
        launch.uid = probe->user->uid;
        launch.gid = probe->user->gid;
        launch.groups = probe->user->groups;
        launch.n_groups = probe->user->n_groups;
    }
    g_autofree char *name = g_strdup_printf("capabilities of %s", probe->emulator);
    QemuSpawn spawn = { .name = name,
                        .emulator = probe->emulator,
                        .args = args,
                        .fds = fds,
                        .monitor_path = session->monitor,
                        .log_path = session->log,
                        .launch = &launch,
                        .context = probe->context,
                        .timeout_ms = PROBE_TIMEOUT_MS };
    return qemu_process_spawn(&spawn, &session->process, error);
}

static JsonNode *ask(Session *session, const char *command, JsonObject *args, GError **error)
{
    JsonNode *value = NULL;
    return qmp_call(session->process.qmp, command, args, PROBE_TIMEOUT_MS, &value, error) ? value : NULL;
}

static void add_names(GHashTable *set, JsonArray *items, const char *prefix)
{
    for (unsigned i = 0; items && i < json_array_get_length(items); i++) {
        const char *name = qmp_get_string(qmp_array_object(items, i), "name");
        if (name)
            g_hash_table_add(set, prefix ? g_strdup_printf("%s.%s", prefix, name) : g_strdup(name));
    }
}

/* Asks a list and adds the names in it to @set. */
static bool ask_names(Session *session, const char *command, JsonObject *args, GHashTable *set, GError **error)
{
    g_autoptr(JsonNode) value = ask(session, command, args, error);
    add_names(set, qmp_node_array(value), NULL);
    return value != NULL;
}

static bool ask_options(Session *session, QemuCaps *caps, GError **error)
{
    g_autoptr(JsonNode) value = ask(session, "query-command-line-options", NULL, error);
    JsonArray *options = qmp_node_array(value);
    for (unsigned i = 0; options && i < json_array_get_length(options); i++) {
        JsonObject *option = qmp_array_object(options, i);
        const char *name = qmp_get_string(option, "option");
        if (!name)
            continue;
        g_hash_table_add(caps->options, g_strdup(name));
        add_names(caps->options, qmp_get_array(option, "parameters"), name);
    }
    return value != NULL;
}

/* "qemu64-x86_64-cpu" → "qemu64". */
static char *cpu_name(const char *type, const char *target)
{
    g_autofree char *suffix = g_strdup_printf("-%s-cpu", target);
    if (!type || !g_str_has_suffix(type, suffix))
        return g_strdup(type);
    return g_strndup(type, strlen(type) - strlen(suffix));
}

static bool ask_machines(Session *session, QemuCaps *caps, const char *target, GError **error)
{
    g_autoptr(JsonNode) value = ask(session, "query-machines", NULL, error);
    JsonArray *machines = qmp_node_array(value);
    if (!machines)
        return value != NULL;
    caps->machines = g_new0(QemuMachine, json_array_get_length(machines));
    for (unsigned i = 0; i < json_array_get_length(machines); i++) {
        JsonObject *object = qmp_array_object(machines, i);
        const char *name = qmp_get_string(object, "name");
        if (!name || strcmp(name, "none") == 0)
            continue;
        QemuMachine *machine = &caps->machines[caps->n_machines++];
        machine->name = g_strdup(name);
        machine->alias = g_strdup(qmp_get_string(object, "alias"));
        machine->default_cpu = cpu_name(qmp_get_string(object, "default-cpu-type"), target);
        machine->default_ram_id = g_strdup(qmp_get_string(object, "default-ram-id"));
        machine->max_cpus = (unsigned)qmp_get_int(object, "cpu-max", 1);
        machine->hotpluggable_cpus = qmp_get_bool(object, "hotpluggable-cpus", false);
        machine->is_default = qmp_get_bool(object, "is-default", false);
        machine->numa_mem = qmp_get_bool(object, "numa-mem-supported", false);
        machine->deprecated = qmp_get_bool(object, "deprecated", false);
    }
    return true;
}

static void read_cpu(QemuCpuModel *cpu, JsonObject *object)
{
    JsonArray *missing = qmp_get_array(object, "unavailable-features");
    cpu->name = g_strdup(qmp_get_string(object, "name"));
    cpu->alias_of = g_strdup(qmp_get_string(object, "alias-of"));
    cpu->deprecated = qmp_get_bool(object, "deprecated", false);
    cpu->is_static = qmp_get_bool(object, "static", false);
    cpu->usable_known = missing != NULL;
    cpu->usable = missing && json_array_get_length(missing) == 0;
    if (!missing || cpu->usable)
        return;
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    for (unsigned i = 0; i < json_array_get_length(missing); i++) {
        JsonNode *name = json_array_get_element(missing, i);
        if (JSON_NODE_HOLDS_VALUE(name) && json_node_get_value_type(name) == G_TYPE_STRING)
            g_strv_builder_add(names, json_node_get_string(name));
    }
    cpu->blockers = g_strv_builder_end(names);
}

static bool ask_cpus(Session *session, QemuAccelerator *accelerator, GError **error)
{
    g_autoptr(JsonNode) value = ask(session, "query-cpu-definitions", NULL, error);
    JsonArray *items = qmp_node_array(value);
    unsigned n = items ? json_array_get_length(items) : 0;
    accelerator->cpus = g_new0(QemuCpuModel, n);
    for (unsigned i = 0; i < n; i++) {
        JsonObject *object = qmp_array_object(items, i);
        if (qmp_get_string(object, "name"))
            read_cpu(&accelerator->cpus[accelerator->n_cpus++], object);
    }
    return value != NULL;
}

static const char *vendor_name(const char *cpuid_vendor)
{
    static const char *const rows[][2] = { { "GenuineIntel", "Intel" },
                                           { "AuthenticAMD", "AMD" },
                                           { "HygonGenuine", "Hygon" } };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        if (g_strcmp0(cpuid_vendor, rows[i][0]) == 0)
            return rows[i][1];
    return NULL;
}

static JsonObject *expansion_props(JsonNode *value)
{
    return qmp_get_object(qmp_get_object(qmp_node_object(value), "model"), "props");
}

/* Which features of @host the @model has on; -1 if it has one that the host lacks. */
static int count_shared(JsonObject *model, JsonObject *host)
{
    int n = 0;
    g_autoptr(GList) names = json_object_get_members(model);
    for (GList *item = names; item; item = item->next) {
        if (!qmp_get_bool(model, item->data, false))
            continue;
        if (!qmp_get_bool(host, item->data, false))
            return -1;
        n++;
    }
    return n;
}

/* Properties of the CPU object that are true and are no CPUID features of a guest's model. */
static bool is_feature(const char *name)
{
    static const char *const others[] = { "check",
                                          "cpuid-0xb",
                                          "enforce",
                                          "fill-mtrr-mask",
                                          "full-cpuid-auto-level",
                                          "host-cache-info",
                                          "host-phys-bits",
                                          "kvm",
                                          "kvm-no-smi-migration",
                                          "l3-cache",
                                          "legacy-cache",
                                          "lmce",
                                          "migratable",
                                          "pmu",
                                          "realized",
                                          "start-powered-off",
                                          "tcg-cpuid",
                                          "vmware-cpuid-freq",
                                          "x-consistent-cache",
                                          "x-force-features",
                                          "x-migrate-smi-count",
                                          "xen-vapic",
                                          "hotplugged",
                                          "hotpluggable" };
    for (unsigned i = 0; i < G_N_ELEMENTS(others); i++)
        if (strcmp(name, others[i]) == 0)
            return false;
    return !g_str_has_prefix(name, "hv-") && !g_str_has_prefix(name, "kvm") && !g_str_has_prefix(name, "vmx-") &&
           !g_str_has_prefix(name, "x-") && !g_str_has_prefix(name, "xen-");
}

static int compare_strings(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What @host has beyond @model (which may be NULL), by libvirt's names. */
static char **extra_features(JsonObject *host, JsonObject *model)
{
    g_autoptr(GPtrArray) extra = g_ptr_array_new();
    g_autoptr(GList) names = json_object_get_members(host);
    for (GList *item = names; item; item = item->next) {
        const char *name = item->data;
        if (qmp_get_bool(host, name, false) && !qmp_get_bool(model, name, false) && is_feature(name))
            g_ptr_array_add(extra, g_strdup(qemu_cpu_feature_from_qemu(name)));
    }
    g_ptr_array_sort(extra, compare_strings);
    for (unsigned i = 1; i < extra->len;) {
        if (strcmp(extra->pdata[i - 1], extra->pdata[i]) == 0)
            g_free(g_ptr_array_remove_index(extra, i));
        else
            i++;
    }
    g_ptr_array_add(extra, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&extra), FALSE);
}

static QmpPending *send_expansion(Session *session, const char *model)
{
    return qmp_send(session->process.qmp, "query-cpu-model-expansion",
                    qmp_object("s:type", "full", "o:model", qmp_object("s:name", model, NULL), NULL));
}

/* Versions ("EPYC-v2") stand behind the plain names that libvirt knows. */
static bool can_be_host_model(const QemuCpuModel *cpu)
{
    const char *version = g_strrstr(cpu->name, "-v");
    bool versioned = version && g_ascii_isdigit(version[2]);
    return !versioned && !cpu->is_static && strcmp(cpu->name, "host") != 0 && strcmp(cpu->name, "max") != 0;
}

/* Models that are of no vendor, whatever the emulation says they are. */
static bool is_generic(const char *name)
{
    static const char *const names[] = { "486",      "kvm32",  "kvm64",  "pentium", "pentium2",
                                         "pentium3", "qemu32", "qemu64", NULL };
    return g_strv_contains(names, name);
}

/* Holds one model against what CPUID says of the processor. */
static void offer_model(HostModelChoice *choice, const QemuCpuModel *cpu, JsonObject *props)
{
    g_autoptr(GPtrArray) features = g_ptr_array_new();
    g_autoptr(GList) names = json_object_get_members(props);
    for (GList *item = names; item; item = item->next) {
        const char *name = item->data; /* "hypervisor" is of the emulation, not of the model */
        if (qmp_get_bool(props, name, false) && is_feature(name) && strcmp(name, "hypervisor") != 0)
            g_ptr_array_add(features, item->data);
    }
    g_ptr_array_add(features, NULL);
    host_model_choice_offer(choice, cpu->name, is_generic(cpu->name) ? NULL : cpu->vendor,
                            (const char *const *)features->pdata);
}

/* Keeps what the model turns on; of the whole emulation also the names of what there is to turn on. */
static void keep_model(Session *session, const char *accelerator, const char *name, const char *vendor,
                       JsonObject *props, bool whole)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) known = g_ptr_array_new(), on = g_ptr_array_new();
    g_autoptr(GList) names = json_object_get_members(props);
    for (GList *item = names; item; item = item->next) {
        JsonNode *value = json_object_get_member(props, item->data);
        const char *feature = host_processor_fold_name(item->data);
        if (!feature && strchr(item->data, '_')) /* the old spelling of what comes once more */
            continue;
        if (!feature)
            feature = item->data;
        if (!JSON_NODE_HOLDS_VALUE(value) || json_node_get_value_type(value) != G_TYPE_BOOLEAN ||
            !is_feature(item->data) || !g_hash_table_add(seen, (gpointer)feature))
            continue;
        g_ptr_array_add(known, (gpointer)feature);
        if (json_node_get_boolean(value))
            g_ptr_array_add(on, (gpointer)feature);
    }
    g_ptr_array_add(known, NULL);
    g_ptr_array_add(on, NULL);
    qemu_cpu_models_append(session->models, accelerator, name, vendor, (const char *const *)on->pdata);
    if (whole)
        qemu_cpu_models_append(session->models, "known", "", NULL, (const char *const *)known->pdata);
}

/*
 * Finds vendors and the named model nearest to this host. An error reply (a model that cannot be expanded, an
 * architecture without the command) only means that there is nothing to learn. @choice (may be NULL) is offered each
 * model.
 */
static void ask_expansions(Session *session, QemuAccelerator *accelerator, const char *host_name,
                           HostModelChoice *choice)
{
    g_autofree QmpPending **pending = g_new0(QmpPending *, accelerator->n_cpus);
    QmpPending *host_pending = send_expansion(session, host_name);
    g_autoptr(JsonNode) host_value = NULL, best = NULL;
    int best_count = -1;
    for (unsigned i = 0; i < accelerator->n_cpus; i++)
        pending[i] = send_expansion(session, accelerator->cpus[i].name);
    qmp_wait(host_pending, PROBE_TIMEOUT_MS, &host_value, NULL);
    JsonObject *host = expansion_props(host_value);
    accelerator->host_vendor = g_strdup(vendor_name(qmp_get_string(host, "vendor")));
    const char *kind = strcmp(host_name, "host") ? "tcg" : "kvm";
    for (unsigned i = 0; i < accelerator->n_cpus; i++) {
        QemuCpuModel *cpu = &accelerator->cpus[i];
        g_autoptr(JsonNode) value = NULL;
        JsonObject *props = qmp_wait(pending[i], PROBE_TIMEOUT_MS, &value, NULL) ? expansion_props(value) : NULL;
        if (!props)
            continue;
        cpu->vendor = g_strdup(is_generic(cpu->name) ? NULL : vendor_name(qmp_get_string(props, "vendor")));
        keep_model(session, kind, cpu->name, cpu->vendor, props, !strcmp(cpu->name, host_name));
        if (choice && can_be_host_model(cpu))
            offer_model(choice, cpu, props);
        if (!host || !cpu->usable || !can_be_host_model(cpu))
            continue;
        int count = count_shared(props, host);
        bool same_vendor = g_strcmp0(cpu->vendor, accelerator->host_vendor) == 0;
        if (count < 0 || count * 2 + same_vendor <= best_count)
            continue;
        best_count = count * 2 + same_vendor;
        g_clear_pointer(&best, json_node_unref);
        best = json_node_ref(value);
        g_free(accelerator->host_model);
        accelerator->host_model = g_strdup(cpu->name);
    }
    if (accelerator->host_model)
        accelerator->host_features = extra_features(host, expansion_props(best));
}

static bool ask_accelerator(Session *session, QemuAccelerator *accelerator, const char *host_name,
                            HostModelChoice *choice, GError **error)
{
    if (!ask_cpus(session, accelerator, error))
        return false;
    ask_expansions(session, accelerator, host_name, choice);
    accelerator->usable = true;
    return true;
}

static bool kvm_is_on(Session *session)
{
    g_autoptr(JsonNode) value = ask(session, "query-kvm", NULL, NULL);
    return qmp_get_bool(qmp_node_object(value), "enabled", false);
}

static bool ask_version(Session *session, QemuCaps *caps, GError **error)
{
    g_autoptr(JsonNode) value = ask(session, "query-version", NULL, error);
    if (!value)
        return false;
    caps->version = qmp_version(session->process.qmp);
    const char *package = qmp_get_string(qmp_node_object(value), "package");
    caps->package = g_strdup(package ? package : "");
    return true;
}

static const char *libvirt_arch(const char *target)
{
    static const char *const rows[][2] = { { "i386", "i686" }, { "arm", "armv7l" }, { "or1k", "or32" } };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        if (g_strcmp0(target, rows[i][0]) == 0)
            return rows[i][1];
    return target;
}

static bool ask_all(Session *session, QemuCaps *caps, GError **error)
{
    g_autoptr(JsonNode) target_value = ask(session, "query-target", NULL, error);
    const char *target = qmp_get_string(qmp_node_object(target_value), "arch");
    if (!target)
        return false;
    caps->arch = g_strdup(libvirt_arch(target));
    return ask_version(session, caps, error) && ask_machines(session, caps, target, error) &&
           ask_names(session, "query-commands", NULL, caps->commands, error) &&
           ask_names(session, "query-chardev-backends", NULL, caps->backends, error) &&
           ask_names(session, "qom-list-types", qmp_object("s:implements", "device", NULL), caps->types, error) &&
           ask_names(session, "qom-list-types", qmp_object("s:implements", "user-creatable", NULL), caps->types,
                     error) &&
           ask_options(session, caps, error);
}

/* Also the host's own model, since only TCG tells the vendors that models are of. */
static bool ask_tcg(Session *session, QemuCaps *caps, GError **error)
{
    if (strcmp(caps->arch, qemu_host_arch()) != 0)
        return ask_accelerator(session, &caps->tcg, "max", NULL, error);
    g_autoptr(GArray) leaves = host_processor_read_cpuid();
    g_autoptr(HostProcessor) processor = host_processor_load("", qemu_host_arch(), leaves);
    g_auto(HostModelChoice) choice;
    host_model_choice_init(&choice, processor);
    if (!ask_accelerator(session, &caps->tcg, "max", &choice, error))
        return false;
    if (choice.model) {
        caps->native_model = g_steal_pointer(&choice.model);
        g_ptr_array_add(choice.extra, NULL);
        caps->native_features = g_strdupv((char **)choice.extra->pdata);
    }
    return true;
}

static bool probe_tcg(const QemuProbe *probe, QemuCaps *caps, GString *models, GError **error)
{
    g_auto(Session) session = { .process = { .pidfd = -1 }, .models = models };
    return session_start(&session, probe, "tcg", error) && ask_tcg(&session, caps, error);
}

QemuCaps *qemu_caps_probe(const QemuProbe *probe, GString *models, GError **error)
{
    g_autoptr(QemuCaps) caps = qemu_caps_new(probe->emulator);
    g_auto(Session) session = { .process = { .pidfd = -1 }, .models = models };
    g_autoptr(GError) no_tcg = NULL;
    if (!session_start(&session, probe, "kvm:tcg", error) || !ask_all(&session, caps, error))
        return NULL;
    if (!kvm_is_on(&session))
        return ask_tcg(&session, caps, error) ? g_steal_pointer(&caps) : NULL;
    if (!ask_accelerator(&session, &caps->kvm, "host", NULL, error))
        return NULL;
    /* An emulator may be built without TCG; then there is KVM only. */
    probe_tcg(probe, caps, models, &no_tcg);
    /* Under KVM every model takes the host's vendor, so what a model's own is comes from TCG. */
    for (unsigned i = 0; i < caps->kvm.n_cpus; i++) {
        const QemuCpuModel *same = qemu_caps_cpu(&caps->tcg, caps->kvm.cpus[i].name);
        g_free(caps->kvm.cpus[i].vendor);
        caps->kvm.cpus[i].vendor = g_strdup(same ? same->vendor : NULL);
    }
    return g_steal_pointer(&caps);
}

typedef struct {
    const char *libvirt, *qemu;
} FeatureName;

static const FeatureName feature_names[];

const char *qemu_cpu_feature_to_qemu(const char *libvirt_name)
{
    for (const FeatureName *row = feature_names; row->qemu; row++)
        if (strcmp(row->libvirt, libvirt_name) == 0)
            return row->qemu;
    return libvirt_name;
}

const char *qemu_cpu_feature_from_qemu(const char *qemu_name)
{
    for (const FeatureName *row = feature_names; row->qemu; row++)
        if (strcmp(row->qemu, qemu_name) == 0)
            return row->libvirt;
    return qemu_name;
}

/* Where the two spell a feature differently, or QEMU has several names for it: the first is the one to give to QEMU. */
static const FeatureName feature_names[] = {
    { "cmp_legacy", "cmp-legacy" },
    { "cx16", "cx16" },
    { "cx16", "cmpxchg16b" },
    { "ds_cpl", "ds-cpl" },
    { "fxsr_opt", "fxsr-opt" },
    { "fxsr_opt", "ffxsr" },
    { "kvm_pv_eoi", "kvm-pv-eoi" },
    { "kvm_pv_unhalt", "kvm-pv-unhalt" },
    { "lahf_lm", "lahf-lm" },
    { "lm", "lm" },
    { "lm", "i64" },
    { "nodeid_msr", "nodeid-msr" },
    { "nx", "nx" },
    { "nx", "xd" },
    { "pclmuldq", "pclmulqdq" },
    { "perfctr_core", "perfctr-core" },
    { "perfctr_nb", "perfctr-nb" },
    { "pni", "pni" },
    { "pni", "sse3" },
    { "sse4.1", "sse4.1" },
    { "sse4.1", "sse4-1" },
    { "sse4.2", "sse4.2" },
    { "sse4.2", "sse4-2" },
    { "svm_lock", "svm-lock" },
    { "tsc_adjust", "tsc-adjust" },
    { "tsc_scale", "tsc-scale" },
    { "vmcb_clean", "vmcb-clean" },
    { NULL },
};
