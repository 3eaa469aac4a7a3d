/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties that hold for every definition, tried on random ones made from the field table: what is written is read
 * back as the same, and what a definition gives back defines itself. G_TEST_SRCDIR/../golden/args has the documents to
 * change; LODGE_PROPERTY_ROUNDS makes it longer, LODGE_PROPERTY_SEED chooses other documents.
 */
#include "base/error.h"
#include "model/domain.h"
#include "model/scalar.h"

#include <libxml/parser.h>
#include <stdlib.h>

#define DEFAULT_ROUNDS 400
#define DEFAULT_SEED   20221101
#define DEPTH_MAX      8

static GRand *chooser;

static unsigned setting(const char *variable, unsigned fallback)
{
    const char *text = g_getenv(variable);
    return text ? (unsigned)strtoul(text, NULL, 10) : fallback;
}

static unsigned rounds(void)
{
    return setting("LODGE_PROPERTY_ROUNDS", DEFAULT_ROUNDS);
}

static bool chance(unsigned percent)
{
    return (unsigned)g_rand_int_range(chooser, 0, 100) < percent;
}

static char *random_number(const ModelRow *row)
{
    gint64 low = row->flags & MODEL_RANGE ? row->min : 0;
    guint64 high = row->flags & MODEL_RANGE ? row->max : 1000;
    gint64 top = (gint64)MIN(high, (guint64)low + 1000);
    return g_strdup_printf("%" G_GINT64_FORMAT, low + g_rand_int_range(chooser, 0, (gint32)(top - low + 1)));
}

static char *random_hex(unsigned digits)
{
    return g_strdup_printf("0x%x", g_rand_int(chooser) & (digits >= 8 ? 0xffffffffu : (1u << (4 * digits)) - 1));
}

static char *random_string(void)
{
    static const char *const texts[] = { "a", "web-1", "/dev/sda", "x y", "<&'\">", "äö", "0", "a.b_c" };
    return g_strdup(texts[g_rand_int_range(chooser, 0, G_N_ELEMENTS(texts))]);
}

/* A word that the row's field may hold. */
static char *random_text(const ModelRow *row)
{
    const ModelEnum *words = row->detail;
    switch (row->scalar) {
    case MODEL_SCALAR_YES: return g_strdup("yes");
    case MODEL_SCALAR_YESNO: return g_strdup(chance(50) ? "yes" : "no");
    case MODEL_SCALAR_ONOFF: return g_strdup(chance(50) ? "on" : "off");
    case MODEL_SCALAR_ENUM: return g_strdup(words->words[g_rand_int_range(chooser, 1, (gint32)words->n_words)]);
    case MODEL_SCALAR_HEX: return random_hex(row->width ? row->width : 4);
    case MODEL_SCALAR_HEX64: return random_hex(8);
    case MODEL_SCALAR_UUID:
    case MODEL_SCALAR_UUIDS: return g_strdup_printf("fc152f09-9b09-4890-a316-%012x", g_rand_int(chooser));
    case MODEL_SCALAR_MAC: return g_strdup_printf("52:54:00:00:00:%02x", g_rand_int_range(chooser, 0, 256));
    case MODEL_SCALAR_CPUSET:
        return g_strdup_printf("0-%d,%d", g_rand_int_range(chooser, 1, 4), g_rand_int_range(chooser, 6, 9));
    case MODEL_SCALAR_BCD: return g_strdup(chance(50) ? "1.09" : "2.00");
    case MODEL_SCALAR_RAW: return g_strdup("<x xmlns='urn:x'/>");
    case MODEL_SCALAR_STRING: return random_string();
    default: return random_number(row);
    }
}

static void *random_object(const ModelStruct *type, unsigned depth);

static void fill_list(const ModelRow *row, void *object, unsigned depth)
{
    char *field = (char *)object + row->offset;
    unsigned *count = (unsigned *)((char *)object + row->set_offset);
    unsigned wanted = (unsigned)g_rand_int_range(chooser, 1, 3);
    while (*count < wanted)
        model_list_insert(field, count, *count, random_object(row->detail, depth + 1));
}

static void fill_field(const ModelRow *row, void *object, unsigned depth)
{
    char *field = (char *)object + row->offset;
    if (row->kind == MODEL_STRUCT) {
        model_free(row->detail, *(void **)field);
        *(void **)field = random_object(row->detail, depth + 1);
    } else if (row->kind == MODEL_LIST) {
        fill_list(row, object, depth);
    } else if (row->scalar == MODEL_SCALAR_PRESENT) {
        *(bool *)field = true;
    } else if (row->scalar != MODEL_SCALAR_NONE && row->kind != MODEL_HIDDEN) {
        g_autofree char *text = random_text(row);
        g_autofree char *cure = NULL;
        if (model_codec(row->scalar)->owned)
            g_clear_pointer((char **)field, g_free);
        g_assert_true(model_codec(row->scalar)->parse(row, text, field, &cure));
        if (row->kind != MODEL_GROUP && row->set_offset != MODEL_NO_OFFSET)
            *((bool *)object + row->set_offset) = true;
    }
}

