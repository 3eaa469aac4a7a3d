/* SPDX-License-Identifier: Apache-2.0 */
/* The engine against its tables, hostile documents, comparing, single devices, cost. */
#include "base/error.h"
#include "model/domain.h"
#include "model/scalar.h"
#include <malloc.h>
#include <string.h>

#define GUEST(inner)                                                                                                   \
    "<domain type='qemu'><name>g</name><uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid><memory>65536</memory>"        \
    "<os><type arch='x86_64' machine='pc'>hvm</type></os>" inner "</domain>"

static Domain *test_define(const char *xml, GError **error)
{
    return domain_parse(xml, -1, 0, model_host_for_tests(), NULL, error);
}

static Domain *test_must_define(const char *xml)
{
    g_autoptr(GError) error = NULL;
    Domain *domain = test_define(xml, &error);
    g_assert_no_error(error);
    return domain;
}

/* Filling any struct of the tables with values that XML can show ------------------------------------------------- */

typedef struct {
    GRand *random;
    unsigned depth;
} Filler;

static void fill_struct(Filler *filler, const ModelStruct *type, void *object);

static uint64_t fill_number(Filler *filler, const ModelRow *row)
{
    uint64_t value = 1 + g_rand_int_range(filler->random, 0, 200);
    if (row->flags & MODEL_RANGE && (value > row->max || value < (uint64_t)MAX(row->min, 0)))
        value = row->max;
    if (row->flags & MODEL_OMIT && (int64_t)value == row->omit)
        value++;
    if (row->scalar == MODEL_SCALAR_SIZE)
        value *= MAX(1, model_unit_factor(row->unit_out) / row->scale);
    return value;
}

static void fill_scalar(Filler *filler, const ModelRow *row, void *object)
{
    char *field = (char *)object + row->offset;
    if (!(row->flags & MODEL_OWNER) && model_codec(row->scalar)->is_set(row, field))
        return;
    switch (row->scalar) {
    case MODEL_SCALAR_PRESENT:
    case MODEL_SCALAR_YES: *(bool *)field = true; break;
    case MODEL_SCALAR_YESNO:
    case MODEL_SCALAR_ONOFF:
        *(Tri *)field = row->flags & MODEL_OMIT ? TRI_YES : (Tri)g_rand_int_range(filler->random, 1, 3);
        break;
    case MODEL_SCALAR_ENUM: {
        const ModelEnum *words = row->detail;
        do {
            *(uint8_t *)field = (uint8_t)g_rand_int_range(filler->random, 1, (int)words->n_words);
        } while (row->flags & MODEL_OMIT && *(uint8_t *)field == row->omit && words->n_words > 2);
        break;
    }
    case MODEL_SCALAR_STRING: *(char **)field = g_strdup("a<b>&'\"c \xe8\x99\x9a"); break;
    case MODEL_SCALAR_UUIDS: *(char **)field = g_strdup("c7a5fdbd-edaf-9455-926a-d65c16db1809"); break;
    case MODEL_SCALAR_CPUSET: *(char **)field = g_strdup("0-3,5"); break;
    case MODEL_SCALAR_UUID: *(Uuid *)field = uuid_random(); break;
    case MODEL_SCALAR_MAC: memcpy(field, "\x52\x54\x00\x01\x02\xff", 6); break;
    case MODEL_SCALAR_BCD: *(int32_t *)field = 0x0109; break;
    case MODEL_SCALAR_RAW: *(char **)field = g_strdup("    <x:y xmlns:x=\"http://x/\"/>\n"); break;
    default: model_scalar_set_number(row, field, (int64_t)fill_number(filler, row)); break;
    }
    if (row->kind != MODEL_GROUP && row->set_offset != MODEL_NO_OFFSET)
        *((bool *)object + row->set_offset) = true;
}

static void fill_child(Filler *filler, const ModelRow *row, void *object)
{
    const ModelStruct *type = row->detail;
    char *field = (char *)object + row->offset;
    if (filler->depth > 6 || *(void **)field)
        return;
    void *child = g_malloc0(type->size);
    filler->depth++;
    fill_struct(filler, type, child);
    filler->depth--;
    if (row->kind == MODEL_STRUCT)
        *(void **)field = child;
    else
        model_list_insert(field, (unsigned *)((char *)object + row->set_offset), 0, child);
}

