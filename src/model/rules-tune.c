/* SPDX-License-Identifier: Apache-2.0 */
/* Tuning: I/O threads, pins, schedulers, NUMA placement, huge pages, limits. */
#include "base/cpuset.h"
#include "base/error.h"
#include "model/rules.h"
#include <string.h>

#define MEMORY_UNLIMITED UINT64_C(9007199254740991) /* KiB; how "no limit" is written */

static bool iothread_exists(const Domain *domain, uint32_t id)
{
    if (!domain->n_iothread_list)
        return id >= 1 && id <= domain->iothreads;
    for (unsigned i = 0; i < domain->n_iothread_list; i++) {
        if (domain->iothread_list[i]->id == id)
            return true;
    }
    return false;
}

/* Who numbers some of the I/O threads gets the smallest free numbers for the rest. */
bool rule_iothreads(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    if (!domain->n_iothread_list)
        return true;
    for (unsigned i = 0; i < domain->n_iothread_list; i++) {
        const DomainIothread *iothread = domain->iothread_list[i];
        if (!iothread->id)
            return error_set(error, VIR_ERR_XML_ERROR, "<iothread>: attribute 'id' is missing or 0");
        if (iothread->thread_pool_min_set && iothread->thread_pool_max_set &&
            iothread->thread_pool_min > iothread->thread_pool_max)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<iothread id='%u'>: thread_pool_min is above thread_pool_max", iothread->id);
        for (unsigned k = 0; k < i; k++) {
            if (domain->iothread_list[k]->id == iothread->id)
                return error_set(error, VIR_ERR_XML_ERROR, "<iothread id='%u'> stands there twice", iothread->id);
        }
    }
    while (domain->n_iothread_list < domain->iothreads) {
        DomainIothread *iothread = g_new0(DomainIothread, 1);
        for (iothread->id = 1; iothread_exists(domain, iothread->id);)
            iothread->id++;
        model_list_insert(&domain->iothread_list, &domain->n_iothread_list, domain->n_iothread_list, iothread);
    }
    domain->iothreads = domain->n_iothread_list;
    return true;
}

static bool tune_no_iothread(uint32_t id, const char *element, GError **error)
{
    return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<%s>: the guest has no I/O thread %u; raise <iothreads>",
                     element, id);
}

static int tune_by_vcpu(gconstpointer a, gconstpointer b)
{
    const DomainVcpuPin *x = *(DomainVcpuPin *const *)a, *y = *(DomainVcpuPin *const *)b;
    return x->vcpu < y->vcpu ? -1 : x->vcpu > y->vcpu;
}

static int tune_by_iothread(gconstpointer a, gconstpointer b)
{
    const DomainIothreadPin *x = *(DomainIothreadPin *const *)a, *y = *(DomainIothreadPin *const *)b;
    return x->iothread < y->iothread ? -1 : x->iothread > y->iothread;
}

static bool tune_pins(const Domain *domain, DomainCputune *tune, GError **error)
{
    for (unsigned i = 0; i < tune->n_iothreadpins; i++) {
        if (!iothread_exists(domain, tune->iothreadpins[i]->iothread))
            return tune_no_iothread(tune->iothreadpins[i]->iothread, "iothreadpin", error);
    }
    if (tune->n_vcpupins)
        qsort(tune->vcpupins, tune->n_vcpupins, sizeof *tune->vcpupins, tune_by_vcpu);
    if (tune->n_iothreadpins)
        qsort(tune->iothreadpins, tune->n_iothreadpins, sizeof *tune->iothreadpins, tune_by_iothread);
    for (unsigned i = 1; i < tune->n_vcpupins; i++) {
        if (tune->vcpupins[i]->vcpu == tune->vcpupins[i - 1]->vcpu)
            return error_set(error, VIR_ERR_INTERNAL_ERROR, "<vcpupin vcpu='%u'> stands there twice",
                             tune->vcpupins[i]->vcpu);
    }
    while (tune->n_vcpupins && tune->vcpupins[tune->n_vcpupins - 1]->vcpu >= domain->max_vcpus) {
        DomainVcpuPin *pin = model_list_steal(&tune->vcpupins, &tune->n_vcpupins, tune->n_vcpupins - 1);
        model_free(&model_domain_vcpu_pin, pin);
    }
    return true;
}

