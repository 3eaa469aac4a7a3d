/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table at the end names every field of the XML that no code applies (tools/unread-fields.py finds them, `make
 * check` runs it). Whoever builds one of them takes its row out.
 */
#include "vm/vm-refuse.h"

#include "base/error.h"
#include "model/domain-types.h"
#include "model/given.h"

#include <string.h>

typedef struct {
    const ModelStruct *type;
    uint16_t offset;
    /* Values that ask for nothing: a number or word, beside what the predicate takes. */
    int64_t harmless;
    bool (*honoured)(const Domain *domain, const ModelGiven *given); /* NULL: never */
    const char *cure;
} Refusal;

/* Predicates */

/* The host's device is driven by vfio-pci already: nothing is left to do for managed='yes'. */
static bool has_vfio_driver(uint32_t domain, uint32_t bus, uint32_t slot, uint32_t function)
{
    g_autofree char *link =
        g_strdup_printf("/sys/bus/pci/devices/%04x:%02x:%02x.%x/driver", domain, bus, slot, function);
    g_autofree char *driver = g_file_read_link(link, NULL);
    return driver && g_str_has_suffix(driver, "/vfio-pci");
}

static bool hostdev_is_bound(const Domain *domain, const ModelGiven *given)
{
    const DomainHostdev *hostdev = given->object;
    /* Others are neither taken from the host's driver nor given back to it. */
    return hostdev->type != HOSTDEV_TYPE_PCI ||
           has_vfio_driver(hostdev->domain, hostdev->bus, hostdev->slot, hostdev->function);
}

static bool interface_is_bound(const Domain *domain, const ModelGiven *given)
{
    const DomainInterface *net = given->object;
    const DomainAddress *host = net->hostdev_address;
    return host && has_vfio_driver(host->domain, host->bus, host->slot, host->function);
}

static bool interface_has_tap(const Domain *domain, const ModelGiven *given)
{
    const DomainInterface *net = given->object;
    return net->type == INTERFACE_TYPE_BRIDGE || net->type == INTERFACE_TYPE_ETHERNET;
}

/* QEMU's user is chosen by the daemon and files are handed over open, so there is nothing to label. */
static bool label_is_ours(const Domain *domain, const ModelGiven *given)
{
    const DomainSeclabel *label = given->object;
    if (g_strcmp0(label->model, "dac") == 0)
        return label->type != SECLABEL_TYPE_NONE;
    return label->type == SECLABEL_TYPE_NONE;
}

/* On a disk: "leave the file as it is" is what happens anyway. */
static bool asks_no_relabel(const Domain *domain, const ModelGiven *given)
{
    const ModelRow *row = given->row;
    DomainSeclabel *const *labels = *(DomainSeclabel * *const *)((const char *)given->object + row->offset);
    unsigned n = *(const unsigned *)((const char *)given->object + row->set_offset);
    for (unsigned i = 0; i < n; i++) {
        if (labels[i]->relabel != TRI_NO && !labels[i]->labelskip)
            return false;
    }
    return true;
}

/* The source that the field is part of. */
static const StorageSource *source_of(const ModelGiven *given)
{
    if (given->type == &model_domain_disk)
        return &((const DomainDisk *)given->object)->source;
    if (given->type == &model_domain_nvram)
        return &((const DomainNvram *)given->object)->source;
    return &((const StorageBacking *)given->object)->source;
}

static bool snapshot_is_of_rbd(const Domain *domain, const ModelGiven *given)
{
    return source_of(given)->protocol == STORAGE_PROTOCOL_RBD;
}

static bool is_number(const Domain *domain, const ModelGiven *given)
{
    const char *text = *(char *const *)((const char *)given->object + given->row->offset);
    return g_ascii_string_to_unsigned(text + (text[0] == '+'), 10, 0, G_MAXUINT32, NULL, NULL);
}

static bool driver_is_qemu(const Domain *domain, const ModelGiven *given)
{
    const DomainDisk *disk = given->object;
    return strcmp(disk->driver_name, "qemu") == 0;
}

static bool template_is_raw(const Domain *domain, const ModelGiven *given)
{
    const DomainNvram *nvram = given->object;
    return strcmp(nvram->template_format, "raw") == 0;
}

static bool is_external_unix(const Domain *domain, const ModelGiven *given)
{
    const DomainTpm *tpm = given->object;
    return g_strcmp0(tpm->source_type, "unix") == 0 && (!tpm->source_mode || strcmp(tpm->source_mode, "connect") == 0);
}

