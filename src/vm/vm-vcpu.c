/* SPDX-License-Identifier: Apache-2.0 */
/* vCPUs in definitions: which are on, and how a new set of them is written down. */
#include "vm/vm-vcpu.h"

unsigned vm_vcpus_online(const Domain *domain)
{
    if (domain->n_vcpu_list == 0)
        return domain->vcpus ? domain->vcpus : domain->max_vcpus;
    unsigned count = 0;
    for (unsigned i = 0; i < domain->n_vcpu_list; i++)
        count += domain->vcpu_list[i]->enabled == TRI_YES;
    return count;
}

static DomainVcpu *find_entry(const Domain *domain, unsigned vcpu)
{
    for (unsigned i = 0; i < domain->n_vcpu_list; i++) {
        if (domain->vcpu_list[i]->id == vcpu)
            return domain->vcpu_list[i];
    }
    return NULL;
}

bool vm_vcpu_is_online(const Domain *domain, unsigned vcpu)
{
    if (domain->n_vcpu_list == 0)
        return vcpu < vm_vcpus_online(domain);
    const DomainVcpu *entry = find_entry(domain, vcpu);
    return entry && entry->enabled == TRI_YES;
}

pid_t vm_vcpu_thread(const VmView *view, unsigned vcpu)
{
    return view->vcpu_tids && vcpu < view->vcpu_tids->len ? g_array_index(view->vcpu_tids, pid_t, vcpu) : 0;
}

Cpuset *vm_vcpus_online_set(const Domain *domain)
{
    Cpuset *online = cpuset_new(domain->max_vcpus);
    for (unsigned i = 0; i < domain->max_vcpus; i++) {
        if (vm_vcpu_is_online(domain, i))
            cpuset_add(online, i);
    }
    return online;
}

/* Writes out vCPU by vCPU what the count has said so far: those that were on at boot cannot be unplugged. */
static void make_list(Domain *domain, bool live)
{
    unsigned online = vm_vcpus_online(domain);
    for (unsigned i = 0; i < domain->max_vcpus; i++) {
        DomainVcpu *entry = g_new0(DomainVcpu, 1);
        entry->id = i;
        entry->enabled = i < online ? TRI_YES : TRI_NO;
        entry->hotpluggable = i < online ? TRI_NO : TRI_YES;
        entry->order = live && i < online ? i + 1 : 0;
        model_list_insert(&domain->vcpu_list, &domain->n_vcpu_list, i, entry);
    }
}

static void drop_entries_from(Domain *domain, unsigned first)
{
    for (unsigned i = domain->n_vcpu_list; i > 0; i--) {
        if (domain->vcpu_list[i - 1]->id >= first)
            model_free(&model_domain_vcpu, model_list_steal(&domain->vcpu_list, &domain->n_vcpu_list, i - 1));
    }
}

static unsigned highest_order(const Domain *domain)
{
    unsigned highest = 0;
    for (unsigned i = 0; i < domain->n_vcpu_list; i++)
        highest = MAX(highest, domain->vcpu_list[i]->order);
    return highest;
}

/* A vCPU that went leaves no gap in the order of those that came later. */
static void close_order(Domain *domain, unsigned gone)
{
    for (unsigned i = 0; i < domain->n_vcpu_list; i++) {
        if (domain->vcpu_list[i]->order > gone)
            domain->vcpu_list[i]->order--;
    }
}

static void set_entry(Domain *domain, unsigned vcpu, bool on, bool live)
{
    DomainVcpu *entry = find_entry(domain, vcpu);
    if (!entry || (entry->enabled == TRI_YES) == on)
        return;
    entry->enabled = on ? TRI_YES : TRI_NO;
    if (on && live) {
        entry->order = highest_order(domain) + 1;
        entry->hotpluggable = TRI_YES;
    } else if (!on) {
        unsigned order = entry->order;
        entry->order = 0;
        entry->hotpluggable = TRI_YES;
        if (order)
            close_order(domain, order);
    }
}

void vm_vcpus_set_online(Domain *domain, const Cpuset *online, bool live)
{
    unsigned count = cpuset_count(online);
    bool list = live || domain->n_vcpu_list > 0 || cpuset_end(online) != count;
    if (list && domain->n_vcpu_list == 0)
        make_list(domain, live);
    for (unsigned i = 0; list && i < domain->max_vcpus; i++)
        set_entry(domain, i, cpuset_has(online, i), live);
    domain->vcpus = count == domain->max_vcpus ? 0 : count;
}

void vm_vcpus_set_maximum(Domain *domain, unsigned maximum)
{
    unsigned online = vm_vcpus_online(domain);
    drop_entries_from(domain, maximum);
    for (unsigned i = domain->max_vcpus; domain->n_vcpu_list > 0 && i < maximum; i++) {
        DomainVcpu *entry = g_new0(DomainVcpu, 1);
        entry->id = i;
        entry->enabled = TRI_NO;
        entry->hotpluggable = TRI_YES;
        model_list_insert(&domain->vcpu_list, &domain->n_vcpu_list, domain->n_vcpu_list, entry);
    }
    domain->max_vcpus = maximum;
    unsigned left = domain->n_vcpu_list > 0 ? vm_vcpus_online(domain) : MIN(online, maximum);
    domain->vcpus = left == maximum ? 0 : left;
}
