/* SPDX-License-Identifier: Apache-2.0 */
/* The small devices: input, balloon, rng, watchdog, panic, TPM, vsock, shared memory, filesystems, aliases. */
#include "base/error.h"
#include "model/machine.h"
#include "model/rules.h"
#include <stdlib.h>
#include <string.h>

static void input_add(Domain *domain, InputType type)
{
    for (unsigned i = 0; i < domain->n_inputs; i++) {
        if (domain->inputs[i]->type == type && domain->inputs[i]->bus == INPUT_BUS_PS2)
            return;
    }
    DomainInput *input = g_new0(DomainInput, 1);
    input->type = type;
    input->bus = INPUT_BUS_PS2;
    model_list_insert(&domain->inputs, &domain->n_inputs, domain->n_inputs, input);
}

static bool input_complete(const Domain *domain, DomainInput *input, GError **error)
{
    if (!input->bus && input->type != INPUT_TYPE_EVDEV) {
        bool pointer_or_keys = input->type == INPUT_TYPE_MOUSE || input->type == INPUT_TYPE_KEYBOARD;
        input->bus = input->type == INPUT_TYPE_PASSTHROUGH       ? INPUT_BUS_VIRTIO
                     : pointer_or_keys && machine_is_x86(domain) ? INPUT_BUS_PS2
                                                                 : INPUT_BUS_USB;
    }
    if (input->bus == INPUT_BUS_PS2 && input->type == INPUT_TYPE_TABLET)
        return error_set(error, VIR_ERR_INTERNAL_ERROR,
                         "<input type='tablet'>: there is no tablet on bus='ps2'; use 'usb'");
    if (input->bus == INPUT_BUS_XEN || input->bus == INPUT_BUS_PARALLELS)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "<input>: QEMU has no bus '%s'",
                         model_enum_text(&model_enum_input_bus, input->bus));
    if (input->type == INPUT_TYPE_PASSTHROUGH && input->bus != INPUT_BUS_VIRTIO)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<input type='passthrough'>: needs bus='virtio'");
    if (input->model && input->bus != INPUT_BUS_VIRTIO)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<input>: attribute 'model' is for bus='virtio' only");
    if (input->model > INPUT_MODEL_VIRTIO && input->type != INPUT_TYPE_PASSTHROUGH)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<input>: the (non-)transitional models exist for type='passthrough' only");
    return true;
}

bool rule_inputs(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_inputs; i++) {
        context->at = domain->inputs[i];
        if (!input_complete(domain, domain->inputs[i], error))
            return false;
    }
    if (machine_is_x86(domain) && !machine_is_microvm(domain)) {
        input_add(domain, INPUT_TYPE_MOUSE);
        input_add(domain, INPUT_TYPE_KEYBOARD);
    }
    return true;
}

bool rule_memballoon(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    if (domain->n_memballoons > 1)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "<memballoon>: only one is possible");
    if (domain->n_memballoons) {
        DomainMemballoon *given = domain->memballoons[0];
        given->stats_period = MAX(given->stats_period, 0);
        if (given->model == MEMBALLOON_MODEL_XEN)
            return error_set(error, VIR_ERR_INTERNAL_ERROR, "<memballoon model='xen'>: QEMU has none; use 'virtio'");
        return true;
    }
    DomainMemballoon *balloon = g_new0(DomainMemballoon, 1);
    balloon->model = MEMBALLOON_MODEL_VIRTIO;
    model_list_insert(&domain->memballoons, &domain->n_memballoons, 0, balloon);
    return true;
}

bool rule_panics(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_panics; i++) {
        context->at = domain->panics[i];
        DomainPanic *panic = domain->panics[i];
        if (!panic->model)
            panic->model = PANIC_MODEL_ISA;
        if (panic->model == PANIC_MODEL_PSERIES || panic->model == PANIC_MODEL_S390)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<panic model='%s'>: a PC has none; use 'isa' or 'hyperv'",
                             model_enum_text(&model_enum_panic_model, panic->model));
        for (unsigned k = 0; k < i; k++) {
            if (domain->panics[k]->model == panic->model)
                return error_set(error, VIR_ERR_XML_ERROR, "<panic model='%s'> stands there twice",
                                 model_enum_text(&model_enum_panic_model, panic->model));
        }
    }
    return true;
}

