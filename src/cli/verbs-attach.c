/* SPDX-License-Identifier: Apache-2.0 */
/* Disks and network cards from options: their XML is written here, and attached like that of a file. */
#include "base/error.h"
#include "cli/device.h"
#include "cli/i18n.h"
#include "cli/verbs.h"

#include <string.h>

/* An element whose attributes are added one by one; what has no value is left out. */
static xmlNode *add_element(xmlNode *parent, const char *name)
{
    return xmlNewChild(parent, NULL, (const xmlChar *)name, NULL);
}

static void add_attribute(xmlNode *node, const char *name, const char *value)
{
    if (value)
        xmlSetProp(node, (const xmlChar *)name, (const xmlChar *)value);
}

/* <NAME ATTRIBUTE='VALUE'/>, or nothing without a value. */
static void add_simple(xmlNode *parent, const char *name, const char *attribute, const char *value)
{
    if (value)
        add_attribute(add_element(parent, name), attribute, value);
}

static void add_text(xmlNode *parent, const char *name, const char *text)
{
    if (text)
        xmlNewTextChild(parent, NULL, (const xmlChar *)name, (const xmlChar *)text);
}

static char *finish(xmlDoc *document)
{
    xmlBuffer *buffer = xmlBufferCreate();
    xmlNodeDump(buffer, document, xmlDocGetRootElement(document), 0, 1);
    char *text = g_strdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    xmlFreeDoc(document);
    return text;
}

static xmlDoc *begin(const char *name, const char *type, xmlNode **ret_root)
{
    xmlDoc *document = xmlNewDoc((const xmlChar *)"1.0");
    *ret_root = xmlNewNode(NULL, (const xmlChar *)name);
    xmlDocSetRootElement(document, *ret_root);
    add_attribute(*ret_root, "type", type);
    return document;
}

static void add_number(xmlNode *node, const char *name, const char *format, unsigned value)
{
    char text[16];
    g_snprintf(text, sizeof text,
               strcmp(format, "hex4") == 0   ? "0x%04x"
               : strcmp(format, "hex2") == 0 ? "0x%02x"
               : strcmp(format, "hex1") == 0 ? "0x%x"
                                             : "%u",
               value);
    add_attribute(node, name, text);
}

/* Attributes of an address in the order in which its short form has them. */
typedef struct {
    const char *prefix, *type;
    unsigned n;
    struct {
        const char *name, *format;
        int base;
    } parts[4];
} AddressForm;

static const AddressForm address_forms[] = {
    { "pci:",
      "pci",
      4,
      { { "domain", "hex4", 16 }, { "bus", "hex2", 16 }, { "slot", "hex2", 16 }, { "function", "hex1", 16 } } },
    { "scsi:", "drive", 3, { { "controller", "%u", 10 }, { "bus", "%u", 10 }, { "unit", "%u", 10 } } },
    { "ide:", "drive", 3, { { "controller", "%u", 10 }, { "bus", "%u", 10 }, { "unit", "%u", 10 } } },
    { "sata:", "drive", 3, { { "controller", "%u", 10 }, { "bus", "%u", 10 }, { "unit", "%u", 10 } } },
    { "ccw:", "ccw", 3, { { "cssid", "hex2", 16 }, { "ssid", "hex1", 16 }, { "devno", "hex4", 16 } } },
    { "usb:", "usb", 2, { { "bus", "%u", 10 }, { "port", "%u", 10 } } },
};

