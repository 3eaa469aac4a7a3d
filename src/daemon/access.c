/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/access.h"

/*
 * What a read-only client may do: learn what exists and in which state it is. Everything that changes something, shows
 * secrets, reads a guest's memory or disks or asks its agent is left out, on purpose also what is not listed yet.
 */
static const AccessPermission read_only_permissions[] = {
    PERMISSION_GETATTR,
    PERMISSION_READ,
    PERMISSION_SEARCH_DOMAINS,
    PERMISSION_SEARCH_INTERFACES,
    PERMISSION_SEARCH_NETWORKS,
    PERMISSION_SEARCH_NODE_DEVICES,
    PERMISSION_SEARCH_NWFILTER_BINDINGS,
    PERMISSION_SEARCH_NWFILTERS,
    PERMISSION_SEARCH_PORTS,
    PERMISSION_SEARCH_SECRETS,
    PERMISSION_SEARCH_STORAGE_POOLS,
    PERMISSION_SEARCH_STORAGE_VOLS,
};

bool access_allowed(const Client *client, AccessObject object, AccessPermission permission)
{
    if (!client->read_only)
        return client->role != ROLE_READ_ONLY;
    for (unsigned i = 0; i < G_N_ELEMENTS(read_only_permissions); i++) {
        if (read_only_permissions[i] == permission)
            return true;
    }
    return false;
}

bool access_check(const Client *client, const Procedure *procedure, const void *args, GError **error)
{
    for (unsigned i = 0; i < procedure->n_rules; i++) {
        const PermissionRule *rule = &procedure->rules[i];
        if (rule->filter || !procedure_rule_applies(rule, args))
            continue;
        if (!access_allowed(client, (AccessObject)rule->object, (AccessPermission)rule->permission))
            return error_set(error, VIR_ERR_OPERATION_DENIED,
                             "read only access prevents %s, which needs the permission %s:%s", procedure->name,
                             access_object_names[rule->object], access_permission_names[rule->permission]);
    }
    return true;
}
