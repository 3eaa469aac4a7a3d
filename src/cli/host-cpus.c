/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/host-cpus.h"

#include "base/cpuset.h"
#include "base/error.h"
#include "cli/i18n.h"

#include <string.h>

bool host_cpus_count(Shell *shell, unsigned *ret_count, GError **error)
{
    g_auto(LodgeNodeGetCpuMapRet) map = { 0 };
    LodgeNodeGetInfoRet info;
    if (lodge_node_get_cpu_map(shell->connection, 0, 0, 0, &map, NULL) && map.ret > 0) {
        *ret_count = (unsigned)map.ret;
        return true;
    }
    if (!lodge_node_get_info(shell->connection, &info, error))
        return false;
    *ret_count = (unsigned)MAX(info.nodes * info.sockets * info.cores * info.threads, 1);
    return true;
}

bool host_cpus_map(const char *text, unsigned host_cpus, uint8_t **ret_map, uint32_t *ret_length, GError **error)
{
    g_autofree char *all = g_strdup_printf("0-%u", host_cpus - 1);
    g_autoptr(Cpuset) set = cpuset_parse(strcmp(text, "r") ? text : all, error);
    if (!set)
        return false;
    if (cpuset_end(set) > host_cpus)
        return error_set(error, VIR_ERR_INVALID_ARG, _("CPU %u is none of the host's %u CPUs"), cpuset_end(set) - 1,
                         host_cpus);
    *ret_length = (host_cpus + 7) / 8;
    *ret_map = g_malloc0(*ret_length);
    memcpy(*ret_map, set->bytes, MIN(*ret_length, set->size / 8));
    return true;
}
