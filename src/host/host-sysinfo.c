/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-sysinfo.h"

#include "base/error.h"
#include "host/host-sysfs.h"
#include "host/host-sysinfo-names.h"

#include <string.h>

#define TABLE_DIR "/sys/firmware/dmi/tables"

/* One structure: its formatted area and the strings behind it. */
typedef struct {
    uint8_t type;
    const uint8_t *data; /* from the header on */
    size_t length;
    const char *strings;
    const char *strings_end; /* the NUL that ends the last one */
} Structure;

/* Cuts the next structure off *@cursor. False at the end of the table, or where it is cut off. */
static bool next_structure(const uint8_t **cursor, const uint8_t *end, Structure *ret)
{
    const uint8_t *start = *cursor;
    if (end - start < 4 || start[1] < 4 || end - start < start[1] + 2)
        return false;
    const uint8_t *strings = start + start[1];
    const uint8_t *stop = strings;
    while (end - stop >= 2 && (stop[0] || stop[1])) /* two NULs end it, also when there is no string */
        stop++;
    if (end - stop < 2)
        return false;
    *ret = (Structure){
        .type = start[0],
        .data = start,
        .length = start[1],
        .strings = (const char *)strings,
        .strings_end = (const char *)stop,
    };
    *cursor = stop + 2;
    return true;
}

static bool has_byte(const Structure *structure, size_t offset)
{
    return offset < structure->length;
}

static unsigned word_at(const Structure *structure, size_t offset)
{
    if (!has_byte(structure, offset + 1))
        return 0;
    return structure->data[offset] | (unsigned)structure->data[offset + 1] << 8;
}

static uint32_t dword_at(const Structure *structure, size_t offset)
{
    return word_at(structure, offset) | (uint32_t)word_at(structure, offset + 2) << 16;
}

/* String @index (from 1), printable ASCII without trailing blanks; NULL if there are not so many. */
static char *get_string(const Structure *structure, unsigned index)
{
    if (index == 0)
        return g_strdup("Not Specified");
    const char *text = structure->strings;
    while (--index > 0 && text < structure->strings_end)
        text += strlen(text) + 1;
    if (text >= structure->strings_end)
        return NULL;
    char *copy = g_strdup(text);
    for (char *c = copy; *c; c++) {
        if (!g_ascii_isprint(*c))
            *c = '.';
    }
    return g_strchomp(copy);
}

static void add_entry(GString *xml, const char *name, const char *text)
{
    if (!text)
        return;
    g_autofree char *escaped = g_markup_escape_text(text, -1);
    g_string_append_printf(xml, "    <entry name='%s'>%s</entry>\n", name, escaped);
}

static void add_string(GString *xml, const char *name, const Structure *structure, size_t offset)
{
    if (!has_byte(structure, offset))
        return;
    g_autofree char *text = get_string(structure, structure->data[offset]);
    add_entry(xml, name, text);
}

static void add_bios(GString *xml, const Structure *bios, unsigned version)
{
    add_string(xml, "vendor", bios, 0x04);
    add_string(xml, "version", bios, 0x05);
    add_string(xml, "date", bios, 0x08);
    if (has_byte(bios, 0x17) && bios->data[0x14] != 0xff && bios->data[0x15] != 0xff) {
        g_autofree char *release = g_strdup_printf("%u.%u", bios->data[0x14], bios->data[0x15]);
        add_entry(xml, "release", release);
    }
}

static char *format_uuid(const uint8_t *bytes, unsigned version)
{
    static const uint8_t none[16] = { 0 };
    uint8_t all[16], b[16];
    memset(all, 0xff, sizeof all);
    if (memcmp(bytes, none, sizeof none) == 0)
        return g_strdup("Not Settable");
    if (memcmp(bytes, all, sizeof all) == 0)
        return g_strdup("Not Present");
    memcpy(b, bytes, sizeof b);
    if (version >= 0x0206) { /* since then the first three fields are little-endian */
        const uint8_t swapped[8] = { b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6] };
        memcpy(b, swapped, sizeof swapped);
    }
    return g_strdup_printf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
                           b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static void add_system(GString *xml, const Structure *sys, unsigned version)
{
    add_string(xml, "manufacturer", sys, 0x04);
    add_string(xml, "product", sys, 0x05);
    add_string(xml, "version", sys, 0x06);
    add_string(xml, "serial", sys, 0x07);
    if (has_byte(sys, 0x17)) {
        g_autofree char *uuid = format_uuid(sys->data + 0x08, version);
        add_entry(xml, "uuid", uuid);
    }
    add_string(xml, "sku", sys, 0x19);
    add_string(xml, "family", sys, 0x1a);
}

