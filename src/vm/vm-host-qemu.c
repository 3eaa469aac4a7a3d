/* SPDX-License-Identifier: Apache-2.0 */
/* Calls about what QEMU could be made to do here, without a guest: domain capabilities, a definition as a command line.
 */
#include "vm/vm-host-target.h"

#include "base/error.h"
#include "daemon/daemon.h"
#include "host/host-accel.h"
#include "model/domain.h"
#include "qemu/qemu-args.h"
#include "qemu/qemu-domcaps.h"
#include "rpc/handlers.h"
#include "vm/vm-wire.h"

#include <string.h>

#define FIRST_DISPLAY_PORT 5900
#define FIRST_FD           3

/* The emulator a client means by path, architecture or neither. */
static QemuCaps *find_caps(Call *call, const char *path, const char *arch, GError **error)
{
    if (arch && !qemu_arch_suffix(arch)) {
        error_set(error, VIR_ERR_INVALID_ARG, "unknown architecture: %s", arch);
        return NULL;
    }
    g_autofree char *found = path ? NULL : qemu_emulator_find(arch ? arch : qemu_host_arch());
    if (!path && !found) {
        error_set(error, VIR_ERR_INVALID_ARG,
                  "unable to find any emulator to serve '%s' architecture: install "
                  "qemu-system for it",
                  arch ? arch : qemu_host_arch());
        return NULL;
    }
    g_autoptr(QemuCaps) caps = qemu_caps_cache_get(call->daemon->qemu_caps, path ? path : found, error);
    if (!caps)
        return NULL;
    if (arch && g_strcmp0(qemu_arch_suffix(arch), qemu_arch_suffix(caps->arch)) != 0) {
        error_set(error, VIR_ERR_INVALID_ARG, "architecture from emulator '%s' doesn't match given architecture '%s'",
                  caps->arch, arch);
        return NULL;
    }
    return g_steal_pointer(&caps);
}

bool vm_host_target_find(Call *call, const char *emulator, const char *arch, const char *machine, const char *virttype,
                         VmHostTarget *ret_target, GError **error)
{
    g_autoptr(QemuCaps) caps = find_caps(call, emulator, arch, error);
    if (!caps)
        return false;
    const QemuMachine *found = qemu_caps_machine(caps, machine);
    if (!found)
        return error_set(error, VIR_ERR_INVALID_ARG, "the machine '%s' is not supported by emulator '%s'",
                         machine ? machine : "(default)", caps->emulator);
    bool kvm = caps->kvm.usable && strcmp(host_accel_choose(), "kvm") == 0;
    if (virttype && strcmp(virttype, "kvm") != 0 && strcmp(virttype, "qemu") != 0)
        return error_set(error, VIR_ERR_INVALID_ARG, "unknown virttype: %s", virttype);
    if (virttype)
        kvm = strcmp(virttype, "kvm") == 0;
    if (kvm && !caps->kvm.usable)
        return error_set(error, VIR_ERR_INVALID_ARG,
                         "KVM is not supported by '%s' on this host: 'lodge doctor' says why", caps->emulator);
    *ret_target = (VmHostTarget){ .caps = g_steal_pointer(&caps), .machine = found, .kvm = kvm };
    return true;
}

void vm_host_target_clear(VmHostTarget *target)
{
    g_clear_pointer(&target->caps, qemu_caps_unref);
}

bool vm_host_get_domain_capabilities(Call *call, const ConnectGetDomainCapabilitiesArgs *args,
                                     ConnectGetDomainCapabilitiesRet *ret, GError **error)
{
    g_auto(VmHostTarget) target = { 0 };
    if (!flags_check(call, args->flags, 0, error) ||
        !vm_host_target_find(call, args->emulatorbin, args->arch, args->machine, args->virttype, &target, error))
        return false;
    QemuDomcaps domcaps = { .caps = target.caps,
                            .machine = target.machine,
                            .arch = args->arch ? args->arch : target.caps->arch,
                            .kvm = target.kvm,
                            .has_swtpm = call->daemon->model_host->has_swtpm };
    ret->capabilities = qemu_domcaps_format(&domcaps);
    return true;
}

/* Stand-ins for what the host would be asked for at a start. The numbers only have to be different ones. */
typedef struct {
    int next_fd;
    int *fds; /* two an interface: tap and vhost */
    QemuNetResource *nets;
    int *tpm_fds;
} StandIns;

static void stand_ins_clear(StandIns *stand_ins)
{
    g_free(stand_ins->fds);
    g_free(stand_ins->nets);
    g_free(stand_ins->tpm_fds);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StandIns, stand_ins_clear)

static void make_stand_ins(Domain *def, StandIns *stand_ins)
{
    stand_ins->fds = g_new0(int, 2 * def->n_interfaces);
    stand_ins->nets = g_new0(QemuNetResource, def->n_interfaces);
    stand_ins->tpm_fds = g_new0(int, def->n_tpms);
    for (unsigned i = 0; i < def->n_interfaces; i++) {
        stand_ins->fds[i] = stand_ins->next_fd++;
        stand_ins->nets[i] = (QemuNetResource){ .tap_fds = &stand_ins->fds[i], .n_tap_fds = 1 };
    }
    for (unsigned i = 0; i < def->n_tpms; i++)
        stand_ins->tpm_fds[i] = stand_ins->next_fd++;
    for (unsigned i = 0; i < def->n_graphics; i++)
        if (def->graphics[i]->port <= 0)
            def->graphics[i]->port = FIRST_DISPLAY_PORT + (int)i;
    qemu_args_assign_aliases(def);
    qemu_args_number_sources(def);
}

GPtrArray *vm_host_arguments(const Daemon *daemon, Domain *def, GError **error)
{
    g_autoptr(QemuCaps) caps = qemu_caps_cache_get(daemon->qemu_caps, def->emulator, error);
    if (!caps)
        return NULL;
    g_autofree char *run_dir = g_build_filename(daemon->paths->qemu_run_dir, def->name, NULL);
    g_auto(StandIns) stand_ins = { .next_fd = FIRST_FD + 1 };
    make_stand_ins(def, &stand_ins);
    QemuStartResources resources = { .monitor_fd = FIRST_FD,
                                     .run_dir = run_dir,
                                     .memory_dir = run_dir,
                                     .nets = stand_ins.nets,
                                     .tpm_fds = stand_ins.tpm_fds,
                                     .sandbox = true };
    return qemu_args_build(def, caps, &resources, error);
}

bool vm_host_domain_xml_to_native(Call *call, const ConnectDomainXmlToNativeArgs *args,
                                  ConnectDomainXmlToNativeRet *ret, GError **error)
{
    if (!flags_check(call, args->flags, 0, error))
        return false;
    if (strcmp(args->native_format, "qemu-argv") != 0)
        return error_set(error, VIR_ERR_INVALID_ARG, "unsupported config type %s: 'qemu-argv' is known",
                         args->native_format);
    g_autoptr(Domain) def = domain_parse(args->domain_xml, -1, 0, call->daemon->model_host, NULL, error);
    g_autoptr(GPtrArray) argv = def ? vm_host_arguments(call->daemon, def, error) : NULL;
    if (!argv)
        return false;
    g_autofree char *text = qemu_args_text(def->emulator, argv);
    ret->native_config = g_strconcat(text, "\n", NULL);
    return true;
}
