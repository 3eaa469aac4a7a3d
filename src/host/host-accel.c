/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-accel.h"

#include "base/auto-fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "host/host-accel-loop.h"

#define KVM_DEVICE "/dev/kvm"

/*
 * Between the two kinds lie three orders of magnitude: software that interprets a guest reaches 0.5 to 5 million
 * instructions a second, the slowest processor with virtualisation some hundreds.
 */
#define EMULATED_MIPS_MAX 50.0

static HostAccel *new_accel(HostAccelStatus status, char *message, const char *cure)
{
    HostAccel *accel = g_new0(HostAccel, 1);
    accel->status = status;
    accel->message = message;
    accel->cure = g_strdup(cure);
    return accel;
}

void host_accel_free(HostAccel *accel)
{
    if (!accel)
        return;
    g_free(accel->message);
    g_free(accel->cure);
    g_free(accel);
}

HostAccel *host_accel_copy(const HostAccel *accel)
{
    HostAccel *copy = g_memdup2(accel, sizeof *accel);
    copy->message = g_strdup(accel->message);
    copy->cure = g_strdup(accel->cure);
    return copy;
}

static HostAccel *describe_open_failure(const char *device, int saved_errno)
{
    switch (saved_errno) {
    case EACCES:
    case EPERM:
        return new_accel(HOST_ACCEL_KVM_NO_PERMISSION,
                         g_strdup_printf("%s exists, but this user may not open it", device),
                         "add the user to the group that owns the device ('usermod -aG kvm USER', then log in again); "
                         "in a container, pass the device in");
    case ENOENT:
    case ENXIO:
    case ENODEV:
    case ENOTDIR:
        return new_accel(HOST_ACCEL_KVM_ABSENT, g_strdup_printf("there is no %s", device),
                         "enable virtualisation (VT-x, AMD-V/SVM) in the firmware, then load the module: 'modprobe "
                         "kvm_intel' or 'modprobe kvm_amd'; in a virtual machine, enable nested virtualisation on its "
                         "host; without it guests run under TCG");
    default:
        return new_accel(HOST_ACCEL_KVM_BROKEN,
                         g_strdup_printf("%s cannot be opened: %s", device, g_strerror(saved_errno)),
                         "see the kernel's log for 'kvm'");
    }
}

static HostAccel *describe_result(const char *device, const HostAccelLoop *result)
{
    const char *broken_cure = "see the kernel's log for 'kvm'; until it runs, guests use TCG (<domain type='qemu'>)";
    if (result->failure)
        return new_accel(HOST_ACCEL_KVM_BROKEN, g_strdup_printf("%s opens, but %s", device, result->failure),
                         broken_cure);
    HostAccel *accel;
    if (!result->measured)
        accel = new_accel(
            HOST_ACCEL_KVM_WORKS,
            g_strdup_printf("%s makes virtual machines; its speed is not measured on this architecture", device), NULL);
    else if (result->mips < EMULATED_MIPS_MAX)
        accel = new_accel(HOST_ACCEL_KVM_EMULATED,
                          g_strdup_printf("%s runs guest code in software, at %.1f million instructions a second: too "
                                          "slow to boot an operating system",
                                          device, result->mips),
                          "use TCG (<domain type='qemu'>, the default here); for speed, enable nested virtualisation "
                          "on the machine that hosts this one");
    else
        accel = new_accel(HOST_ACCEL_KVM_WORKS,
                          g_strdup_printf("%s runs guest code in hardware (%.0f million instructions a second)", device,
                                          result->mips),
                          NULL);
    accel->mips = result->mips;
    return accel;
}

HostAccel *host_accel_probe(const char *device)
{
    auto_fd int kvm = open(device, O_RDWR | O_CLOEXEC);
    if (kvm < 0)
        return describe_open_failure(device, errno);
    int version = ioctl(kvm, KVM_GET_API_VERSION, 0);
    if (version != KVM_API_VERSION)
        return new_accel(HOST_ACCEL_KVM_BROKEN,
                         version < 0 ? g_strdup_printf("%s is not a KVM device: %s", device, g_strerror(errno))
                                     : g_strdup_printf("%s speaks version %d of the interface, not %d", device, version,
                                                       KVM_API_VERSION),
                         "check what the device is ('ls -l') and which kernel runs");
    HostAccelLoop result = { 0 };
    host_accel_loop_measure(kvm, &result);
    HostAccel *accel = describe_result(device, &result);
    g_free(result.failure);
    accel->api_version = version;
    accel->tsc_khz = result.tsc_khz;
    accel->tsc_scaling = result.tsc_scaling;
    accel->max_vcpus = MAX(ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS), 0);
    return accel;
}

/* What decides whether an earlier answer still holds. */
typedef struct {
    bool exists;
    dev_t rdev;
    ino_t inode;
    mode_t mode;
    uid_t uid;
    gid_t gid;
} DeviceState;

static DeviceState read_device_state(void)
{
    DeviceState state;
    memset(&state, 0, sizeof state); /* the padding too: states are compared with memcmp */
    struct stat st;
    if (stat(KVM_DEVICE, &st) == 0) {
        state.exists = true;
        state.rdev = st.st_rdev;
        state.inode = st.st_ino;
        state.mode = st.st_mode;
        state.uid = st.st_uid;
        state.gid = st.st_gid;
    }
    return state;
}

HostAccel *host_accel_get(void)
{
    static GMutex lock;
    static DeviceState known_state;
    static HostAccel *known;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
    DeviceState state = read_device_state();
    if (!known || memcmp(&state, &known_state, sizeof state) != 0) {
        host_accel_free(known);
        known = host_accel_probe(KVM_DEVICE);
        known_state = state;
    }
    return host_accel_copy(known);
}

const char *host_accel_choose(void)
{
    g_autoptr(HostAccel) accel = host_accel_get();
    return accel->status == HOST_ACCEL_KVM_WORKS ? "kvm" : "qemu";
}

const char *host_accel_status_name(HostAccelStatus status)
{
    static const char *const names[] = {
        [HOST_ACCEL_KVM_WORKS] = "works",
        [HOST_ACCEL_KVM_EMULATED] = "emulated",
        [HOST_ACCEL_KVM_NO_PERMISSION] = "no-permission",
        [HOST_ACCEL_KVM_ABSENT] = "absent",
        [HOST_ACCEL_KVM_BROKEN] = "broken",
    };
    return names[status];
}
