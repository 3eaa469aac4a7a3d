/* SPDX-License-Identifier: Apache-2.0 */
/* The small devices: input, watchdog, balloon, rng, TPM, panic, vsock, shared memory, crypto, IOMMU. */
#include "base/error.h"
#include "qemu/qemu-args-private.h"

#include <string.h>

static void add_evdev(QemuArgs *args, const DomainInput *input)
{
    static const char *const toggles[INPUT_GRAB_TOGGLE_COUNT] = {
        [INPUT_GRAB_TOGGLE_CTRL_CTRL] = "ctrl-ctrl",     [INPUT_GRAB_TOGGLE_ALT_ALT] = "alt-alt",
        [INPUT_GRAB_TOGGLE_SHIFT_SHIFT] = "shift-shift", [INPUT_GRAB_TOGGLE_META_META] = "meta-meta",
        [INPUT_GRAB_TOGGLE_SCROLLLOCK] = "scrolllock",   [INPUT_GRAB_TOGGLE_CTRL_SCROLLLOCK] = "ctrl-scrolllock",
    };
    JsonObject *object =
        qmp_object("s:qom-type", "input-linux", "s:id", input->info.alias, "s:evdev", input->evdev, NULL);
    if (input->repeat)
        json_object_set_boolean_member(object, "repeat", input->repeat == TRI_YES);
    qmp_object_add(object, "B:grab_all", (gboolean)(input->grab == INPUT_GRAB_ALL), "s:grab-toggle",
                   toggles[input->grab_toggle], NULL);
    qemu_args_add_json(args, "-object", object);
}

static bool add_input(QemuArgs *args, const DomainInput *input, GError **error)
{
    static const char *const usb[INPUT_TYPE_COUNT] = {
        [INPUT_TYPE_MOUSE] = "usb-mouse", [INPUT_TYPE_TABLET] = "usb-tablet", [INPUT_TYPE_KEYBOARD] = "usb-kbd"
    };
    static const char *const virtio[INPUT_TYPE_COUNT] = { [INPUT_TYPE_MOUSE] = "virtio-mouse",
                                                          [INPUT_TYPE_TABLET] = "virtio-tablet",
                                                          [INPUT_TYPE_KEYBOARD] = "virtio-keyboard",
                                                          [INPUT_TYPE_PASSTHROUGH] = "virtio-input-host" };
    if (input->type == INPUT_TYPE_EVDEV) {
        add_evdev(args, input);
        return true;
    }
    const char *base = input->bus == INPUT_BUS_USB      ? usb[input->type]
                       : input->bus == INPUT_BUS_VIRTIO ? virtio[input->type]
                                                        : NULL;
    if (!base && input->bus == INPUT_BUS_PS2)
        return true; /* part of the board */
    if (!base)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<input type='%s' bus='%s'> is not supported",
                         model_enum_text(&model_enum_input_type, input->type),
                         input->bus ? model_enum_text(&model_enum_input_bus, input->bus) : "(none)");
    g_autofree char *driver = input->bus == INPUT_BUS_VIRTIO
                                  ? qemu_args_virtio_driver(base, input->info.address, input->model)
                                  : g_strdup(base);
    JsonObject *device = qmp_object("s:driver", driver, NULL);
    if (input->bus == INPUT_BUS_VIRTIO)
        qemu_args_add_virtio(device, &input->virtio);
    if (input->type == INPUT_TYPE_PASSTHROUGH)
        qmp_object_add(device, "s:evdev", input->evdev, NULL);
    return qemu_args_add_device(args, device, &input->info, "<input>", error);
}

bool qemu_args_input(QemuArgs *args, unsigned index, GError **error)
{
    return add_input(args, args->def->inputs[index], error);
}

bool qemu_args_inputs(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_inputs; i++)
        if (!add_input(args, args->def->inputs[i], error))
            return false;
    return true;
}

bool qemu_args_watchdog(QemuArgs *args, unsigned index, GError **error)
{
    const DomainWatchdog *watchdog = args->def->watchdogs[index];
    if (watchdog->model == WATCHDOG_MODEL_ITCO) {
        /* On the board of q35; it must only be allowed to reboot the guest. */
        qemu_args_add(args, "-global", "ICH9-LPC.noreboot=off");
        return true;
    }
    const char *driver = model_enum_text(&model_enum_watchdog_model, watchdog->model);
    return qemu_args_add_device(args, qmp_object("s:driver", driver, NULL), &watchdog->info, "<watchdog>", error);
}

const char *qemu_watchdog_action(const DomainWatchdog *watchdog)
{
    /* A dump is the daemon's work: QEMU holds the guest for it. */
    if (watchdog->action == WATCHDOG_ACTION_DUMP)
        return "pause";
    return watchdog->action ? model_enum_text(&model_enum_watchdog_action, watchdog->action) : "reset";
}

