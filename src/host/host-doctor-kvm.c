/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the processor and of KVM. */
#include "host/host-doctor-internal.h"
#include "host/host-sysfs.h"
#include "host/host-topology.h"

#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>

static bool is_x86(void)
{
    struct utsname name;
    return uname(&name) == 0 && (strcmp(name.machine, "x86_64") == 0 || strcmp(name.machine, "i686") == 0);
}

/* Whether the line "flags" of the first processor has @flag. */
static bool has_cpu_flag(const char *cpuinfo, const char *flag)
{
    const char *line = cpuinfo ? strstr(cpuinfo, "\nflags") : NULL;
    if (!line)
        return false;
    const char *end = strchr(line + 1, '\n');
    g_autofree char *text = end ? g_strndup(line, (gsize)(end - line)) : g_strdup(line);
    g_auto(GStrv) words = g_strsplit_set(text, " \t:", -1);
    return g_strv_contains((const char *const *)words, flag);
}

bool doctor_check_cpu(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    if (!is_x86()) {
        *ret_detail = g_strdup("this architecture does not say; see whether KVM works");
        return true;
    }
    g_autofree char *cpuinfo = host_sysfs_read(run->options->sysroot, "/proc/cpuinfo");
    if (has_cpu_flag(cpuinfo, "vmx")) {
        *ret_detail = g_strdup("Intel VT-x (vmx)");
        return true;
    }
    if (has_cpu_flag(cpuinfo, "svm")) {
        *ret_detail = g_strdup("AMD-V (svm)");
        return true;
    }
    bool in_guest = has_cpu_flag(cpuinfo, "hypervisor");
    *ret_detail =
        g_strdup(in_guest ? "neither vmx nor svm among the processor's flags; this host is a virtual machine itself"
                          : "neither vmx nor svm among the processor's flags");
    if (in_guest)
        *ret_cure = g_strdup(
            "enable nested virtualisation on the machine that hosts this one; without it guests run under TCG");
    return false;
}

bool doctor_check_kvm_module(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    static const char *const modules[] = { "kvm_intel", "kvm_amd", "kvm_pvm" };
    const char *sysroot = run->options->sysroot;
    for (unsigned i = 0; i < G_N_ELEMENTS(modules); i++) {
        if (host_sysfs_exists(sysroot, "/sys/module/%s", modules[i])) {
            *ret_detail = g_strdup_printf("module %s", modules[i]);
            return true;
        }
    }
    if (host_sysfs_exists(sysroot, "/dev/kvm")) {
        *ret_detail = g_strdup("built into the kernel");
        return true;
    }
    *ret_detail = g_strdup(host_sysfs_exists(sysroot, "/sys/module/kvm")
                               ? "module kvm is loaded, but not the processor's own (kvm_intel, kvm_amd)"
                               : "no module kvm");
    return false;
}

bool doctor_check_kvm_device(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    if (!run->accel) {
        bool usable = host_sysfs_exists(run->options->sysroot, "/dev/kvm");
        *ret_detail = g_strdup(usable ? "/dev/kvm is there" : "there is no /dev/kvm");
        return usable;
    }
    switch (run->accel->status) {
    case HOST_ACCEL_KVM_ABSENT:
    case HOST_ACCEL_KVM_NO_PERMISSION:
        *ret_detail = g_strdup(run->accel->message);
        *ret_cure = g_strdup(run->accel->cure);
        return false;
    default: *ret_detail = g_strdup_printf("%s opens", run->options->kvm_device); return true;
    }
}

bool doctor_check_kvm_speed(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    if (!run->accel) {
        *ret_detail = g_strdup("not measured");
        return false;
    }
    if (run->accel->api_version == 0) {
        *ret_detail = g_strdup("there is nothing to measure");
        *ret_cure = g_strdup("get /dev/kvm to open first; until then guests use TCG");
        return false;
    }
    *ret_detail = g_strdup(run->accel->message);
    *ret_cure = g_strdup(run->accel->cure);
    return run->accel->status == HOST_ACCEL_KVM_WORKS;
}

bool doctor_check_nested(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    static const char *const modules[] = { "kvm_intel", "kvm_amd" };
    for (unsigned i = 0; i < G_N_ELEMENTS(modules); i++) {
        g_autofree char *value = host_sysfs_read(run->options->sysroot, "/sys/module/%s/parameters/nested", modules[i]);
        if (!value)
            continue;
        bool on = value[0] == 'Y' || value[0] == '1';
        *ret_detail = g_strdup_printf("%s: nested virtualisation is %s", modules[i], on ? "on" : "off");
        return on;
    }
    *ret_detail = g_strdup("only under TCG: no kvm_intel or kvm_amd is loaded");
    *ret_cure = g_strdup("get KVM to work first");
    return false;
}

bool doctor_check_iommu(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    g_autoptr(GPtrArray) groups = host_sysfs_list(run->options->sysroot, "/sys/kernel/iommu_groups");
    if (groups->len > 0) {
        *ret_detail = g_strdup_printf("%u IOMMU groups", groups->len);
        return true;
    }
    g_autoptr(GPtrArray) units = host_sysfs_list(run->options->sysroot, "/sys/class/iommu");
    *ret_detail = g_strdup(units->len > 0 ? "there is an IOMMU, but it is not in use" : "the kernel knows no IOMMU");
    return false;
}

bool doctor_check_hugepages(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    g_autoptr(GArray) sizes = host_topology_page_sizes(run->options->sysroot);
    GString *text = g_string_new(NULL);
    for (guint i = 1; i < sizes->len; i++) {
        unsigned size = g_array_index(sizes, unsigned, i);
        uint64_t total = 0, free_pages = 0;
        host_sysfs_read_u64(&total, run->options->sysroot, "/sys/kernel/mm/hugepages/hugepages-%ukB/nr_hugepages",
                            size);
        host_sysfs_read_u64(&free_pages, run->options->sysroot,
                            "/sys/kernel/mm/hugepages/hugepages-%ukB/free_hugepages", size);
        g_string_append_printf(text, "%s%" PRIu64 " of %" PRIu64 " pages of %u MiB free", text->len ? ", " : "",
                               free_pages, total, size / 1024);
    }
    bool supported = text->len > 0;
    if (!supported) {
        g_string_append(text, "this kernel has no huge page pools: <memoryBacking><hugepages/> cannot be had");
        *ret_cure = g_strdup("run a kernel with CONFIG_HUGETLBFS");
    }
    *ret_detail = g_string_free(text, FALSE);
    return supported;
}
