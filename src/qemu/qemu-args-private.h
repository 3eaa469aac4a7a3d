/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the files qemu-args-FAMILY.c: the command line that grows, and what all families use. A family says the same
 * of a device that is plugged into a QEMU that runs: its options then become commands (qemu-plug.c). One thread.
 */
#pragma once
#include "qemu/qemu-args.h"
#include "qemu/qmp-object.h"

#include <stddef.h>

typedef struct {
    const Domain *def;
    const QemuCaps *caps;
    const QemuStartResources *resources;
    const QemuMachine *machine;
    bool kvm;
    GPtrArray *argv;
    GPtrArray *steps;       /* of QemuStep: where options go instead of argv; NULL: they go there */
    const char *not_a_step; /* the first option that no command stands for */
} QemuArgs;

/*
 * Boot order of a device: its own <boot order=>, or what <os><boot dev=> means for the first device of its kind.
 * 0: not booted from. @device: a DomainDisk, DomainInterface or DomainHostdev of args->def.
 */
uint32_t qemu_args_boot_index(const QemuArgs *args, BootDevice kind, const void *device, const DomainDeviceInfo *info);
/* "lodge-pflash0-format" if the guest has its firmware in flash, … 1 for the variables. */
#define QEMU_PFLASH_CODE "lodge-pflash0-format"
#define QEMU_PFLASH_VARS "lodge-pflash1-format"
bool qemu_args_has_pflash(const Domain *def);
/* Whether memory comes from per-cell backends (or needs one) rather than from the machine's own. */
bool qemu_args_has_memory_backend(const QemuArgs *args);

