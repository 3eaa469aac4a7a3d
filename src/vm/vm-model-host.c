/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-model-host.h"

#include "base/error.h"
#include "qemu/qemu-caps.h"

#include <unistd.h>

typedef struct {
    ModelHost base;
    Daemon *daemon;
    GMutex lock;
    char *nvram_dir;
    GHashTable *emulators; /* arch → path or "" (owned); an answer is kept while its file is there */
} VmModelHost;

static VmModelHost *self(const ModelHost *host)
{
    return host->data;
}

static const char *find_emulator(const ModelHost *host, const char *arch)
{
    VmModelHost *me = self(host);
    g_mutex_lock(&me->lock);
    const char *path = g_hash_table_lookup(me->emulators, arch);
    if (!path || access(path, X_OK) < 0) {
        char *found = qemu_emulator_find(arch);
        path = found ? g_intern_string(found) : NULL;
        if (path)
            g_hash_table_replace(me->emulators, g_strdup(arch), (char *)path);
        g_free(found);
    }
    g_mutex_unlock(&me->lock);
    return path;
}

/*
 * The capabilities of @emulator or NULL. The reference is dropped at once: the cache holds one as long as the file is
 * unchanged, and strings that outlive this call are interned by the callers below.
 */
static QemuCaps *caps_of(const ModelHost *host, const char *emulator)
{
    return qemu_caps_cache_get(self(host)->daemon->qemu_caps, emulator, NULL);
}

static bool check_emulator(const ModelHost *host, const char *emulator, GError **error)
{
    g_autoptr(QemuCaps) caps = qemu_caps_cache_get(self(host)->daemon->qemu_caps, emulator, error);
    return caps != NULL;
}

static const char *canonical_machine(const ModelHost *host, const char *emulator, const char *arch, const char *machine)
{
    g_autoptr(QemuCaps) caps = caps_of(host, emulator);
    const QemuMachine *found = caps ? qemu_caps_machine(caps, machine) : NULL;
    return found ? g_intern_string(found->name) : NULL;
}

static const char *default_cpu(const ModelHost *host, const char *emulator, const char *arch, const char *machine,
                               bool kvm)
{
    g_autoptr(QemuCaps) caps = caps_of(host, emulator);
    const QemuMachine *found = caps ? qemu_caps_machine(caps, machine) : NULL;
    return found && found->default_cpu ? g_intern_string(found->default_cpu) : NULL;
}

static bool has_device(const ModelHost *host, const char *emulator, const char *device)
{
    g_autoptr(QemuCaps) caps = caps_of(host, emulator);
    return caps && qemu_caps_has_type(caps, device);
}

static unsigned max_vcpus(const ModelHost *host, const char *emulator, const char *arch, const char *machine, bool kvm)
{
    g_autoptr(QemuCaps) caps = caps_of(host, emulator);
    const QemuMachine *found = caps ? qemu_caps_machine(caps, machine) : NULL;
    return found ? found->max_cpus : 0;
}

static bool has_kvm(const ModelHost *host, const char *arch)
{
    const char *emulator = find_emulator(host, arch);
    g_autoptr(QemuCaps) caps = emulator ? caps_of(host, emulator) : NULL;
    return caps && caps->kvm.usable;
}

static bool kvm_has_sev(void)
{
    g_autofree char *text = NULL;
    return g_file_get_contents("/sys/module/kvm_amd/parameters/sev", &text, NULL, NULL) &&
           (*text == 'Y' || *text == '1');
}

ModelHost *vm_model_host_new(Daemon *daemon)
{
    VmModelHost *me = g_new0(VmModelHost, 1);
    me->daemon = daemon;
    g_mutex_init(&me->lock);
    me->emulators = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *passt = g_find_program_in_path("passt");
    g_autofree char *swtpm = g_find_program_in_path("swtpm");
    me->nvram_dir = g_build_filename(daemon->paths->qemu_state_dir, "nvram", NULL);
    me->base = (ModelHost){
        .data = me,
        .native_arch = qemu_host_arch(),
        .emulator = find_emulator,
        .check_emulator = check_emulator,
        .machine = canonical_machine,
        .default_cpu = default_cpu,
        .has_device = has_device,
        .max_vcpus = max_vcpus,
        .has_kvm = has_kvm,
        .nvram_dir = me->nvram_dir,
        .has_swtpm = swtpm != NULL,
        .has_passt = passt != NULL,
        .has_sev = kvm_has_sev(),
    };
    return &me->base;
}

void vm_model_host_free(ModelHost *host)
{
    if (!host)
        return;
    VmModelHost *me = self(host);
    g_hash_table_unref(me->emulators);
    g_free(me->nvram_dir);
    g_mutex_clear(&me->lock);
    g_free(me);
}