/* In percent, how likely an element of these rows gets a text. */
static unsigned text_chance(const ModelRow *rows, unsigned n)
{
    for (unsigned i = 0; i < n; i += 1 + rows[i].span) {
        if (rows[i].kind == MODEL_TEXT)
            return rows[i].flags & MODEL_REQUIRED ? 100 : 50;
    }
    return 0;
}

/* Sets rows by chance; deeper ones less often. An element gets text or children, not both. */
static void fill_rows(const ModelRow *rows, unsigned n, void *object, unsigned depth)
{
    unsigned percent = depth < 2 ? 30 : depth < DEPTH_MAX ? 25 : 0;
    bool text = chance(text_chance(rows, n));
    for (unsigned i = 0; i < n; i += 1 + rows[i].span) {
        const ModelRow *row = &rows[i];
        bool needed = row->flags & MODEL_REQUIRED;
        if (!model_row_applies(row, object) || (row->kind != MODEL_ATTRIBUTE && text != (row->kind == MODEL_TEXT)))
            continue;
        if (row->flags & MODEL_OWNER && (needed || chance(percent)))
            fill_field(row, object, depth);
        if (row->kind == MODEL_GROUP)
            fill_rows(row + 1, row->span, object, depth);
    }
}

static void *random_object(const ModelStruct *type, unsigned depth)
{
    void *object = g_malloc0(type->size);
    fill_rows(type->rows, type->n_rows, object, depth);
    return object;
}

/* The first line that is not the same in both, in its surroundings. */
static void assert_same_text(const char *first, const char *second)
{
    g_auto(GStrv) a = g_strsplit(first, "\n", -1);
    g_auto(GStrv) b = g_strsplit(second, "\n", -1);
    unsigned i = 0;
    while (a[i] && b[i] && g_str_equal(a[i], b[i]))
        i++;
    if (a[i] || b[i])
        g_error("line %u: '%s' became '%s' after '%s' in\n%s", i + 1, a[i], b[i], i ? a[i - 1] : "", first);
}

static void *read_back(const ModelStruct *type, const char *xml)
{
    g_assert_true(g_str_has_prefix(xml, "<domain"));
    g_autofree char *whole =
        g_strconcat("<domain xmlns:qemu='" MODEL_QEMU_NAMESPACE "'", xml + strlen("<domain"), NULL);
    xmlDoc *doc = xmlReadMemory(whole, (int)strlen(whole), NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOWARNING);
    g_assert_nonnull(doc);
    void *object = g_malloc0(type->size);
    g_autoptr(GError) error = NULL;
    model_parse(type, xmlDocGetRootElement(doc), object, MODEL_PARSE_ACTIVE, NULL, &error);
    xmlFreeDoc(doc);
    if (error)
        g_error("%s in %s", error->message, xml);
    return object;
}

static char *written(const ModelStruct *type, const void *object)
{
    GString *out = g_string_new(NULL);
    model_format(type, "domain", object, MODEL_FORMAT_ACTIVE | MODEL_FORMAT_SECURE, 0, out);
    return g_string_free(out, FALSE);
}

/* Rows alone, without any rule: what the table can hold survives being written and read. */
static void test_written_is_read_back(void)
{
    const ModelStruct *type = &model_domain;
    for (unsigned i = 0; i < rounds(); i++) {
        void *chosen = random_object(type, 0);
        g_autofree char *first = written(type, chosen);
        void *read = read_back(type, first);
        g_autofree char *second =
            written(type, read); /* an element that was only made to hold another is read as such */
        void *again = read_back(type, second);
        void *copy = model_copy(type, read);
        g_autofree char *third = written(type, again);
        assert_same_text(second, third);
        g_assert_true(model_equal(type, read, again));
        g_assert_true(model_equal(type, read, copy));
        model_free(type, chosen);
        model_free(type, read);
        model_free(type, again);
        model_free(type, copy);
    }
}

static void change_object(const ModelStruct *type, void *object, unsigned depth);

/* One step towards a random field below @row: deeper where there is something, else here. */
static bool change_row(const ModelRow *row, void *object, unsigned depth)
{
    char *field = (char *)object + row->offset;
    unsigned count = row->kind == MODEL_LIST ? *(unsigned *)((char *)object + row->set_offset) : 0;
    if (row->kind == MODEL_STRUCT && *(void **)field && chance(80)) {
        change_object(row->detail, *(void **)field, depth + 1);
    } else if (count > 0 && chance(90)) {
        change_object(row->detail, (*(void ***)field)[g_rand_int_range(chooser, 0, (gint32)count)], depth + 1);
    } else if (row->kind != MODEL_HIDDEN) {
        fill_field(row, object, DEPTH_MAX - 2);
    } else {
        return false;
    }
    return true;
}

