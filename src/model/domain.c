/* SPDX-License-Identifier: Apache-2.0 */
#include "model/domain.h"
#include "base/error.h"
#include "model/document.h"
#include "model/machine.h"
#include "model/rules.h"
#include "model/scalar.h"
#include <string.h>

void domain_free(Domain *domain)
{
    model_free(&model_domain, domain);
}

Domain *domain_copy(const Domain *domain)
{
    return model_copy(&model_domain, domain);
}

GPtrArray *domain_compare(const Domain *a, const Domain *b)
{
    return model_compare(&model_domain, a, b);
}

static ModelFormatFlags domain_model_flags(DomainFormatFlags flags)
{
    return (flags & DOMAIN_FORMAT_ACTIVE ? MODEL_FORMAT_ACTIVE : 0) |
           (flags & DOMAIN_FORMAT_SECURE ? MODEL_FORMAT_SECURE : 0);
}

static bool domain_uses_qemu_namespace(const Domain *domain)
{
    return domain->qemu_commandline || domain->qemu_capabilities || domain->n_qemu_overrides ||
           domain->qemu_deprecation;
}

/* Leaves out what every daemon that reads it adds by itself. */
static void domain_strip_implied(Domain *domain)
{
    unsigned usb = 0, pci = 0;
    for (unsigned i = 0; i < domain->n_controllers; i++) {
        usb += domain->controllers[i]->type == CONTROLLER_TYPE_USB;
        pci += domain->controllers[i]->type == CONTROLLER_TYPE_PCI;
    }
    for (unsigned i = domain->n_controllers; i-- > 0;) {
        const DomainController *controller = domain->controllers[i];
        bool implied = (usb == 1 && controller->model == CONTROLLER_MODEL_PIIX3_UHCI && machine_is_i440fx(domain)) ||
                       (pci == 1 && controller->model == CONTROLLER_MODEL_PCI_ROOT && !controller->pcihole64_set);
        if (implied && !controller->info.alias)
            model_free(&model_domain_controller, model_list_steal(&domain->controllers, &domain->n_controllers, i));
    }
    for (unsigned i = domain->n_inputs; i-- > 0;) {
        const DomainInput *input = domain->inputs[i];
        if (input->type == INPUT_TYPE_KEYBOARD && input->bus == INPUT_BUS_PS2)
            model_free(&model_domain_input, model_list_steal(&domain->inputs, &domain->n_inputs, i));
    }
    const DomainAudio *audio = domain->n_audios == 1 ? domain->audios[0] : NULL;
    if (audio && audio->type == AUDIO_TYPE_NONE && !audio->input && !audio->output && !audio->timer_period)
        model_free(&model_domain_audio, model_list_steal(&domain->audios, &domain->n_audios, 0));
}

char *domain_format(const Domain *domain, DomainFormatFlags flags)
{
    if (flags & DOMAIN_FORMAT_MIGRATABLE) {
        g_autoptr(Domain) copy = domain_copy(domain);
        domain_strip_implied(copy);
        return domain_format(copy, (flags & ~DOMAIN_FORMAT_MIGRATABLE) | DOMAIN_FORMAT_SECURE);
    }
    GString *out = g_string_sized_new(8192);
    model_format(&model_domain, "domain", domain, domain_model_flags(flags), 0, out);
    if (domain_uses_qemu_namespace(domain))
        g_string_insert(out, strcspn(out->str, ">"), " xmlns:qemu='" MODEL_QEMU_NAMESPACE "'");
    return g_string_free(out, false);
}

static bool domain_read(const char *xml, gssize length, DomainParseFlags flags, Domain *domain, GPtrArray *warnings,
                        GError **error)
{
    g_autoptr(xmlDoc) document = document_read(xml, length, "guest definition", error);
    if (!document)
        return false;
    xmlNode *root = xmlDocGetRootElement(document);
    if (root->ns || strcmp((const char *)root->name, "domain"))
        return error_set(error, VIR_ERR_XML_ERROR, "line %ld: a guest definition begins with <domain>, not with <%s>",
                         xmlGetLineNo(root), root->name);
    return model_parse(&model_domain, root, domain, flags & DOMAIN_PARSE_ACTIVE ? MODEL_PARSE_ACTIVE : 0, warnings,
                       error);
}

Domain *domain_parse(const char *xml, gssize length, DomainParseFlags flags, const ModelHost *host,
                     GPtrArray **ret_warnings, GError **error)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(Domain) domain = g_new0(Domain, 1);
    domain->id = -1;
    if (!domain_read(xml, length, flags, domain, warnings, error))
        return NULL;
    RuleContext context = { .domain = domain, .host = host, .flags = flags };
    if (!(flags & DOMAIN_PARSE_NO_VALIDATION) && !rules_run(&context, error))
        return NULL;
    if (ret_warnings)
        *ret_warnings = g_steal_pointer(&warnings);
    return g_steal_pointer(&domain);
}