bool rule_watchdogs(RuleContext *context, GError **error)
{
    const Domain *domain = context->domain;
    if (domain->n_watchdogs > 1)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "<watchdog>: only one is possible");
    for (unsigned i = 0; i < domain->n_watchdogs; i++) {
        context->at = domain->watchdogs[i];
        const DomainWatchdog *watchdog = domain->watchdogs[i];
        if (watchdog->model == WATCHDOG_MODEL_DIAG288 || watchdog->model == WATCHDOG_MODEL_ITCO)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<watchdog model='%s'>: use 'i6300esb' or 'ib700'",
                             model_enum_text(&model_enum_watchdog_model, watchdog->model));
        if (watchdog->model == WATCHDOG_MODEL_IB700 && watchdog->info.address && watchdog->info.address->type)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<watchdog model='ib700'>: it has no <address>");
    }
    return true;
}

bool rule_rngs(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_rngs; i++) {
        context->at = domain->rngs[i];
        DomainRng *rng = domain->rngs[i];
        if (rng->backend == RNG_BACKEND_RANDOM && !rng->path)
            rng->path = g_strdup("/dev/random");
        if (!rng->backend)
            return error_set(error, VIR_ERR_XML_ERROR,
                             "<rng>: <backend model='…'> is missing; use 'random' or 'builtin'");
        if (!rng->rate_bytes)
            rng->rate_period = 0;
    }
    return true;
}

static bool filesystem_shared_memory(const Domain *domain)
{
    bool shared = domain->memory_access == MEMORY_ACCESS_SHARED;
    for (unsigned i = 0; domain->cpu && i < domain->cpu->n_numa_cells; i++)
        shared |= domain->cpu->numa_cells[i]->mem_access == MEMORY_ACCESS_SHARED;
    return shared;
}

static bool filesystem_check(const DomainFilesystem *fs, GError **error)
{
    if (!fs->target)
        return error_set(error, VIR_ERR_NO_TARGET, "<filesystem>: <target dir='TAG'/> is missing");
    if (fs->type != FILESYSTEM_TYPE_MOUNT)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<filesystem type='%s'>: QEMU has only type='mount'",
                         model_enum_text(&model_enum_filesystem_type, fs->type));
    if (!fs->source && !fs->socket)
        return error_set(error, VIR_ERR_NO_SOURCE, "<filesystem>: target '%s' has no <source>", fs->target);
    if ((fs->fmode || fs->dmode) && fs->accessmode != FILESYSTEM_ACCESS_MAPPED)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<filesystem>: 'fmode' and 'dmode' need accessmode='mapped'");
    if (fs->driver != FILESYSTEM_DRIVER_VIRTIOFS)
        return true;
    if (fs->accessmode && fs->accessmode != FILESYSTEM_ACCESS_PASSTHROUGH)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<filesystem>: virtiofs has only accessmode='passthrough'");
    if (fs->read_only)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<filesystem>: virtiofs cannot be <readonly/>");
    return true;
}

/* File modes are octal, with four digits. */
static bool filesystem_mode(char **mode, GError **error)
{
    if (!*mode)
        return true;
    char *end;
    unsigned long value = strtoul(*mode, &end, 8);
    if (*end || end == *mode || value > 0777)
        return error_set(error, VIR_ERR_XML_ERROR, "<filesystem>: '%s' is no file mode, as in 0644", *mode);
    g_free(*mode);
    *mode = g_strdup_printf("%04lo", value);
    return true;
}

