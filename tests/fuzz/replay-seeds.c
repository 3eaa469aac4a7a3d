/* SPDX-License-Identifier: Apache-2.0 */
/* Runs one fuzz target over each file of the folders that are named, as TAP: what once crashed stays tested without
 * libFuzzer. */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    unsigned count = 0;
    printf("TAP version 13\n");
    for (int i = 1; i < argc; i++) {
        g_autoptr(GDir) dir = g_dir_open(argv[i], 0, NULL);
        const char *name;
        while (dir && (name = g_dir_read_name(dir))) {
            g_autofree char *path = g_build_filename(argv[i], name, NULL);
            g_autofree char *data = NULL;
            gsize size;
            if (!g_file_get_contents(path, &data, &size, NULL))
                continue;
            LLVMFuzzerTestOneInput((const uint8_t *)data, size);
            printf("ok %u - %s\n", ++count, name);
            fflush(stdout);
        }
    }
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    printf("ok %u - empty input\n1..%u\n", count + 1, count + 1);
    return 0;
}
