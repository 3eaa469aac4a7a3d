/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware: chosen by kind or named by path. */
#include "base/error.h"
#include "model/machine.h"
#include "model/rules.h"
#include <string.h>

static const DomainFirmwareFeature *firmware_feature(const DomainOs *os, const char *name)
{
    for (unsigned i = 0; i < os->n_firmware_features; i++) {
        if (!strcmp(os->firmware_features[i]->name, name))
            return os->firmware_features[i];
    }
    return NULL;
}

static bool firmware_check_automatic(const DomainOs *os, GError **error)
{
    const DomainLoader *loader = os->loader;
    const struct {
        bool given;
        const char *what;
    } forbidden[] = {
        { loader && loader->readonly, "readonly" },
        { loader && loader->type, "type" },
        { loader && loader->secure, "secure" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(forbidden); i++) {
        if (forbidden[i].given)
            return error_set(error, VIR_ERR_XML_DETAIL,
                             "<os firmware='…'> chooses the loader; leave its attribute '%s' out", forbidden[i].what);
    }
    if (loader && loader->path)
        return error_set(error, VIR_ERR_XML_DETAIL, "<os firmware='…'> chooses the loader; leave its path '%s' out",
                         loader->path);
    const DomainFirmwareFeature *secure_boot = firmware_feature(os, "secure-boot");
    const DomainFirmwareFeature *enrolled_keys = firmware_feature(os, "enrolled-keys");
    if (enrolled_keys && enrolled_keys->enabled == TRI_YES && secure_boot && secure_boot->enabled == TRI_NO)
        return error_set(error, VIR_ERR_XML_DETAIL,
                         "<feature name='enrolled-keys' enabled='yes'/> needs 'secure-boot' too");
    return true;
}

static bool firmware_check_manual(const DomainOs *os, GError **error)
{
    if (os->n_firmware_features)
        return error_set(error, VIR_ERR_XML_DETAIL, "<firmware><feature …/> works with <os firmware='…'> only");
    if (os->loader && !os->loader->path)
        return error_set(error, VIR_ERR_XML_DETAIL, "<loader> has no path; name the file or use <os firmware='efi'>");
    return true;
}

static bool firmware_is_efi(const DomainOs *os)
{
    return os->firmware ? os->firmware == FIRMWARE_KIND_EFI : os->loader && os->loader->type == LOADER_TYPE_PFLASH;
}

static bool firmware_check_variables(const DomainOs *os, GError **error)
{
    const DomainLoader *loader = os->loader;
    bool stateless = loader && loader->stateless == TRI_YES;
    if (loader && loader->stateless == TRI_NO && !firmware_is_efi(os))
        return error_set(error, VIR_ERR_XML_DETAIL, "<loader stateless='no'>: only UEFI in pflash keeps variables");
    if (!os->nvram)
        return true;
    if (stateless)
        return error_set(error, VIR_ERR_XML_DETAIL, "<loader stateless='yes'> and <nvram> exclude each other");
    if (!firmware_is_efi(os))
        return error_set(error, VIR_ERR_XML_DETAIL, "<nvram>: only UEFI in pflash keeps variables");
    return true;
}

bool rule_firmware(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    const DomainOs *os = &domain->os;
    if (!(os->firmware ? firmware_check_automatic(os, error) : firmware_check_manual(os, error)) ||
        !firmware_check_variables(os, error))
        return false;
    if (machine_is_x86(domain) && firmware_is_efi(os) && !domain->features.acpi)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "UEFI needs ACPI; add <acpi/> to <features>");
    if (domain->features.smm_tseg && !machine_is_q35(domain))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<smm><tseg>: only machine type 'q35' has it");
    if (os->loader && os->loader->secure == TRI_YES && (!machine_is_q35(domain) || domain->features.smm != TRI_YES))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<loader secure='yes'>: needs machine type 'q35' and <smm state='on'/>");
    return true;
}

bool rule_sysinfo(RuleContext *context, GError **error)
{
    const Domain *domain = context->domain;
    char own[UUID_TEXT_SIZE];
    uuid_format(&domain->uuid, own);
    for (unsigned i = 0; i < domain->n_sysinfo; i++) {
        const DomainSysinfoBlock *system = domain->sysinfo[i]->system;
        for (unsigned k = 0; system && k < system->n_entries; k++) {
            const DomainSysinfoEntry *entry = system->entries[k];
            Uuid uuid;
            if (strcmp(entry->name, "uuid") || !entry->value)
                continue;
            if (!uuid_parse(entry->value, &uuid))
                return error_set(error, VIR_ERR_XML_DETAIL, "<sysinfo>: '%s' is not a UUID", entry->value);
            if (!uuid_equal(&uuid, &domain->uuid))
                return error_set(error, VIR_ERR_XML_DETAIL, "<sysinfo>: the system's uuid %s is not the guest's, %s",
                                 entry->value, own);
        }
    }
    return true;
}
