/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storage pools and networks are not built yet, so there are none: lists are empty, lookups find nothing. Clients that
 * ask before they define a guest (virt-install, virt-manager) can go on; creating one answers VIR_ERR_NO_SUPPORT.
 */
#include "base/error.h"
#include "rpc/handlers.h"

#include <libvirt/virterror.h>

/* The result is zeroed: an empty list, a count of none. */
#define NONE(handler, Ret)                                                                                             \
    bool handler(Call *call, const void *args, Ret *ret, GError **error)                                               \
    {                                                                                                                  \
        return true;                                                                                                   \
    }
#define NONE_OF(handler, Args, Ret)                                                                                    \
    bool handler(Call *call, const Args *args, Ret *ret, GError **error)                                               \
    {                                                                                                                  \
        return true;                                                                                                   \
    }

NONE(absent_num_of_storage_pools, ConnectNumOfStoragePoolsRet)
NONE(absent_num_of_defined_storage_pools, ConnectNumOfDefinedStoragePoolsRet)
NONE(absent_num_of_networks, ConnectNumOfNetworksRet)
NONE(absent_num_of_defined_networks, ConnectNumOfDefinedNetworksRet)
NONE_OF(absent_list_storage_pools, ConnectListStoragePoolsArgs, ConnectListStoragePoolsRet)
NONE_OF(absent_list_defined_storage_pools, ConnectListDefinedStoragePoolsArgs, ConnectListDefinedStoragePoolsRet)
NONE_OF(absent_list_all_storage_pools, ConnectListAllStoragePoolsArgs, ConnectListAllStoragePoolsRet)
NONE_OF(absent_list_networks, ConnectListNetworksArgs, ConnectListNetworksRet)
NONE_OF(absent_list_defined_networks, ConnectListDefinedNetworksArgs, ConnectListDefinedNetworksRet)
NONE_OF(absent_list_all_networks, ConnectListAllNetworksArgs, ConnectListAllNetworksRet)

bool absent_storage_pool_by_name(Call *call, const StoragePoolLookupByNameArgs *args, StoragePoolLookupByNameRet *ret,
                                 GError **error)
{
    return error_set(error, VIR_ERR_NO_STORAGE_POOL, "no storage pool with matching name '%s'", args->name);
}

bool absent_storage_pool_by_path(Call *call, const StoragePoolLookupByTargetPathArgs *args,
                                 StoragePoolLookupByTargetPathRet *ret, GError **error)
{
    return error_set(error, VIR_ERR_NO_STORAGE_POOL, "no storage pool with matching target path '%s'", args->path);
}

bool absent_network_by_name(Call *call, const NetworkLookupByNameArgs *args, NetworkLookupByNameRet *ret,
                            GError **error)
{
    return error_set(error, VIR_ERR_NO_NETWORK, "no network with matching name '%s'", args->name);
}
