/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds command lines the way the daemon would, with host resources made up. Usage: args CAPABILITIES, with the names
 * of definitions on standard input; for each one "FILE\0CODE\0TEXT\0": CODE is 0 and TEXT has one argument a line, or
 * CODE is the error's and TEXT its message. What plugs each device in later is held against the arguments.
 */
#include "base/error.h"
#include "model/domain.h"
#include "qemu/qemu-args.h"
#include "qemu/qemu-caps-private.h"
#include "qemu/qemu-plug.h"
#include "qemu/qmp-object.h"

#include <stdio.h>
#include <string.h>

#define FIRST_VNC_PORT 5900

/* What the daemon fills in before it builds: ports, sockets, firmware variables. */
static void fill_in(Domain *def)
{
    for (unsigned i = 0; i < def->n_graphics; i++)
        if (def->graphics[i]->port <= 0)
            def->graphics[i]->port = FIRST_VNC_PORT + (int)i;
    for (unsigned i = 0; i < def->n_vsocks; i++)
        if (def->vsocks[i]->cid == 0)
            def->vsocks[i]->cid = 3;
    qemu_args_assign_aliases(def);
    qemu_args_number_sources(def);
}

/* Two queues for a card that asks for several, with vhost for virtio cards, as descriptors 20, 21, … */
static QemuNetResource *make_nets(const Domain *def, int *fds)
{
    QemuNetResource *nets = g_new0(QemuNetResource, def->n_interfaces);
    for (unsigned i = 0; i < def->n_interfaces; i++) {
        const DomainInterface *net = def->interfaces[i];
        unsigned queues = net->driver && net->driver->queues > 1 ? 2 : 1;
        if (net->type == INTERFACE_TYPE_USER || net->type == INTERFACE_TYPE_VHOSTUSER)
            continue;
        nets[i] = (QemuNetResource){ .tap_fds = fds + 4 * i, .n_tap_fds = queues };
        if (g_strcmp0(net->model, "virtio") == 0 && net->driver) {
            nets[i].vhost_fds = fds + 4 * i + 2;
            nets[i].n_vhost_fds = queues;
        }
    }
    return nets;
}

/* The boot order that a device has by its place is not for one that comes later. */
static char *without_boot_index(const char *json)
{
    g_autoptr(JsonNode) node = json_from_string(json, NULL);
    JsonObject *object = qmp_node_object(node);
    if (!object)
        return g_strdup(json);
    json_object_remove_member(object, "bootindex");
    return qmp_object_text(object);
}

static bool is_argument(GPtrArray *argv, JsonObject *object)
{
    g_autofree char *text = qmp_object_text(object);
    g_autofree char *plain = without_boot_index(text);
    for (unsigned i = 0; argv->pdata[i]; i++) {
        g_autofree char *arg = ((char *)argv->pdata[i])[0] == '{' ? without_boot_index(argv->pdata[i]) : NULL;
        if (g_strcmp0(arg, plain) == 0)
            return true;
    }
    return false;
}

/* A device is the same whether QEMU starts with it or has it plugged in. Back ends of -chardev are said otherwise. */
static bool check_plugs(const Domain *def, const QemuCaps *caps, const QemuStartResources *resources, GPtrArray *argv,
                        GError **error)
{
    for (unsigned kind = 0; kind < DOMAIN_DEVICE_COUNT; kind++) {
        const DomainDeviceRow *row = &domain_device_rows[kind];
        for (unsigned i = 0; i < *domain_device_count(row, def); i++) {
            g_autoptr(GPtrArray) steps = qemu_plug_steps(def, caps, resources, (DomainDeviceKind)kind, i, NULL);
            for (unsigned s = 0; steps && s < steps->len; s++) {
                const QemuStep *step = steps->pdata[s];
                if (strcmp(step->command, "chardev-add") != 0 && !is_argument(argv, step->args))
                    return error_set(error, VIR_ERR_INTERNAL_ERROR, "<%s>: %s of %s is no argument of the start",
                                     row->element, step->command, step->id);
            }
        }
    }
    return true;
}

static GPtrArray *build(Domain *def, const QemuCaps *caps, GError **error)
{
    static const QemuHugepages hugepages[] = { { 2048, "/dev/hugepages/guest" },
                                               { 1048576, "/dev/hugepages1G/guest" } };
    static const int tpm_fds[] = { 10, 11 };
    int fds[64 * 4];
    for (int i = 0; i < (int)G_N_ELEMENTS(fds); i++)
        fds[i] = 20 + i;
    fill_in(def);
    g_autofree QemuNetResource *nets = make_nets(def, fds);
    QemuStartResources resources = { .monitor_fd = 3,
                                     .run_dir = "/run/guest",
                                     .memory_dir = "/memory/guest",
                                     .nets = nets,
                                     .tpm_fds = tpm_fds,
                                     .hugepages = hugepages,
                                     .n_hugepages = G_N_ELEMENTS(hugepages),
                                     .default_hugepage_kib = 2048,
                                     .sandbox = true,
                                     .spice_tls_dir = "/etc/pki/spice",
                                     .now = 1700000000 };
    g_autoptr(GPtrArray) argv = qemu_args_build(def, caps, &resources, error);
    return argv && check_plugs(def, caps, &resources, argv, error) ? g_steal_pointer(&argv) : NULL;
}

static char *join(GPtrArray *args)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; args->pdata[i]; i++) {
        const char *arg = args->pdata[i];
        g_string_append(text, arg);
        /* An option stands on one line with its value. */
        bool option = arg[0] == '-' && args->pdata[i + 1] && ((char *)args->pdata[i + 1])[0] != '-';
        g_string_append_c(text, option ? ' ' : '\n');
    }
    return g_string_free(text, FALSE);
}

static void print_args(const char *path, const QemuCaps *caps)
{
    g_autofree char *xml = NULL;
    gsize length;
    g_autoptr(GError) error = NULL;
    g_autoptr(Domain) def = NULL;
    g_autoptr(GPtrArray) args = NULL;
    if (g_file_get_contents(path, &xml, &length, &error))
        def = domain_parse(xml, (gssize)length, 0, model_host_for_tests(), NULL, &error);
    if (def)
        args = build(def, caps, &error);
    g_autofree char *text = args ? join(args) : g_strdup(error->message);
    printf("%s%c%d%c%s%c", path, 0, args ? 0 : error_code(error), 0, text, 0);
}

int main(int argc, char **argv)
{
    char line[4096];
    g_autoptr(QemuCaps) caps = argc == 2 ? qemu_caps_file_load(argv[1], "/usr/bin/qemu-system-x86_64", "golden") : NULL;
    if (!caps) {
        fprintf(stderr, "args: no capabilities in '%s'\n", argc == 2 ? argv[1] : "(none)");
        return 1;
    }
    while (fgets(line, sizeof line, stdin)) {
        g_strchomp(line);
        print_args(line, caps);
    }
    return 0;
}