static bool scheduler_check(Scheduler scheduler, bool has_priority, const char *element, GError **error)
{
    bool real_time = scheduler == SCHEDULER_FIFO || scheduler == SCHEDULER_RR;
    if (real_time && !has_priority)
        return error_set(error, VIR_ERR_XML_ERROR, "<%s>: real-time schedulers need a 'priority'", element);
    return true;
}

/* One row for each vCPU, in their order. */
static bool tune_vcpu_schedulers(const Domain *domain, DomainCputune *tune, GError **error)
{
    g_autofree DomainVcpuSched **by_vcpu = g_new0(DomainVcpuSched *, domain->max_vcpus);
    for (unsigned i = 0; i < tune->n_vcpuscheds; i++) {
        DomainVcpuSched *given = tune->vcpuscheds[i];
        if (!scheduler_check(given->scheduler, given->priority_set, "vcpusched", error))
            return false;
        g_autoptr(Cpuset) set = cpuset_parse(given->vcpus, NULL);
        for (unsigned k = 0; k < cpuset_end(set); k++) {
            if (!cpuset_has(set, k))
                continue;
            if (k >= domain->max_vcpus || by_vcpu[k])
                return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<vcpusched>: vCPU %u %s", k,
                                 k < domain->max_vcpus ? "stands there twice" : "does not exist");
            by_vcpu[k] = given;
        }
    }
    DomainVcpuSched **rows = NULL;
    unsigned n = 0;
    for (unsigned k = 0; k < domain->max_vcpus; k++) {
        if (!by_vcpu[k])
            continue;
        DomainVcpuSched *row = model_copy(&model_domain_vcpu_sched, by_vcpu[k]);
        g_free(row->vcpus);
        row->vcpus = g_strdup_printf("%u", k);
        model_list_insert(&rows, &n, n, row);
    }
    for (unsigned i = 0; i < tune->n_vcpuscheds; i++)
        model_free(&model_domain_vcpu_sched, tune->vcpuscheds[i]);
    g_free(tune->vcpuscheds);
    tune->vcpuscheds = rows;
    tune->n_vcpuscheds = n;
    return true;
}

static int tune_by_iothread_number(gconstpointer a, gconstpointer b)
{
    const DomainIothreadSched *x = *(DomainIothreadSched *const *)a, *y = *(DomainIothreadSched *const *)b;
    gint64 m = g_ascii_strtoll(x->iothreads, NULL, 10), n = g_ascii_strtoll(y->iothreads, NULL, 10);
    return m < n ? -1 : m > n;
}

static bool tune_iothread_schedulers(const Domain *domain, DomainCputune *tune, GError **error)
{
    DomainIothreadSched **rows = NULL;
    unsigned n = 0;
    bool ok = true;
    for (unsigned i = 0; ok && i < tune->n_iothreadscheds; i++) {
        const DomainIothreadSched *given = tune->iothreadscheds[i];
        ok = scheduler_check(given->scheduler, given->priority_set, "iothreadsched", error);
        g_autoptr(Cpuset) set = cpuset_parse(given->iothreads, NULL);
        for (unsigned k = 0; ok && k < cpuset_end(set); k++) {
            if (!cpuset_has(set, k))
                continue;
            ok = iothread_exists(domain, k) || tune_no_iothread(k, "iothreadsched", error);
            DomainIothreadSched *row = model_copy(&model_domain_iothread_sched, given);
            g_free(row->iothreads);
            row->iothreads = g_strdup_printf("%u", k);
            model_list_insert(&rows, &n, n, row);
        }
    }
    for (unsigned i = 0; i < tune->n_iothreadscheds; i++)
        model_free(&model_domain_iothread_sched, tune->iothreadscheds[i]);
    g_free(tune->iothreadscheds);
    if (n)
        qsort(rows, n, sizeof *rows, tune_by_iothread_number);
    tune->iothreadscheds = rows;
    tune->n_iothreadscheds = n;
    return ok;
}