/* One option with its value, printf style. */
void qemu_args_add(QemuArgs *args, const char *option, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* One option with a JSON object. @object: transfer full. */
void qemu_args_add_json(QemuArgs *args, const char *option, JsonObject *object);
/*
 * -chardev, whose members are "backend" and what the backend's options are called on the command line. @object:
 * transfer full.
 */
void qemu_args_add_chardev(QemuArgs *args, JsonObject *object);
/* The same object as the arguments of chardev-add. */
JsonObject *qemu_chardev_command(JsonObject *object);
/* Notes the command that stands for an option; notes the option in args->not_a_step if none does. @object: transfer
 * full. */
void qemu_plug_add(QemuArgs *args, const char *option, JsonObject *object);
/*
 * -device: adds id, address, boot order, ROM and overrides from @info (may be NULL) and checks that QEMU has the
 * driver.
 * @device: transfer full, also on failure. @what names it in errors: "<disk> 'vda'".
 */
bool qemu_args_add_device(QemuArgs *args, JsonObject *device, const DomainDeviceInfo *info, const char *what,
                          GError **error);
/* As above but for the address, which is the caller's (disks on ide, …) or none. */
bool qemu_args_add_device_raw(QemuArgs *args, JsonObject *device, const DomainDeviceInfo *info, const char *what,
                              GError **error);

/* For option values of the old comma syntax: doubles every comma. Free it. */
char *qemu_args_escape(const char *value);

/* "virtio-blk" → "virtio-blk-pci", "-ccw", "-device" by the address; @model: 1 plain, 2 -transitional, 3
 * -non-transitional. */
char *qemu_args_virtio_driver(const char *base, const DomainAddress *address, unsigned model);

/* How a field of the model becomes a property of a device. Static arrays of these end with a NULL name. */
typedef enum {
    QEMU_PROPERTY_BOOL,   /* Tri → true, false */
    QEMU_PROPERTY_SWITCH, /* Tri → "on", "off": OnOffAuto properties */
    QEMU_PROPERTY_U32,    /* uint32_t, left out if 0 */
    QEMU_PROPERTY_STRING, /* char *, left out if NULL */
} QemuPropertyKind;

typedef struct {
    const char *name;
    QemuPropertyKind kind;
    uint16_t offset;
} QemuProperty;

/* Adds what is set in @object (the struct that the rows' offsets are of). */
void qemu_args_add_properties(JsonObject *device, const QemuProperty *rows, const void *object);
/* iommu_platform, ats, packed, page-per-vq. */
void qemu_args_add_virtio(JsonObject *device, const DomainVirtio *virtio);

bool qemu_args_is_q35(const Domain *def);
bool qemu_args_is_i440fx(const Domain *def);
bool qemu_args_is_x86(const Domain *def);
const DomainController *qemu_args_find_controller(const Domain *def, ControllerType type, int index);
/* The id of the controller's bus 0 as devices name it ("pci.2", "usb.0", "scsi0.0"); free it. */
char *qemu_args_controller_alias(const Domain *def, ControllerType type, int index);
/* NULL: QEMU's machine brings it along. */
bool qemu_args_controller_is_builtin(const Domain *def, const DomainController *controller);
/* What the address adds to a device: bus, addr, port, nr …; for drive addresses nothing. */
bool qemu_args_add_address(QemuArgs *args, JsonObject *device, const DomainDeviceInfo *info, const char *what,
                           GError **error);

/* A -chardev for @source under qemu_chardev_id(@alias). */
bool qemu_args_chardev(QemuArgs *args, const ChardevSource *source, const char *alias, GError **error);
/* The device that has ACPI's power management on it; NULL if there is none. */
const char *qemu_args_pm_device(const Domain *def);
/* -blockdev nodes of the disk, format node last. Nothing for an empty drive. */
bool qemu_args_blockdevs(QemuArgs *args, const DomainDisk *disk, GError **error);
/* Of one on a server. NULL on error. */
JsonObject *qemu_block_network(const StorageSource *source, const char *what, GError **error);
/* The storage node of any source: file, block device or server. NULL on error. */
JsonObject *qemu_block_storage(const StorageSource *source, const char *what, GError **error);
/*
 * How the node of @path may be opened: a descriptor set has one access mode, so it is said from the start; a file that
 * is named is opened again when somebody wants to write.
 */
void qemu_block_access(JsonObject *object, const char *path, bool read_only);

/* One device of a list. */
bool qemu_args_controller(QemuArgs *args, unsigned index, GError **error);
bool qemu_args_disk(QemuArgs *args, unsigned index, GError **error);
bool qemu_args_net(QemuArgs *args, unsigned index, GError **error);
bool qemu_args_filesystem(QemuArgs *args, unsigned index, GError **error);
bool qemu_args_serial(QemuArgs *args, unsigned index, GError **error);
bool qemu_args_channel(QemuArgs *args, unsigned index, GError **error);
bool qemu_args_console(QemuArgs *args, unsigned index, GError **error);
bool qemu_args_redirdev(QemuArgs *args, unsigned index, GError **error);
bool qemu_args_input(QemuArgs *args, unsigned index, GError **error);
bool qemu_args_watchdog(QemuArgs *args, unsigned index, GError **error);
bool qemu_args_hostdev(QemuArgs *args, unsigned index, GError **error);
bool qemu_args_hostdev_net(QemuArgs *args, const DomainInterface *net, GError **error);
bool qemu_args_rng(QemuArgs *args, unsigned index, GError **error);
bool qemu_args_shmem(QemuArgs *args, unsigned index, GError **error);
bool qemu_args_vsock(QemuArgs *args, unsigned index, GError **error);
bool qemu_args_memory_device(QemuArgs *args, unsigned index, GError **error);

/* The families, in the order of the command line. Each adds all its devices. */
bool qemu_args_machine(QemuArgs *args, GError **error);
bool qemu_args_firmware(QemuArgs *args, GError **error);
bool qemu_args_cpu(QemuArgs *args, GError **error);
bool qemu_args_memory(QemuArgs *args, GError **error);
bool qemu_args_smp(QemuArgs *args, GError **error);
bool qemu_args_iothreads(QemuArgs *args, GError **error);
bool qemu_args_numa(QemuArgs *args, GError **error);
bool qemu_args_sysinfo(QemuArgs *args, GError **error);
bool qemu_args_clock(QemuArgs *args, GError **error);
bool qemu_args_boot(QemuArgs *args, GError **error);
bool qemu_args_controllers(QemuArgs *args, GError **error);
bool qemu_args_hubs(QemuArgs *args, GError **error);
bool qemu_args_disks(QemuArgs *args, GError **error);
bool qemu_args_filesystems(QemuArgs *args, GError **error);
bool qemu_args_nets(QemuArgs *args, GError **error);
bool qemu_args_smartcards(QemuArgs *args, GError **error);
bool qemu_args_serials(QemuArgs *args, GError **error);
bool qemu_args_parallels(QemuArgs *args, GError **error);
bool qemu_args_channels(QemuArgs *args, GError **error);
bool qemu_args_consoles(QemuArgs *args, GError **error);
bool qemu_args_redirdevs(QemuArgs *args, GError **error);
bool qemu_args_tpms(QemuArgs *args, GError **error);
bool qemu_args_inputs(QemuArgs *args, GError **error);
bool qemu_args_audios(QemuArgs *args, GError **error);
bool qemu_args_graphics(QemuArgs *args, GError **error);
bool qemu_args_videos(QemuArgs *args, GError **error);
bool qemu_args_sounds(QemuArgs *args, GError **error);
bool qemu_args_watchdogs(QemuArgs *args, GError **error);
bool qemu_args_hostdevs(QemuArgs *args, GError **error);
bool qemu_args_memballoon(QemuArgs *args, GError **error);
bool qemu_args_rngs(QemuArgs *args, GError **error);
bool qemu_args_small_devices(QemuArgs *args,
                             GError **error); /* vmgenid, vmcoreinfo, panic, shmem, vsock, crypto, nvram */
bool qemu_args_iommus(QemuArgs *args, GError **error);
bool qemu_args_memory_devices(QemuArgs *args, GError **error);
