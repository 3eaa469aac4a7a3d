/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu/qemu-monitor.h"

#include "base/error.h"
#include "qemu/qmp-object.h"

#include <string.h>

static bool call(Qmp *qmp, const char *command, JsonObject *args, JsonNode **ret_value, GError **error)
{
    return qmp_call(qmp, command, args, QEMU_MONITOR_TIMEOUT_MS, ret_value, error);
}

bool qemu_monitor_run(Qmp *qmp, const char *command, GError **error)
{
    return call(qmp, command, NULL, NULL, error);
}

bool qemu_monitor_hmp(Qmp *qmp, const char *line, char **ret_text, GError **error)
{
    g_autoptr(JsonNode) value = NULL;
    if (!call(qmp, "human-monitor-command", qmp_object("s:command-line", line, NULL), &value, error))
        return false;
    bool is_text = JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_STRING;
    *ret_text = g_strdup(is_text ? json_node_get_string(value) : "");
    return true;
}

bool qemu_monitor_status(Qmp *qmp, QemuStatus *ret_status, GError **error)
{
    g_autoptr(JsonNode) value = NULL;
    if (!call(qmp, "query-status", NULL, &value, error))
        return false;
    JsonObject *object = qmp_node_object(value);
    const char *status = qmp_get_string(object, "status");
    ret_status->running = qmp_get_bool(object, "running", false);
    g_strlcpy(ret_status->status, status ? status : "", sizeof ret_status->status);
    return true;
}

static void vcpu_free(gpointer data)
{
    QemuVcpu *vcpu = data;
    g_free(vcpu->qom_path);
    g_free(vcpu->type);
    g_clear_pointer(&vcpu->props, json_object_unref);
    g_free(vcpu);
}

static int compare_index(gconstpointer a, gconstpointer b)
{
    const QemuVcpu *x = *(QemuVcpu *const *)a, *y = *(QemuVcpu *const *)b;
    return x->index < y->index ? -1 : x->index > y->index;
}

bool qemu_monitor_vcpus(Qmp *qmp, GPtrArray **ret_vcpus, GError **error)
{
    g_autoptr(JsonNode) value = NULL;
    if (!call(qmp, "query-cpus-fast", NULL, &value, error))
        return false;
    JsonArray *items = qmp_node_array(value);
    GPtrArray *vcpus = g_ptr_array_new_with_free_func(vcpu_free);
    for (unsigned i = 0; items && i < json_array_get_length(items); i++) {
        JsonObject *object = qmp_array_object(items, i);
        QemuVcpu *vcpu = g_new0(QemuVcpu, 1);
        vcpu->index = (unsigned)qmp_get_int(object, "cpu-index", i);
        vcpu->thread = (pid_t)qmp_get_int(object, "thread-id", 0);
        vcpu->qom_path = g_strdup(qmp_get_string(object, "qom-path"));
        vcpu->vcpus = 1;
        g_ptr_array_add(vcpus, vcpu);
    }
    g_ptr_array_sort(vcpus, compare_index);
    *ret_vcpus = vcpus;
    return true;
}

bool qemu_monitor_cpu_features(Qmp *qmp, JsonNode **ret_words, GError **error)
{
    g_autoptr(GPtrArray) vcpus = NULL;
    if (!qemu_monitor_vcpus(qmp, &vcpus, error))
        return false;
    const char *path = vcpus->len ? ((QemuVcpu *)vcpus->pdata[0])->qom_path : NULL;
    if (!path)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "QEMU has no vCPU");
    return call(qmp, "qom-get", qmp_object("s:path", path, "s:property", "feature-words", NULL), ret_words, error);
}

/* The order in which vCPUs are numbered. The NUMA node is a label, not a level. */
static int compare_topology(gconstpointer a, gconstpointer b)
{
    static const char *const levels[] = { "socket-id", "die-id", "cluster-id", "core-id", "thread-id" };
    const QemuVcpu *x = *(QemuVcpu *const *)a, *y = *(QemuVcpu *const *)b;
    for (unsigned i = 0; i < G_N_ELEMENTS(levels); i++) {
        gint64 p = qmp_get_int(x->props, levels[i], 0), q = qmp_get_int(y->props, levels[i], 0);
        if (p != q)
            return p < q ? -1 : 1;
    }
    return 0;
}

bool qemu_monitor_hotpluggable_cpus(Qmp *qmp, GPtrArray **ret_vcpus, GError **error)
{
    g_autoptr(JsonNode) value = NULL;
    if (!call(qmp, "query-hotpluggable-cpus", NULL, &value, error))
        return false;
    JsonArray *items = qmp_node_array(value);
    GPtrArray *vcpus = g_ptr_array_new_with_free_func(vcpu_free);
    for (unsigned i = 0; items && i < json_array_get_length(items); i++) {
        JsonObject *object = qmp_array_object(items, i), *props = qmp_get_object(object, "props");
        QemuVcpu *vcpu = g_new0(QemuVcpu, 1);
        vcpu->qom_path = g_strdup(qmp_get_string(object, "qom-path"));
        vcpu->type = g_strdup(qmp_get_string(object, "type"));
        vcpu->vcpus = (unsigned)qmp_get_int(object, "vcpus-count", 1);
        vcpu->props = props ? json_object_ref(props) : json_object_new();
        g_ptr_array_add(vcpus, vcpu);
    }
    g_ptr_array_sort(vcpus, compare_topology);
    for (unsigned i = 0; i < vcpus->len; i++)
        ((QemuVcpu *)vcpus->pdata[i])->index = i;
    *ret_vcpus = vcpus;
    return true;
}

