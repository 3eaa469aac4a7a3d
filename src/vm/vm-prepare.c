/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-prepare.h"

#include "base/auto-fd.h"
#include "base/durable-file.h"
#include "base/error.h"
#include "qemu/qemu-firmware.h"
#include "vm/vm-ports.h"
#include "vm/vm-runstate.h"
#include "vm/vm-settings.h"
#include "vm/vm-settle.h"
#include "vm/vm-store.h"
#include "vm/vm-tap.h"
#include "vm/vm-tpm.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <string.h>
#include <sys/stat.h>

void vm_start_clear(VmStart *start)
{
    vm_tpms_end(start);
    domain_free(start->live);
    g_clear_pointer(&start->resources.socket_fds, g_hash_table_unref);
    domain_free(start->handed);
    qemu_caps_unref(start->caps);
    qemu_fds_free(start->fds);
    g_clear_pointer(&start->add_fds, g_ptr_array_unref);
    g_clear_pointer(&start->set_names, g_ptr_array_unref);
    for (unsigned i = 0; start->net_fds && i < start->net_fds->len; i++)
        g_free(g_array_index(start->net_fds, int *, i));
    g_clear_pointer(&start->net_fds, g_array_unref);
    g_free(start->nets);
    for (unsigned i = 0; i < start->resources.n_hugepages; i++)
        g_free((char *)start->hugepages[i].path);
    g_free(start->hugepages);
    g_free(start->memory_dir);
    g_free(start->vsock_fds);
    g_clear_pointer(&start->args, g_ptr_array_unref);
    g_free(start->log_path);
    g_free(start->monitor_path);
    g_free(start->own_settings);
}

/* Gives @path to the user that QEMU runs as. */
static bool give_to_qemu(VmStart *start, const char *path, GError **error)
{
    const VmUser *user = &start->settings->user;
    if (user->switch_user && lchown(path, user->uid, user->gid) < 0)
        return error_set_errno(error, errno, "give '%s' to user '%s'", path, user->name);
    return true;
}

bool vm_prepare_directory(VmStart *start, GError **error)
{
    Vm *vm = start->vm;
    const VmUser *user = &start->settings->user;
    vm->run_dir = vm_runstate_dir(vm->daemon->paths, start->live->id, start->name);
    if (!directory_ensure(vm->run_dir, 0700, error) || !give_to_qemu(start, vm->run_dir, error))
        return false;
    start->monitor_path = vm_runstate_monitor_path(vm->run_dir);
    int listener = qemu_socket_listen(start->monitor_path, user->uid, user->gid, error);
    if (listener < 0)
        return false;
    start->resources.monitor_fd = qemu_fds_add(start->fds, listener);
    start->resources.run_dir = vm->run_dir;
    start->resources.sandbox = start->settings->sandbox;
    start->resources.dump_guest_core = start->settings->dump_guest_core;
    return true;
}

static bool copy_file(const char *from, const char *to, GError **error)
{
    g_autofree char *data = NULL;
    gsize length;
    g_autoptr(GError) cause = NULL;
    if (!g_file_get_contents(from, &data, &length, &cause))
        return error_set(error, VIR_ERR_OPERATION_FAILED, "read the NVRAM template: %s", cause->message);
    return durable_file_write(to, data, (gssize)length, 0600, error);
}

char **vm_nvram_place(DomainNvram *nvram)
{
    if (nvram->path)
        return &nvram->path;
    return nvram->source.type == STORAGE_TYPE_FILE ? &nvram->source.path : NULL;
}

static const char *nvram_file(DomainNvram *nvram)
{
    char **place = nvram ? vm_nvram_place(nvram) : NULL;
    return place ? *place : NULL;
}

/* Completes what the definition leaves open of its UEFI firmware: the program, and the template and place of its
 * variables. */
static bool choose_firmware(VmStart *start, GError **error)
{
    DomainOs *os = &start->live->os;
    bool automatic = os->firmware == FIRMWARE_KIND_EFI && (!os->loader || !os->loader->path);
    bool split = automatic || (os->loader && os->loader->path && os->loader->type == LOADER_TYPE_PFLASH &&
                               os->loader->readonly != TRI_NO && os->loader->stateless != TRI_YES);
    bool complete = os->nvram && os->nvram->template;
    if (!split || (!automatic && (complete || !os->nvram)))
        return true;
    g_auto(QemuFirmware) firmware = { 0 };
    g_autoptr(GError) none = NULL;
    if (!qemu_firmware_choose(start->live, NULL, &firmware, &none)) {
        const char *path = nvram_file(os->nvram);
        bool needed = automatic || (path && !g_file_test(path, G_FILE_TEST_EXISTS));
        if (needed)
            g_propagate_error(error, g_steal_pointer(&none));
        return !needed;
    }
    if (automatic) {
        if (!os->loader)
            os->loader = g_new0(DomainLoader, 1);
        os->loader->path = g_strdup(firmware.executable);
        os->loader->type = LOADER_TYPE_PFLASH;
        os->loader->readonly = TRI_YES;
        if (firmware.requires_smm) {
            os->loader->secure = TRI_YES;
            start->live->features.smm_given = true;
            start->live->features.smm = TRI_YES;
        }
    }
    if (!os->nvram)
        os->nvram = g_new0(DomainNvram, 1);
    if (!os->nvram->template)
        os->nvram->template = g_strdup(firmware.nvram_template);
    if (!os->nvram->path && os->nvram->source.type == STORAGE_TYPE_UNSET)
        os->nvram->path = vm_nvram_path(start->daemon->paths, start->name);
    return true;
}

