/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu/qemu-explain.h"

#include <stdbool.h>
#include <string.h>

#define IMAGE_IN_USE                                                                                                   \
    "another process has this image open: shut the other guest down, or share the disk with <shareable/> in both"

/* The first pattern that occurs in what QEMU says counts. */
static const struct {
    const char *pattern, *cure;
} explain_rows[] = {
    { "Failed to get \"write\" lock", IMAGE_IN_USE },
    { "Failed to get shared \"write\" lock", IMAGE_IN_USE },
    { "Failed to get \"consistent read\" lock", IMAGE_IN_USE },
    { "Cannot assign requested address",
      "the address to listen on is none of this host's: give one that 'ip address' shows, or 0.0.0.0 for all" },
    { "Address already in use",
      "another program listens on this port ('ss -ltnp' shows which): give another, or autoport='yes'" },
    { "Failed to open SPICE sockets",
      "the address to listen on is none of this host's, or its port is taken: give one that 'ip address' shows, and "
      "autoport='yes'" },
    { "cannot set up guest memory", "the host cannot give this much memory: lower <memory>, end other guests or add "
                                    "swap; with <hugepages/>, reserve more of them (lodge allocpages)" },
    { "unable to map backing store for guest memory",
      "the host has too few free huge pages: reserve more (lodge allocpages), or lower <memory>" },
    { "Could not access KVM kernel module", "KVM does not work on this host (lodge doctor says why): use type='qemu'" },
    { "Permission denied", "QEMU runs as a user of its own: let that user reach the file, which takes the right to "
                           "enter each directory above it, too" },
    { "No space left on device", "the file system is full: free some space ('df' shows how much there is)" },
};

/* Lines that QEMU writes when all is well. */
static const char *const chatter[] = { "char device redirected to " };

static bool is_chatter(const char *line)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(chatter); i++)
        if (strstr(line, chatter[i]))
            return true;
    return false;
}

/* Nothing but chatter is kept: it is all that there is. */
static char *without_chatter(const char *words)
{
    g_auto(GStrv) lines = g_strsplit(words, "\n", -1);
    g_autoptr(GPtrArray) kept = g_ptr_array_new();
    for (char **line = lines; *line; line++)
        if (!is_chatter(*line))
            g_ptr_array_add(kept, *line);
    bool any = kept->len > 0;
    g_ptr_array_add(kept, NULL);
    return any ? g_strjoinv("\n", (char **)kept->pdata) : g_strdup(words);
}

/* The highest number first: "/dev/fdset/1" begins "/dev/fdset/12". */
static void name_sets(GString *text, const char *const *set_names)
{
    for (unsigned set = set_names ? g_strv_length((char **)set_names) : 0; set > 0; set--) {
        g_autofree char *number = g_strdup_printf("/dev/fdset/%u", set);
        g_string_replace(text, number, set_names[set - 1], 0);
    }
}

char *qemu_explain(const char *words, const char *const *set_names)
{
    g_autofree char *plain = without_chatter(words);
    g_autoptr(GString) text = g_string_new(plain);
    name_sets(text, set_names);
    for (unsigned i = 0; i < G_N_ELEMENTS(explain_rows); i++) {
        if (!strstr(words, explain_rows[i].pattern))
            continue;
        g_string_append_printf(text, " (%s)", explain_rows[i].cure);
        break;
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}
