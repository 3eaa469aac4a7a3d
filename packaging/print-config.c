/* SPDX-License-Identifier: Apache-2.0 */
/* Build tool: writes the default lodged.conf, or the body of its man page, from the table of configuration keys. */
#include "daemon/config.h"

#include <stdio.h>
#include <string.h>

static const char *type_name(const ConfigRow *row)
{
    static const char *const names[] = { "number", "\"string\"", "[\"list\", …]" };
    return names[row->type];
}

static const char *shown_value(const ConfigRow *row)
{
    static const char *const examples[] = { "0", "\"\"", "[]" };
    return row->preset ? row->preset : examples[row->type];
}

static void print_file(void)
{
    printf("# Configuration of lodged; see lodged.conf(5). Every key is commented out and shows its preset.\n"
           "# The keys are those of libvirtd.conf, and of qemu.conf those that stand below; any other is an error.\n");
    for (const ConfigRow *row = config_rows; row->key; row++) {
        if (!row->inert)
            printf("\n# %s\n#%s = %s\n", row->doc, row->key, shown_value(row));
    }
    printf("\n# Taken for the sake of existing files, without effect here:\n");
    for (const ConfigRow *row = config_rows; row->key; row++) {
        if (row->inert)
            printf("#   %s: %s\n", row->key, row->inert);
    }
}

/* Text for roff: a backslash or a point at the start of a line would be a command. */
static void print_roff(const char *text)
{
    for (const char *at = text; *at; at++) {
        if (*at == '\\' || *at == '-')
            putchar('\\');
        putchar(*at);
    }
    putchar('\n');
}

static void print_man_entry(const ConfigRow *row)
{
    printf(".TP\n\\fB%s\\fR = %s", row->key, type_name(row));
    if (row->preset && row->type == CONFIG_STRING)
        printf(" (preset %s)", row->preset);
    else if (row->preset)
        printf(" (preset %s, from %lld to %lld)", row->preset, (long long)row->lowest, (long long)row->highest);
    printf("\n");
    print_roff(row->inert ? row->inert : row->doc);
}

static void print_man(void)
{
    for (const ConfigRow *row = config_rows; row->key; row++) {
        if (!row->inert)
            print_man_entry(row);
    }
    printf(".SH KEYS WITHOUT EFFECT\nTaken for the sake of existing files; the log says so once.\n");
    for (const ConfigRow *row = config_rows; row->key; row++) {
        if (row->inert)
            print_man_entry(row);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "--man"))
        print_man();
    else
        print_file();
    return 0;
}