static void change_object(const ModelStruct *type, void *object, unsigned depth)
{
    for (unsigned tries = 0; tries < 50; tries++) {
        const ModelRow *row = &type->rows[g_rand_int_range(chooser, 0, (gint32)type->n_rows)];
        if (row->flags & MODEL_OWNER && model_row_applies(row, object) && change_row(row, object, depth))
            return;
    }
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *load_documents(void)
{
    GPtrArray *texts = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *folder = g_test_build_filename(G_TEST_DIST, "..", "golden", "args", NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        if (g_str_has_suffix(name, ".xml"))
            g_ptr_array_add(names, g_build_filename(folder, name, NULL));
    }
    g_ptr_array_sort(names, compare_names);
    for (unsigned i = 0; i < names->len; i++) {
        char *text;
        g_assert_true(g_file_get_contents(names->pdata[i], &text, NULL, NULL));
        g_ptr_array_add(texts, text);
    }
    g_assert_cmpuint(texts->len, >, 10);
    return texts;
}

/* @text as the daemon would give it back; the error names @source, of which it was made. */
static Domain *define_again(const char *text, const char *source)
{
    g_autoptr(GError) error = NULL;
    Domain *domain = domain_parse(text, -1, 0, model_host_for_tests(), NULL, &error);
    if (!domain)
        g_error("%s in what was made of %s", error->message, source);
    return domain;
}

/* Whoever looks for all problems (`lodge validate`) finds one where a definition is refused, and none in what is given
 * back. */
static void check_problems(const char *text, const GError *refused)
{
    g_autoptr(GPtrArray) problems = domain_check(text, -1, model_host_for_tests());
    if (refused && !problems->len)
        g_error("refused (%s), but no problem is named in %s", refused->message, text);
    if (!refused && problems->len)
        g_error("%s, but it was accepted: %s", ((const DomainProblem *)problems->pdata[0])->text, text);
}

/*
 * What a definition gives back defines itself. The second time may order controllers that the first one added, as
 * libvirtd does; from then on nothing moves, appears or goes.
 */
static void check_fixed_point(const Domain *domain, const char *source)
{
    g_autofree char *first = domain_format(domain, DOMAIN_FORMAT_SECURE);
    check_problems(first, NULL);
    g_autoptr(Domain) again = define_again(first, source);
    g_autofree char *second = domain_format(again, DOMAIN_FORMAT_SECURE);
    g_autoptr(Domain) last = define_again(second, source);
    g_autofree char *third = domain_format(last, DOMAIN_FORMAT_SECURE);
    assert_same_text(second, third);
    g_autoptr(GPtrArray) differences = domain_compare(again, last);
    if (differences->len)
        g_error("%s differs after reading %s", ((ModelDifference *)differences->pdata[0])->path, second);
}

static void test_definition_defines_itself(void)
{
    g_autoptr(GPtrArray) documents = load_documents();
    unsigned accepted = 0;
    for (unsigned i = 0; i < rounds(); i++) {
        g_autoptr(GError) error = NULL;
        const char *text = documents->pdata[g_rand_int_range(chooser, 0, (gint32)documents->len)];
        g_autoptr(Domain) domain = domain_parse(text, -1, 0, model_host_for_tests(), NULL, &error);
        if (!domain)
            continue; /* of another host's */
        for (int changes = g_rand_int_range(chooser, 1, 4); changes > 0; changes--)
            change_object(&model_domain, domain, 0);
        g_autofree char *changed = domain_format(domain, DOMAIN_FORMAT_SECURE);
        g_autoptr(Domain) defined = domain_parse(changed, -1, 0, model_host_for_tests(), NULL, &error);
        g_assert_true(defined || error);
        if (!defined) {
            check_problems(changed, error);
            continue;
        }
        accepted++;
        check_fixed_point(defined, changed);
    }
    g_test_message("%u of %u random definitions were accepted", accepted, rounds());
    g_assert_cmpuint(accepted, >, rounds() / 10);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    unsigned seed = setting("LODGE_PROPERTY_SEED", DEFAULT_SEED);
    g_test_message("LODGE_PROPERTY_SEED=%u", seed);
    chooser = g_rand_new_with_seed(seed);
    g_test_add_func("/model-property/written-is-read-back", test_written_is_read_back);
    g_test_add_func("/model-property/definition-defines-itself", test_definition_defines_itself);
    int result = g_test_run();
    g_rand_free(chooser);
    return result;
}
