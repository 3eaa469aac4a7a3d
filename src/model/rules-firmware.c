/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware: chosen by kind or named by path. */
#include "base/error.h"
#include "model/machine.h"
#include "model/rules.h"
#include <string.h>

static const DomainFirmwareFeature *firmware_feature(const DomainOs *os, FirmwareFeature name)
{
    for (unsigned i = 0; i < os->n_firmware_features; i++) {
        if (os->firmware_features[i]->name == name)
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
    const DomainFirmwareFeature *secure_boot = firmware_feature(os, FIRMWARE_FEATURE_SECURE_BOOT);
    const DomainFirmwareFeature *enrolled_keys = firmware_feature(os, FIRMWARE_FEATURE_ENROLLED_KEYS);
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

/* UEFI with a read-only loader needs a file of its own for its variables. */
static void firmware_name_variables(const ModelHost *host, Domain *domain)
{
    DomainOs *os = &domain->os;
    const DomainLoader *loader = os->loader;
    if (os->firmware || !loader || loader->type != LOADER_TYPE_PFLASH || loader->readonly != TRI_YES ||
        loader->stateless == TRI_YES || !host->nvram_dir)
        return;
    if (!os->nvram)
        os->nvram = g_new0(DomainNvram, 1);
    if (!os->nvram->path && !os->nvram->source.type)
        os->nvram->path = g_strdup_printf("%s/%s_VARS.fd", host->nvram_dir, domain->name);
}

bool rule_firmware(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    const DomainOs *os = &domain->os;
    if (os->loader && os->loader->path && !os->loader->type)
        os->loader->type = LOADER_TYPE_ROM;
    if (os->bios_useserial == TRI_YES && !domain->n_serials)
        return error_set(error, VIR_ERR_XML_ERROR, "<bios useserial='yes'>: the guest has no <serial>");
    if (domain->bootloader || domain->bootloader_args)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<bootloader>: QEMU has none; use <os>");
    if (!domain->n_idmap_uid != !domain->n_idmap_gid)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<idmap>: <uid> and <gid> belong together");
    if (!(os->firmware ? firmware_check_automatic(os, error) : firmware_check_manual(os, error)) ||
        !firmware_check_variables(os, error))
        return false;
    if (os->firmware && os->nvram && os->nvram->template)
        return error_set(error, VIR_ERR_XML_DETAIL,
                         "<os firmware='…'> chooses the template; leave 'template' of <nvram> out");
    firmware_name_variables(context->host, domain);
    if (machine_is_x86(domain) && firmware_is_efi(os) && !domain->features.acpi)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "UEFI needs ACPI; add <acpi/> to <features>");
    if (domain->features.smm_tseg && !machine_is_q35(domain))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<smm><tseg>: only machine type 'q35' has it");
    if (os->loader && os->loader->secure == TRI_YES && (!machine_is_q35(domain) || domain->features.smm != TRI_YES))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<loader secure='yes'>: needs machine type 'q35' and <smm state='on'/>");
    return true;
}

/* Entries that no table of SMBIOS has are left out. */
static void sysinfo_keep_known(DomainSysinfoBlock *block, const char *known)
{
    for (unsigned i = block ? block->n_entries : 0; i-- > 0;) {
        g_autofree char *word = g_strdup_printf(" %s ", block->entries[i]->name);
        if (!strstr(known, word))
            model_free(&model_domain_sysinfo_entry, model_list_steal(&block->entries, &block->n_entries, i));
    }
}

/* mm/dd/yyyy or mm/dd/yy */
static bool sysinfo_is_date(const char *text)
{
    unsigned month, day, year;
    char rest;
    return sscanf(text, "%2u/%2u/%4u%c", &month, &day, &year, &rest) == 3 && month >= 1 && month <= 12 && day >= 1 &&
           day <= 31 && (year < 100 || (year >= 1900 && year <= 9999));
}

static bool sysinfo_check_entries(DomainSysinfo *sysinfo, GError **error)
{
    sysinfo_keep_known(sysinfo->bios, " vendor version date release ");
    sysinfo_keep_known(sysinfo->system, " manufacturer product version serial uuid sku family ");
    sysinfo_keep_known(sysinfo->chassis, " manufacturer version serial asset sku ");
    for (unsigned i = 0; i < sysinfo->n_base_boards; i++)
        sysinfo_keep_known(sysinfo->base_boards[i], " manufacturer product version serial asset location ");
    for (unsigned i = 0; sysinfo->bios && i < sysinfo->bios->n_entries; i++) {
        const DomainSysinfoEntry *entry = sysinfo->bios->entries[i];
        if (!strcmp(entry->name, "date") && entry->value && !sysinfo_is_date(entry->value))
            return error_set(error, VIR_ERR_XML_DETAIL, "<sysinfo>: the BIOS date '%s' is not of the form mm/dd/yyyy",
                             entry->value);
    }
    for (unsigned i = 0; i < sysinfo->n_fwcfg; i++) {
        if (!g_str_has_prefix(sysinfo->fwcfg[i]->name, "opt/"))
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<sysinfo type='fwcfg'>: name '%s' must begin with \"opt/\"", sysinfo->fwcfg[i]->name);
    }
    return true;
}

bool rule_sysinfo(RuleContext *context, GError **error)
{
    const Domain *domain = context->domain;
    char own[UUID_TEXT_SIZE];
    uuid_format(&domain->uuid, own);
    for (unsigned i = 0; i < domain->n_sysinfo; i++) {
        if (!sysinfo_check_entries(domain->sysinfo[i], error))
            return false;
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