bool rule_filesystems(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_filesystems; i++) {
        context->at = domain->filesystems[i];
        DomainFilesystem *fs = domain->filesystems[i];
        if (!filesystem_mode(&fs->fmode, error) || !filesystem_mode(&fs->dmode, error) || !filesystem_check(fs, error))
            return false;
        if (!fs->accessmode && !(fs->driver == FILESYSTEM_DRIVER_VIRTIOFS && fs->socket))
            fs->accessmode = FILESYSTEM_ACCESS_PASSTHROUGH;
    }
    return true;
}

bool rule_shared_memory(RuleContext *context, GError **error)
{
    const Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_filesystems; i++) {
        context->at = domain->filesystems[i];
        if (domain->filesystems[i]->driver == FILESYSTEM_DRIVER_VIRTIOFS && !filesystem_shared_memory(domain))
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<filesystem>: virtiofs needs shared memory: <memoryBacking><access mode='shared'/>");
    }
    return true;
}

bool rule_redirdevs(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_redirdevs; i++) {
        DomainRedirdev *redirdev = domain->redirdevs[i];
        if (!redirdev->bus)
            redirdev->bus = REDIRDEV_BUS_USB;
        if (redirdev->source.type == CHARDEV_TYPE_DBUS && !redirdev->source.channel)
            redirdev->source.channel = g_strdup("org.qemu.usbredir");
    }
    return true;
}

bool rule_vsocks(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    if (domain->n_vsocks > 1)
        return error_set(error, VIR_ERR_XML_ERROR, "<vsock>: only one is possible");
    for (unsigned i = 0; i < domain->n_vsocks; i++) {
        context->at = domain->vsocks[i];
        DomainVsock *vsock = domain->vsocks[i];
        if (!vsock->model)
            vsock->model = VSOCK_MODEL_VIRTIO;
        if (!vsock->cid_auto)
            vsock->cid_auto = vsock->cid ? TRI_NO : TRI_YES;
        if (vsock->cid_auto == TRI_NO && vsock->cid < 3)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<vsock>: guest CIDs begin at 3, not %u", vsock->cid);
    }
    return true;
}

bool rule_device_info(RuleContext *context, GError **error)
{
    const Domain *domain = context->domain;
    for (unsigned kind = 0; kind < DOMAIN_DEVICE_COUNT; kind++) {
        const DomainDeviceRow *row = &domain_device_rows[kind];
        void **devices = domain_device_list(row, domain);
        for (unsigned i = 0; i < *domain_device_count(row, domain); i++) {
            context->at = devices[i];
            const DomainDeviceInfo *info = domain_device_info(row, devices[i]);
            bool nowhere = info && info->address && info->address->type == ADDRESS_TYPE_UNASSIGNED;
            if (nowhere && kind != DOMAIN_DEVICE_HOSTDEVS)
                return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                                 "<address type='unassigned'/> is for <hostdev> only");
            if (info && info->loadparm && (!*info->loadparm || strlen(info->loadparm) > 8))
                return error_set(error, VIR_ERR_INTERNAL_ERROR, "<boot loadparm='%s'>: expected 1 to 8 characters",
                                 info->loadparm);
        }
    }
    return true;
}

/* Aliases without the user's mark are run state and are made anew at every start. */
static const char alias_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

bool rule_aliases(RuleContext *context, GError **error)
{
    const Domain *domain = context->domain;
    if (context->flags & DOMAIN_PARSE_ACTIVE)
        return true;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (unsigned kind = 0; kind < DOMAIN_DEVICE_COUNT; kind++) {
        const DomainDeviceRow *row = &domain_device_rows[kind];
        void **devices = domain_device_list(row, domain);
        for (unsigned i = 0; i < *domain_device_count(row, domain); i++) {
            context->at = devices[i];
            DomainDeviceInfo *info = domain_device_info(row, devices[i]);
            if (!info || !info->alias)
                continue;
            if (!g_str_has_prefix(info->alias, "ua-") || info->alias[strspn(info->alias, alias_characters)])
                g_clear_pointer(&info->alias, g_free);
            else if (!g_hash_table_add(seen, info->alias) && kind != DOMAIN_DEVICE_CONSOLES)
                return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<alias name='%s'/> is used by two devices",
                                 info->alias);
        }
    }
    return true;
}
