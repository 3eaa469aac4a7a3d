/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-confine.h"

#include "base/error.h"
#include "base/log.h"
#include "model/given.h"
#include "vm/vm-settings.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct {
    GPtrArray *paths; /* of char *, "rw:PATH" */
    bool running;     /* QEMU has its own /tmp by now, which a parent may not cover */
} Sight;

bool vm_confine_possible(void)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    return geteuid() == 0 && syscall(SYS_capget, &header, data) == 0 && (data[0].effective & (1u << CAP_SYS_ADMIN)) &&
           (data[0].effective & (1u << CAP_SYS_CHROOT));
}

static void see(Sight *sight, const char *mode, const char *path)
{
    g_ptr_array_add(sight->paths, g_strdup_printf("%s:%s", mode, path));
}

/* A socket is shown with its directory: whoever serves it makes it anew when it starts again, and QEMU its own. */
static void see_parent(Sight *sight, const char *path)
{
    g_autofree char *parent = g_path_get_dirname(path);
    if (!g_str_equal(parent, "/") && g_file_test(parent, G_FILE_TEST_IS_DIR))
        see(sight, "rw", parent);
}

static void see_named(Sight *sight, const char *mode, const char *path)
{
    struct stat info;
    if (path[0] != '/' || g_str_equal(path, "/") || g_str_has_prefix(path, "/dev/fdset/") ||
        g_str_has_prefix(path, "/proc/") || g_str_has_prefix(path, "/usr/"))
        return; /* handed over, or there for every QEMU */
    if (stat(path, &info) < 0 || (S_ISSOCK(info.st_mode) && !sight->running))
        see_parent(sight, path);
    else
        see(sight, mode, path);
}

/* Any text of a definition that is a path. What the daemon opened for QEMU has other names by now. */
static bool see_field(const ModelGiven *given, void *data)
{
    Sight *sight = data;
    if (given->row->scalar != MODEL_SCALAR_STRING)
        return true;
    const char *text = *(char *const *)((const char *)given->object + given->row->offset);
    bool boot = g_str_has_prefix(given->path, "os/") && !g_str_has_prefix(given->path, "os/nvram");
    see_named(sight, boot ? "ro" : "rw", text);
    return true;
}

/* "file=/a,id=x" names /a. */
static void see_arguments(Sight *sight, const DomainQemuCommandline *extra)
{
    for (unsigned i = 0; extra && i < extra->n_args; i++) {
        g_auto(GStrv) words = g_strsplit_set(extra->args[i]->value, ",=:\"", -1);
        for (unsigned k = 0; words[k]; k++)
            see_named(sight, "rw", words[k]);
    }
    for (unsigned i = 0; extra && i < extra->n_env; i++) {
        if (extra->env[i]->value)
            see_named(sight, "rw", extra->env[i]->value);
    }
}

static void see_vfio(Sight *sight, const char *sysfs)
{
    g_autofree char *link = g_strconcat(sysfs, "/iommu_group", NULL);
    g_autofree char *target = g_file_read_link(link, NULL);
    if (!target)
        return;
    g_autofree char *number = g_path_get_basename(target);
    g_autofree char *node = g_strconcat("/dev/vfio/", number, NULL);
    see(sight, "rw", "/dev/vfio/vfio");
    see(sight, "rw", node);
}

static void see_pci(Sight *sight, uint32_t domain, uint32_t bus, uint32_t slot, uint32_t function)
{
    g_autofree char *sysfs = g_strdup_printf("/sys/bus/pci/devices/%04x:%02x:%02x.%x", domain, bus, slot, function);
    see_vfio(sight, sysfs);
}

static void see_hostdev(Sight *sight, const DomainHostdev *hostdev)
{
    if (hostdev->type == HOSTDEV_TYPE_PCI) {
        see_pci(sight, hostdev->domain, hostdev->bus, hostdev->slot, hostdev->function);
    } else if (hostdev->type == HOSTDEV_TYPE_MDEV) {
        g_autofree char *sysfs = g_strconcat("/sys/bus/mdev/devices/", hostdev->mdev_uuid, NULL);
        see_vfio(sight, sysfs);
    } else if (hostdev->type == HOSTDEV_TYPE_USB && (hostdev->usb_bus || hostdev->usb_device)) {
        g_autofree char *node = g_strdup_printf("/dev/bus/usb/%03u/%03u", hostdev->usb_bus, hostdev->usb_device);
        see(sight, "rw", node);
    } else if (hostdev->type == HOSTDEV_TYPE_USB) {
        see(sight, "rw", "/dev/bus/usb"); /* QEMU looks for the vendor and product itself */
    }
}

/* Device nodes that QEMU opens without their being named in the definition. */
static void see_devices(Sight *sight, const Domain *live)
{
    for (unsigned i = 0; i < live->n_hostdevs; i++)
        see_hostdev(sight, live->hostdevs[i]);
    for (unsigned i = 0; i < live->n_interfaces; i++) {
        const DomainAddress *host = live->interfaces[i]->hostdev_address;
        if (host && host->type == ADDRESS_TYPE_PCI)
            see_pci(sight, host->domain, host->bus, host->slot, host->function);
    }
    if (live->n_vsocks > 0)
        see(sight, "rw", "/dev/vhost-vsock");
    if (live->n_shmems > 0)
        see(sight, "rw", "/dev/shm");
    for (unsigned i = 0; i < live->n_graphics; i++) {
        GraphicsType type = live->graphics[i]->type;
        if (type == GRAPHICS_TYPE_EGL_HEADLESS || live->graphics[i]->gl == TRI_YES)
            see(sight, "rw", "/dev/dri");
        if (type == GRAPHICS_TYPE_SDL)
            see(sight, "rw", "/tmp/.X11-unix");
    }
    for (unsigned i = 0; i < live->n_audios; i++) {
        if (live->audios[i]->type == AUDIO_TYPE_ALSA)
            see(sight, "rw", "/dev/snd");
    }
}

