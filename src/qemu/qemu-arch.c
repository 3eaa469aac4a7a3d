/* SPDX-License-Identifier: Apache-2.0 */
/* Architectures: libvirt's names, QEMU's, and where their emulators are. */
#include "qemu/qemu-caps.h"

#include <string.h>
#include <sys/utsname.h>

typedef struct {
    const char *arch;   /* libvirt's */
    const char *suffix; /* of qemu-system-… */
    unsigned word_size;
} ArchRow;

static const ArchRow arch_rows[];

static const ArchRow *find_row(const char *arch)
{
    for (const ArchRow *row = arch_rows; row->arch; row++)
        if (g_strcmp0(row->arch, arch) == 0)
            return row;
    return NULL;
}

const char *qemu_host_arch(void)
{
    static gsize arch;
    if (g_once_init_enter(&arch)) {
        struct utsname info;
        const char *found = "x86_64";
        uname(&info);
        for (const ArchRow *row = arch_rows; row->arch; row++)
            if (strcmp(row->arch, info.machine) == 0)
                found = row->arch;
        g_once_init_leave(&arch, (gsize)found);
    }
    return (const char *)arch;
}

unsigned qemu_arch_word_size(const char *arch)
{
    const ArchRow *row = find_row(arch);
    return row ? row->word_size : 64;
}

const char *qemu_arch_suffix(const char *arch)
{
    const ArchRow *row = find_row(arch);
    return row ? row->suffix : NULL;
}

char *qemu_emulator_find(const char *arch)
{
    static const char *const own[] = { "/usr/libexec/qemu-kvm", "/usr/bin/qemu-kvm", "/usr/bin/kvm" };
    const char *suffix = qemu_arch_suffix(arch);
    if (!suffix)
        return NULL;
    g_autofree char *name = g_strconcat("qemu-system-", suffix, NULL);
    char *path = g_find_program_in_path(name);
    if (path || strcmp(arch, qemu_host_arch()) != 0)
        return path;
    for (unsigned i = 0; i < G_N_ELEMENTS(own); i++)
        if (g_file_test(own[i], G_FILE_TEST_IS_EXECUTABLE))
            return g_strdup(own[i]);
    return NULL;
}

char **qemu_emulator_arches(void)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    for (const ArchRow *row = arch_rows; row->arch; row++) {
        g_autofree char *path = qemu_emulator_find(row->arch);
        if (path)
            g_strv_builder_add(builder, row->arch);
    }
    return g_strv_builder_end(builder);
}

static const ArchRow arch_rows[] = {
    { "alpha", "alpha", 64 },
    { "armv6l", "arm", 32 },
    { "armv7l", "arm", 32 },
    { "aarch64", "aarch64", 64 },
    { "cris", "cris", 32 },
    { "hppa", "hppa", 32 },
    { "i686", "i386", 32 },
    { "loongarch64", "loongarch64", 64 },
    { "m68k", "m68k", 32 },
    { "microblaze", "microblaze", 32 },
    { "microblazeel", "microblazeel", 32 },
    { "mips", "mips", 32 },
    { "mips64", "mips64", 64 },
    { "mips64el", "mips64el", 64 },
    { "mipsel", "mipsel", 32 },
    { "or32", "or1k", 32 },
    { "ppc", "ppc", 32 },
    { "ppc64", "ppc64", 64 },
    { "ppc64le", "ppc64", 64 },
    { "riscv32", "riscv32", 32 },
    { "riscv64", "riscv64", 64 },
    { "s390x", "s390x", 64 },
    { "sh4", "sh4", 32 },
    { "sh4eb", "sh4eb", 32 },
    { "sparc", "sparc", 32 },
    { "sparc64", "sparc64", 64 },
    { "x86_64", "x86_64", 64 },
    { "xtensa", "xtensa", 32 },
    { "xtensaeb", "xtensaeb", 32 },
    { NULL },
};
