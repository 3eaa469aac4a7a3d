/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "model/host.h"
#include <libvirt/virterror.h>
#include <string.h>

static bool tests_arch_known(const char *arch)
{
    return !strcmp(arch, "x86_64") || !strcmp(arch, "i686");
}

static const char *tests_emulator(const ModelHost *host, const char *arch)
{
    if (!strcmp(arch, "x86_64"))
        return "/usr/bin/qemu-system-x86_64";
    return !strcmp(arch, "i686") ? "/usr/bin/qemu-system-i386" : NULL;
}

static bool tests_check_emulator(const ModelHost *host, const char *emulator, GError **error)
{
    if (!strcmp(emulator, "/usr/bin/qemu-system-x86_64") || !strcmp(emulator, "/usr/bin/qemu-system-i386"))
        return true;
    return error_set(error, VIR_ERR_SYSTEM_ERROR, "emulator %s: no such file", emulator);
}

/* Machines of QEMU 7.2, without the aliases. */
static const char *const machines[] = {
    "pc-i440fx-7.2",
    "pc-i440fx-7.1",
    "pc-i440fx-7.0",
    "pc-i440fx-6.2",
    "pc-i440fx-6.1",
    "pc-i440fx-6.0",
    "pc-i440fx-5.2",
    "pc-i440fx-5.1",
    "pc-i440fx-5.0",
    "pc-i440fx-4.2",
    "pc-i440fx-4.1",
    "pc-i440fx-4.0",
    "pc-i440fx-3.1",
    "pc-i440fx-3.0",
    "pc-i440fx-2.12",
    "pc-i440fx-2.11",
    "pc-i440fx-2.10",
    "pc-i440fx-2.9",
    "pc-i440fx-2.8",
    "pc-i440fx-2.7",
    "pc-i440fx-2.6",
    "pc-i440fx-2.5",
    "pc-i440fx-2.4",
    "pc-i440fx-2.3",
    "pc-i440fx-2.2",
    "pc-i440fx-2.1",
    "pc-i440fx-2.0",
    "pc-i440fx-1.7",
    "pc-i440fx-1.6",
    "pc-i440fx-1.5",
    "pc-i440fx-1.4",
    "pc-q35-7.2",
    "pc-q35-7.1",
    "pc-q35-7.0",
    "pc-q35-6.2",
    "pc-q35-6.1",
    "pc-q35-6.0",
    "pc-q35-5.2",
    "pc-q35-5.1",
    "pc-q35-5.0",
    "pc-q35-4.2",
    "pc-q35-4.1",
    "pc-q35-4.0.1",
    "pc-q35-4.0",
    "pc-q35-3.1",
    "pc-q35-3.0",
    "pc-q35-2.12",
    "pc-q35-2.11",
    "pc-q35-2.10",
    "pc-q35-2.9",
    "pc-q35-2.8",
    "pc-q35-2.7",
    "pc-q35-2.6",
    "pc-q35-2.5",
    "pc-q35-2.4",
    "isapc",
    "microvm",
    "none",
    NULL,
};

static const char *tests_machine(const ModelHost *host, const char *emulator, const char *arch, const char *machine)
{
    if (!tests_arch_known(arch))
        return NULL;
    if (!machine || !strcmp(machine, "pc"))
        return "pc-i440fx-7.2";
    if (!strcmp(machine, "q35"))
        return "pc-q35-7.2";
    for (const char *const *known = machines; *known; known++) {
        if (!strcmp(*known, machine))
            return *known;
    }
    return NULL;
}

static const char *tests_default_cpu(const ModelHost *host, const char *emulator, const char *arch, const char *machine,
                                     bool kvm)
{
    if (!strcmp(machine, "isapc"))
        return "486";
    return strstr(emulator, "i386") ? "qemu32" : "qemu64";
}

static bool tests_has_device(const ModelHost *host, const char *emulator, const char *device)
{
    static const char *const absent[] = { "ivshmem", "zpci", "spapr-vty", NULL };
    for (const char *const *name = absent; *name; name++) {
        if (!strcmp(*name, device))
            return false;
    }
    return true;
}

static unsigned tests_max_vcpus(const ModelHost *host, const char *emulator, const char *arch, const char *machine,
                                bool kvm)
{
    if (!strcmp(machine, "isapc"))
        return 1;
    return g_str_has_prefix(machine, "pc-q35") ? 288 : 255;
}

static bool tests_has_kvm(const ModelHost *host, const char *arch)
{
    return tests_arch_known(arch);
}

const ModelHost *model_host_for_tests(void)
{
    static const ModelHost host = {
        .native_arch = "x86_64",
        .nvram_dir = "/var/lib/libvirt/qemu/nvram",
        .emulator = tests_emulator,
        .check_emulator = tests_check_emulator,
        .machine = tests_machine,
        .default_cpu = tests_default_cpu,
        .has_device = tests_has_device,
        .max_vcpus = tests_max_vcpus,
        .has_kvm = tests_has_kvm,
    };
    return &host;
}