static bool vhost_is_unix(const Domain *domain, const ModelGiven *given)
{
    const DomainInterface *net = given->object;
    return strcmp(net->vhost_type, "unix") == 0;
}

/* The address of the network was put in already. */
static bool listen_has_address(const Domain *domain, const ModelGiven *given)
{
    const DomainGraphicsListen *listen = given->object;
    return listen->address != NULL;
}

/* Telling it */

typedef struct {
    const Domain *domain;
    GError **error;
} Inquiry;

static const Refusal refusals[];

static const char *value_text(const ModelGiven *given, char *buffer, size_t size)
{
    const ModelRow *row = given->row;
    const char *text = NULL;
    if (row->scalar == MODEL_SCALAR_ENUM)
        text = model_enum_text(row->detail, (unsigned)given->number);
    else if (row->scalar == MODEL_SCALAR_YESNO)
        text = given->number == TRI_YES ? "yes" : "no";
    else if (row->scalar == MODEL_SCALAR_ONOFF)
        text = given->number == TRI_YES ? "on" : "off";
    else if (row->scalar == MODEL_SCALAR_STRING)
        text = *(char *const *)((const char *)given->object + row->offset);
    g_snprintf(buffer, size, text ? "='%s'" : "%s", text ? text : "");
    return buffer;
}

static bool check_field(const ModelGiven *given, void *data)
{
    Inquiry *inquiry = data;
    char value[128];
    for (const Refusal *row = refusals; row->type; row++) {
        if (row->type != given->type || row->offset != given->row->offset)
            continue;
        if (given->row->kind != MODEL_STRUCT && given->row->kind != MODEL_LIST && row->harmless &&
            given->number == row->harmless)
            return true;
        if (row->honoured && row->honoured(inquiry->domain, given))
            return true;
        return error_set(inquiry->error, VIR_ERR_CONFIG_UNSUPPORTED, "guest '%s': %s%s: %s", inquiry->domain->name,
                         given->path, value_text(given, value, sizeof value), row->cure);
    }
    return true;
}

bool vm_refuse_unapplied(const Domain *domain, GError **error)
{
    Inquiry inquiry = { domain, error };
    return model_each_given(&model_domain, domain, NULL, check_field, &inquiry);
}

bool vm_refuse_unapplied_device(const Domain *domain, const ModelStruct *type, const void *device, const char *name,
                                GError **error)
{
    Inquiry inquiry = { domain, error };
    return model_each_given(type, device, name, check_field, &inquiry);
}

/* The table */

#define TEXT_XEN     "is for Xen: remove it"
#define TEXT_LXC     "is for containers: remove it"
#define TEXT_S390    "is for s390 machines: remove it"
#define TEXT_PSERIES "is for pSeries machines: remove it"
#define TEXT_OVS     "Open vSwitch and 802.1Qbg/Qbh ports are not made by this version: use a Linux bridge without it"
#define TEXT_ISCSI   "SCSI devices of the host are not supported by this version: use <disk type='block'>"
#define TEXT_VIRTIOFSD                                                                                                 \
    "virtiofsd is not started by this version: start it yourself, with this option, and name its <source socket=…>"
#define TEXT_HMAT   "memory latencies and caches are not told to the guest by this version: remove it"
#define TEXT_NO_TAP "only cards with a tap on the host can be limited: use type='bridge' or 'ethernet', or remove it"

#define WHERE(Type, table, field) .type = &model_##table, .offset = offsetof(Type, field)
#define NEVER(Type, table, field, why)                                                                                 \
    {                                                                                                                  \
        WHERE(Type, table, field), .cure = why                                                                         \
    }
#define UNLESS(Type, table, field, word, why)                                                                          \
    {                                                                                                                  \
        WHERE(Type, table, field), .harmless = word, .cure = why                                                       \
    }
#define IF_NOT(Type, table, field, test, why)                                                                          \
    {                                                                                                                  \
        WHERE(Type, table, field), .honoured = test, .cure = why                                                       \
    }
/* A storage source is part of three structs. */
#define SOURCE(field, why)                                                                                             \
    NEVER(DomainDisk, domain_disk, source.field, why), NEVER(StorageBacking, storage_backing, source.field, why),      \
        NEVER(DomainNvram, domain_nvram, source.field, why)