static bool check_loader(const DomainOs *os, GError **error)
{
    const char *path = os->loader ? os->loader->path : NULL;
    return !path || access(path, F_OK) == 0 ||
           error_set_errno(error, errno, "<loader>: firmware '%s' (install it, or leave <loader> out)", path);
}

bool vm_prepare_firmware(VmStart *start, GError **error)
{
    if (!check_loader(&start->live->os, error) || !choose_firmware(start, error))
        return false;
    DomainNvram *nvram = start->live->os.nvram;
    bool reset = start->flags & VIR_DOMAIN_START_RESET_NVRAM;
    const char *path = nvram_file(nvram);
    if (!path || (!reset && g_file_test(path, G_FILE_TEST_EXISTS)))
        return true;
    if (!nvram->template)
        return error_set(error, VIR_ERR_OPERATION_FAILED,
                         "unable to find any master var store for loader '%s': name a template in <nvram template=…>",
                         start->live->os.loader ? start->live->os.loader->path : "");
    g_autofree char *parent = g_path_get_dirname(path);
    return directory_ensure(parent, 0755, error) && copy_file(nvram->template, path, error);
}

/* Chooses a port where the definition leaves it to us (@wanted ≤ 0 and autoport), else notes the given one. */
static bool choose_port(VmStart *start, Tri autoport, int32_t *port, GError **error)
{
    const VmSettings *settings = start->settings;
    unsigned chosen = (unsigned)*port;
    if (*port <= 0 || autoport == TRI_YES) {
        if (!vm_ports_reserve(start->daemon->ports, settings->display_port_min, settings->display_port_max, &chosen,
                              error))
            return false;
    } else {
        vm_ports_note(start->daemon->ports, chosen);
    }
    g_array_append_val(start->vm->ports, chosen);
    *port = (int32_t)chosen;
    return true;
}

static bool prepare_listens(VmStart *start, DomainGraphics *graphics)
{
    const VmSettings *settings = start->settings;
    const char *fallback = graphics->type == GRAPHICS_TYPE_SPICE ? settings->spice_listen : settings->vnc_listen;
    for (unsigned i = 0; i < graphics->n_listens; i++) {
        DomainGraphicsListen *listen = graphics->listens[i];
        if (listen->type == GRAPHICS_LISTEN_TYPE_SOCKET && !listen->socket)
            listen->socket = g_strdup_printf("%s/%s.sock", start->vm->run_dir,
                                             graphics->type == GRAPHICS_TYPE_SPICE ? "spice" : "vnc");
        if (listen->type == GRAPHICS_LISTEN_TYPE_ADDRESS && !listen->address) {
            listen->address = g_strdup(fallback);
            listen->from_config = 0;
        }
    }
    return graphics->n_listens == 0 || graphics->listens[0]->type == GRAPHICS_LISTEN_TYPE_ADDRESS ||
           graphics->listens[0]->type == GRAPHICS_LISTEN_TYPE_NETWORK;
}

bool vm_prepare_displays(VmStart *start, GError **error)
{
    for (unsigned i = 0; i < start->live->n_graphics; i++) {
        DomainGraphics *graphics = start->live->graphics[i];
        bool vnc = graphics->type == GRAPHICS_TYPE_VNC, spice = graphics->type == GRAPHICS_TYPE_SPICE;
        if ((!vnc && !spice) || !prepare_listens(start, graphics))
            continue;
        if (!choose_port(start, graphics->autoport, &graphics->port, error))
            return false;
        graphics->port_set = true;
        if (graphics->websocket_set && graphics->websocket != 0 &&
            !choose_port(start, TRI_UNSET, &graphics->websocket, error))
            return false;
        if (spice && graphics->tls_port_set && graphics->tls_port != 0 &&
            !choose_port(start, TRI_UNSET, &graphics->tls_port, error))
            return false;
    }
    return true;
}