/* "pci:0000.00.0a.0" and the like. */
static bool add_address(xmlNode *disk, const char *text, bool multifunction, GError **error)
{
    const AddressForm *form = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(address_forms); i++) {
        if (g_str_has_prefix(text, address_forms[i].prefix))
            form = &address_forms[i];
    }
    g_auto(GStrv) words = form ? g_strsplit(text + strlen(form->prefix), ".", -1) : NULL;
    if (!form || g_strv_length(words) < form->n)
        return error_set(error, VIR_ERR_INVALID_ARG,
                         _("Invalid address '%s': write it like pci:0000.00.0a.0, scsi:0.0.1, sata:0.0.1, ide:0.0.1, "
                           "usb:0.1 or ccw:fe.0.0000"),
                         text);
    xmlNode *address = add_element(disk, "address");
    add_attribute(address, "type", form->type);
    for (unsigned i = 0; i < form->n; i++) {
        uint64_t value;
        if (!g_ascii_string_to_unsigned(words[i], (guint)form->parts[i].base, 0, G_MAXUINT32, &value, NULL))
            return error_set(error, VIR_ERR_INVALID_ARG, _("Invalid address '%s': '%s' is no number"), text, words[i]);
        add_number(address, form->parts[i].name, form->parts[i].format, (unsigned)value);
    }
    if (multifunction && strcmp(form->type, "pci") == 0)
        add_attribute(address, "multifunction", "on");
    return true;
}

/* file, block or network: as given, or as the source looks. */
static const char *source_type(const Args *args, GError **error)
{
    const char *type = args_string(args, "sourcetype"), *source = args_string(args, "source");
    if (type && strcmp(type, "file") != 0 && strcmp(type, "block") != 0 && strcmp(type, "network") != 0) {
        error_set(error, VIR_ERR_INVALID_ARG, _("Unknown source type: '%s'"), type);
        return NULL;
    }
    if (type)
        return type;
    if (args_has(args, "source-protocol"))
        return "network";
    return g_str_has_prefix(source, "/dev/") && g_file_test(source, G_FILE_TEST_EXISTS) &&
                   !g_file_test(source, G_FILE_TEST_IS_REGULAR) && strcmp(source, "/dev/null") != 0
               ? "block"
               : "file";
}

static void add_source(xmlNode *disk, const Args *args, const char *type)
{
    xmlNode *source = add_element(disk, "source");
    const char *name = args_string(args, "source");
    if (strcmp(type, "network") != 0) {
        add_attribute(source, strcmp(type, "block") == 0 ? "dev" : "file", name);
        return;
    }
    add_attribute(source, "protocol", args_string(args, "source-protocol"));
    add_attribute(source, "name", name);
    const char *host_name = args_string(args, "source-host-name"), *socket = args_string(args, "source-host-socket");
    const char *transport = args_string(args, "source-host-transport");
    if (!host_name && !socket && !transport)
        return;
    xmlNode *host = add_element(source, "host");
    g_autofree char *only = g_strdup(host_name);
    char *port = only ? strrchr(only, ':') : NULL;
    if (port)
        *port++ = 0;
    add_attribute(host, "transport", transport);
    add_attribute(host, "socket", socket);
    add_attribute(host, "name", only);
    add_attribute(host, "port", port);
}

static void add_driver(xmlNode *disk, const Args *args)
{
    static const char *const attributes[][2] = {
        { "driver", "name" }, { "subdriver", "type" }, { "iothread", "iothread" }, { "cache", "cache" }, { "io", "io" }
    };
    xmlNode *driver = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++) {
        if (!args_has(args, attributes[i][0]))
            continue;
        if (!driver)
            driver = add_element(disk, "driver");
        add_attribute(driver, attributes[i][1], args_string(args, attributes[i][0]));
    }
}

static bool fill_disk(xmlNode *disk, const Args *args, const char *type, GError **error)
{
    const char *mode = args_string(args, "mode");
    if (mode && strcmp(mode, "readonly") != 0 && strcmp(mode, "shareable") != 0)
        return error_set(error, VIR_ERR_INVALID_ARG, _("No support for %s in command 'attach-disk'"), mode);
    add_attribute(disk, "device", args_string(args, "type"));
    if (args_has(args, "rawio"))
        add_attribute(disk, "rawio", "yes");
    add_driver(disk, args);
    add_source(disk, args, type);
    xmlNode *target = add_element(disk, "target");
    add_attribute(target, "dev", args_string(args, "target"));
    add_attribute(target, "bus", args_string(args, "targetbus"));
    if (mode)
        add_element(disk, mode);
    add_text(disk, "serial", args_string(args, "serial"));
    add_simple(disk, "alias", "name", args_string(args, "alias"));
    add_text(disk, "wwn", args_string(args, "wwn"));
    return !args_has(args, "address") ||
           add_address(disk, args_string(args, "address"), args_has(args, "multifunction"), error);
}

