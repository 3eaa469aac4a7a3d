/* SPDX-License-Identifier: Apache-2.0 */
/* Guest memory: -m, the back ends, NUMA cells and memory modules. Sizes in the definition are KiB. */
#include "base/cpuset.h"
#include "base/error.h"
#include "qemu/qemu-args-private.h"

#include <string.h>
#include <unistd.h>

#define KIB_PER_MIB 1024
#define LARGEST_KIB ((guint64)1 << 50)

static guint64 round_up(guint64 kib)
{
    return (kib + KIB_PER_MIB - 1) / KIB_PER_MIB * KIB_PER_MIB;
}

/* Modules sit at multiples of 2 MiB. */
static guint64 module_size(const DomainMemory *memory)
{
    return (memory->size + 2 * KIB_PER_MIB - 1) / (2 * KIB_PER_MIB) * (2 * KIB_PER_MIB);
}

/* What the guest boots with: <memory> counts the modules too. */
static bool has_cells(const Domain *def)
{
    return def->cpu && def->cpu->n_numa_cells > 0;
}

static guint64 boot_memory(const Domain *def)
{
    guint64 modules = 0, cells = 0;
    for (unsigned i = 0; has_cells(def) && i < def->cpu->n_numa_cells; i++)
        cells += round_up(def->cpu->numa_cells[i]->memory); /* QEMU wants the exact sum of what it is given */
    if (cells)
        return cells;
    for (unsigned i = 0; i < def->n_memories; i++)
        modules += module_size(def->memories[i]);
    return round_up(def->memory > modules ? def->memory - modules : def->memory);
}

bool qemu_args_has_memory_backend(const QemuArgs *args)
{
    return args->machine->default_ram_id != NULL;
}

static bool find_hugepages(QemuArgs *args, guint64 size_kib, const char **ret_path, GError **error)
{
    const QemuStartResources *resources = args->resources;
    guint64 wanted = size_kib ? size_kib : resources->default_hugepage_kib;
    for (unsigned i = 0; i < resources->n_hugepages; i++) {
        if (resources->hugepages[i].size_kib == wanted) {
            *ret_path = resources->hugepages[i].path;
            return true;
        }
    }
    return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                     "<hugepages>: no hugetlbfs with pages of %" G_GUINT64_FORMAT
                     " KiB is mounted; mount one (mount -t hugetlbfs hugetlbfs /dev/hugepages) and reserve pages",
                     wanted);
}

/* Whether @nodeset (NULL: all) holds @cell (-1: the guest has no cells). */
static bool covers(const char *nodeset, int cell)
{
    if (!nodeset || cell < 0)
        return true;
    g_autoptr(Cpuset) set = cpuset_parse(nodeset, NULL);
    return set && cpuset_has(set, (unsigned)cell);
}

/* The page size for @cell: a row that names it before one for all. False: ordinary pages. */
static bool hugepage_size(const Domain *def, int cell, guint64 *ret_size_kib)
{
    const DomainHugepage *found = NULL;
    if (!def->hugepages)
        return false;
    *ret_size_kib = 0;
    for (unsigned i = 0; i < def->n_hugepage_sizes; i++) {
        const DomainHugepage *page = def->hugepage_sizes[i];
        if (covers(page->nodeset, cell) && (!found || page->nodeset))
            found = page;
    }
    if (found)
        *ret_size_kib = found->size;
    if (found && found->size * 1024 == (guint64)sysconf(_SC_PAGESIZE))
        return false;
    /* Rows that all name other cells leave this one with ordinary pages. */
    return found || def->n_hugepage_sizes == 0;
}

static JsonArray *nodes_array(const char *nodeset)
{
    g_autoptr(Cpuset) set = cpuset_parse(nodeset, NULL);
    JsonArray *array = json_array_new();
    for (unsigned i = 0; set && i < cpuset_end(set); i++)
        if (cpuset_has(set, i))
            json_array_add_int_element(array, i);
    return array;
}

