/* SPDX-License-Identifier: Apache-2.0 */
#include "model/machine.h"

bool machine_is_i440fx(const Domain *domain)
{
    const char *machine = domain->os.machine;
    return machine &&
           (!g_strcmp0(machine, "pc") || g_str_has_prefix(machine, "pc-0.") || g_str_has_prefix(machine, "pc-1.") ||
            g_str_has_prefix(machine, "pc-i440fx-") || g_str_has_prefix(machine, "rhel"));
}

bool machine_is_q35(const Domain *domain)
{
    const char *machine = domain->os.machine;
    return machine && (!g_strcmp0(machine, "q35") || g_str_has_prefix(machine, "pc-q35"));
}

bool machine_is_isapc(const Domain *domain)
{
    return !g_strcmp0(domain->os.machine, "isapc");
}

bool machine_is_microvm(const Domain *domain)
{
    return !g_strcmp0(domain->os.machine, "microvm");
}

bool machine_is_x86(const Domain *domain)
{
    return !g_strcmp0(domain->os.arch, "x86_64") || !g_strcmp0(domain->os.arch, "i686");
}

bool machine_has_pci(const Domain *domain)
{
    return !machine_is_isapc(domain) && !machine_is_microvm(domain) && g_strcmp0(domain->os.machine, "none");
}