static bool verb_attach_disk(Shell *shell, const Args *args, GError **error)
{
    xmlNode *disk;
    const char *type = source_type(args, error);
    if (!type)
        return false;
    xmlDoc *document = begin("disk", type, &disk);
    bool filled = fill_disk(disk, args, type, error);
    g_autofree char *xml = finish(document);
    shell_doing(shell, _("Failed to attach disk"));
    return filled && device_attach(shell, args, xml, _("Disk attached successfully"), error);
}

/* "AVERAGE,PEAK,BURST,FLOOR", of which all but the first may be left out. */
static bool add_rate(xmlNode *interface, xmlNode **bandwidth, const char *name, const char *text, GError **error)
{
    static const char *const parts[] = { "average", "peak", "burst", "floor" };
    if (!text)
        return true;
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    if (!*bandwidth)
        *bandwidth = add_element(interface, "bandwidth");
    xmlNode *rate = add_element(*bandwidth, name);
    if (g_strv_length(words) > G_N_ELEMENTS(parts))
        return error_set(error, VIR_ERR_INVALID_ARG, _("--%s: expected average,peak,burst,floor"), name);
    for (unsigned i = 0; words[i]; i++) {
        if (!*words[i] && i > 0)
            continue;
        if (!g_ascii_string_to_unsigned(words[i], 10, 0, G_MAXUINT64, NULL, NULL))
            return error_set(error, VIR_ERR_INVALID_ARG, _("field '%s' is malformed"), parts[i]);
        add_attribute(rate, parts[i], words[i]);
    }
    return true;
}

static bool add_interface_source(xmlNode *interface, const char *type, const Args *args, GError **error)
{
    static const char *const attributes[][2] = { { "network", "network" },
                                                 { "bridge", "bridge" },
                                                 { "direct", "dev" } };
    const char *name = args_string(args, "source");
    unsigned domain, bus, slot, function;
    for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++) {
        if (strcmp(attributes[i][0], type) != 0)
            continue;
        xmlNode *source = add_element(interface, "source");
        add_attribute(source, attributes[i][1], name);
        add_attribute(source, "mode", args_string(args, "source-mode"));
        return true;
    }
    if (strcmp(type, "hostdev") != 0)
        return error_set(error, VIR_ERR_INVALID_ARG, _("No support for %s in command 'attach-interface'"), type);
    if (sscanf(name, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4)
        return error_set(error, VIR_ERR_INVALID_ARG, _("cannot parse pci address '%s' for network interface"), name);
    if (args_has(args, "managed"))
        add_attribute(interface, "managed", "yes");
    xmlNode *address = add_element(add_element(interface, "source"), "address");
    add_attribute(address, "type", "pci");
    add_number(address, "domain", "hex4", domain);
    add_number(address, "bus", "hex2", bus);
    add_number(address, "slot", "hex2", slot);
    add_number(address, "function", "hex1", function);
    return true;
}

static bool verb_attach_interface(Shell *shell, const Args *args, GError **error)
{
    xmlNode *interface, *bandwidth = NULL;
    const char *type = args_string(args, "type");
    xmlDoc *document = begin("interface", type, &interface);
    bool filled = add_interface_source(interface, type, args, error);
    add_simple(interface, "target", "dev", args_string(args, "target"));
    add_simple(interface, "mac", "address", args_string(args, "mac"));
    add_simple(interface, "script", "path", args_string(args, "script"));
    add_simple(interface, "model", "type", args_string(args, "model"));
    add_simple(interface, "alias", "name", args_string(args, "alias"));
    filled = filled && add_rate(interface, &bandwidth, "inbound", args_string(args, "inbound"), error) &&
             add_rate(interface, &bandwidth, "outbound", args_string(args, "outbound"), error);
    g_autofree char *xml = finish(document);
    shell_doing(shell, _("Failed to attach interface"));
    return filled && device_attach(shell, args, xml, _("Interface attached successfully"), error);
}