static void add_host_nodes(const Domain *def, JsonObject *object, int cell, const char *nodemask)
{
    static const char *const policies[NUMA_MODE_COUNT] = { [NUMA_MODE_UNSET] = "bind",
                                                           [NUMA_MODE_STRICT] = "bind",
                                                           [NUMA_MODE_PREFERRED] = "preferred",
                                                           [NUMA_MODE_INTERLEAVE] = "interleave" };
    const DomainNumatune *tune = def->numatune;
    const char *nodeset = tune ? tune->nodeset : NULL;
    NumaMode mode = tune ? tune->mode : NUMA_MODE_UNSET;
    for (unsigned i = 0; tune && cell >= 0 && i < tune->n_memnodes; i++) {
        if (tune->memnodes[i]->cellid == (unsigned)cell) {
            nodeset = tune->memnodes[i]->nodeset;
            mode = tune->memnodes[i]->mode;
        }
    }
    if (nodemask)
        nodeset = nodemask;
    /* 'restrictive' leaves the choice to the cgroup alone. */
    if (nodeset && policies[mode])
        qmp_object_add(object, "a:host-nodes", nodes_array(nodeset), "s:policy", policies[mode], NULL);
}

/* What one back end is to be. */
typedef struct {
    const char *id;
    guint64 size_kib;
    int cell;            /* NUMA cell, -1: none */
    MemoryAccess access; /* UNSET: the guest's own setting */
    Tri discard;
    const char *nodemask; /* of the module, or NULL */
    guint64 pagesize;     /* of the module in KiB, 0: as the cell */
    bool is_boot_memory;  /* the machine's default RAM */
} Backend;

static MemoryAccess access_of(const QemuArgs *args, const Backend *backend)
{
    return backend->access ? backend->access : args->def->memory_access;
}

static JsonObject *hugepage_backend(QemuArgs *args, const Backend *backend, guint64 page, GError **error)
{
    const char *path = NULL;
    if (args->def->memory_source == MEMORY_SOURCE_MEMFD) {
        guint64 size = page ? page : args->resources->default_hugepage_kib;
        return qmp_object("s:qom-type", "memory-backend-memfd", "s:id", backend->id, "b:hugetlb", TRUE, "I:hugetlbsize",
                          (gint64)size * 1024, "b:prealloc", TRUE, NULL);
    }
    if (!find_hugepages(args, page, &path, error))
        return NULL;
    return qmp_object("s:qom-type", "memory-backend-file", "s:id", backend->id, "s:mem-path", path, "b:prealloc", TRUE,
                      NULL);
}

static JsonObject *new_backend(QemuArgs *args, const Backend *backend, GError **error)
{
    guint64 page = backend->pagesize;
    if (page || hugepage_size(args->def, backend->cell, &page))
        return hugepage_backend(args, backend, page, error);
    MemorySource source = args->def->memory_source;
    /* What is shared is shared with another process, which needs a descriptor of it. */
    if (!source && access_of(args, backend) == MEMORY_ACCESS_SHARED)
        source = MEMORY_SOURCE_MEMFD;
    if (source == MEMORY_SOURCE_MEMFD)
        return qmp_object("s:qom-type", "memory-backend-memfd", "s:id", backend->id, NULL);
    if (source != MEMORY_SOURCE_FILE)
        return qmp_object("s:qom-type", "memory-backend-ram", "s:id", backend->id, NULL);
    if (!args->resources->memory_dir) {
        error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<memoryBacking>: there is no directory for memory files");
        return NULL;
    }
    /* In a directory QEMU makes a file without a name, of which nothing is left behind. */
    return qmp_object("s:qom-type", "memory-backend-file", "s:id", backend->id, "s:mem-path",
                      args->resources->memory_dir, NULL);
}

