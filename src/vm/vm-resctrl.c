/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-resctrl.h"

#include "base/cpuset.h"
#include "base/error.h"
#include "host/host-resctrl.h"
#include "vm/vm-cgroup.h"
#include "vm/vm-vcpu.h"

/* One group of resctrl: the shares of some vCPUs, whichever element they stand in. */
typedef struct {
    const char *vcpus;
    GArray *caches;     /* of HostResctrlCache */
    GArray *bandwidths; /* of HostResctrlBandwidth */
} Share;

static void share_clear(gpointer data)
{
    Share *share = data;
    g_array_unref(share->caches);
    g_array_unref(share->bandwidths);
}

static Share *share_of(GArray *shares, const char *vcpus)
{
    for (unsigned i = 0; i < shares->len; i++) {
        Share *share = &g_array_index(shares, Share, i);
        if (g_str_equal(share->vcpus, vcpus))
            return share;
    }
    Share share = { vcpus, g_array_new(FALSE, FALSE, sizeof(HostResctrlCache)),
                    g_array_new(FALSE, FALSE, sizeof(HostResctrlBandwidth)) };
    g_array_append_val(shares, share);
    return &g_array_index(shares, Share, shares->len - 1);
}

static bool add_cachetune(GArray *shares, const DomainCachetune *tune, GError **error)
{
    static const char *const types[CACHE_TYPE_COUNT] = {
        "", [CACHE_TYPE_BOTH] = "", [CACHE_TYPE_CODE] = "CODE", [CACHE_TYPE_DATA] = "DATA"
    };
    Share *share = share_of(shares, tune->vcpus);
    if (tune->n_monitors)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<cachetune><monitor>: the use of caches is not monitored: leave it out");
    for (unsigned i = 0; i < tune->n_caches; i++) {
        const DomainCacheAllocation *row = tune->caches[i];
        HostResctrlCache cache = { row->level, row->id, types[row->type], row->size };
        g_array_append_val(share->caches, cache);
    }
    return true;
}

static bool add_memorytune(GArray *shares, const DomainMemorytune *tune, GError **error)
{
    Share *share = share_of(shares, tune->vcpus);
    if (tune->n_monitors)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<memorytune><monitor>: memory bandwidth is not monitored: leave it out");
    for (unsigned i = 0; i < tune->n_nodes; i++) {
        HostResctrlBandwidth bandwidth = { tune->nodes[i]->id, tune->nodes[i]->bandwidth };
        g_array_append_val(share->bandwidths, bandwidth);
    }
    return true;
}

/* "lodge-1-web-" begins the names of all groups of a guest. */
static char *group_prefix(const Vm *vm)
{
    g_autofree char *name = vm_cgroup_name(vm, vm->view->live->domain);
    return g_strconcat(name, "-", NULL);
}

static bool apply_share(Vm *vm, const Share *share, GError **error)
{
    g_autofree char *prefix = group_prefix(vm);
    g_autofree char *name = g_strdelimit(g_strconcat(prefix, "vcpus_", share->vcpus, NULL), ",", '_');
    g_autoptr(Cpuset) vcpus = cpuset_parse(share->vcpus, error);
    if (!vcpus || !host_resctrl_create(
                      "", name, (const HostResctrlCache *)(void *)share->caches->data, share->caches->len,
                      (const HostResctrlBandwidth *)(void *)share->bandwidths->data, share->bandwidths->len, error))
        return false;
    for (unsigned i = 0; i < cpuset_end(vcpus); i++) {
        pid_t tid = cpuset_has(vcpus, i) ? vm_vcpu_thread(vm->view, i) : 0;
        if (tid && !host_resctrl_add_thread("", name, tid, error))
            return false;
    }
    return true;
}

static bool is_wanted(const Domain *domain)
{
    return domain->cputune && (domain->cputune->n_cachetunes || domain->cputune->n_memorytunes);
}

bool vm_resctrl_apply(Vm *vm, GError **error)
{
    const Domain *live = vm->view->live->domain;
    if (!is_wanted(live))
        return true;
    g_autoptr(GArray) shares = g_array_new(FALSE, FALSE, sizeof(Share));
    g_array_set_clear_func(shares, share_clear);
    for (unsigned i = 0; i < live->cputune->n_cachetunes; i++) {
        if (!add_cachetune(shares, live->cputune->cachetunes[i], error))
            return false;
    }
    for (unsigned i = 0; i < live->cputune->n_memorytunes; i++) {
        if (!add_memorytune(shares, live->cputune->memorytunes[i], error))
            return false;
    }
    for (unsigned i = 0; i < shares->len; i++) {
        if (!apply_share(vm, &g_array_index(shares, Share, i), error))
            return false;
    }
    return true;
}

void vm_resctrl_release(Vm *vm)
{
    if (!vm->view || !vm->view->live || !is_wanted(vm->view->live->domain))
        return;
    g_autofree char *prefix = group_prefix(vm);
    host_resctrl_remove("", prefix);
}
