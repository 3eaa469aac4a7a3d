/* SPDX-License-Identifier: Apache-2.0 */
/* Hypervisor features and timers: what a PC has, and what belongs together. */
#include "base/error.h"
#include "model/machine.h"
#include "model/rules.h"
#include <string.h>

#define SPINLOCK_RETRIES_MIN 4095
#define DIRTY_RING_MIN       1024
#define DIRTY_RING_MAX       65536

/* <smm/> and the like, without a state, mean "on". */
static void features_default_states(DomainFeatures *features)
{
    const struct {
        bool given;
        Tri *state;
    } switches[] = {
        { features->vmcoreinfo_given, &features->vmcoreinfo },
        { features->smm_given, &features->smm },
        { features->hap_given, &features->hap },
        { features->pvspinlock_given, &features->pvspinlock },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(switches); i++) {
        if (switches[i].given && !*switches[i].state)
            *switches[i].state = TRI_YES;
    }
    if (features->smm != TRI_YES)
        features->smm_tseg = 0;
}

static bool features_check_foreign(const Domain *domain, GError **error)
{
    const DomainFeatures *features = &domain->features;
    const struct {
        bool given;
        const char *name;
    } foreign[] = {
        { features->gic, "gic" },
        { features->hpt_resizing || features->hpt_maxpagesize, "hpt" },
        { features->htm, "htm" },
        { features->nested_hv, "nested-hv" },
        { features->ccf_assist, "ccf-assist" },
        { features->cfpc || features->sbbc || features->ibs, "cfpc, sbbc, ibs" },
        { features->async_teardown, "async-teardown" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(foreign); i++) {
        if (foreign[i].given && machine_is_x86(domain))
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<features>: a PC has no <%s>", foreign[i].name);
    }
    if (features->tcg_tb_cache && domain->virt_type != VIRT_TYPE_QEMU)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<features>: <tcg> is for <domain type='qemu'> only");
    return true;
}

static bool features_check_hyperv(const DomainHyperv *hyperv, GError **error)
{
    if (!hyperv)
        return true;
    if (hyperv->spinlocks == TRI_YES && hyperv->spinlocks_retries < SPINLOCK_RETRIES_MIN)
        return error_set(error, VIR_ERR_XML_ERROR, "<hyperv>: <spinlocks>: 'retries' must be at least %d",
                         SPINLOCK_RETRIES_MIN);
    if (hyperv->vendor_id == TRI_YES && !hyperv->vendor_id_value)
        return error_set(error, VIR_ERR_XML_ERROR, "<hyperv>: <vendor_id>: attribute 'value' is missing");
    if (hyperv->vendor_id_value && (strlen(hyperv->vendor_id_value) > 12 || strchr(hyperv->vendor_id_value, ',')))
        return error_set(error, VIR_ERR_XML_ERROR, "<hyperv>: <vendor_id>: at most 12 characters, no comma");
    return true;
}

static bool features_check_kvm(const DomainKvmFeatures *kvm, GError **error)
{
    if (!kvm || kvm->dirty_ring != TRI_YES)
        return true;
    uint32_t size = kvm->dirty_ring_size;
    if (size < DIRTY_RING_MIN || size > DIRTY_RING_MAX || size & (size - 1))
        return error_set(error, VIR_ERR_XML_ERROR, "<kvm>: <dirty-ring>: 'size' must be a power of two from %d to %d",
                         DIRTY_RING_MIN, DIRTY_RING_MAX);
    return true;
}

bool rule_features(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    features_default_states(&domain->features);
    return features_check_foreign(domain, error) && features_check_hyperv(domain->features.hyperv, error) &&
           features_check_kvm(domain->features.kvm, error);
}

static bool timer_check(const DomainTimer *timer, GError **error)
{
    const char *name = model_enum_text(&model_enum_timer_name, timer->name);
    TimerTickPolicy policy = timer->tickpolicy;
    switch (timer->name) {
    case TIMER_NAME_PLATFORM:
    case TIMER_NAME_ARMVTIMER:
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<timer name='%s'>: a PC has none", name);
    case TIMER_NAME_PIT:
        if (timer->track)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<timer name='pit'>: it has no 'track'");
        if (policy == TIMER_TICK_POLICY_MERGE)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<timer name='pit'>: tickpolicy 'merge' does not exist");
        break;
    case TIMER_NAME_RTC:
        if (policy == TIMER_TICK_POLICY_MERGE || policy == TIMER_TICK_POLICY_DISCARD)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<timer name='rtc'>: use tickpolicy 'delay' or 'catchup'");
        break;
    default: break;
    }
    return true;
}

bool rule_timers(RuleContext *context, GError **error)
{
    const DomainClock *clock = &context->domain->clock;
    for (unsigned i = 0; i < clock->n_timers; i++) {
        if (!timer_check(clock->timers[i], error))
            return false;
    }
    return true;
}

static bool cpu_check_model(const DomainCpu *cpu, bool given, GError **error)
{
    if (!given && cpu->vendor)
        return error_set(error, VIR_ERR_XML_ERROR, "<cpu>: <vendor> without <model>");
    if (!given && cpu->n_features && (!cpu->mode || cpu->mode == CPU_MODE_CUSTOM))
        return error_set(error, VIR_ERR_XML_ERROR, "<cpu>: <feature> without <model>");
    if (cpu->vendor_id && strlen(cpu->vendor_id) != 12)
        return error_set(error, VIR_ERR_XML_ERROR, "<cpu>: <model vendor_id='%s'>: exactly 12 characters are needed",
                         cpu->vendor_id);
    for (unsigned i = 0; i < cpu->n_features; i++) {
        for (unsigned k = 0; k < i; k++) {
            if (!strcmp(cpu->features[i]->name, cpu->features[k]->name))
                return error_set(error, VIR_ERR_XML_ERROR, "<cpu>: <feature name='%s'> stands there twice",
                                 cpu->features[i]->name);
        }
    }
    return true;
}

bool rule_cpu_check(RuleContext *context, GError **error)
{
    const DomainCpu *cpu = context->domain->cpu;
    if (!cpu)
        return true;
    bool hosts = cpu->mode == CPU_MODE_HOST_PASSTHROUGH || cpu->mode == CPU_MODE_MAXIMUM;
    if (!cpu_check_model(cpu, cpu->model != NULL, error))
        return false;
    if (cpu->migratable && !hosts)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<cpu migratable='…'>: for mode 'host-passthrough' and 'maximum' only");
    if (cpu->cache_mode == CPU_CACHE_MODE_EMULATE && cpu->cache_level_set && cpu->cache_level != 3)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<cpu>: <cache mode='emulate'>: only level 3 can be");
    if (cpu->cache_mode == CPU_CACHE_MODE_PASSTHROUGH && (!hosts || cpu->cache_level_set))
        return error_set(
            error, VIR_ERR_CONFIG_UNSUPPORTED,
            "<cpu>: <cache mode='passthrough'>: for mode 'host-passthrough' and 'maximum', without a level");
    return true;
}
