/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu/qemu-cpu-models.h"

#include <malloc.h>
#include <string.h>

#define KNOWN "known" /* the line that names every feature */

static void cpu_set_free(gpointer data)
{
    QemuCpuSet *set = data;
    g_free(set->name);
    g_hash_table_unref(set->features);
    g_free(set);
}

void qemu_cpu_models_free(QemuCpuModels *models)
{
    if (!models)
        return;
    g_ptr_array_unref(models->kvm);
    g_ptr_array_unref(models->tcg);
    g_hash_table_unref(models->names);
    g_free(models);
    malloc_trim(0); /* some 20,000 words that are rarely asked for: an idle daemon is small */
}

const QemuCpuSet *qemu_cpu_models_find(const QemuCpuModels *models, bool kvm, const char *name)
{
    const GPtrArray *list = kvm ? models->kvm : models->tcg;
    for (unsigned i = 0; i < list->len; i++) {
        const QemuCpuSet *set = list->pdata[i];
        if (!strcmp(set->name, name))
            return set;
    }
    return NULL;
}

GString *qemu_cpu_models_text(const char *key)
{
    GString *text = g_string_new(key);
    g_string_append_c(text, '\n');
    return text;
}

void qemu_cpu_models_append(GString *text, const char *accelerator, const char *name, const char *vendor,
                            const char *const *features)
{
    g_string_append_printf(text, "%s\t%s\t%s\t", accelerator, name, vendor ? vendor : "");
    for (; *features; features++)
        g_string_append_printf(text, "%s%s", *features, features[1] ? " " : "");
    g_string_append_c(text, '\n');
}

static GHashTable *cpu_set_of_words(const char *words)
{
    GHashTable *set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    char **list = g_strsplit(words, " ", -1);
    for (char **word = list; *word; word++) {
        if (**word)
            g_hash_table_add(set, g_steal_pointer(word));
        else
            g_free(*word);
    }
    g_free(list);
    return set;
}

static bool line_is_wanted(const char *line, const char *const *only)
{
    const char *name = strchr(line, '\t');
    gsize length = name ? strcspn(name + 1, "\t") : 0;
    for (; only && *only; only++) {
        if (strlen(*only) == length && !strncmp(name + 1, *only, length))
            return true;
    }
    return !only;
}

static void models_take_line(QemuCpuModels *models, const char *line)
{
    g_auto(GStrv) fields = g_strsplit(line, "\t", 4);
    if (g_strv_length(fields) < 4)
        return;
    if (!strcmp(fields[0], KNOWN)) {
        g_hash_table_unref(models->names);
        models->names = cpu_set_of_words(fields[3]);
        return;
    }
    QemuCpuSet *set = g_new0(QemuCpuSet, 1);
    set->name = g_strdup(fields[1]);
    set->vendor = *fields[2] ? g_intern_string(fields[2]) : NULL;
    set->features = cpu_set_of_words(fields[3]);
    g_ptr_array_add(!strcmp(fields[0], "kvm") ? models->kvm : models->tcg, set);
}

QemuCpuModels *qemu_cpu_models_parse(const char *text, const char *key, const char *const *only)
{
    gsize length = strlen(key);
    if (strncmp(text, key, length) || text[length] != '\n')
        return NULL;
    QemuCpuModels *models = g_new0(QemuCpuModels, 1);
    models->kvm = g_ptr_array_new_with_free_func(cpu_set_free);
    models->tcg = g_ptr_array_new_with_free_func(cpu_set_free);
    models->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) lines = g_strsplit(text + length + 1, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (line_is_wanted(*line, only))
            models_take_line(models, *line);
    }
    return models;
}