bool qemu_monitor_vcpu_add(Qmp *qmp, const QemuVcpu *slot, const char *id, GError **error)
{
    JsonObject *args = qmp_object("s:driver", slot->type, "s:id", id, NULL);
    g_autoptr(GList) names = json_object_get_members(slot->props);
    for (GList *item = names; item; item = item->next)
        json_object_set_int_member(args, item->data, qmp_get_int(slot->props, item->data, 0));
    return call(qmp, "device_add", args, NULL, error);
}

bool qemu_monitor_device_del(Qmp *qmp, const char *id, GError **error)
{
    return call(qmp, "device_del", qmp_object("s:id", id, NULL), NULL, error);
}

bool qemu_monitor_ptys(Qmp *qmp, GHashTable **ret_paths, GError **error)
{
    g_autoptr(JsonNode) value = NULL;
    if (!call(qmp, "query-chardev", NULL, &value, error))
        return false;
    JsonArray *items = qmp_node_array(value);
    GHashTable *paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (unsigned i = 0; items && i < json_array_get_length(items); i++) {
        JsonObject *object = qmp_array_object(items, i);
        const char *label = qmp_get_string(object, "label"), *filename = qmp_get_string(object, "filename");
        if (label && filename && g_str_has_prefix(filename, "pty:"))
            g_hash_table_insert(paths, g_strdup(label), g_strdup(filename + strlen("pty:")));
    }
    *ret_paths = paths;
    return true;
}

/* QEMU says "DeviceNotActive" where the guest has no balloon. */
static void name_missing_balloon(GError **error)
{
    if (error && *error && (*error)->code == VIR_ERR_OPERATION_INVALID)
        (*error)->code = VIR_ERR_DEVICE_MISSING;
}

bool qemu_monitor_set_balloon(Qmp *qmp, guint64 bytes, GError **error)
{
    if (call(qmp, "balloon", qmp_object("i:value", (gint64)bytes, NULL), NULL, error))
        return true;
    name_missing_balloon(error);
    return false;
}

JsonObject *qemu_balloon_stats_args(const char *balloon_alias)
{
    g_autofree char *path = g_strconcat("/machine/peripheral/", balloon_alias, NULL);
    return qmp_object("s:path", path, "s:property", "guest-stats", NULL);
}

void qemu_balloon_stats_parse(JsonNode *reply, QemuBalloonStats *ret_stats)
{
    /* The guest reports ~0, which JSON gives as -1, for what it does not know. */
    static const struct {
        const char *name;
        size_t offset;
    } rows[] = {
        { "stat-swap-in", offsetof(QemuBalloonStats, swap_in) },
        { "stat-swap-out", offsetof(QemuBalloonStats, swap_out) },
        { "stat-major-faults", offsetof(QemuBalloonStats, major_faults) },
        { "stat-minor-faults", offsetof(QemuBalloonStats, minor_faults) },
        { "stat-free-memory", offsetof(QemuBalloonStats, free) },
        { "stat-total-memory", offsetof(QemuBalloonStats, total) },
        { "stat-available-memory", offsetof(QemuBalloonStats, available) },
        { "stat-disk-caches", offsetof(QemuBalloonStats, disk_caches) },
        { "stat-htlb-pgalloc", offsetof(QemuBalloonStats, hugetlb_allocations) },
        { "stat-htlb-pgfail", offsetof(QemuBalloonStats, hugetlb_failures) },
    };
    JsonObject *object = qmp_node_object(reply), *stats = qmp_get_object(object, "stats");
    ret_stats->last_update = qmp_get_int(object, "last-update", 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        *(guint64 *)((char *)ret_stats + rows[i].offset) = (guint64)qmp_get_int(stats, rows[i].name, -1);
}

bool qemu_monitor_set_balloon_period(Qmp *qmp, const char *balloon_alias, int seconds, GError **error)
{
    g_autofree char *path = g_strconcat("/machine/peripheral/", balloon_alias, NULL);
    JsonNode *value = json_node_new(JSON_NODE_VALUE);
    json_node_set_int(value, seconds);
    return qemu_monitor_qom_set(qmp, path, "guest-stats-polling-interval", value, error);
}

bool qemu_monitor_set_password(Qmp *qmp, const char *protocol, const char *password, const char *connected,
                               const char *expire, GError **error)
{
    /* VNC knows only the default; to name it there is an error in old versions. */
    JsonObject *args = qmp_object("s:protocol", protocol, "s:password", password ? password : "", "s:connected",
                                  strcmp(protocol, "vnc") == 0 ? NULL : connected, NULL);
    if (!call(qmp, "set_password", args, NULL, error))
        return false;
    return !expire ||
           call(qmp, "expire_password", qmp_object("s:protocol", protocol, "s:time", expire, NULL), NULL, error);
}

bool qemu_monitor_send_key(Qmp *qmp, const unsigned *codes, unsigned n_codes, unsigned hold_ms, GError **error)
{
    JsonArray *keys = json_array_new();
    for (unsigned i = 0; i < n_codes; i++)
        json_array_add_object_element(keys, qmp_object("s:type", "number", "i:data", (gint64)codes[i], NULL));
    return call(qmp, "send-key", qmp_object("a:keys", keys, "I:hold-time", (gint64)hold_ms, NULL), NULL, error);
}

bool qemu_monitor_qom_set(Qmp *qmp, const char *path, const char *property, JsonNode *value, GError **error)
{
    JsonObject *args = qmp_object("s:path", path, "s:property", property, NULL);
    json_object_set_member(args, "value", value);
    return call(qmp, "qom-set", args, NULL, error);
}

bool qemu_monitor_set_link(Qmp *qmp, const char *alias, bool up, GError **error)
{
    return call(qmp, "set_link", qmp_object("s:name", alias, "b:up", (gboolean)up, NULL), NULL, error);
}