#define SOURCE_IF_NOT(field, test, why)                                                                                \
    IF_NOT(DomainDisk, domain_disk, source.field, test, why),                                                          \
        IF_NOT(StorageBacking, storage_backing, source.field, test, why),                                              \
        IF_NOT(DomainNvram, domain_nvram, source.field, test, why)

/* clang-format off */
static const Refusal refusals[] = {
    /* The guest as a whole */
    NEVER(Domain, domain, memtune_min_guarantee, "QEMU cannot guarantee memory: use <memoryBacking><locked/>, or remove it"),
    NEVER(Domain, domain, fibrechannel_appid, "Fibre Channel identifiers are not set by this version: remove it"),
    NEVER(Domain, domain, bootloader, TEXT_XEN),
    NEVER(Domain, domain, bootloader_args, TEXT_XEN),
    NEVER(Domain, domain, idmap_uid, TEXT_LXC),
    NEVER(Domain, domain, idmap_gid, TEXT_LXC),
    NEVER(Domain, domain, leases, "there is no lock manager to hold leases: remove it"),
    NEVER(Domain, domain, keywrap, TEXT_S390),
    NEVER(Domain, domain, launch_security, "memory encryption is not built into this version: remove it"),
    NEVER(Domain, domain, qemu_capabilities,
          "libvirt's names of capabilities mean nothing here: use <qemu:override> or <qemu:commandline>"),
    UNLESS(Domain, domain, vcpu_placement, VCPU_PLACEMENT_STATIC, "numad is not asked: give a cpuset"),
    UNLESS(DomainNumatune, domain_numatune, placement, VCPU_PLACEMENT_STATIC, "numad is not asked: give a nodeset"),
    IF_NOT(DomainSeclabel, domain_seclabel, type, label_is_ours,
           "this label is not applied: the host has no such security driver, or (model='dac') QEMU always gets a user"),
    /* Features of other machines and hypervisors */
    NEVER(Domain, domain, features.viridian, TEXT_XEN " (for QEMU: <hyperv>)"),
    NEVER(Domain, domain, features.privnet, TEXT_LXC),
    UNLESS(Domain, domain, features.hap, TRI_YES, "QEMU always uses the paging of the hardware where it can: remove it"),
    NEVER(Domain, domain, features.hpt_maxpagesize, TEXT_PSERIES),
    NEVER(Domain, domain, features.hpt_resizing, TEXT_PSERIES),
    NEVER(Domain, domain, features.htm, TEXT_PSERIES),
    NEVER(Domain, domain, features.nested_hv, TEXT_PSERIES),
    NEVER(Domain, domain, features.ccf_assist, TEXT_PSERIES),
    NEVER(Domain, domain, features.cfpc, TEXT_PSERIES),
    NEVER(Domain, domain, features.sbbc, TEXT_PSERIES),
    NEVER(Domain, domain, features.ibs, TEXT_PSERIES),
    NEVER(Domain, domain, features.msrs_unknown, "is for bhyve: use the module option kvm.ignore_msrs"),
    UNLESS(Domain, domain, features.async_teardown, TRI_NO, "is not done by this version: remove it"),
    UNLESS(Domain, domain, features.capabilities_policy, CAPABILITIES_POLICY_DEFAULT, TEXT_LXC),
    /* CPU, memory, clock */
    NEVER(DomainNumaCell, domain_numa_cell, caches, TEXT_HMAT),
    NEVER(DomainCpu, domain_cpu, numa_latencies, TEXT_HMAT),
    NEVER(DomainCpu, domain_cpu, numa_bandwidths, TEXT_HMAT),
    NEVER(DomainTimer, domain_timer, catchup_threshold, "QEMU chooses the limits of catching up itself: remove it"),
    NEVER(DomainTimer, domain_timer, catchup_slew, "QEMU chooses the limits of catching up itself: remove it"),
    NEVER(DomainTimer, domain_timer, catchup_limit, "QEMU chooses the limits of catching up itself: remove it"),
    UNLESS(DomainTimer, domain_timer, mode, TIMER_MODE_AUTO, TEXT_XEN),
    /* Disks */
    SOURCE(tls_hostname, "TLS to storage servers is not built into this version: use a tunnel or a trusted network"),
    SOURCE(fdgroup, "groups of descriptors of clients are not taken by this version: name a file"),
    SOURCE_IF_NOT(snapshot, snapshot_is_of_rbd, "internal snapshots of others than rbd are not opened: remove it"),
    SOURCE(reconnect, "reconnecting is not built for storage in this version: remove it"),
    SOURCE_IF_NOT(nfs_user, is_number, "QEMU knows users of an NFS server by number only: use '+NUMBER'"),
    SOURCE_IF_NOT(nfs_group, is_number, "QEMU knows groups of an NFS server by number only: use '+NUMBER'"),
    SOURCE(reservations, "persistent reservations need a helper that this version does not start: remove it"),
    IF_NOT(DomainDisk, domain_disk, source.seclabels, asks_no_relabel,
           "files are handed to QEMU open, not labelled: use <seclabel relabel='no'/>, or remove it"),
    IF_NOT(StorageBacking, storage_backing, source.seclabels, asks_no_relabel,
           "files are handed to QEMU open, not labelled: use <seclabel relabel='no'/>, or remove it"),
    IF_NOT(DomainNvram, domain_nvram, source.seclabels, asks_no_relabel,
           "files are handed to QEMU open, not labelled: use <seclabel relabel='no'/>, or remove it"),
    IF_NOT(DomainDisk, domain_disk, driver_name, driver_is_qemu, "only the driver 'qemu' is there"),
    NEVER(DomainDisk, domain_disk, backend_domain, TEXT_XEN),
    UNLESS(DomainDisk, domain_disk, rawio, DISK_RAWIO_NO, "QEMU runs without privileges here: remove it"),
    UNLESS(DomainDisk, domain_disk, sgio, DISK_SGIO_FILTERED, "kernels no longer know unfiltered SG_IO: remove it"),
    UNLESS(DomainDisk, domain_disk, tray, DISK_TRAY_CLOSED, "drives start closed: eject the medium after the start"),
    UNLESS(DomainDisk, domain_disk, transient_share_backing, TRI_NO, "transient disks are not built: remove it"),
    IF_NOT(DomainNvram, domain_nvram, template_format, template_is_raw, "templates of variables are copied raw: remove it"),
    /* Network cards */
    NEVER(DomainInterface, domain_interface, filter,
          "network filters are not built into this version: filter on the host (nftables) and remove <filterref>"),
    NEVER(DomainInterface, domain_interface, vlan,
          "vlan tags need Open vSwitch or SR-IOV, which this version does not drive: tag on the host "
          "(ip link add link eth0 name eth0.5 type vlan id 5, with a bridge of its own)"),
    NEVER(DomainInterface, domain_interface, virtualport, TEXT_OVS),
    NEVER(DomainInterface, domain_interface, portgroup, "virtual networks are not built: use type='bridge'"),
    IF_NOT(DomainInterface, domain_interface, inbound, interface_has_tap, TEXT_NO_TAP),
    IF_NOT(DomainInterface, domain_interface, outbound, interface_has_tap, TEXT_NO_TAP),
    NEVER(DomainInterface, domain_interface, host_ips, "addresses of the host's end are not set: use ip addr on the host"),
    NEVER(DomainInterface, domain_interface, host_routes, "routes of the host's end are not set: use ip route on the host"),
    NEVER(DomainIp, domain_ip, peer, "the peer of an address is not set: remove it"),
    NEVER(DomainInterface, domain_interface, script, "scripts are not run: connect the tap by a bridge, or make it first"),
    NEVER(DomainInterface, domain_interface, downscript, "scripts are not run: remove it"),
    NEVER(DomainInterface, domain_interface, backend_domain, TEXT_XEN),
    NEVER(DomainInterface, domain_interface, guest_dev, TEXT_LXC),
    NEVER(DomainInterface, domain_interface, guest_actual, TEXT_LXC),
    NEVER(DomainInterface, domain_interface, direct_mode,
          "type='direct' (macvtap) is not made by this version: use type='bridge' with the device as a port"),
    NEVER(DomainInterface, domain_interface, coalesce_rx_frames, "is not set by this version: use ethtool -C"),
    NEVER(DomainInterface, domain_interface, backend_tap, "taps are made by /dev/net/tun: remove it"),
    NEVER(DomainInterface, domain_interface, backend_vhost, "vhost-net is not used by this version: remove it"),
    UNLESS(DomainInterfaceDriver, domain_interface_driver, name, INTERFACE_DRIVER_NAME_QEMU, "vhost-net is not used by this version: use 'qemu'"),
    NEVER(DomainInterface, domain_interface, teaming, "failover pairs are not built into this version: remove it"),
    UNLESS(DomainInterface, domain_interface, trust_guest_rx_filters, TRI_NO,
           "the guest's receive filters are not followed by this version: remove it"),
    IF_NOT(DomainInterface, domain_interface, managed, interface_is_bound,
           "the device is not bound to vfio-pci, and this version does not do it: driverctl set-override ADDRESS vfio-pci"),
    IF_NOT(DomainInterface, domain_interface, vhost_type, vhost_is_unix, "QEMU reaches vhost-user by type='unix'"),
    UNLESS(DomainInterface, domain_interface, hostdev_backend, HOSTDEV_BACKEND_VFIO, "only <driver name='vfio'/> is there"),
    NEVER(DomainPortForward, domain_port_forward, dev, "user networking cannot choose an interface: give an address"),
    /* Host devices */
    IF_NOT(DomainHostdev, domain_hostdev, managed, hostdev_is_bound,
           "the device is not bound to vfio-pci, and this version does not do it: driverctl set-override ADDRESS vfio-pci"),
    UNLESS(DomainHostdev, domain_hostdev, backend, HOSTDEV_BACKEND_VFIO, "only <driver name='vfio'/> is there"),
    UNLESS(DomainHostdev, domain_hostdev, startup_policy, SOURCE_STARTUP_POLICY_MANDATORY,
           "a device that is missing always ends the start here: remove it"),
    NEVER(DomainHostdev, domain_hostdev, write_filtering, TEXT_XEN),
    NEVER(DomainHostdev, domain_hostdev, teaming, "failover pairs are not built into this version: remove it"),
    UNLESS(DomainHostdev, domain_hostdev, sgio, DISK_SGIO_FILTERED, TEXT_ISCSI),
    UNLESS(DomainHostdev, domain_hostdev, rawio, TRI_NO, TEXT_ISCSI),
    NEVER(DomainHostdev, domain_hostdev, read_only, TEXT_ISCSI),
    NEVER(DomainHostdev, domain_hostdev, shareable, TEXT_ISCSI),
    /* Other devices */
    NEVER(DomainAddress, domain_address, zpci, TEXT_S390),
    IF_NOT(DomainTpm, domain_tpm, source_type, is_external_unix, "an external TPM is reached by type='unix' mode='connect'"),
    NEVER(DomainTpm, domain_tpm, active_pcr_banks, "PCR banks are not chosen by this version: remove it"),
    NEVER(DomainFilesystem, domain_filesystem, binary, TEXT_VIRTIOFSD),
    NEVER(DomainFilesystem, domain_filesystem, thread_pool, TEXT_VIRTIOFSD),
    NEVER(DomainFilesystem, domain_filesystem, xattr, TEXT_VIRTIOFSD),
    NEVER(DomainFilesystem, domain_filesystem, cache, TEXT_VIRTIOFSD),
    NEVER(DomainFilesystem, domain_filesystem, sandbox, TEXT_VIRTIOFSD),
    NEVER(DomainFilesystem, domain_filesystem, lock_posix, TEXT_VIRTIOFSD),
    NEVER(DomainFilesystem, domain_filesystem, lock_flock, TEXT_VIRTIOFSD),
    NEVER(DomainFilesystem, domain_filesystem, driver_format, TEXT_LXC),
    NEVER(DomainFilesystem, domain_filesystem, space_hard_limit, TEXT_LXC),
    NEVER(DomainFilesystem, domain_filesystem, space_soft_limit, TEXT_LXC),
    IF_NOT(DomainGraphicsListen, domain_graphics_listen, network, listen_has_address,
           "virtual networks are not built: use <listen type='address'>"),
    NEVER(DomainVideo, domain_video, rendernode, "graphics by vhost-user are not built into this version: remove it"),
    NEVER(DomainVideo, domain_video, vgaconf, "is for bhyve: remove it"),
    UNLESS(DomainVideo, domain_video, accel2d, TRI_NO, "QEMU does not accelerate 2D: remove it"),
    UNLESS(DomainShmem, domain_shmem, msi_enabled, TRI_YES, "QEMU's ivshmem always has MSI: remove it"),
    NEVER(DomainSound, domain_sound, streams, "QEMU's device has no such choice here: remove it"),
    UNLESS(DomainSound, domain_sound, multichannel, TRI_NO, "QEMU's device has no such choice here: remove it"),
    { NULL },
};
/* clang-format on */
