/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include "base/error.h"
#include "base/paths.h"
#include "daemon/config.h"
#include "daemon/connection.h"
#include "daemon/dispatch.h"
#include "daemon/server-limits.h"
#include "host/host-capabilities.h"
#include "host/host-facts.h"
#include "qemu/qemu-caps.h"
#include "rpc/events.h"
#include "vm/vm-adopt.h"
#include "vm/vm-agent.h"
#include "vm/vm-confine.h"
#include "vm/vm-model-host.h"
#include "vm/vm-ports.h"
#include "vm/vm-registry.h"
#include "vm/vm-settings.h"

#include <libvirt/libvirt.h>
#include <string.h>

/* How the dispatcher finds guests */

static gpointer find_vm(Daemon *daemon, const WireDomain *dom, GError **error)
{
    return vm_registry_find(daemon->vms, &dom->uuid, dom->name, error);
}

static Mailbox *mailbox_of_vm(gpointer vm)
{
    return vm_mailbox(vm);
}

static Mailbox *mailbox_of_agent(gpointer data)
{
    const Vm *vm = data;
    return vm_agent_mailbox(vm->agent);
}

static bool check_vm(gpointer data, GError **error)
{
    const Vm *vm = data;
    if (vm->view)
        return true;
    return error_set(error, VIR_ERR_NO_DOMAIN, "the guest was removed by another call just before");
}

static void unref_vm(gpointer vm)
{
    vm_unref(vm);
}

static const ObjectResolver vm_resolver = { find_vm, mailbox_of_vm, mailbox_of_agent, check_vm, unref_vm };

/* Unset: where it can be. Asked for by name, it must be possible. */
static bool read_confinement(const Config *config, VmSettings *settings, GError **error)
{
    const char *const *names = config_list(config, "namespaces");
    bool possible = vm_confine_possible();
    if (!config_is_set(config, "namespaces")) {
        settings->confine = possible;
        return true;
    }
    settings->confine = names && g_strv_contains(names, "mount");
    if (settings->confine && !possible)
        return error_set(error, VIR_ERR_CONF_SYNTAX,
                         "namespaces = [ \"mount\" ] needs a daemon with CAP_SYS_ADMIN: run it as root, or say "
                         "namespaces = [ ]");
    return true;
}

/* The settings keep pointers into the configuration, which lives as long. */
static bool read_vm_settings(const Config *config, bool privileged, VmSettings *ret_settings, GError **error)
{
    *ret_settings = (VmSettings){
        .sandbox = config_integer(config, "seccomp_sandbox") != 0,
        .devices = config_list(config, "cgroup_device_acl"),
        .vnc_listen = config_string(config, "vnc_listen"),
        .vnc_password = config_string(config, "vnc_password"),
        .spice_listen = config_string(config, "spice_listen"),
        .display_port_min = (unsigned)config_integer(config, "remote_display_port_min"),
        .display_port_max = (unsigned)config_integer(config, "remote_display_port_max"),
        .dump_dir = config_string(config, "auto_dump_path"),
        .max_processes = (uint64_t)config_integer(config, "max_processes"),
        .max_files = (uint64_t)config_integer(config, "max_files"),
        .dump_guest_core = config_integer(config, "dump_guest_core") != 0,
        .memory_dir = config_string(config, "memory_backing_dir"),
        .max_core = (uint64_t)config_integer(config, "max_core"),
    };
    if (!read_confinement(config, ret_settings, error))
        return false;
    if (ret_settings->display_port_min > ret_settings->display_port_max)
        return error_set(error, VIR_ERR_CONF_SYNTAX,
                         "remote_display_port_min %u is larger than remote_display_port_max %u",
                         ret_settings->display_port_min, ret_settings->display_port_max);
    return vm_user_resolve(config_string(config, "user"), config_string(config, "group"), privileged,
                           &ret_settings->user, error);
}

static bool read_host_uuid(const Config *config, Uuid *ret_uuid, GError **error)
{
    const char *text = config_string(config, "host_uuid");
    bool use_smbios = strcmp(config_string(config, "host_uuid_source"), "smbios") == 0;
    *ret_uuid = host_capabilities_uuid("", use_smbios);
    if (text && !uuid_parse(text, ret_uuid))
        return error_set(error, VIR_ERR_CONF_SYNTAX, "host_uuid '%s' is not a UUID; `uuidgen` makes one", text);
    return true;
}

Daemon *daemon_new(Paths *paths, Config *config, GError **error)
{
    Daemon *daemon = g_new0(Daemon, 1);
    VmSettings *settings = g_new0(VmSettings, 1);
    daemon->paths = paths;
    daemon->config = config;
    daemon->vm_settings = settings;
    daemon->events = event_hub_new();
    Uuid host_uuid;
    if (!read_vm_settings(config, paths->privileged, settings, error) || !read_host_uuid(config, &host_uuid, error)) {
        daemon_free(daemon);
        return NULL;
    }
    daemon->host = host_facts_new("", &host_uuid);
    const VmUser *user = &settings->user;
    QemuCapsUser guests = { user->uid, user->gid, user->groups, user->n_groups };
    daemon->qemu_caps = qemu_caps_cache_new(paths, NULL, user->switch_user ? &guests : NULL);
    daemon->ports = vm_ports_new();
    daemon->model_host = vm_model_host_new(daemon);
    daemon->vms = vm_registry_new(daemon);
    dispatch_init(daemon, &vm_resolver);
    ServerLimits limits = server_limits_of_calls(config), admin_limits = server_limits_of_admin(config);
    daemon->server = server_new("libvirtd", &dispatch_server_ops, &limits);
    daemon->admin = server_new("admin", &dispatch_server_ops, &admin_limits);
    return daemon;
}

bool daemon_is_busy(const Daemon *daemon)
{
    return dispatch_running() > 0 || vm_registry_count(daemon->vms, true) > 0;
}

void daemon_free(Daemon *daemon)
{
    for (GList *link = daemon->server ? daemon->server->clients.head : NULL; link; link = link->next)
        connection_announce_close(link->data, VIR_CONNECT_CLOSE_REASON_EOF);
    /* From the outside to the inside: what is freed later may still be asked by what is freed first. */
    server_free(daemon->server);
    server_free(daemon->admin);
    if (daemon->vms)
        vm_registry_free(daemon->vms);
    if (daemon->model_host)
        vm_model_host_free((ModelHost *)daemon->model_host);
    if (daemon->ports)
        vm_ports_free(daemon->ports);
    if (daemon->qemu_caps)
        qemu_caps_cache_free(daemon->qemu_caps);
    host_facts_free(daemon->host);
    event_hub_free(daemon->events);
    g_free((VmSettings *)daemon->vm_settings);
    config_free((Config *)daemon->config);
    paths_free((Paths *)daemon->paths);
    g_free(daemon);
}
