/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and listing guests: handlers that run on the main loop and read views only. */
#include "rpc/handlers.h"

#include "base/error.h"
#include "vm/vm-lookup.h"
#include "vm/vm-registry.h"
#include "vm/vm-wire.h"

typedef struct {
    Vm *vm;
    VmView *view;
    int id;
    const char *name; /* the view's */
} Row;

static void row_clear(gpointer data)
{
    Row *row = data;
    vm_view_unref(row->view);
    vm_unref(row->vm);
}

static int row_compare(gconstpointer a, gconstpointer b)
{
    const Row *left = a, *right = b;
    if (left->id != right->id)
        return left->id < right->id ? -1 : 1;
    return strcmp(left->name, right->name);
}

/* One pair of filter flags: none of the two asked for lets everything through. */
static bool filter_pair(unsigned flags, unsigned yes, unsigned no, bool has)
{
    return !(flags & (yes | no)) || (flags & (has ? yes : no));
}

static bool filter_state(unsigned flags, int state)
{
    unsigned mask = VIR_CONNECT_LIST_DOMAINS_RUNNING | VIR_CONNECT_LIST_DOMAINS_PAUSED |
                    VIR_CONNECT_LIST_DOMAINS_SHUTOFF | VIR_CONNECT_LIST_DOMAINS_OTHER;
    if (!(flags & mask))
        return true;
    switch (state) {
    case VIR_DOMAIN_RUNNING: return flags & VIR_CONNECT_LIST_DOMAINS_RUNNING;
    case VIR_DOMAIN_PAUSED: return flags & VIR_CONNECT_LIST_DOMAINS_PAUSED;
    case VIR_DOMAIN_SHUTOFF: return flags & VIR_CONNECT_LIST_DOMAINS_SHUTOFF;
    default: return flags & VIR_CONNECT_LIST_DOMAINS_OTHER;
    }
}

bool vm_view_matches(unsigned flags, const VmView *view)
{
    /* Snapshots, checkpoints and saved images do not exist yet: no guest has one. */
    return filter_pair(flags, VIR_CONNECT_LIST_DOMAINS_ACTIVE, VIR_CONNECT_LIST_DOMAINS_INACTIVE,
                       vm_view_active(view)) &&
           filter_pair(flags, VIR_CONNECT_LIST_DOMAINS_PERSISTENT, VIR_CONNECT_LIST_DOMAINS_TRANSIENT,
                       view->persistent) &&
           filter_pair(flags, VIR_CONNECT_LIST_DOMAINS_AUTOSTART, VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART,
                       view->autostart) &&
           filter_pair(flags, VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE, VIR_CONNECT_LIST_DOMAINS_NO_MANAGEDSAVE, false) &&
           filter_pair(flags, VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT, VIR_CONNECT_LIST_DOMAINS_NO_SNAPSHOT, false) &&
           filter_pair(flags, VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT, VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT, false) &&
           filter_state(flags, view->state);
}

/* The guests that @flags (virConnectListAllDomainsFlags) let through, running ones last, in a stable order. */
static GArray *select_rows(Daemon *daemon, unsigned flags)
{
    g_autoptr(GPtrArray) all = vm_registry_all(daemon->vms);
    GArray *rows = g_array_sized_new(FALSE, FALSE, sizeof(Row), all->len);
    g_array_set_clear_func(rows, row_clear);
    for (unsigned i = 0; i < all->len; i++) {
        Row row = { .vm = all->pdata[i], .view = vm_view(all->pdata[i]) };
        if (!row.view || !vm_view_matches(flags, row.view)) {
            vm_view_unref(row.view);
            continue;
        }
        vm_ref(row.vm);
        row.id = row.view->id;
        row.name = vm_view_domain(row.view)->name;
        g_array_append_val(rows, row);
    }
    g_array_sort(rows, row_compare);
    return rows;
}

bool vm_list_all(Call *call, const ConnectListAllDomainsArgs *args, ConnectListAllDomainsRet *ret, GError **error)
{
    if (!flags_check(call, args->flags, 0x3fff, error))
        return false;
    g_autoptr(GArray) rows = select_rows(call->daemon, args->flags);
    ret->ret = rows->len;
    if (!args->need_results)
        return true;
    ret->n_domains = rows->len;
    ret->domains = g_new0(WireDomain, rows->len);
    for (unsigned i = 0; i < rows->len; i++) {
        const Row *row = &g_array_index(rows, Row, i);
        wire_domain_fill(&ret->domains[i], row->vm, row->view);
    }
    return true;
}

bool vm_list_active_ids(Call *call, const ConnectListDomainsArgs *args, ConnectListDomainsRet *ret, GError **error)
{
    g_autoptr(GArray) rows = select_rows(call->daemon, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    ret->n_ids = MIN(rows->len, (unsigned)MAX(args->maxids, 0));
    ret->ids = g_new0(int32_t, ret->n_ids);
    for (unsigned i = 0; i < ret->n_ids; i++)
        ret->ids[i] = g_array_index(rows, Row, i).view->id;
    return true;
}

bool vm_list_defined_names(Call *call, const ConnectListDefinedDomainsArgs *args, ConnectListDefinedDomainsRet *ret,
                           GError **error)
{
    g_autoptr(GArray) rows = select_rows(call->daemon, VIR_CONNECT_LIST_DOMAINS_INACTIVE);
    ret->n_names = MIN(rows->len, (unsigned)MAX(args->maxnames, 0));
    ret->names = g_new0(char *, ret->n_names);
    for (unsigned i = 0; i < ret->n_names; i++)
        ret->names[i] = g_strdup(vm_view_domain(g_array_index(rows, Row, i).view)->name);
    return true;
}

bool vm_count_active(Call *call, const void *args, ConnectNumOfDomainsRet *ret, GError **error)
{
    ret->num = (int)vm_registry_count(call->daemon->vms, true);
    return true;
}

bool vm_count_defined(Call *call, const void *args, ConnectNumOfDefinedDomainsRet *ret, GError **error)
{
    ret->num = (int)vm_registry_count(call->daemon->vms, false);
    return true;
}

/* @vm (taken over) as a result, or the error that no guest matches @what. */
static bool return_domain(Vm *vm, WireDomain *ret_dom, const char *what, const char *value, GError **error)
{
    g_autoptr(Vm) found = vm;
    g_autoptr(VmView) view = found ? vm_view(found) : NULL;
    if (!view)
        return error_set(error, VIR_ERR_NO_DOMAIN, "no domain with matching %s '%s'", what, value);
    wire_domain_fill(ret_dom, found, view);
    return true;
}

bool vm_lookup_by_id(Call *call, const DomainLookupByIdArgs *args, DomainLookupByIdRet *ret, GError **error)
{
    g_autofree char *id = g_strdup_printf("%d", args->id);
    return return_domain(vm_registry_lookup_id(call->daemon->vms, args->id), &ret->dom, "id", id, error);
}

bool vm_lookup_by_name(Call *call, const DomainLookupByNameArgs *args, DomainLookupByNameRet *ret, GError **error)
{
    return return_domain(vm_registry_lookup_name(call->daemon->vms, args->name), &ret->dom, "name", args->name, error);
}

bool vm_lookup_by_uuid(Call *call, const DomainLookupByUuidArgs *args, DomainLookupByUuidRet *ret, GError **error)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(&args->uuid, text);
    return return_domain(vm_registry_lookup_uuid(call->daemon->vms, &args->uuid), &ret->dom, "uuid", text, error);
}
