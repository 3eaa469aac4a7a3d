/* SPDX-License-Identifier: Apache-2.0 */
/* Security labels, encrypted guests, TPMs, and what the host must offer. */
#include "base/error.h"
#include "model/machine.h"
#include "model/rules.h"
#include <string.h>

static bool seclabels_unique(DomainSeclabel *const *labels, unsigned n, GError **error)
{
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = 0; k < i; k++) {
            if (labels[i]->model && !g_strcmp0(labels[i]->model, labels[k]->model))
                return error_set(error, VIR_ERR_XML_DETAIL, "<seclabel model='%s'> stands there twice",
                                 labels[i]->model);
        }
    }
    for (unsigned i = 0; n > 1 && i < n; i++) {
        if (!labels[i]->model)
            return error_set(error, VIR_ERR_XML_ERROR, "<seclabel>: among several, each needs the attribute 'model'");
    }
    return true;
}

/* Labels of a source that say "skip" are run state of another daemon; "relabel" without a label says nothing. */
static void seclabels_forget_skipped(StorageSource *source)
{
    for (unsigned i = source->n_seclabels; i-- > 0;) {
        const DomainSeclabel *label = source->seclabels[i];
        if (label->labelskip || (label->relabel == TRI_YES && !label->label))
            model_free(&model_domain_seclabel, model_list_steal(&source->seclabels, &source->n_seclabels, i));
    }
}

/* One that names only a model asks for what happens anyway. */
static void seclabels_forget_empty(Domain *domain)
{
    for (unsigned i = domain->n_seclabels; i-- > 0;) {
        const DomainSeclabel *label = domain->seclabels[i];
        if (!label->type && label->model && !label->label && !label->base_label)
            model_free(&model_domain_seclabel, model_list_steal(&domain->seclabels, &domain->n_seclabels, i));
    }
}

static bool seclabel_check(const DomainSeclabel *label, GError **error)
{
    if (!label->model && (!label->type || label->type == SECLABEL_TYPE_STATIC))
        return error_set(error, VIR_ERR_XML_ERROR, "<seclabel>: attribute 'model' is missing");
    if (label->type == SECLABEL_TYPE_STATIC && !label->label)
        return error_set(error, VIR_ERR_XML_ERROR, "<seclabel type='static' model='%s'>: <label> is missing",
                         label->model);
    if (label->type == SECLABEL_TYPE_NONE && label->relabel == TRI_YES)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<seclabel type='none'>: relabel='yes' contradicts it");
    return true;
}

bool rule_seclabels(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    const char *host_model = context->host->security_model;
    if (!seclabels_unique(domain->seclabels, domain->n_seclabels, error))
        return false;
    seclabels_forget_empty(domain);
    for (unsigned i = 0; i < domain->n_seclabels; i++) {
        DomainSeclabel *label = domain->seclabels[i];
        if (!seclabel_check(label, error))
            return false;
        if (label->type == SECLABEL_TYPE_DYNAMIC && label->model && !label->relabel)
            label->relabel = TRI_YES;
        if (label->type == SECLABEL_TYPE_STATIC && !label->relabel)
            label->relabel = TRI_NO;
        if (label->model)
            continue;
        label->model = g_strdup(host_model ? host_model : "none");
        if (!host_model) {
            label->type = SECLABEL_TYPE_NONE;
            label->relabel = TRI_UNSET;
        }
    }
    for (unsigned i = 0; i < domain->n_disks; i++) {
        context->at = domain->disks[i];
        StorageSource *source = &domain->disks[i]->source;
        seclabels_forget_skipped(source);
        if (!seclabels_unique(source->seclabels, source->n_seclabels, error))
            return false;
    }
    return true;
}

bool rule_launch_security(RuleContext *context, GError **error)
{
    const Domain *domain = context->domain;
    const DomainLaunchSecurity *launch = domain->launch_security;
    if (!launch)
        return true;
    if (launch->type != LAUNCH_SECURITY_TYPE_SEV || !context->host->has_sev)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<launchSecurity type='%s'>: this host and QEMU cannot do it",
                         model_enum_text(&model_enum_launch_security_type, launch->type));
    return true;
}

bool rule_tpms(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_tpms; i++) {
        context->at = domain->tpms[i];
        DomainTpm *tpm = domain->tpms[i];
        if (!tpm->model)
            tpm->model = TPM_MODEL_TPM_TIS;
        if (tpm->backend == TPM_BACKEND_PASSTHROUGH && !tpm->path)
            tpm->path = g_strdup("/dev/tpm0");
        if (!tpm->backend)
            return error_set(error, VIR_ERR_XML_ERROR, "<tpm>: <backend type='…'> is missing");
        if (i || tpm->model >= TPM_MODEL_TPM_SPAPR)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<tpm>: a PC has one TPM, tpm-tis or tpm-crb");
        if (tpm->backend == TPM_BACKEND_EXTERNAL && !context->host->has_swtpm)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<tpm>: an external TPM needs the program swtpm, which is not installed");
        if (tpm->backend != TPM_BACKEND_EMULATOR)
            continue;
        if (!tpm->version)
            tpm->version = TPM_VERSION_2_0;
        if (!context->host->has_swtpm)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<tpm>: the program swtpm, which is the emulated TPM %s, is not installed",
                             model_enum_text(&model_enum_tpm_version, tpm->version));
    }
    return true;
}

static bool spice_check_tls(const DomainGraphics *graphics, GError **error)
{
    bool secure = graphics->autoport != TRI_YES && graphics->default_mode == SPICE_CHANNEL_MODE_SECURE;
    for (unsigned i = 0; i < graphics->n_channels; i++)
        secure |= graphics->autoport != TRI_YES && graphics->channels[i]->mode == SPICE_CHANNEL_MODE_SECURE;
    if (graphics->tls_port_set && graphics->tls_port > 0)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<graphics type='spice' tlsPort='%d'>: TLS is not set up for SPICE", graphics->tls_port);
    if (secure)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<graphics type='spice'>: secure channels need TLS, which is not set up");
    return true;
}

static bool spice_check_source(const ChardevSource *source, bool spice, GError **error)
{
    if ((source->type == CHARDEV_TYPE_SPICEVMC || source->type == CHARDEV_TYPE_SPICEPORT) && !spice)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "type '%s' needs a <graphics type='spice'>",
                         model_enum_text(&model_enum_chardev_type, source->type));
    return true;
}

bool rule_nvram_devices(RuleContext *context, GError **error)
{
    if (context->domain->n_nvrams && machine_is_x86(context->domain))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<nvram> among the devices: only PowerPC guests have one");
    return true;
}

bool rule_spice(RuleContext *context, GError **error)
{
    const Domain *domain = context->domain;
    bool spice = false, ok = true;
    for (unsigned i = 0; ok && i < domain->n_graphics; i++) {
        if (domain->graphics[i]->type != GRAPHICS_TYPE_SPICE)
            continue;
        spice = true;
        ok = context->host->spice_tls || spice_check_tls(domain->graphics[i], error);
    }
    for (unsigned i = 0; ok && i < domain->n_channels; i++)
        ok = spice_check_source(&domain->channels[i]->source, spice, error);
    for (unsigned i = 0; ok && i < domain->n_serials; i++)
        ok = spice_check_source(&domain->serials[i]->source, spice, error);
    for (unsigned i = 0; ok && i < domain->n_redirdevs; i++)
        ok = spice_check_source(&domain->redirdevs[i]->source, spice, error);
    for (unsigned i = 0; ok && i < domain->n_smartcards; i++)
        ok = spice_check_source(&domain->smartcards[i]->source, spice, error);
    return ok;
}