static bool cputune_range(const char *name, bool set, int64_t value, int64_t min, int64_t max, GError **error)
{
    if (set && (value < min || value > max))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<cputune>: <%s>: expected %lld to %lld", name,
                         (long long)min, (long long)max);
    return true;
}

static bool cputune_limits(const DomainCputune *t, GError **error)
{
    enum { PERIOD_MIN = 1000, PERIOD_MAX = 1000000 };
    const int64_t quota_max = 17592186044415;
    const struct {
        const char *name;
        int64_t value;
    } periods[] = { { "period", (int64_t)t->period },
                    { "global_period", (int64_t)t->global_period },
                    { "emulator_period", (int64_t)t->emulator_period },
                    { "iothread_period", (int64_t)t->iothread_period } },
      quotas[] = { { "quota", t->quota },
                   { "global_quota", t->global_quota },
                   { "emulator_quota", t->emulator_quota },
                   { "iothread_quota", t->iothread_quota } };
    bool ok = cputune_range("shares", t->shares_set && t->shares, (int64_t)t->shares, 2, 262144, error);
    for (unsigned i = 0; ok && i < G_N_ELEMENTS(periods); i++)
        ok = cputune_range(periods[i].name, periods[i].value != 0, periods[i].value, PERIOD_MIN, PERIOD_MAX, error);
    for (unsigned i = 0; ok && i < G_N_ELEMENTS(quotas); i++)
        ok = cputune_range(quotas[i].name, quotas[i].value > 0, quotas[i].value, 1000, quota_max, error);
    return ok;
}

static bool cputune_resctrl(const Domain *domain, const DomainCputune *tune, GError **error)
{
    return domain->virt_type == VIRT_TYPE_KVM || (!tune->n_cachetunes && !tune->n_memorytunes) ||
           error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                     "<cputune>: <cachetune> and <memorytune> are for guests of type 'kvm' only");
}

bool rule_cputune(RuleContext *context, GError **error)
{
    const Domain *domain = context->domain;
    DomainCputune *tune = domain->cputune;
    return !tune || (cputune_limits(tune, error) && tune_pins(domain, tune, error) &&
                     tune_vcpu_schedulers(domain, tune, error) && tune_iothread_schedulers(domain, tune, error) &&
                     cputune_resctrl(domain, tune, error));
}

bool rule_memtune(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    if (domain->memtune_min_guarantee)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<memtune>: <min_guarantee> is unknown to QEMU; leave it out");
    if (domain->hugepages && domain->memory_source == MEMORY_SOURCE_ANONYMOUS)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<memoryBacking>: <hugepages/> exclude <source type='anonymous'/>");
    if (domain->hugepages && domain->memory_allocation == MEMORY_ALLOCATION_ONDEMAND)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<memoryBacking>: <hugepages/> exclude <allocation mode='ondemand'/>");
    uint64_t *limits[] = { &domain->memtune_hard_limit, &domain->memtune_soft_limit, &domain->memtune_swap_hard_limit };
    for (unsigned i = 0; i < G_N_ELEMENTS(limits); i++) {
        if (*limits[i] >= MEMORY_UNLIMITED)
            *limits[i] = 0;
    }
    return true;
}

static bool numatune_memnodes(const Domain *domain, DomainNumatune *tune, GError **error)
{
    unsigned cells = domain->cpu ? domain->cpu->n_numa_cells : 0;
    for (unsigned i = 0; i < tune->n_memnodes; i++) {
        DomainMemnode *memnode = tune->memnodes[i];
        if (tune->placement == VCPU_PLACEMENT_AUTO)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<memnode>: impossible beside <memory placement='auto'>");
        if (!memnode->mode)
            memnode->mode = NUMA_MODE_STRICT;
        if (memnode->cellid >= cells)
            return error_set(error, VIR_ERR_XML_ERROR, "<memnode cellid='%u'>: the guest has %u NUMA cells",
                             memnode->cellid, cells);
        bool restrictive = tune->mode == NUMA_MODE_RESTRICTIVE;
        if (tune->mode && restrictive != (memnode->mode == NUMA_MODE_RESTRICTIVE))
            return error_set(error, VIR_ERR_XML_ERROR,
                             "<memnode>: mode 'restrictive' must stand in <memory> and in every <memnode>, or in none");
    }
    return true;
}

