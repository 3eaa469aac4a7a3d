/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include "base/error.h"
#include "cli/i18n.h"
#include "cli/table.h"

#include <errno.h>
#include <inttypes.h>
#include <json-glib/json-glib.h>
#include <string.h>

struct Output {
    FILE *file;
    OutputStyle style;
    JsonBuilder *builder;
    unsigned depth;
    bool started;
    int label_width;
};

Output *output_new(FILE *file, OutputStyle style)
{
    Output *output = g_new0(Output, 1);
    output->file = file;
    output->style = style;
    output->label_width = 15;
    if (style.json)
        output->builder = json_builder_new();
    return output;
}

void output_free(Output *output)
{
    if (!output)
        return;
    g_clear_object(&output->builder);
    g_free(output);
}

bool output_is_json(const Output *output)
{
    return output->style.json;
}

bool output_is_quiet(const Output *output)
{
    return output->style.quiet;
}

bool output_has_colour(const Output *output)
{
    return output->style.colour && !output->style.json;
}

FILE *output_file(Output *output)
{
    return output->file;
}

static void print_json(Output *output, bool pretty)
{
    g_autoptr(JsonGenerator) generator = json_generator_new();
    JsonNode *root = json_builder_get_root(output->builder);
    json_generator_set_root(generator, root);
    json_generator_set_pretty(generator, pretty);
    g_autofree char *text = json_generator_to_data(generator, NULL);
    fprintf(output->file, "%s\n", text);
    json_node_unref(root);
    json_builder_reset(output->builder);
    output->started = false;
}

bool output_finish(Output *output, GError **error)
{
    if (output->style.json && output->started) {
        while (output->depth)
            output_end_object(output);
        print_json(output, true);
    }
    if (fflush(output->file) != 0 || ferror(output->file))
        return error_set_errno(error, errno, _("cannot write the output"));
    return true;
}

void output_flush_line(Output *output)
{
    if (output->style.json && output->started) {
        while (output->depth)
            output_end_object(output);
        print_json(output, false);
    }
    fflush(output->file);
}

/* A member outside any object opens the document's own one. */
static void member(Output *output, const char *key)
{
    if (!output->started) {
        json_builder_begin_object(output->builder);
        output->started = true;
        output->depth = 1;
    }
    if (key)
        json_builder_set_member_name(output->builder, key);
}

static void begin(Output *output, const char *key, JsonBuilder *(*begin_node)(JsonBuilder *))
{
    if (!output->style.json)
        return;
    if (key || output->started)
        member(output, key);
    begin_node(output->builder);
    output->started = true;
    output->depth++;
}

void output_begin_object(Output *output, const char *key)
{
    begin(output, key, json_builder_begin_object);
}

void output_end_object(Output *output)
{
    if (!output->style.json)
        return;
    json_builder_end_object(output->builder);
    output->depth--;
}

void output_begin_list(Output *output, const char *key)
{
    begin(output, key, json_builder_begin_array);
}

void output_end_list(Output *output)
{
    if (!output->style.json)
        return;
    json_builder_end_array(output->builder);
    output->depth--;
}

void output_set_label_width(Output *output, int width)
{
    output->label_width = width;
}

static void print_label(Output *output, const char *label)
{
    int padding = output->label_width - table_display_width(label);
    fprintf(output->file, "%s%*s ", label, MAX(padding, 0), "");
}

void output_text(Output *output, const char *key, const char *label, const char *value)
{
    if (output->style.json) {
        output_json_text(output, key, value);
        return;
    }
    print_label(output, label);
    fprintf(output->file, "%s\n", value ? value : "-");
}

void output_word(Output *output, const char *key, const char *label, const char *value)
{
    output_text(output, key, label, output->style.json || !value ? value : _(value));
}

void output_number(Output *output, const char *key, const char *label, int64_t value, const char *unit)
{
    if (output->style.json) {
        output_json_number(output, key, value);
        return;
    }
    print_label(output, label);
    fprintf(output->file, "%" PRIi64 "%s%s\n", value, unit ? " " : "", unit ? unit : "");
}

void output_unsigned(Output *output, const char *key, const char *label, uint64_t value, const char *unit)
{
    if (output->style.json) {
        output_json_number(output, key, (int64_t)MIN(value, (uint64_t)INT64_MAX));
        return;
    }
    print_label(output, label);
    fprintf(output->file, "%" PRIu64 "%s%s\n", value, unit ? " " : "", unit ? unit : "");
}

void output_bool(Output *output, const char *key, const char *label, bool value, const char *yes, const char *no)
{
    if (output->style.json)
        output_json_bool(output, key, value);
    else
        output_text(output, key, label, value ? yes : no);
}

void output_number_as(Output *output, const char *key, const char *label, double value, const char *text)
{
    if (output->style.json)
        output_json_double(output, key, value);
    else
        output_text(output, key, label, text);
}

char *output_human_size(uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024 && unit + 1 < G_N_ELEMENTS(units); unit++)
        value /= 1024;
    return g_strdup_printf("%.3f %s", value, units[unit]);
}

void output_gap(Output *output)
{
    if (!output->style.json)
        fputc('\n', output->file);
}

void output_line(Output *output, const char *format, ...)
{
    if (output->style.json)
        return;
    va_list args;
    va_start(args, format);
    vfprintf(output->file, format, args);
    va_end(args);
    fputc('\n', output->file);
}

void output_json_text(Output *output, const char *key, const char *value)
{
    if (!output->style.json)
        return;
    member(output, key);
    if (!value) {
        json_builder_add_null_value(output->builder);
        return;
    }
    g_autofree char *valid = g_utf8_make_valid(value, -1);
    json_builder_add_string_value(output->builder, valid);
}

void output_json_number(Output *output, const char *key, int64_t value)
{
    if (!output->style.json)
        return;
    member(output, key);
    json_builder_add_int_value(output->builder, value);
}

void output_json_bool(Output *output, const char *key, bool value)
{
    if (!output->style.json)
        return;
    member(output, key);
    json_builder_add_boolean_value(output->builder, value);
}

void output_json_double(Output *output, const char *key, double value)
{
    if (!output->style.json)
        return;
    member(output, key);
    json_builder_add_double_value(output->builder, value);
}

void output_json_raw(Output *output, const char *key, const char *json)
{
    if (!output->style.json)
        return;
    JsonNode *node = json_from_string(json, NULL);
    if (!node) {
        output_json_text(output, key, json);
        return;
    }
    member(output, key);
    json_builder_add_value(output->builder, node);
}

void output_whole(Output *output, const char *key, const char *value)
{
    if (output->style.json) {
        output_json_text(output, key, value);
        return;
    }
    fprintf(output->file, "%s%s", value, g_str_has_suffix(value, "\n") ? "" : "\n");
}

void output_remark(Output *output, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    if (output->style.json)
        output_json_text(output, "message", text);
    else if (!output->style.quiet)
        fprintf(output->file, "%s\n", text);
}