static void add_board(GString *xml, const Structure *board, unsigned version)
{
    add_string(xml, "manufacturer", board, 0x04);
    add_string(xml, "product", board, 0x05);
    add_string(xml, "version", board, 0x06);
    add_string(xml, "serial", board, 0x07);
    add_string(xml, "asset", board, 0x08);
    add_string(xml, "location", board, 0x0a);
}

static void add_chassis(GString *xml, const Structure *chassis, unsigned version)
{
    add_string(xml, "manufacturer", chassis, 0x04);
    add_string(xml, "version", chassis, 0x06);
    add_string(xml, "serial", chassis, 0x07);
    add_string(xml, "asset", chassis, 0x08);
    if (has_byte(chassis, 0x14)) /* it stands behind the list of contained elements */
        add_string(xml, "sku", chassis, 0x15u + (size_t)chassis->data[0x13] * chassis->data[0x14]);
}

static void add_mhz(GString *xml, const char *name, const Structure *structure, size_t offset)
{
    if (!has_byte(structure, offset + 1))
        return;
    unsigned mhz = word_at(structure, offset);
    g_autofree char *text = mhz ? g_strdup_printf("%u MHz", mhz) : g_strdup("Unknown");
    add_entry(xml, name, text);
}

/* The id of an x86 processor is what its CPUID says: decoded in the way of its maker. */
static void add_signature(GString *xml, const Structure *cpu, unsigned family)
{
    g_autofree char *version = has_byte(cpu, 0x10) ? get_string(cpu, cpu->data[0x10]) : NULL;
    HostSysinfoCpuid kind = host_sysinfo_family_cpuid(family, version);
    if (!has_byte(cpu, 0x0b) || kind == HOST_SYSINFO_NO_CPUID)
        return;
    uint32_t eax = dword_at(cpu, 0x08);
    unsigned base = eax >> 8 & 0xf, model = eax >> 4 & 0xf, high_model = eax >> 12 & 0xf0;
    g_autofree char *text = NULL;
    if (kind == HOST_SYSINFO_INTEL)
        text = g_strdup_printf("Type %u, Family %u, Model %u, Stepping %u", eax >> 12 & 3, (eax >> 20 & 0xff) + base,
                               high_model + model, eax & 0xf);
    else
        text = g_strdup_printf("Family %u, Model %u, Stepping %u", base + (base == 0xf ? eax >> 20 & 0xff : 0),
                               model + (base == 0xf ? high_model : 0), eax & 0xf);
    add_entry(xml, "signature", text);
}

static void add_processor(GString *xml, const Structure *cpu, unsigned version)
{
    unsigned family = has_byte(cpu, 0x06) ? cpu->data[0x06] : 0;
    if (family == 0xfe && has_byte(cpu, 0x29))
        family = word_at(cpu, 0x28);
    add_string(xml, "socket_destination", cpu, 0x04);
    if (has_byte(cpu, 0x05))
        add_entry(xml, "type", host_sysinfo_name(host_sysinfo_processor_types, cpu->data[0x05]));
    add_entry(xml, "family", host_sysinfo_name(host_sysinfo_families, family));
    add_string(xml, "manufacturer", cpu, 0x07);
    add_signature(xml, cpu, family);
    add_string(xml, "version", cpu, 0x10);
    add_mhz(xml, "external_clock", cpu, 0x12);
    add_mhz(xml, "max_speed", cpu, 0x14);
    if (has_byte(cpu, 0x18)) {
        const char *state = host_sysinfo_name(host_sysinfo_processor_states, cpu->data[0x18] & 7);
        g_autofree char *text = cpu->data[0x18] & 0x40 ? g_strdup_printf("Populated, %s", state ? state : "Unknown")
                                                       : g_strdup("Unpopulated");
        add_entry(xml, "status", text);
    }
    add_string(xml, "serial_number", cpu, 0x20);
    add_string(xml, "part_number", cpu, 0x22);
}