static bool add_backend(QemuArgs *args, const Backend *backend, GError **error)
{
    const Domain *def = args->def;
    JsonObject *object = new_backend(args, backend, error);
    if (!object)
        return false;
    MemoryAccess access = access_of(args, backend);
    if (access)
        json_object_set_boolean_member(object, "share", access == MEMORY_ACCESS_SHARED);
    else if (g_str_has_suffix(qmp_get_string(object, "qom-type"), "-memfd"))
        json_object_set_boolean_member(object, "share", FALSE); /* its own default is TRUE */
    bool discard = backend->discard == TRI_YES || (backend->discard == TRI_UNSET && def->memory_discard);
    if (discard && g_str_has_suffix(qmp_get_string(object, "qom-type"), "-file"))
        json_object_set_boolean_member(object, "discard-data", TRUE);
    /* Migration between back ends of different kinds must find the same name. */
    if (backend->is_boot_memory && !g_str_has_suffix(qmp_get_string(object, "qom-type"), "-ram"))
        json_object_set_boolean_member(object, "x-use-canonical-path-for-ramblock-id", FALSE);
    if (def->memory_allocation == MEMORY_ALLOCATION_IMMEDIATE)
        json_object_set_boolean_member(object, "prealloc", TRUE);
    if (qmp_get_bool(object, "prealloc", false) && def->memory_allocation_threads)
        json_object_set_int_member(object, "prealloc-threads", def->memory_allocation_threads);
    json_object_set_int_member(object, "size", (gint64)backend->size_kib * 1024);
    add_host_nodes(def, object, backend->cell, backend->nodemask);
    qemu_args_add_json(args, "-object", object);
    return true;
}

/* Sizes are handed to QEMU in bytes, as JSON's signed numbers. */
static bool check_sizes(const Domain *def, GError **error)
{
    guint64 largest = MAX(def->memory, def->max_memory);
    for (unsigned i = 0; i < def->n_memories; i++)
        largest = MAX(largest, def->memories[i]->size);
    for (unsigned i = 0; has_cells(def) && i < def->cpu->n_numa_cells; i++)
        largest = MAX(largest, def->cpu->numa_cells[i]->memory);
    if (largest > LARGEST_KIB)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "%" G_GUINT64_FORMAT " KiB of memory are more than a guest can have", largest);
    return true;
}

bool qemu_args_memory(QemuArgs *args, GError **error)
{
    const Domain *def = args->def;
    if (!check_sizes(def, error))
        return false;
    guint64 boot = boot_memory(def);
    if (boot == 0)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<memory> is zero");
    if (def->max_memory)
        qemu_args_add(args, "-m", "size=%" G_GUINT64_FORMAT "k,slots=%u,maxmem=%" G_GUINT64_FORMAT "k", boot,
                      def->memory_slots, round_up(def->max_memory));
    else
        qemu_args_add(args, "-m", "size=%" G_GUINT64_FORMAT "k", boot);
    if (!has_cells(def) && qemu_args_has_memory_backend(args)) {
        Backend backend = { .id = args->machine->default_ram_id, .size_kib = boot, .cell = -1, .is_boot_memory = true };
        if (!add_backend(args, &backend, error))
            return false;
    }
    qemu_args_add(args, "-overcommit", "mem-lock=%s", def->memory_locked ? "on" : "off");
    return true;
}

static unsigned cell_id(const Domain *def, unsigned position)
{
    const DomainNumaCell *cell = def->cpu->numa_cells[position];
    return cell->id_set ? cell->id : position;
}

static bool add_cell(QemuArgs *args, unsigned position, GError **error)
{
    const DomainNumaCell *cell = args->def->cpu->numa_cells[position];
    unsigned id = cell_id(args->def, position);
    g_autofree char *name = g_strdup_printf("ram-node%u", id);
    Backend backend = { .id = name,
                        .size_kib = round_up(cell->memory),
                        .cell = (int)id,
                        .access = cell->mem_access,
                        .discard = cell->discard };
    if (cell->memory && !add_backend(args, &backend, error))
        return false;
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, "node,nodeid=%u", id);
    g_auto(GStrv) ranges = g_strsplit(cell->cpus ? cell->cpus : "", ",", -1);
    for (char **range = ranges; *range; range++)
        if (**range)
            g_string_append_printf(text, ",cpus=%s", *range);
    if (cell->memory)
        g_string_append_printf(text, ",memdev=%s", name);
    qemu_args_add(args, "-numa", "%s", text->str);
    return true;
}