bool qemu_args_watchdogs(QemuArgs *args, GError **error)
{
    const Domain *def = args->def;
    for (unsigned i = 0; i < def->n_watchdogs; i++)
        if (!qemu_args_watchdog(args, i, error))
            return false;
    if (def->n_watchdogs > 0)
        qemu_args_add(args, "-watchdog-action", "%s", qemu_watchdog_action(def->watchdogs[0]));
    return true;
}

bool qemu_args_memballoon(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_memballoons; i++) {
        const DomainMemballoon *balloon = args->def->memballoons[i];
        unsigned variant = balloon->model == MEMBALLOON_MODEL_VIRTIO_TRANSITIONAL       ? 2
                           : balloon->model == MEMBALLOON_MODEL_VIRTIO_NON_TRANSITIONAL ? 3
                                                                                        : 1;
        if (balloon->model == MEMBALLOON_MODEL_NONE)
            continue;
        if (balloon->model == MEMBALLOON_MODEL_XEN)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<memballoon model='xen'> is not supported by QEMU");
        g_autofree char *driver = qemu_args_virtio_driver("virtio-balloon", balloon->info.address, variant);
        JsonObject *device = qmp_object("s:driver", driver, NULL);
        if (balloon->autodeflate)
            json_object_set_boolean_member(device, "deflate-on-oom", balloon->autodeflate == TRI_YES);
        if (balloon->free_page_reporting)
            json_object_set_boolean_member(device, "free-page-reporting", balloon->free_page_reporting == TRI_YES);
        qemu_args_add_virtio(device, &balloon->virtio);
        if (!qemu_args_add_device(args, device, &balloon->info, "<memballoon>", error))
            return false;
    }
    return true;
}

static bool add_rng(QemuArgs *args, const DomainRng *rng, GError **error)
{
    g_autofree char *id = g_strconcat("obj", rng->info.alias, NULL);
    switch (rng->backend) {
    case RNG_BACKEND_RANDOM:
        qemu_args_add_json(args, "-object",
                           qmp_object("s:qom-type", "rng-random", "s:id", id, "s:filename",
                                      rng->path ? rng->path : "/dev/urandom", NULL));
        break;
    case RNG_BACKEND_EGD: {
        g_autofree char *chardev = qemu_chardev_id(rng->info.alias);
        if (!qemu_args_chardev(args, &rng->source, rng->info.alias, error))
            return false;
        qemu_args_add_json(args, "-object",
                           qmp_object("s:qom-type", "rng-egd", "s:id", id, "s:chardev", chardev, NULL));
        break;
    }
    default: qemu_args_add_json(args, "-object", qmp_object("s:qom-type", "rng-builtin", "s:id", id, NULL)); break;
    }
    g_autofree char *driver = qemu_args_virtio_driver("virtio-rng", rng->info.address, rng->model);
    JsonObject *device = qmp_object("s:driver", driver, "s:rng", id, NULL);
    qemu_args_add_virtio(device, &rng->virtio);
    if (rng->rate_bytes)
        qmp_object_add(device, "i:max-bytes", (gint64)rng->rate_bytes, "i:period",
                       (gint64)(rng->rate_period ? rng->rate_period : 1000), NULL);
    return qemu_args_add_device(args, device, &rng->info, "<rng>", error);
}

bool qemu_args_rng(QemuArgs *args, unsigned index, GError **error)
{
    return add_rng(args, args->def->rngs[index], error);
}

bool qemu_args_rngs(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_rngs; i++)
        if (!add_rng(args, args->def->rngs[i], error))
            return false;
    return true;
}

/* The control connection to the emulator: one made already, or a socket that somebody else serves. */
static bool add_tpm_emulator(QemuArgs *args, const DomainTpm *tpm, const char *id, int fd, GError **error)
{
    g_autofree char *chardev = qemu_chardev_id(tpm->info.alias);
    if (tpm->backend == TPM_BACKEND_EXTERNAL && tpm->source_path) {
        qemu_args_add_chardev(args,
                              qmp_object("s:backend", "socket", "s:id", chardev, "s:path", tpm->source_path, NULL));
    } else if (tpm->backend == TPM_BACKEND_EMULATOR && fd >= 0) {
        qemu_args_add_chardev(args, qmp_object("s:backend", "socket", "s:id", chardev, "i:fd", (gint64)fd, NULL));
    } else {
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<tpm>: there is no TPM emulator for it");
    }
    qemu_args_add(args, "-tpmdev", "emulator,id=%s,chardev=%s", id, chardev);
    return true;
}