/* The largest unit that leaves no fraction. */
static char *format_size(uint64_t kib)
{
    static const char *const units[] = { "kB", "MB", "GB", "TB", "PB" };
    unsigned unit = 0;
    while (unit + 1 < G_N_ELEMENTS(units) && kib >= 1024 && kib % 1024 == 0) {
        kib /= 1024;
        unit++;
    }
    return g_strdup_printf("%" G_GUINT64_FORMAT " %s", (guint64)kib, units[unit]);
}

static void add_memory_size(GString *xml, const Structure *memory)
{
    if (!has_byte(memory, 0x0d))
        return;
    unsigned size = word_at(memory, 0x0c);
    g_autofree char *text = NULL;
    if (size == 0)
        text = g_strdup("No Module Installed");
    else if (size == 0xffff)
        text = g_strdup("Unknown");
    else if (size == 0x7fff && has_byte(memory, 0x1f))
        text = format_size((uint64_t)(dword_at(memory, 0x1c) & 0x7fffffff) * 1024);
    else
        text = format_size((uint64_t)(size & 0x7fff) * (size & 0x8000 ? 1 : 1024));
    add_entry(xml, "size", text);
}

static void add_memory_detail(GString *xml, const Structure *memory)
{
    if (!has_byte(memory, 0x14))
        return;
    unsigned bits = word_at(memory, 0x13);
    GString *text = g_string_new(NULL);
    for (unsigned bit = 1; bit < 16; bit++) {
        if (bits >> bit & 1)
            g_string_append_printf(text, "%s%s", text->len ? " " : "",
                                   host_sysinfo_name(host_sysinfo_memory_details, bit));
    }
    add_entry(xml, "type_detail", text->len ? text->str : "None");
    g_string_free(text, TRUE);
}

static void add_memory(GString *xml, const Structure *memory, unsigned version)
{
    add_memory_size(xml, memory);
    if (has_byte(memory, 0x0e))
        add_entry(xml, "form_factor", host_sysinfo_name(host_sysinfo_form_factors, memory->data[0x0e]));
    add_string(xml, "locator", memory, 0x10);
    add_string(xml, "bank_locator", memory, 0x11);
    if (has_byte(memory, 0x12))
        add_entry(xml, "type", host_sysinfo_name(host_sysinfo_memory_types, memory->data[0x12]));
    add_memory_detail(xml, memory);
    if (has_byte(memory, 0x16)) {
        uint32_t speed = word_at(memory, 0x15);
        if (speed == 0xffff)
            speed = dword_at(memory, 0x54);
        g_autofree char *text = speed ? g_strdup_printf("%u MT/s", speed) : g_strdup("Unknown");
        add_entry(xml, "speed", text);
    }
    add_string(xml, "manufacturer", memory, 0x17);
    add_string(xml, "serial_number", memory, 0x18);
    add_string(xml, "part_number", memory, 0x1a);
}

static void add_oem_strings(GString *xml, const Structure *oem, unsigned version)
{
    unsigned count = has_byte(oem, 0x04) ? oem->data[0x04] : 0;
    for (unsigned i = 1; i <= count; i++) {
        g_autofree char *text = get_string(oem, i);
        g_autofree char *escaped = text ? g_markup_escape_text(text, -1) : NULL;
        if (escaped)
            g_string_append_printf(xml, "    <entry>%s</entry>\n", escaped);
    }
}

/* A slot without a module is nothing that the host has. */
static bool is_populated(const Structure *structure)
{
    return structure->type != 17 || (structure->length >= 0x15 && word_at(structure, 0x0c) != 0);
}

/* The groups in the order of the document. */
static const struct {
    uint8_t type;
    const char *element;
    enum { FIRST, EACH, MERGED } which; /* of several structures of the type */
    void (*add)(GString *xml, const Structure *structure, unsigned version);
} groups[] = {
    { 0, "bios", FIRST, add_bios },
    { 1, "system", FIRST, add_system },
    { 2, "baseBoard", EACH, add_board },
    { 3, "chassis", FIRST, add_chassis },
    { 4, "processor", EACH, add_processor },
    { 17, "memory_device", EACH, add_memory },
    { 11, "oemStrings", MERGED, add_oem_strings },
};

