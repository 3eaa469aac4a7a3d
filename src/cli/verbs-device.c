/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs that attach, detach and change devices: by a file, by a name of theirs, or by alias. */
#include "base/error.h"
#include "cli/device.h"
#include "cli/i18n.h"
#include "cli/verbs.h"

#include <string.h>

bool device_flags(const Args *args, const LodgeDomain *guest, uint32_t *ret_flags, GError **error)
{
    if (!args_exclusive(args, "persistent", "current", error) || !guest_affect_flags(args, ret_flags, error))
        return false;
    if (args_has(args, "persistent"))
        *ret_flags |= VIR_DOMAIN_AFFECT_CONFIG | (guest_is_running(guest) ? VIR_DOMAIN_AFFECT_LIVE : 0u);
    return true;
}

bool device_flags_given(const Args *args)
{
    return args_has(args, "current") || args_has(args, "config") || args_has(args, "live") ||
           args_has(args, "persistent");
}

static bool attach_xml(Shell *shell, const Args *args, const LodgeDomain *guest, const char *xml, GError **error)
{
    uint32_t flags;
    if (!device_flags(args, guest, &flags, error))
        return false;
    return device_flags_given(args) ? lodge_domain_attach_device_flags(shell->connection, guest, xml, flags, error)
                                    : lodge_domain_attach_device(shell->connection, guest, xml, error);
}

static bool detach_xml(Shell *shell, const Args *args, const LodgeDomain *guest, const char *xml, GError **error)
{
    uint32_t flags;
    if (!device_flags(args, guest, &flags, error))
        return false;
    return device_flags_given(args) ? lodge_domain_detach_device_flags(shell->connection, guest, xml, flags, error)
                                    : lodge_domain_detach_device(shell->connection, guest, xml, error);
}

bool device_attach(Shell *shell, const Args *args, const char *xml, const char *done, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    if (args_has(args, "print-xml")) {
        output_whole(shell->output, "xml", xml);
        return true;
    }
    if (!guest_find(shell, args, &guest, error) || !attach_xml(shell, args, &guest, xml, error))
        return false;
    output_remark(shell->output, "%s", done);
    return true;
}