static bool add_tpm(QemuArgs *args, const DomainTpm *tpm, int fd, GError **error)
{
    g_autofree char *id = g_strconcat("tpm-", tpm->info.alias, NULL);
    const char *driver = tpm->model ? model_enum_text(&model_enum_tpm_model, tpm->model) : "tpm-tis";
    if (tpm->backend == TPM_BACKEND_PASSTHROUGH) {
        g_autofree char *path = qemu_args_escape(tpm->path ? tpm->path : "/dev/tpm0");
        qemu_args_add(args, "-tpmdev", "passthrough,id=%s,path=%s", id, path);
    } else if (!add_tpm_emulator(args, tpm, id, fd, error)) {
        return false;
    }
    JsonObject *device = qmp_object("s:driver", driver, "s:tpmdev", id, NULL);
    return qemu_args_add_device(args, device, &tpm->info, "<tpm>", error);
}

bool qemu_args_tpms(QemuArgs *args, GError **error)
{
    const int *fds = args->resources->tpm_fds;
    for (unsigned i = 0; i < args->def->n_tpms; i++)
        if (!add_tpm(args, args->def->tpms[i], fds ? fds[i] : -1, error))
            return false;
    return true;
}

static bool add_panic(QemuArgs *args, const DomainPanic *panic, GError **error)
{
    if (panic->model == PANIC_MODEL_HYPERV || panic->model == PANIC_MODEL_PSERIES || panic->model == PANIC_MODEL_S390)
        return true; /* a CPU feature, or part of the platform */
    const DomainAddress *address = panic->info.address;
    if (panic->model == PANIC_MODEL_PVPANIC)
        return qemu_args_add_device(args, qmp_object("s:driver", "pvpanic-pci", NULL), &panic->info, "<panic>", error);
    JsonObject *device = qmp_object("s:driver", "pvpanic", NULL);
    if (address && address->type == ADDRESS_TYPE_ISA && address->iobase_set)
        json_object_set_int_member(device, "ioport", address->iobase);
    return qemu_args_add_device_raw(args, device, &panic->info, "<panic>", error);
}

static bool add_vsock(QemuArgs *args, const DomainVsock *vsock, const int *fd, GError **error)
{
    g_autofree char *driver = qemu_args_virtio_driver("vhost-vsock", vsock->info.address, vsock->model);
    g_autofree char *number = fd ? g_strdup_printf("%d", *fd) : NULL;
    JsonObject *device = qmp_object("s:driver", driver, "i:guest-cid", (gint64)vsock->cid, "s:vhostfd", number, NULL);
    qemu_args_add_virtio(device, &vsock->virtio);
    return qemu_args_add_device(args, device, &vsock->info, "<vsock>", error);
}

static bool add_shmem_doorbell(QemuArgs *args, const DomainShmem *shmem, GError **error)
{
    g_autofree char *id = qemu_chardev_id(shmem->info.alias);
    g_autofree char *own = g_strconcat("/var/lib/libvirt/shmem-", shmem->name, "-sock", NULL);
    qemu_args_add_chardev(args, qmp_object("s:backend", "socket", "s:id", id, "s:path",
                                           shmem->server_path ? shmem->server_path : own, NULL));
    JsonObject *device =
        qmp_object("s:driver", "ivshmem-doorbell", "s:chardev", id, "I:vectors", (gint64)shmem->msi_vectors, NULL);
    if (shmem->msi_ioeventfd)
        json_object_set_boolean_member(device, "ioeventfd", shmem->msi_ioeventfd == TRI_YES);
    if (shmem->role)
        json_object_set_string_member(device, "master", shmem->role == SHMEM_ROLE_MASTER ? "on" : "off");
    return qemu_args_add_device(args, device, &shmem->info, "<shmem>", error);
}

static bool add_shmem(QemuArgs *args, const DomainShmem *shmem, GError **error)
{
    if (shmem->model == SHMEM_MODEL_IVSHMEM)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<shmem> '%s': QEMU no longer has model 'ivshmem'; use 'ivshmem-plain' or 'ivshmem-doorbell'",
                         shmem->name);
    if (shmem->model == SHMEM_MODEL_IVSHMEM_DOORBELL)
        return add_shmem_doorbell(args, shmem, error);
    g_autofree char *id = g_strconcat("shmmem-", shmem->info.alias, NULL);
    g_autofree char *path = g_strconcat("/dev/shm/", shmem->name, NULL);
    gint64 size = shmem->size ? (gint64)shmem->size : 4 << 20;
    qemu_args_add_json(args, "-object",
                       qmp_object("s:qom-type", "memory-backend-file", "s:id", id, "s:mem-path", path, "i:size", size,
                                  "b:share", TRUE, NULL));
    JsonObject *device = qmp_object("s:driver", "ivshmem-plain", "s:memdev", id, NULL);
    if (shmem->role)
        json_object_set_string_member(device, "master", shmem->role == SHMEM_ROLE_MASTER ? "on" : "off");
    return qemu_args_add_device(args, device, &shmem->info, "<shmem>", error);
}