bool vm_prepare_chardevs(VmStart *start, GError **error)
{
    Domain *live = start->live;
    DomainChardev **const lists[] = { live->serials, live->parallels, live->consoles, live->channels };
    const unsigned counts[] = { live->n_serials, live->n_parallels, live->n_consoles, live->n_channels };
    for (unsigned l = 0; l < G_N_ELEMENTS(lists); l++) {
        for (unsigned i = 0; i < counts[l]; i++)
            vm_settle_channel_path(start->vm->run_dir, lists[l][i]);
    }
    return true;
}

static bool prepare_tap(VmStart *start, DomainInterface *interface, QemuNetResource *net, GError **error)
{
    g_autofree int *fds = NULL;
    unsigned queues;
    if (!vm_tap_open(interface, &fds, &queues, error))
        return false;
    for (unsigned i = 0; i < queues; i++)
        fds[i] = qemu_fds_add(start->fds, fds[i]);
    net->tap_fds = fds;
    net->n_tap_fds = queues;
    int *kept = g_steal_pointer(&fds);
    g_array_append_val(start->net_fds, kept);
    return true;
}

bool vm_prepare_networks(VmStart *start, GError **error)
{
    Domain *live = start->live;
    start->nets = g_new0(QemuNetResource, live->n_interfaces + 1);
    start->resources.nets = start->nets;
    for (unsigned i = 0; i < live->n_interfaces; i++) {
        DomainInterface *interface = live->interfaces[i];
        switch (interface->type) {
        case INTERFACE_TYPE_BRIDGE:
        case INTERFACE_TYPE_ETHERNET:
            if (!prepare_tap(start, interface, &start->nets[i], error))
                return false;
            break;
        case INTERFACE_TYPE_NETWORK:
            return error_set(
                error, VIR_ERR_CONFIG_UNSUPPORTED,
                "interface %u: virtual networks ('%s') are not built yet: use type='bridge' or type='user'", i + 1,
                interface->network ? interface->network : "");
        default: break; /* QEMU connects it itself */
        }
    }
    return true;
}

/* The page size that a hugetlbfs mount was made with, or the kernel's default, in KiB. */
static uint64_t mount_page_kib(const struct mntent *mount)
{
    struct stat info;
    return stat(mount->mnt_dir, &info) == 0 ? (uint64_t)info.st_blksize / 1024 : 0;
}

/* Memory in files: QEMU makes them without a name in a directory that it may write to. */
static bool prepare_memory_dir(VmStart *start, GError **error)
{
    if (start->live->memory_source != MEMORY_SOURCE_FILE)
        return true;
    const char *configured = start->settings->memory_dir;
    start->memory_dir = configured ? g_build_filename(configured, "lodge", NULL)
                                   : g_build_filename(start->daemon->paths->qemu_state_dir, "ram", NULL);
    start->resources.memory_dir = start->memory_dir;
    return directory_ensure(start->memory_dir, 0711, error) && give_to_qemu(start, start->memory_dir, error);
}

bool vm_prepare_memory(VmStart *start, GError **error)
{
    if (!prepare_memory_dir(start, error))
        return false;
    if (!start->live->hugepages)
        return true;
    struct mntent entry;
    char buffer[4096];
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(QemuHugepages));
    FILE *mounts = setmntent("/proc/mounts", "r");
    while (mounts && getmntent_r(mounts, &entry, buffer, sizeof buffer)) {
        if (!g_str_equal(entry.mnt_type, "hugetlbfs"))
            continue;
        g_autofree char *parent = g_build_filename(entry.mnt_dir, "lodge", NULL);
        g_autofree char *dir = g_strdup_printf("%s/%s", parent, start->name);
        QemuHugepages pages = { mount_page_kib(&entry), NULL };
        if (!directory_ensure(parent, 0755, error) || !directory_ensure(dir, 0700, error) ||
            !give_to_qemu(start, dir, error)) {
            endmntent(mounts);
            return false;
        }
        pages.path = g_steal_pointer(&dir);
        g_array_append_val(found, pages);
    }
    if (mounts)
        endmntent(mounts);
    if (found->len == 0)
        return error_set(
            error, VIR_ERR_CONFIG_UNSUPPORTED,
            "hugepages: no hugetlbfs is mounted on this host: mount -t hugetlbfs hugetlbfs /dev/hugepages");
    start->resources.n_hugepages = found->len;
    start->resources.default_hugepage_kib = g_array_index(found, QemuHugepages, 0).size_kib;
    start->hugepages = (QemuHugepages *)(gpointer)g_array_free(g_steal_pointer(&found), FALSE);
    start->resources.hugepages = start->hugepages;
    return true;
}