static bool verb_attach_device(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_autofree char *xml = NULL;
    if (!guest_read_file(args_string(args, "file"), &xml, error) || !guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Failed to attach device from %s"), args_string(args, "file"));
    if (!attach_xml(shell, args, &guest, xml, error))
        return false;
    output_remark(shell->output, _("Device attached successfully"));
    return true;
}

static bool verb_detach_device(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_autofree char *xml = NULL;
    if (!guest_read_file(args_string(args, "file"), &xml, error) || !guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Failed to detach device from %s"), args_string(args, "file"));
    if (!detach_xml(shell, args, &guest, xml, error))
        return false;
    output_remark(shell->output, _("Device detached successfully"));
    return true;
}

static bool verb_update_device(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_autofree char *xml = NULL;
    uint32_t flags;
    if (!guest_read_file(args_string(args, "file"), &xml, error) || !guest_find(shell, args, &guest, error) ||
        !device_flags(args, &guest, &flags, error))
        return false;
    flags |= args_has(args, "force") ? VIR_DOMAIN_DEVICE_MODIFY_FORCE : 0u;
    shell_doing(shell, _("Failed to update device from %s"), args_string(args, "file"));
    if (!lodge_domain_update_device_flags(shell->connection, &guest, xml, flags, error))
        return false;
    output_remark(shell->output, _("Device updated successfully"));
    return true;
}

static bool verb_detach_device_alias(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    const char *alias = args_string(args, "alias");
    uint32_t flags;
    if (!guest_affect_flags(args, &flags, error) || !guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Failed to detach device with alias %s"), alias);
    if (!lodge_domain_detach_device_alias(shell->connection, &guest, alias, flags, error))
        return false;
    output_remark(shell->output, _("Device detach request sent successfully"));
    return true;
}

/* Devices that the guest has, found in its XML */

static char *node_xml(const GuestXml *xml, xmlNode *node)
{
    xmlBuffer *buffer = xmlBufferCreate();
    xmlNodeDump(buffer, xml->document, node, 0, 1);
    char *text = g_strdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return text;
}

/* The definition that the verb is about: the next start's with --config alone. */
static bool read_definition(Shell *shell, const Args *args, const LodgeDomain *guest, GuestXml *ret_xml, GError **error)
{
    bool inactive = args_has(args, "config") && !args_has(args, "live");
    return guest_xml_get(shell, guest, inactive ? VIR_DOMAIN_XML_INACTIVE : 0, ret_xml, error);
}

/* By target or source; @drives: only those whose medium can be changed. */
static xmlNode *find_disk(const GuestXml *xml, const char *name, bool drives, GError **error)
{
    xmlNode *found = NULL;
    xmlXPathObject *disks = guest_xml_find(xml, "/domain/devices/disk");
    for (int i = 0; disks->nodesetval && i < disks->nodesetval->nodeNr && !found; i++) {
        xmlNode *disk = disks->nodesetval->nodeTab[i];
        g_autofree char *device = guest_xml_text(xml, disk, "@device");
        g_autofree char *target = guest_xml_text(xml, disk, "target/@dev");
        g_autofree char *source = guest_xml_text(xml, disk, "source/@file|source/@dev|source/@dir|source/@name");
        bool drive = !g_strcmp0(device, "cdrom") || !g_strcmp0(device, "floppy");
        if ((!g_strcmp0(target, name) || !g_strcmp0(source, name)) && (drive || !drives))
            found = disk;
    }
    xmlXPathFreeObject(disks);
    if (!found)
        error_set(error, VIR_ERR_INVALID_ARG, _("No disk found whose source path or target is %s"), name);
    return found;
}

static bool detach_node(Shell *shell, const Args *args, const LodgeDomain *guest, const GuestXml *xml, xmlNode *node,
                        const char *done, GError **error)
{
    g_autofree char *text = node_xml(xml, node);
    if (args_has(args, "print-xml")) {
        output_whole(shell->output, "xml", text);
        return true;
    }
    if (!detach_xml(shell, args, guest, text, error))
        return false;
    output_remark(shell->output, "%s", done);
    return true;
}

static bool verb_detach_disk(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(GuestXml) xml = { 0 };
    if (!guest_find(shell, args, &guest, error) || !read_definition(shell, args, &guest, &xml, error))
        return false;
    xmlNode *disk = find_disk(&xml, args_string(args, "target"), false, error);
    shell_doing(shell, _("Failed to detach disk"));
    return disk && detach_node(shell, args, &guest, &xml, disk, _("Disk detached successfully"), error);
}

static xmlNode *find_interface(const GuestXml *xml, const char *type, const char *mac, GError **error)
{
    xmlNode *found = NULL;
    int matches = 0;
    xmlXPathObject *nets = guest_xml_find(xml, "/domain/devices/interface");
    for (int i = 0; nets->nodesetval && i < nets->nodesetval->nodeNr; i++) {
        xmlNode *net = nets->nodesetval->nodeTab[i];
        g_autofree char *its_type = guest_xml_text(xml, net, "@type");
        g_autofree char *address = guest_xml_text(xml, net, "mac/@address");
        if (g_strcmp0(its_type, type) || (mac && (!address || g_ascii_strcasecmp(address, mac))))
            continue;
        matches++;
        found = net;
    }
    xmlXPathFreeObject(nets);
    if (!matches && mac)
        error_set(error, VIR_ERR_INVALID_ARG, _("No interface with MAC address %s was found"), mac);
    else if (!matches)
        error_set(error, VIR_ERR_INVALID_ARG, _("No interface found whose type is %s"), type);
    else if (matches > 1 && mac)
        error_set(error, VIR_ERR_INVALID_ARG,
                  _("Domain has multiple interfaces matching MAC address %s. You must use detach-device and specify "
                    "the device pci address to remove it."),
                  mac);
    else if (matches > 1)
        error_set(error, VIR_ERR_INVALID_ARG,
                  _("Domain has %d interfaces. Please specify which one to detach using --mac"), matches);
    return matches == 1 ? found : NULL;
}

static bool verb_detach_interface(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(GuestXml) xml = { 0 };
    if (!guest_find(shell, args, &guest, error) || !read_definition(shell, args, &guest, &xml, error))
        return false;
    shell_doing(shell, _("Failed to detach interface"));
    xmlNode *net = find_interface(&xml, args_string(args, "type"), args_string(args, "mac"), error);
    return net && detach_node(shell, args, &guest, &xml, net, _("Interface detached successfully"), error);
}

/* change-media */

/* What is to become of a drive's medium. */
typedef struct {
    const char *option, *done;
    bool needs_source;
    bool wants_medium, wants_none; /* in the drive, before */
} MediaChange;

static const MediaChange media_changes[] = {
    { "eject", N_("Successfully ejected media."), false, true, false },
    { "insert", N_("Successfully inserted media."), true, false, true },
    { "update", N_("Successfully updated media."), false, false, false },
};

static const MediaChange *choose_change(const Args *args, GError **error)
{
    const MediaChange *chosen = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(media_changes); i++) {
        if (!args_has(args, media_changes[i].option))
            continue;
        if (chosen) {
            args_exclusive(args, chosen->option, media_changes[i].option, error);
            return NULL;
        }
        chosen = &media_changes[i];
    }
    if (!chosen)
        chosen = &media_changes[2];
    if (!strcmp(chosen->option, "eject") && !args_exclusive(args, "eject", "source", error))
        return NULL;
    if (chosen->needs_source && !args_has(args, "source")) {
        error_set(error, VIR_ERR_INVALID_ARG, _("No disk source specified for inserting"));
        return NULL;
    }
    return chosen;
}

static bool set_medium(const GuestXml *xml, xmlNode *disk, const Args *args, const MediaChange *change, GError **error)
{
    g_autofree char *target = guest_xml_text(xml, disk, "target/@dev");
    g_autofree char *there = guest_xml_text(xml, disk, "source/@file|source/@dev|source/@name");
    const char *source = args_string(args, "source");
    if (change->wants_medium && !there)
        return error_set(error, VIR_ERR_INVALID_ARG, _("The disk device '%s' doesn't have media"), target);
    if (change->wants_none && there)
        return error_set(error, VIR_ERR_INVALID_ARG, _("The disk device '%s' already has media"), target);
    for (xmlNode *child = disk->children, *next; child; child = next) {
        next = child->next;
        if (!xmlStrcmp(child->name, (const xmlChar *)"source") ||
            !xmlStrcmp(child->name, (const xmlChar *)"backingStore")) {
            xmlUnlinkNode(child);
            xmlFreeNode(child);
        }
    }
    if (!source || !*source)
        return true;
    bool block = args_has(args, "block");
    xmlSetProp(disk, (const xmlChar *)"type", (const xmlChar *)(block ? "block" : "file"));
    xmlNode *node = xmlNewChild(disk, NULL, (const xmlChar *)"source", NULL);
    xmlSetProp(node, (const xmlChar *)(block ? "dev" : "file"), (const xmlChar *)source);
    return true;
}

static bool verb_change_media(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(GuestXml) xml = { 0 };
    uint32_t flags;
    const MediaChange *change = choose_change(args, error);
    if (!change || !guest_affect_flags(args, &flags, error) || !guest_find(shell, args, &guest, error) ||
        !read_definition(shell, args, &guest, &xml, error))
        return false;
    xmlNode *disk = find_disk(&xml, args_string(args, "path"), true, error);
    if (!disk || !set_medium(&xml, disk, args, change, error))
        return false;
    g_autofree char *text = node_xml(&xml, disk);
    if (args_has(args, "print-xml")) {
        output_whole(shell->output, "xml", text);
        return true;
    }
    flags |= args_has(args, "force") ? VIR_DOMAIN_DEVICE_MODIFY_FORCE : 0u;
    shell_doing(shell, _("Failed to complete action %s on media"), change->option);
    if (!lodge_domain_update_device_flags(shell->connection, &guest, text, flags, error))
        return false;
    output_remark(shell->output, "%s", _(change->done));
    return true;
}

static const VerbOption options_file[] = {
    OPTION_DOMAIN,
    { "file", OPTION_STRING, true, N_("XML file"), COMPLETE_FILE },
    OPTIONS_DEVICE_AFFECT,
    { 0 },
};

static const VerbOption options_update[] = {
    OPTION_DOMAIN,
    { "file", OPTION_STRING, true, N_("XML file"), COMPLETE_FILE },
    OPTIONS_DEVICE_AFFECT,
    { "force", OPTION_FLAG, false, N_("force device update") },
    { 0 },
};

static const VerbOption options_alias[] = {
    OPTION_DOMAIN,
    { "alias", OPTION_STRING, true, N_("device alias") },
    OPTIONS_AFFECT,
    { 0 },
};

static const VerbOption options_disk[] = {
    OPTION_DOMAIN,
    { "target", OPTION_STRING, true, N_("target of disk device"), COMPLETE_DISK },
    OPTIONS_DEVICE_AFFECT,
    { "print-xml", OPTION_FLAG, false, N_("print XML document rather than detach the disk") },
    { 0 },
};

static const VerbOption options_interface[] = {
    OPTION_DOMAIN,
    { "type", OPTION_STRING, true, N_("network interface type") },
    { "mac", OPTION_NAMED, false, N_("MAC address"), COMPLETE_INTERFACE },
    OPTIONS_DEVICE_AFFECT,
    { "print-xml", OPTION_FLAG, false, N_("print XML document rather than detach the interface") },
    { 0 },
};

static const VerbOption options_media[] = {
    OPTION_DOMAIN,
    { "path", OPTION_STRING, true, N_("Fully-qualified path or target of disk device"), COMPLETE_DISK },
    { "source", OPTION_NAMED, false, N_("source of the media"), COMPLETE_FILE },
    { "eject", OPTION_FLAG, false, N_("Eject the media") },
    { "insert", OPTION_FLAG, false, N_("Insert the media") },
    { "update", OPTION_FLAG, false, N_("Update the media") },
    OPTIONS_AFFECT,
    { "force", OPTION_FLAG, false, N_("force media changing") },
    { "print-xml", OPTION_FLAG, false, N_("print XML document rather than change media") },
    { "block", OPTION_FLAG, false, N_("source media is a block device") },
    { 0 },
};

const Verb verbs_device[] = {
    { "attach-device", GROUP_DOMAIN, N_("attach device from an XML file"), options_file, verb_attach_device, 0, NULL },
    { "detach-device", GROUP_DOMAIN, N_("detach device from an XML file"), options_file, verb_detach_device, 0, NULL },
    { "update-device", GROUP_DOMAIN, N_("update device from an XML file"), options_update, verb_update_device, 0,
      NULL },
    { "detach-device-alias", GROUP_DOMAIN, N_("detach device from an alias"), options_alias, verb_detach_device_alias,
      0, NULL },
    { "detach-disk", GROUP_DOMAIN, N_("detach disk device"), options_disk, verb_detach_disk, 0, NULL },
    { "detach-interface", GROUP_DOMAIN, N_("detach network interface"), options_interface, verb_detach_interface, 0,
      NULL },
    { "change-media", GROUP_DOMAIN, N_("Change media of CD or floppy drive"), options_media, verb_change_media, 0,
      NULL },
    { 0 },
};