bool qemu_args_shmem(QemuArgs *args, unsigned index, GError **error)
{
    return add_shmem(args, args->def->shmems[index], error);
}

bool qemu_args_vsock(QemuArgs *args, unsigned index, GError **error)
{
    const int *fds = args->resources->vhost_vsock_fds;
    return add_vsock(args, args->def->vsocks[index], fds ? &fds[index] : NULL, error);
}

static bool add_crypto(QemuArgs *args, const DomainCrypto *crypto, GError **error)
{
    g_autofree char *id = g_strconcat("obj", crypto->info.alias, NULL);
    const char *backend =
        crypto->backend == CRYPTO_BACKEND_LKCF ? "cryptodev-backend-lkcf" : "cryptodev-backend-builtin";
    if (!qemu_caps_has_type(args->caps, backend))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<crypto>: %s has no '%s'", args->caps->emulator, backend);
    qemu_args_add_json(args, "-object",
                       qmp_object("s:qom-type", backend, "s:id", id, "I:queues", (gint64)crypto->queues, NULL));
    g_autofree char *driver = qemu_args_virtio_driver("virtio-crypto", crypto->info.address, 1);
    JsonObject *device = qmp_object("s:driver", driver, "s:cryptodev", id, NULL);
    return qemu_args_add_device(args, device, &crypto->info, "<crypto>", error);
}

static bool add_identity_devices(QemuArgs *args, GError **error)
{
    const Domain *def = args->def;
    if (def->genid_given) {
        char text[UUID_TEXT_SIZE];
        uuid_format(&def->genid, text);
        JsonObject *device = qmp_object("s:driver", "vmgenid", "s:guid", text, "s:id", "vmgenid0", NULL);
        if (!qemu_args_add_device_raw(args, device, NULL, "<genid>", error))
            return false;
    }
    if (def->features.vmcoreinfo == TRI_YES)
        return qemu_args_add_device_raw(args, qmp_object("s:driver", "vmcoreinfo", NULL), NULL, "<vmcoreinfo>", error);
    return true;
}

bool qemu_args_small_devices(QemuArgs *args, GError **error)
{
    const Domain *def = args->def;
    for (unsigned i = 0; i < def->n_panics; i++)
        if (!add_panic(args, def->panics[i], error))
            return false;
    for (unsigned i = 0; i < def->n_shmems; i++)
        if (!qemu_args_shmem(args, i, error))
            return false;
    for (unsigned i = 0; i < def->n_vsocks; i++)
        if (!qemu_args_vsock(args, i, error))
            return false;
    for (unsigned i = 0; i < def->n_cryptos; i++)
        if (!add_crypto(args, def->cryptos[i], error))
            return false;
    for (unsigned i = 0; i < def->n_nvrams; i++)
        if (def->nvrams[i]->info.address && def->nvrams[i]->info.address->reg_set)
            qemu_args_add(args, "-global", "spapr-nvram.reg=0x%x", def->nvrams[i]->info.address->reg);
    return add_identity_devices(args, error);
}

bool qemu_args_iommus(QemuArgs *args, GError **error)
{
    static const QemuProperty rows[] = {
        { "intremap", QEMU_PROPERTY_SWITCH, offsetof(DomainIommu, intremap) },
        { "caching-mode", QEMU_PROPERTY_BOOL, offsetof(DomainIommu, caching_mode) },
        { "eim", QEMU_PROPERTY_SWITCH, offsetof(DomainIommu, eim) },
        { "device-iotlb", QEMU_PROPERTY_BOOL, offsetof(DomainIommu, iotlb) },
        { "aw-bits", QEMU_PROPERTY_U32, offsetof(DomainIommu, aw_bits) },
        { NULL },
    };
    for (unsigned i = 0; i < args->def->n_iommus; i++) {
        const DomainIommu *iommu = args->def->iommus[i];
        if (iommu->model == IOMMU_MODEL_SMMUV3) {
            qemu_args_add(args, "-machine", "iommu=smmuv3");
            continue;
        }
        bool intel = iommu->model == IOMMU_MODEL_INTEL;
        JsonObject *device = qmp_object("s:driver", intel ? "intel-iommu" : "virtio-iommu-pci", NULL);
        if (intel)
            qemu_args_add_properties(device, rows, iommu);
        if (!qemu_args_add_device(args, device, &iommu->info, "<iommu>", error))
            return false;
    }
    return true;
}