static int numatune_by_cell(gconstpointer a, gconstpointer b)
{
    const DomainMemnode *x = *(DomainMemnode *const *)a, *y = *(DomainMemnode *const *)b;
    return x->cellid < y->cellid ? -1 : x->cellid > y->cellid;
}

bool rule_numatune(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    bool automatic = domain->vcpu_placement == VCPU_PLACEMENT_AUTO;
    if (!domain->numatune && automatic)
        domain->numatune = g_new0(DomainNumatune, 1);
    DomainNumatune *tune = domain->numatune;
    if (!tune)
        return true;
    if (!tune->placement && (tune->nodeset || tune->mode || automatic))
        tune->placement = tune->nodeset ? VCPU_PLACEMENT_STATIC
                          : automatic   ? VCPU_PLACEMENT_AUTO
                                        : VCPU_PLACEMENT_STATIC;
    if (tune->placement == VCPU_PLACEMENT_STATIC && !tune->nodeset)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<numatune><memory placement='static'>: attribute 'nodeset' is missing");
    if (tune->placement == VCPU_PLACEMENT_AUTO)
        g_clear_pointer(&tune->nodeset, g_free);
    if (tune->placement && !tune->mode)
        tune->mode = NUMA_MODE_STRICT;
    if (!numatune_memnodes(domain, tune, error))
        return false;
    if (tune->n_memnodes)
        qsort(tune->memnodes, tune->n_memnodes, sizeof *tune->memnodes, numatune_by_cell);
    return true;
}

static bool hugepage_check_cells(const DomainHugepage *page, unsigned cells, GError **error)
{
    g_autoptr(Cpuset) set = cpuset_parse(page->nodeset, NULL);
    unsigned end = cpuset_end(set);
    if (end > MAX(cells, 1))
        return error_set(error, VIR_ERR_XML_DETAIL, "<page nodeset='%s'>: the guest has no NUMA cell %u", page->nodeset,
                         end - 1);
    return true;
}

bool rule_hugepages(RuleContext *context, GError **error)
{
    const Domain *domain = context->domain;
    unsigned cells = domain->cpu ? domain->cpu->n_numa_cells : 0;
    const DomainHugepage *everywhere = NULL;
    for (unsigned i = 0; i < domain->n_hugepage_sizes; i++) {
        DomainHugepage *page = domain->hugepage_sizes[i];
        if (!page->size)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<hugepages>: <page size='0'>");
        if (page->nodeset && !hugepage_check_cells(page, cells, error))
            return false;
        if (page->nodeset && cells)
            continue;
        if (everywhere)
            return error_set(error, VIR_ERR_XML_DETAIL,
                             "<hugepages>: two page sizes for the whole guest, %llu and %llu KiB",
                             (unsigned long long)everywhere->size, (unsigned long long)page->size);
        everywhere = page;
        g_clear_pointer(&page->nodeset, g_free);
    }
    return true;
}

static int compare_events(gconstpointer a, gconstpointer b)
{
    const DomainPerfEvent *const *left = a, *const *right = b;
    return (int)(*left)->name - (int)(*right)->name;
}

bool rule_perf_events(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    if (domain->n_perf_events > 0)
        qsort(domain->perf_events, domain->n_perf_events, sizeof *domain->perf_events, compare_events);
    for (unsigned i = 1; i < domain->n_perf_events; i++) {
        if (domain->perf_events[i]->name == domain->perf_events[i - 1]->name)
            return error_set(error, VIR_ERR_XML_ERROR, "perf event '%s' was already specified",
                             model_enum_text(&model_enum_perf_event_name, domain->perf_events[i]->name));
    }
    return true;
}