static void fill_rows(Filler *filler, const ModelRow *rows, unsigned n, void *object)
{
    for (unsigned i = 0; i < n; i += 1 + rows[i].span) {
        const ModelRow *row = &rows[i];
        if (row->when_offset != MODEL_NO_OFFSET && !(row->when >> *((uint8_t *)object + row->when_offset) & 1))
            continue;
        if (row->kind == MODEL_STRUCT || row->kind == MODEL_LIST)
            fill_child(filler, row, object);
        else if (row->scalar)
            fill_scalar(filler, row, object);
        if (row->kind == MODEL_GROUP)
            fill_rows(filler, row + 1, row->span, object);
    }
}

static void fill_struct(Filler *filler, const ModelStruct *type, void *object)
{
    fill_rows(filler, type->rows, type->n_rows, object);
}

static void test_every_row_round_trips(void)
{
    for (unsigned seed = 0; seed < 150; seed++) {
        Filler filler = { .random = g_rand_new_with_seed(seed) };
        g_autoptr(Domain) domain = g_new0(Domain, 1);
        fill_struct(&filler, &model_domain, domain);
        g_rand_free(filler.random);
        g_autofree char *text = domain_format(domain, DOMAIN_FORMAT_ACTIVE | DOMAIN_FORMAT_SECURE);
        g_autoptr(GPtrArray) warnings = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(Domain) again = domain_parse(text, -1, DOMAIN_PARSE_ACTIVE | DOMAIN_PARSE_NO_VALIDATION,
                                               model_host_for_tests(), &warnings, &error);
        g_assert_no_error(error);
        if (seed == 0)
            g_test_message("%zu bytes of XML", strlen(text));
        g_autoptr(GPtrArray) found = domain_compare(domain, again);
        for (unsigned i = 0; i < found->len; i++)
            g_test_message("seed %u: %s", seed, ((ModelDifference *)found->pdata[i])->path);
        for (unsigned i = 0; i < warnings->len; i++)
            g_test_message("seed %u: %s", seed, (char *)warnings->pdata[i]);
        g_assert_cmpuint(found->len, ==, 0);
        g_assert_cmpuint(warnings->len, ==, 0);
        g_autoptr(Domain) copy = domain_copy(again);
        g_autofree char *third = domain_format(copy, DOMAIN_FORMAT_ACTIVE | DOMAIN_FORMAT_SECURE);
        g_assert_cmpstr(text, ==, third);
    }
}

/* Hostile documents ---------------------------------------------------------------------------------------------- */

static void test_refuses(const char *xml, gssize length, int code, const char *naming)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Domain) domain = domain_parse(xml, length, 0, model_host_for_tests(), NULL, &error);
    g_assert_null(domain);
    g_assert_error(error, LODGE_ERROR, code);
    g_assert_nonnull(strstr(error->message, naming));
}

static void test_hostile(void)
{
    test_refuses(
        "<!DOCTYPE domain [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><domain type='qemu'><name>&a;</name></domain>", -1,
        VIR_ERR_XML_ERROR, "DOCTYPE");
    test_refuses(
        "<!DOCTYPE d [<!ENTITY a 'aaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><domain type='qemu'><name>&b;</name></domain>",
        -1, VIR_ERR_XML_ERROR, "DOCTYPE");
    test_refuses("<domain type='qemu'><name>&undefined;</name></domain>", -1, VIR_ERR_XML_DETAIL, "undefined");
    test_refuses("<domain type='qemu'><name>\xff\xfe</name></domain>", -1, VIR_ERR_XML_ERROR, "UTF-8");
    test_refuses("<domain type='qemu'><name>a</name>", -1, VIR_ERR_XML_DETAIL, "line 1");
    test_refuses("", 0, VIR_ERR_XML_DETAIL, "guest definition");
    test_refuses("<network/>", -1, VIR_ERR_XML_ERROR, "<network>");
    g_autoptr(GString) large = g_string_new("<domain type='qemu'><description>");
    while (large->len <= DOMAIN_XML_MAX)
        g_string_append(large, "0123456789abcdef0123456789abcdef");
    test_refuses(large->str, (gssize)large->len, VIR_ERR_XML_ERROR, "bytes of XML");
    g_autoptr(GString) deep = g_string_new("<domain type='qemu'><name>a</name><devices><disk>");
    for (unsigned i = 0; i < 5000; i++)
        g_string_append(deep, "<backingStore>");
    test_refuses(deep->str, (gssize)deep->len, VIR_ERR_XML_DETAIL, "guest definition");
    test_refuses(GUEST("<vcpu>many</vcpu>"), -1, VIR_ERR_XML_ERROR, "<vcpu>");
    test_refuses(GUEST("<devices><disk type='odd'/></devices>"), -1, VIR_ERR_XML_ERROR, "one of: file, block");
}