static const VerbOption options_disk[] = {
    OPTION_DOMAIN,
    { "source", OPTION_STRING, true, N_("source of disk device or name of network disk"), COMPLETE_FILE },
    { "target", OPTION_STRING, true, N_("target of disk device") },
    { "targetbus", OPTION_NAMED, false, N_("target bus of disk device"), COMPLETE_WORDS,
      "virtio scsi usb sata ide fdc" },
    { "driver", OPTION_NAMED, false, N_("driver of disk device") },
    { "subdriver", OPTION_NAMED, false, N_("subdriver of disk device"), COMPLETE_WORDS, "raw qcow2" },
    { "iothread", OPTION_NAMED, false, N_("IOThread to be used by supported device") },
    { "cache", OPTION_NAMED, false, N_("cache mode of disk device"), COMPLETE_WORDS,
      "default none writethrough writeback directsync unsafe" },
    { "io", OPTION_NAMED, false, N_("io policy of disk device"), COMPLETE_WORDS, "threads native io_uring" },
    { "type", OPTION_NAMED, false, N_("target device type"), COMPLETE_WORDS, "disk cdrom floppy lun" },
    { "mode", OPTION_NAMED, false, N_("mode of device reading and writing"), COMPLETE_WORDS, "readonly shareable" },
    { "sourcetype", OPTION_NAMED, false, N_("type of source (block|file|network)"), COMPLETE_WORDS,
      "block file network" },
    { "serial", OPTION_NAMED, false, N_("serial of disk device") },
    { "wwn", OPTION_NAMED, false, N_("wwn of disk device") },
    { "alias", OPTION_NAMED, false, N_("custom alias name of disk device") },
    { "rawio", OPTION_FLAG, false, N_("needs rawio capability") },
    { "address", OPTION_NAMED, false, N_("address of disk device") },
    { "multifunction", OPTION_FLAG, false, N_("use multifunction pci under specified address") },
    { "print-xml", OPTION_FLAG, false, N_("print XML document rather than attach the disk") },
    { "source-protocol", OPTION_NAMED, false, N_("protocol used by disk device source") },
    { "source-host-name", OPTION_NAMED, false, N_("host name for source of disk device") },
    { "source-host-transport", OPTION_NAMED, false, N_("host transport for source of disk device"), COMPLETE_WORDS,
      "tcp unix rdma" },
    { "source-host-socket", OPTION_NAMED, false, N_("host socket for source of disk device") },
    OPTIONS_DEVICE_AFFECT,
    { 0 },
};

static const VerbOption options_interface[] = {
    OPTION_DOMAIN,
    { "type", OPTION_STRING, true, N_("network interface type"), COMPLETE_WORDS, "network bridge direct hostdev" },
    { "source", OPTION_STRING, true, N_("source of network interface") },
    { "target", OPTION_NAMED, false, N_("target network name") },
    { "mac", OPTION_NAMED, false, N_("MAC address") },
    { "script", OPTION_NAMED, false, N_("script used to bridge network interface") },
    { "model", OPTION_NAMED, false, N_("model type") },
    { "alias", OPTION_NAMED, false, N_("custom alias name of interface device") },
    { "inbound", OPTION_NAMED, false, N_("control domain's incoming traffics") },
    { "outbound", OPTION_NAMED, false, N_("control domain's outgoing traffics") },
    OPTIONS_DEVICE_AFFECT,
    { "print-xml", OPTION_FLAG, false, N_("print XML document rather than attach the interface") },
    { "managed", OPTION_FLAG, false, N_("detach the host's device from its driver, and give it back, automatically") },
    { "source-mode", OPTION_NAMED, false, N_("mode attribute of <source/> element"), COMPLETE_WORDS,
      "vepa bridge private passthrough" },
    { 0 },
};

const Verb verbs_attach[] = {
    { "attach-disk", GROUP_DOMAIN, N_("attach disk device"), options_disk, verb_attach_disk, 0, NULL },
    { "attach-interface", GROUP_DOMAIN, N_("attach network interface"), options_interface, verb_attach_interface, 0,
      NULL },
    { 0 },
};