bool qemu_args_numa(QemuArgs *args, GError **error)
{
    const Domain *def = args->def;
    if (!has_cells(def))
        return true;
    if (def->cpu->n_numa_latencies || def->cpu->n_numa_bandwidths)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<interconnects>: latencies and bandwidths between NUMA cells are not handed to guests");
    for (unsigned i = 0; i < def->cpu->n_numa_cells; i++)
        if (!add_cell(args, i, error))
            return false;
    for (unsigned i = 0; i < def->cpu->n_numa_cells; i++) {
        const DomainNumaCell *cell = def->cpu->numa_cells[i];
        for (unsigned j = 0; j < cell->n_distances; j++)
            qemu_args_add(args, "-numa", "dist,src=%u,dst=%u,val=%u", cell_id(def, i), cell->distances[j]->id,
                          cell->distances[j]->value);
    }
    return true;
}

/* A module backed by a file of its own: nvdimm, virtio-pmem. */
static void add_file_backend(QemuArgs *args, const DomainMemory *memory, const char *id)
{
    JsonObject *object = qmp_object("s:qom-type", "memory-backend-file", "s:id", id, "s:mem-path", memory->path, NULL);
    MemoryAccess access = memory->access ? memory->access : args->def->memory_access;
    bool shared = memory->model == MEMORY_MODEL_VIRTIO_PMEM || access == MEMORY_ACCESS_SHARED;
    qmp_object_add(object, "b:share", (gboolean)shared, NULL);
    if (args->def->memory_allocation == MEMORY_ALLOCATION_IMMEDIATE)
        json_object_set_boolean_member(object, "prealloc", TRUE);
    qmp_object_add(object, "i:size", (gint64)module_size(memory) * 1024, "I:align", (gint64)memory->alignsize * 1024,
                   "B:pmem", (gboolean)memory->pmem, "B:readonly", (gboolean)memory->read_only, NULL);
    qemu_args_add_json(args, "-object", object);
}

static bool add_module(QemuArgs *args, const DomainMemory *memory, GError **error)
{
    static const char *const drivers[MEMORY_MODEL_COUNT] = { [MEMORY_MODEL_DIMM] = "pc-dimm",
                                                             [MEMORY_MODEL_NVDIMM] = "nvdimm",
                                                             [MEMORY_MODEL_VIRTIO_PMEM] = "virtio-pmem-pci",
                                                             [MEMORY_MODEL_VIRTIO_MEM] = "virtio-mem-pci" };
    const char *driver = drivers[memory->model];
    if (!driver)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<memory model='%s'>: not supported",
                         model_enum_text(&model_enum_memory_model, memory->model));
    g_autofree char *id = g_strconcat("mem", memory->info.alias, NULL);
    Backend backend = { .id = id,
                        .size_kib = module_size(memory),
                        .cell = memory->node_set ? (int)memory->node : -1,
                        .access = memory->access,
                        .discard = memory->discard,
                        .nodemask = memory->nodemask,
                        .pagesize = memory->pagesize };
    if (memory->path)
        add_file_backend(args, memory, id);
    else if (!add_backend(args, &backend, error))
        return false;
    JsonObject *device = qmp_object("s:driver", driver, NULL);
    if (memory->node_set && memory->model != MEMORY_MODEL_VIRTIO_PMEM)
        json_object_set_int_member(device, "node", memory->node);
    qmp_object_add(device, "I:label-size", (gint64)memory->label_size * 1024, "I:block-size",
                   (gint64)memory->block * 1024, "I:requested-size", (gint64)memory->requested * 1024, "s:memdev", id,
                   NULL);
    if (memory->model == MEMORY_MODEL_NVDIMM && memory->uuid)
        json_object_set_string_member(device, "uuid", memory->uuid);
    return qemu_args_add_device(args, device, &memory->info, "<memory>", error);
}

bool qemu_args_memory_device(QemuArgs *args, unsigned index, GError **error)
{
    return add_module(args, args->def->memories[index], error);
}

bool qemu_args_memory_devices(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_memories; i++)
        if (!add_module(args, args->def->memories[i], error))
            return false;
    return true;
}