/* A QEMU that somebody built has its firmware and modules around it. */
static void see_emulator(Sight *sight, const char *emulator)
{
    g_autofree char *real = g_canonicalize_filename(emulator, "/");
    g_autofree char *dir = g_path_get_dirname(real);
    g_autofree char *above = g_path_get_dirname(dir);
    see(sight, "ro", g_str_equal(above, "/") ? dir : above);
}

/* Parents before what is in them, which then needs no showing of its own. */
static int compare_paths(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a + strlen("rw:"), *(char *const *)b + strlen("rw:"));
}

static bool is_within(const char *path, const char *above)
{
    size_t length = strlen(above);
    return strncmp(path, above, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* What is shown with something above it needs no showing, unless it is to be written and that only read. */
static bool is_shown(char *const *shown, unsigned n, const char *entry)
{
    for (unsigned i = 0; i < n; i++) {
        if (is_within(entry + strlen("rw:"), shown[i] + strlen("rw:")) && shown[i][1] >= entry[1])
            return true; /* 'w' is above 'o' */
    }
    return false;
}

static char **take_paths(Sight *sight)
{
    g_autoptr(GPtrArray) all = g_steal_pointer(&sight->paths);
    g_ptr_array_sort(all, compare_paths);
    char **shown = g_new0(char *, all->len + 1);
    for (unsigned i = 0, n = 0; i < all->len; i++) {
        char *entry = all->pdata[i];
        if (is_shown(shown, n, entry))
            g_free(entry);
        else
            shown[n++] = entry;
    }
    return shown;
}

char **vm_confine_paths(const VmStart *start)
{
    const VmSettings *settings = start->settings;
    const QemuStartResources *resources = &start->resources;
    const Domain *handed = start->handed;
    if (!settings->confine)
        return NULL;
    Sight sight = { .paths = g_ptr_array_new() };
    see(&sight, "rw", start->vm->run_dir);
    for (const char *const *node = settings->devices; node && *node; node++) {
        if (handed->virt_type == VIRT_TYPE_KVM || !g_str_equal(*node, "/dev/kvm"))
            see(&sight, "rw", *node);
    }
    const char *const dirs[] = { resources->memory_dir, resources->vnc_tls_dir, resources->spice_tls_dir };
    for (unsigned i = 0; i < G_N_ELEMENTS(dirs); i++) {
        if (dirs[i])
            see(&sight, i == 0 ? "rw" : "ro", dirs[i]);
    }
    for (unsigned i = 0; i < resources->n_hugepages; i++)
        see(&sight, "rw", resources->hugepages[i].path);
    model_each_given(&model_domain, handed, NULL, see_field, &sight);
    see_arguments(&sight, handed->qemu_commandline);
    see_devices(&sight, handed);
    see_emulator(&sight, handed->emulator);
    return take_paths(&sight);
}

/* Whether QEMU has a mount namespace of its own. */
static bool is_confined(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/ns/mnt", (int)pid);
    g_autofree char *theirs = g_file_read_link(path, NULL);
    g_autofree char *ours = g_file_read_link("/proc/self/ns/mnt", NULL);
    return theirs && ours && !g_str_equal(theirs, ours);
}

static bool join(Vm *vm, char *const *paths, GError **error)
{
    int pid = (int)vm->view->process.pid;
    g_autofree char *process = g_strdup_printf("/proc/%d", pid);
    struct stat info;
    if (stat(process, &info) < 0)
        return error_set_errno(error, errno, "find QEMU (pid %d)", pid);
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *complaint = NULL;
    int status = 0;
    g_ptr_array_add(argv, g_strdup(qemu_launch_program()));
    g_ptr_array_add(argv, g_strdup("--report=2"));
    g_ptr_array_add(argv, g_strdup_printf("--join=%d:%u:%u", pid, info.st_uid, info.st_gid));
    for (; *paths; paths++)
        g_ptr_array_add(argv, g_strconcat("--see=", *paths, NULL));
    g_ptr_array_add(argv, NULL);
    g_autoptr(GError) cause = NULL;
    if (!g_spawn_sync("/", (char **)argv->pdata, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &complaint,
                      &status, &cause))
        return error_set(error, VIR_ERR_SYSTEM_ERROR, "run %s: %s", qemu_launch_program(), cause->message);
    return status == 0 ||
           error_set(error, VIR_ERR_OPERATION_FAILED, "show QEMU what the device needs: %s", g_strchomp(complaint));
}

bool vm_confine_expose(Vm *vm, const ModelStruct *type, const void *device, GError **error)
{
    Sight sight = { .paths = g_ptr_array_new(), .running = true };
    model_each_given(type, device, NULL, see_field, &sight);
    if (type == &model_domain_hostdev)
        see_hostdev(&sight, device);
    if (type == &model_domain_vsock)
        see(&sight, "rw", "/dev/vhost-vsock");
    if (type == &model_domain_shmem)
        see(&sight, "rw", "/dev/shm");
    g_auto(GStrv) paths = take_paths(&sight);
    return !paths[0] || !is_confined(vm->view->process.pid) || join(vm, paths, error);
}