static void test_warnings(void)
{
    g_autoptr(GPtrArray) warnings = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(Domain) domain =
        domain_parse(GUEST("<colour>\nred</colour>\n<devices><input type='mouse' bus='ps2' legs='4'/></devices>"), -1,
                     0, model_host_for_tests(), &warnings, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(warnings->len, ==, 2);
    g_assert_cmpstr(warnings->pdata[0], ==, "line 3: <input>: attribute 'legs' is unknown here; it was left out");
    g_assert_cmpstr(warnings->pdata[1], ==, "line 1: element <colour> is unknown inside of <domain>; it was left out");
}

/* Comparing ------------------------------------------------------------------------------------------------------ */

static void test_compare(void)
{
    g_autoptr(Domain) a =
        test_must_define(GUEST("<devices><disk><source file='/a'/><target dev='vda'/></disk></devices>"));
    g_autoptr(Domain) b = domain_copy(a);
    g_autoptr(GPtrArray) none = domain_compare(a, b);
    g_assert_cmpuint(none->len, ==, 0);
    g_free(b->disks[0]->source.path);
    b->disks[0]->source.path = g_strdup("/b");
    b->current_memory = 4096;
    b->max_vcpus = 2;
    g_autoptr(GPtrArray) found = domain_compare(a, b);
    g_assert_cmpuint(found->len, ==, 3);
    const ModelDifference *balloon = found->pdata[0], *vcpus = found->pdata[1], *source = found->pdata[2];
    g_assert_cmpstr(balloon->path, ==, "currentMemory");
    g_assert_cmpint(balloon->change, ==, MODEL_CHANGE_LIVE);
    g_assert_cmpstr(vcpus->path, ==, "vcpu");
    g_assert_cmpint(vcpus->change, ==, MODEL_CHANGE_START);
    g_assert_cmpstr(source->path, ==, "devices/disk[1]/source/@file");
    g_assert_cmpint(source->change, ==, MODEL_CHANGE_LIVE);
}

/* Single devices ------------------------------------------------------------------------------------------------- */

static void test_devices(void)
{
    const ModelHost *host = model_host_for_tests();
    g_autoptr(GError) error = NULL;
    g_autoptr(Domain) domain =
        test_must_define(GUEST("<devices><disk><source file='/a'/><target dev='vda'/></disk></devices>"));
    DomainDeviceKind kind;
    g_autofree DomainDisk *none =
        domain_device_parse("<disk><target dev='q'/></disk>", -1, domain, host, &kind, NULL, &error);
    g_assert_null(none);
    g_clear_error(&error);
    void *disk = domain_device_parse("<disk><source file='/b'/><target dev='sda'/></disk>", -1, domain, host, &kind,
                                     NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpint(kind, ==, DOMAIN_DEVICE_DISKS);
    unsigned controllers = domain->n_controllers;
    DomainDisk *added = domain_device_add(domain, kind, disk, 0, host, &error);
    g_assert_no_error(error);
    g_assert_nonnull(added);
    g_assert_cmpuint(domain->n_controllers, ==, controllers + 1);
    g_autofree char *text = domain_device_format(kind, added, 0);
    g_assert_cmpstr(text, ==,
                    "<disk type='file' device='disk'>\n  <driver name='qemu' type='raw'/>\n  <source file='/b'/>\n"
                    "  <target dev='sda' bus='scsi'/>\n"
                    "  <address type='drive' controller='0' bus='0' target='0' unit='0'/>\n</disk>\n");
    g_assert_null(domain_device_add(domain, kind, disk, 0, host, &error)); /* the target is taken */
    g_assert_error(error, LODGE_ERROR, VIR_ERR_XML_ERROR);
    g_assert_true(domain_device_find(domain, kind, disk) == added);
    g_assert_true(domain_device_remove(domain, kind, added));
    g_assert_false(domain_device_remove(domain, kind, added));
    domain_device_free(kind, added);
    domain_device_free(kind, disk);
}

/* An unrelated edit must not move what is there. */
static void test_addresses_stay(void)
{
    g_autoptr(Domain) before =
        test_must_define(GUEST("<devices><interface type='user'><mac address='52:54:00:01:02:03'/></interface>"
                               "<disk><source file='/a'/><target dev='vda'/></disk></devices>"));
    g_autofree char *text = domain_format(before, 0);
    g_autoptr(Domain) after = test_must_define(text);
    g_autoptr(GError) error = NULL;
    model_free(&model_domain_interface, model_list_steal(&after->interfaces, &after->n_interfaces, 0));
    g_assert_true(domain_complete(after, 0, model_host_for_tests(), &error));
    g_assert_cmpuint(after->disks[0]->info.address->slot, ==, before->disks[0]->info.address->slot);
    g_assert_cmpuint(after->memballoons[0]->info.address->slot, ==, before->memballoons[0]->info.address->slot);
}

/* What a running guest's own state says is kept: ports in use, aliases, pseudo-terminals. */
static void test_run_state(void)
{
    g_autoptr(Domain) domain = test_must_define(
        GUEST("<devices><serial type='pty'/><graphics type='vnc'/><interface type='user'/></devices>"));
    g_autoptr(GError) error = NULL;
    domain->id = 7;
    domain->graphics[0]->port = 5902;
    domain->interfaces[0]->info.alias = g_strdup("net0");
    domain->consoles[0]->source.tty = g_strdup("/dev/pts/3");
    domain->serials[0]->source.tty = g_strdup("/dev/pts/3");
    g_assert_true(domain_complete(domain, DOMAIN_PARSE_ACTIVE, model_host_for_tests(), &error));
    g_autofree char *live = domain_format(domain, DOMAIN_FORMAT_ACTIVE);
    g_assert_nonnull(strstr(live, "<domain type='qemu' id='7'>"));
    g_assert_nonnull(strstr(live, "port='5902' autoport='yes'"));
    g_assert_nonnull(strstr(live, "<alias name='net0'/>"));
    g_assert_nonnull(strstr(live, "<console type='pty' tty='/dev/pts/3'>"));
    g_assert_nonnull(strstr(live, "<serial type='pty'>"));
    g_autoptr(Domain) inactive = test_must_define(live);
    g_assert_cmpint(inactive->graphics[0]->port, ==, -1);
    g_assert_null(inactive->interfaces[0]->info.alias);
    g_autofree char *migratable = domain_format(inactive, DOMAIN_FORMAT_MIGRATABLE);
    g_assert_null(strstr(migratable, "pci-root"));
    g_assert_null(strstr(migratable, "piix3-uhci"));
}

/* Cost ----------------------------------------------------------------------------------------------------------- */

static const char small_guest[] = GUEST(
    "<vcpu>2</vcpu><features><acpi/><apic/></features><devices>"
    "<disk><driver name='qemu' type='qcow2'/><source file='/var/lib/images/guest.qcow2'/><target dev='vda'/></disk>"
    "<disk device='cdrom'><target dev='hda'/></disk><interface type='bridge'><source bridge='br0'/><model "
    "type='virtio'/>"
    "</interface><serial type='pty'/><channel type='unix'><target type='virtio' "
    "name='org.qemu.guest_agent.0'/></channel>"
    "<graphics type='vnc'/><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng></devices>");

static void test_memory_of_a_guest(void)
{
    enum { GUESTS = 200 };
    Domain *guests[GUESTS];
    domain_free(test_must_define(small_guest)); /* what libxml2 keeps for itself */
    size_t before = mallinfo2().uordblks;
    for (unsigned i = 0; i < GUESTS; i++)
        guests[i] = test_must_define(small_guest);
    size_t each = (mallinfo2().uordblks - before) / GUESTS;
    g_test_message("a small guest takes %zu bytes", each);
    for (unsigned i = 0; i < GUESTS; i++)
        domain_free(guests[i]);
#ifndef __SANITIZE_ADDRESS__
    g_assert_cmpuint(each, <, 10 * 1024);
#endif
}

static void test_time_of_a_define(void)
{
    enum { ROUNDS = 300 };
    gint64 start = g_get_monotonic_time();
    for (unsigned i = 0; i < ROUNDS; i++) {
        g_autoptr(Domain) domain = test_must_define(small_guest);
        g_autofree char *text = domain_format(domain, 0);
    }
    g_test_message("define and format: %.1f us", (double)(g_get_monotonic_time() - start) / ROUNDS);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/every-row-round-trips", test_every_row_round_trips);
    g_test_add_func("/model/hostile", test_hostile);
    g_test_add_func("/model/warnings", test_warnings);
    g_test_add_func("/model/compare", test_compare);
    g_test_add_func("/model/devices", test_devices);
    g_test_add_func("/model/addresses-stay", test_addresses_stay);
    g_test_add_func("/model/run-state", test_run_state);
    g_test_add_func("/model/memory-of-a-guest", test_memory_of_a_guest);
    g_test_add_func("/model/time-of-a-define", test_time_of_a_define);
    return g_test_run();
}