char *host_sysinfo_format_table(const uint8_t *table, size_t length, unsigned version)
{
    g_autoptr(GString) xml = g_string_new("<sysinfo type='smbios'>\n");
    bool any = false;
    for (unsigned i = 0; i < G_N_ELEMENTS(groups); i++) {
        const uint8_t *cursor = table;
        Structure structure;
        unsigned found = 0;
        while (next_structure(&cursor, table + length, &structure) && structure.type != 127) {
            if (structure.type != groups[i].type || (found && groups[i].which == FIRST) || !is_populated(&structure))
                continue;
            if (found > 0 && groups[i].which == EACH)
                g_string_append_printf(xml, "  </%s>\n", groups[i].element);
            if (found == 0 || groups[i].which == EACH)
                g_string_append_printf(xml, "  <%s>\n", groups[i].element);
            groups[i].add(xml, &structure, version);
            found++;
        }
        if (found > 0)
            g_string_append_printf(xml, "  </%s>\n", groups[i].element);
        any = any || found > 0;
    }
    if (!any)
        return NULL;
    g_string_append(xml, "</sysinfo>\n");
    return g_strdup(xml->str);
}

/* Major × 256 + minor of the entry point; 0 if it is none. */
static unsigned entry_point_version(const char *data, size_t length)
{
    if (length >= 0x18 && memcmp(data, "_SM3_", 5) == 0)
        return (unsigned)((uint8_t)data[7] << 8 | (uint8_t)data[8]);
    if (length >= 0x1e && memcmp(data, "_SM_", 4) == 0)
        return (unsigned)((uint8_t)data[6] << 8 | (uint8_t)data[7]);
    return 0;
}

/* What an ordinary user may read of it. */
static char *format_ids(const char *sysroot)
{
    static const struct {
        const char *element, *name, *file;
    } rows[] = {
        { "bios", "vendor", "bios_vendor" },
        { "bios", "version", "bios_version" },
        { "bios", "date", "bios_date" },
        { "bios", "release", "bios_release" },
        { "system", "manufacturer", "sys_vendor" },
        { "system", "product", "product_name" },
        { "system", "version", "product_version" },
        { "system", "serial", "product_serial" },
        { "system", "uuid", "product_uuid" },
        { "system", "sku", "product_sku" },
        { "system", "family", "product_family" },
        { "baseBoard", "manufacturer", "board_vendor" },
        { "baseBoard", "product", "board_name" },
        { "baseBoard", "version", "board_version" },
        { "baseBoard", "serial", "board_serial" },
        { "baseBoard", "asset", "board_asset_tag" },
        { "chassis", "manufacturer", "chassis_vendor" },
        { "chassis", "version", "chassis_version" },
        { "chassis", "serial", "chassis_serial" },
        { "chassis", "asset", "chassis_asset_tag" },
    };
    GString *xml = g_string_new(NULL);
    const char *open = NULL;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = host_sysfs_read(sysroot, "/sys/class/dmi/id/%s", rows[i].file);
        if (!text || !text[0] || !g_utf8_validate(text, -1, NULL))
            continue;
        if (g_strcmp0(open, rows[i].element) != 0) {
            if (open)
                g_string_append_printf(xml, "  </%s>\n", open);
            g_string_append_printf(xml, "  <%s>\n", rows[i].element);
            open = rows[i].element;
        }
        add_entry(xml, rows[i].name, text);
    }
    if (open) {
        g_string_append_printf(xml, "  </%s>\n</sysinfo>\n", open);
        g_string_prepend(xml, "<sysinfo type='smbios'>\n");
    }
    return g_string_free(xml, open == NULL);
}

char *host_sysinfo_format(const char *sysroot, GError **error)
{
    g_autofree char *entry_path = g_strconcat(sysroot, TABLE_DIR "/smbios_entry_point", NULL);
    g_autofree char *table_path = g_strconcat(sysroot, TABLE_DIR "/DMI", NULL);
    g_autofree char *entry = NULL, *table = NULL;
    gsize entry_length = 0, table_length = 0;
    char *xml = NULL;
    if (g_file_get_contents(entry_path, &entry, &entry_length, NULL) &&
        g_file_get_contents(table_path, &table, &table_length, NULL)) {
        unsigned version = entry_point_version(entry, entry_length);
        if (version)
            xml = host_sysinfo_format_table((const uint8_t *)table, table_length, version);
    }
    if (!xml)
        xml = format_ids(sysroot);
    if (!xml)
        error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                  "Host SMBIOS information is not available: this host's firmware leaves no tables in " TABLE_DIR);
    return xml;
}
