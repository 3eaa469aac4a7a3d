/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-doctor-internal.h"

typedef struct {
    const char *name, *title;
    HostDoctorStatus otherwise; /* the status if the check does not hold */
    const char *cure;
    DoctorCheck check;
    bool privileged_only;
} DoctorRow;

static const DoctorRow rows[];

static void free_result(gpointer data)
{
    HostDoctorResult *result = data;
    g_free(result->detail);
    g_free(result->cure);
    g_free(result);
}

static HostDoctorResult *run_row(const DoctorRun *run, const DoctorRow *row)
{
    HostDoctorResult *result = g_new0(HostDoctorResult, 1);
    result->name = row->name;
    result->title = row->title;
    bool holds = row->check(run, &result->detail, &result->cure);
    result->status = holds ? HOST_DOCTOR_OK : row->otherwise;
    if (holds)
        g_clear_pointer(&result->cure, g_free);
    else if (!result->cure)
        result->cure = g_strdup(row->cure);
    return result;
}

GPtrArray *host_doctor_run(const HostDoctorOptions *options)
{
    GPtrArray *results = g_ptr_array_new_with_free_func(free_result);
    DoctorRun run = { .options = options, .accel = options->kvm_device ? host_accel_probe(options->kvm_device) : NULL };
    for (const DoctorRow *row = rows; row->name; row++) {
        if (options->privileged || !row->privileged_only)
            g_ptr_array_add(results, run_row(&run, row));
    }
    host_accel_free(run.accel);
    return results;
}

HostDoctorStatus host_doctor_worst(const GPtrArray *results)
{
    HostDoctorStatus worst = HOST_DOCTOR_OK;
    for (guint i = 0; i < results->len; i++)
        worst = MAX(worst, ((const HostDoctorResult *)g_ptr_array_index(results, i))->status);
    return worst;
}

const char *host_doctor_status_name(HostDoctorStatus status)
{
    static const char *const names[] = { "ok", "warn", "fail" };
    return names[status];
}

/* Lets xgettext find a text; `lodge doctor` translates it. */
#define N_(text) text

static const DoctorRow rows[] = {
    { "cpu-virtualization", N_("The processor can run guests in hardware"), HOST_DOCTOR_WARN,
      N_("enable VT-x or AMD-V (SVM) in the firmware; in a virtual machine, nested virtualisation on its host"),
      doctor_check_cpu },
    { "kvm-module", N_("The kernel has KVM"), HOST_DOCTOR_WARN,
      N_("load it: 'modprobe kvm_intel' or 'modprobe kvm_amd'"), doctor_check_kvm_module },
    { "kvm-device", N_("/dev/kvm may be used"), HOST_DOCTOR_WARN,
      N_("add the user to the group kvm: 'usermod -aG kvm USER'"), doctor_check_kvm_device },
    { "kvm-speed", N_("KVM runs guests in hardware"), HOST_DOCTOR_WARN,
      N_("guests use TCG, QEMU's own translator, as they do here by default"), doctor_check_kvm_speed },
    { "nested", N_("Guests can run guests"), HOST_DOCTOR_WARN,
      N_("'options kvm_intel nested=1' (or kvm_amd) in /etc/modprobe.d/kvm.conf, then reload the module"),
      doctor_check_nested },
    { "iommu", N_("Devices can be assigned to guests"), HOST_DOCTOR_WARN,
      N_("enable VT-d or AMD-Vi in the firmware and boot with intel_iommu=on or amd_iommu=on"), doctor_check_iommu },
    { "hugepages", N_("Huge pages"), HOST_DOCTOR_WARN, NULL, doctor_check_hugepages },
    { "qemu", N_("QEMU is installed"), HOST_DOCTOR_FAIL,
      N_("install it: 'apt-get install qemu-system-x86' or the like"), doctor_check_qemu },
    { "qemu-img", N_("qemu-img is installed"), HOST_DOCTOR_WARN, N_("install it: 'apt-get install qemu-utils'"),
      doctor_check_qemu_img },
    { "qemu-user", N_("QEMU runs as a user of its own"), HOST_DOCTOR_WARN,
      N_("make the user: 'useradd --system --no-create-home --shell /usr/sbin/nologin --groups kvm lodge-qemu'"),
      doctor_check_qemu_user, true },
    { "firmware-bios", N_("BIOS for guests is installed"), HOST_DOCTOR_WARN,
      N_("install it: 'apt-get install seabios'"), doctor_check_bios },
    { "firmware-uefi", N_("UEFI for guests is installed"), HOST_DOCTOR_WARN, N_("install it: 'apt-get install ovmf'"),
      doctor_check_uefi },
    { "tun", N_("Guests can have tap devices"), HOST_DOCTOR_WARN, N_("load the module: 'modprobe tun'"),
      doctor_check_tun, true },
    { "vhost-net", N_("The kernel moves guests' network packets"), HOST_DOCTOR_WARN,
      N_("load the module: 'modprobe vhost_net'"), doctor_check_vhost_net, true },
    { "bridge", N_("The kernel has bridges"), HOST_DOCTOR_WARN, N_("load the module: 'modprobe bridge'"),
      doctor_check_bridge, true },
    { "network-tools", N_("NAT networks can be made"), HOST_DOCTOR_WARN,
      N_("install them: 'apt-get install nftables dnsmasq-base'"), doctor_check_network_tools, true },
    { "cgroups", N_("Guests can be limited by control groups"), HOST_DOCTOR_WARN,
      N_("mount the missing controllers, or enable them on the kernel's command line (cgroup_enable=memory)"),
      doctor_check_cgroups, true },
    { "security", N_("A security module confines guests"), HOST_DOCTOR_WARN,
      N_("boot with security=apparmor (or selinux); without it guests are confined by user, seccomp and control group"),
      doctor_check_security, true },
    { "memory", N_("There is memory for guests"), HOST_DOCTOR_WARN, N_("stop what uses it, or add memory or swap"),
      doctor_check_memory },
    { "disk-space", N_("There is disk space for guests' state"), HOST_DOCTOR_FAIL,
      N_("remove files, or enlarge the file system"), doctor_check_disk_space },
    { "time", N_("The clock is right"), HOST_DOCTOR_WARN,
      N_("run a time service ('apt-get install systemd-timesyncd' or chrony): guests take their time from the host"),
      doctor_check_time },
    { "daemon", N_("The daemon answers"), HOST_DOCTOR_WARN,
      N_("start it: 'systemctl start lodged', or 'lodged --root DIR'"), doctor_check_daemon },
    { 0 },
};
