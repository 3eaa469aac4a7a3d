/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the host's NUMA nodes a guest's memory comes from. Preference and interleaving are told to QEMU at start. */
#include "base/cpuset.h"
#include "base/error.h"
#include "rpc/handlers.h"
#include "vm/vm-cgroup.h"
#include "vm/vm-tunable.h"

/* virDomainNumatuneMemMode counts from 0, the model leaves 0 to "not given". */
static int mode_of(const Domain *domain)
{
    const DomainNumatune *tune = domain->numatune;
    return tune && tune->mode ? (int)tune->mode - (int)NUMA_MODE_STRICT : VIR_DOMAIN_NUMATUNE_MEM_STRICT;
}

static bool mode_is_set(const VmTunable *row, const Domain *domain)
{
    return false; /* means nothing without nodes */
}

static void mode_read(const VmTunable *row, const Domain *domain, WireParams *params)
{
    wire_params_add_int(params, row->field, mode_of(domain));
}

static bool mode_check(const VmTunable *row, const WireTypedValue *value, GError **error)
{
    return (value->i >= 0 && value->i <= VIR_DOMAIN_NUMATUNE_MEM_RESTRICTIVE) ||
           error_set(error, VIR_ERR_INVALID_ARG, "unsupported numatune mode: '%d'", value->i);
}

static DomainNumatune *ensure_tune(Domain *domain)
{
    if (!domain->numatune)
        domain->numatune = g_new0(DomainNumatune, 1);
    return domain->numatune;
}

static bool mode_write(const VmTunable *row, Domain *domain, const WireTypedValue *value, GError **error)
{
    ensure_tune(domain)->mode = (NumaMode)(NUMA_MODE_STRICT + value->i);
    return true;
}

/* Only the modes that allow nothing else are a matter of the control group. */
static bool is_strict(const Domain *domain)
{
    int mode = mode_of(domain);
    return mode == VIR_DOMAIN_NUMATUNE_MEM_STRICT || mode == VIR_DOMAIN_NUMATUNE_MEM_RESTRICTIVE;
}

static bool nodes_is_set(const VmTunable *row, const Domain *domain)
{
    return domain->numatune && domain->numatune->nodeset && is_strict(domain);
}

static void nodes_read(const VmTunable *row, const Domain *domain, WireParams *params)
{
    const char *nodes = domain->numatune ? domain->numatune->nodeset : NULL;
    wire_params_add_string(params, row->field, nodes ? nodes : "");
}

static bool nodes_write(const VmTunable *row, Domain *domain, const WireTypedValue *value, GError **error)
{
    g_autoptr(Cpuset) nodes = cpuset_parse(value->s, error);
    DomainNumatune *tune = ensure_tune(domain);
    if (!nodes)
        return false;
    if (cpuset_count(nodes) == 0)
        return error_set(error, VIR_ERR_OPERATION_INVALID, "Invalid nodeset of 'numatune': '%s'", value->s);
    g_free(tune->nodeset);
    tune->nodeset = cpuset_format(nodes);
    tune->placement = VCPU_PLACEMENT_STATIC;
    if (!tune->mode)
        tune->mode = NUMA_MODE_STRICT;
    return true;
}

/* A child's nodes are among its parent's at all times: the guest's group is widened, then narrowed after all children.
 */
static bool set_children(const Vm *vm, const HostCgroup *group, const char *nodes, GError **error)
{
    g_autoptr(GPtrArray) names = host_cgroup_children(group);
    for (unsigned i = 0; i < names->len; i++) {
        g_autoptr(HostCgroup) child = vm_cgroup_open(vm, names->pdata[i]);
        if (child && host_cgroup_has(child, HOST_CGROUP_CPUSET) &&
            (!host_cgroup_migrate_memory(child, error) || !host_cgroup_set_mems(child, nodes, error)))
            return false;
    }
    return true;
}

static bool nodes_apply(const VmTunable *row, Vm *vm, const HostCgroup *group, const Domain *domain, GError **error)
{
    const char *nodes = domain->numatune ? domain->numatune->nodeset : NULL;
    if (!nodes)
        return true;
    if (!host_cgroup_has(group, HOST_CGROUP_CPUSET))
        return host_cgroup_set_mems(group, nodes, error);
    g_autofree char *present = host_cgroup_get_mems(group, error);
    if (!present)
        return false;
    g_autofree char *wide = present[0] ? g_strdup_printf("%s,%s", present, nodes) : g_strdup(nodes);
    return host_cgroup_migrate_memory(group, error) && host_cgroup_set_mems(group, wide, error) &&
           set_children(vm, group, nodes, error) && host_cgroup_set_mems(group, nodes, error);
}

static bool validate(const Domain *domain, const Domain *last, bool live, GError **error)
{
    if (!domain->numatune->nodeset && domain->numatune->placement != VCPU_PLACEMENT_AUTO)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "nodeset for NUMA memory tuning must be set if 'placement' is 'static'");
    if (!live)
        return true;
    if (mode_of(domain) != mode_of(last))
        return error_set(error, VIR_ERR_OPERATION_INVALID,
                         "can't change numatune mode for running domain: give --config, for the next start");
    return is_strict(last) ||
           error_set(
               error, VIR_ERR_OPERATION_INVALID,
               "change of nodeset for running domain requires strict numa mode: give --config, for the next start");
}

bool vm_get_numa_parameters(Call *call, const DomainGetNumaParametersArgs *args, DomainGetNumaParametersRet *ret,
                            GError **error)
{
    return vm_tunables_get(call, &vm_numatune_family, args->nparams, args->flags, &ret->n_params, &ret->params,
                           &ret->nparams, error);
}

bool vm_set_numa_parameters(Call *call, const DomainSetNumaParametersArgs *args, void *ret, GError **error)
{
    return vm_tunables_set(call, &vm_numatune_family, args->params, args->n_params, args->flags, error);
}

static const VmTunableKind mode_kind = { mode_is_set, mode_read, NULL, mode_check, mode_write, NULL };
/* Under 'strict' QEMU binds the memory to the nodes by itself. */
static bool nodes_needs_group(const VmTunable *row, const Domain *domain)
{
    return mode_of(domain) == VIR_DOMAIN_NUMATUNE_MEM_RESTRICTIVE;
}

static const VmTunableKind nodes_kind = { nodes_is_set, nodes_read,       NULL, NULL, nodes_write,
                                          nodes_apply,  nodes_needs_group };

static const VmTunable rows[] = {
    { VIR_DOMAIN_NUMA_MODE, "<numatune><memory mode>", NULL, WIRE_VALUE_INT, false, 0, 0, &mode_kind },
    { VIR_DOMAIN_NUMA_NODESET, "<numatune><memory nodeset>", NULL, WIRE_VALUE_STRING, false, 0, 0, &nodes_kind },
};

const VmTunableFamily vm_numatune_family = { "NUMA tuning", HOST_CGROUP_CPUSET, G_N_ELEMENTS(rows), rows, validate };
