/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-runstate.h"

#include "base/durable-file.h"
#include "base/error.h"
#include "base/log.h"
#include "base/paths.h"
#include "vm/vm-outside.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define STATE_GROUP "guest"
/* Unix socket paths end at 107 bytes, so the directory takes only the beginning of a long name. */
#define DIRECTORY_NAME_BYTES 20

void vm_runstate_free(VmRunState *state)
{
    if (!state)
        return;
    g_free(state->emulator);
    g_free(state->run_dir);
    domain_free(state->live);
    g_free(state);
}

char *vm_runstate_dir(const Paths *paths, int id, const char *name)
{
    g_autofree char *start = g_utf8_substring(name, 0, MIN(g_utf8_strlen(name, -1), DIRECTORY_NAME_BYTES));
    while (strlen(start) > DIRECTORY_NAME_BYTES)
        *g_utf8_find_prev_char(start, start + strlen(start)) = 0;
    g_strdelimit(start, "/", '_');
    return g_strdup_printf("%s/%d-%s", paths->qemu_run_dir, id, start);
}

char *vm_runstate_monitor_path(const char *run_dir)
{
    return g_build_filename(run_dir, "monitor.sock", NULL);
}

static char *format_state(const Vm *vm, const VmView *view)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    char uuid[UUID_TEXT_SIZE];
    uuid_format(&vm->uuid, uuid);
    g_key_file_set_integer(file, STATE_GROUP, "id", view->id);
    g_key_file_set_string(file, STATE_GROUP, "uuid", uuid);
    g_key_file_set_integer(file, STATE_GROUP, "pid", view->process.pid);
    g_key_file_set_uint64(file, STATE_GROUP, "start_time", view->process.start_time);
    g_key_file_set_integer(file, STATE_GROUP, "state", view->state);
    g_key_file_set_integer(file, STATE_GROUP, "reason", view->reason);
    g_key_file_set_boolean(file, STATE_GROUP, "persistent", view->persistent);
    g_key_file_set_string(file, STATE_GROUP, "emulator", view->live->domain->emulator);
    return g_key_file_to_data(file, NULL, NULL);
}

static bool save_state(Vm *vm, GError **error)
{
    g_autofree char *path = g_build_filename(vm->run_dir, "state", NULL);
    g_autofree char *text = format_state(vm, vm->view);
    return atomic_file_write(path, text, -1, 0600, error);
}

bool vm_runstate_save(Vm *vm, GError **error)
{
    g_autofree char *path = g_build_filename(vm->run_dir, "live.xml", NULL);
    g_autofree char *xml = domain_format(vm->view->live->domain, DOMAIN_FORMAT_ACTIVE | DOMAIN_FORMAT_SECURE);
    return atomic_file_write(path, xml, -1, 0600, error) && save_state(vm, error);
}

void vm_runstate_save_state(Vm *vm)
{
    g_autoptr(GError) error = NULL;
    if (vm->run_dir && !save_state(vm, &error))
        log_warning("guest '%s': its run state could not be saved: %s", vm_view_domain(vm->view)->name, error->message);
}

static bool parse_state(VmRunState *state)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autofree char *path = g_build_filename(state->run_dir, "state", NULL);
    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL))
        return false;
    g_autofree char *uuid = g_key_file_get_string(file, STATE_GROUP, "uuid", NULL);
    if (!uuid || !uuid_parse(uuid, &state->uuid))
        return false;
    state->emulator = g_key_file_get_string(file, STATE_GROUP, "emulator", NULL);
    state->id = g_key_file_get_integer(file, STATE_GROUP, "id", NULL);
    state->process.pid = g_key_file_get_integer(file, STATE_GROUP, "pid", NULL);
    state->process.start_time = g_key_file_get_uint64(file, STATE_GROUP, "start_time", NULL);
    state->state = g_key_file_get_integer(file, STATE_GROUP, "state", NULL);
    state->reason = g_key_file_get_integer(file, STATE_GROUP, "reason", NULL);
    state->persistent = g_key_file_get_boolean(file, STATE_GROUP, "persistent", NULL);
    return state->emulator && state->id > 0 && state->process.pid > 1 && state->process.start_time > 0;
}

/* The value of @name in the environment that @pid was started with; NULL if it is not there. */
static char *process_variable(pid_t pid, const char *name)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/environ", (int)pid);
    g_autofree char *text = NULL;
    gsize length, name_length = strlen(name);
    if (!g_file_get_contents(path, &text, &length, NULL))
        return NULL;
    for (const char *item = text; item < text + length; item += strlen(item) + 1) {
        if (strncmp(item, name, name_length) == 0 && item[name_length] == '=')
            return g_strdup(item + name_length + 1);
    }
    return NULL;
}

/* QEMU carries its run directory and the guest's UUID in its environment, so that it is found without any file. */
static bool identify_by_environment(const char *run_dir, ProcessId *ret_process, Uuid *ret_uuid)
{
    g_autoptr(GDir) proc = g_dir_open("/proc", 0, NULL);
    const char *name;
    while (proc && (name = g_dir_read_name(proc))) {
        pid_t pid = (pid_t)g_ascii_strtoll(name, NULL, 10);
        g_autofree char *owned = pid > 1 ? process_variable(pid, VM_RUN_DIR_VARIABLE) : NULL;
        g_autofree char *uuid = g_strcmp0(owned, run_dir) == 0 ? process_variable(pid, VM_UUID_VARIABLE) : NULL;
        if (uuid && uuid_parse(uuid, ret_uuid))
            return process_identify(pid, ret_process, NULL);
    }
    return false;
}

static Domain *load_live_xml(const char *run_dir)
{
    g_autofree char *path = g_build_filename(run_dir, "live.xml", NULL);
    g_autofree char *xml = NULL;
    gsize length;
    g_autoptr(GError) error = NULL;
    if (!g_file_get_contents(path, &xml, &length, &error)) {
        log_warning("%s", error->message);
        return NULL;
    }
    Domain *live =
        domain_parse(xml, (gssize)length, DOMAIN_PARSE_ACTIVE | DOMAIN_PARSE_NO_VALIDATION, NULL, NULL, &error);
    if (!live)
        log_warning("'%s' cannot be read (%s): the guest's persistent definition stands in", path, error->message);
    return live;
}

VmRunState *vm_runstate_load(const char *run_dir, GError **error)
{
    g_autoptr(VmRunState) state = g_new0(VmRunState, 1);
    state->run_dir = g_strdup(run_dir);
    state->live = load_live_xml(run_dir);
    if (parse_state(state))
        return g_steal_pointer(&state);

    g_autofree char *base = g_path_get_basename(run_dir);
    g_clear_pointer(&state->emulator, g_free);
    state->torn = true;
    state->id = (int)g_ascii_strtoll(base, NULL, 10);
    state->state = VIR_DOMAIN_RUNNING;
    state->reason = VIR_DOMAIN_RUNNING_UNKNOWN;
    if (state->id <= 0 || !identify_by_environment(run_dir, &state->process, &state->uuid)) {
        error_set(error, VIR_ERR_INTERNAL_ERROR, "run directory '%s' tells of no guest that runs", run_dir);
        return NULL;
    }
    if (state->live)
        state->emulator = g_strdup(state->live->emulator);
    return g_steal_pointer(&state);
}

void vm_runstate_remove(const char *run_dir)
{
    vm_outside_undo(run_dir);
    g_autoptr(GDir) dir = g_dir_open(run_dir, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(run_dir, name, NULL);
        if (g_unlink(path) < 0)
            log_warning("remove '%s': %s", path, g_strerror(errno));
    }
    if (g_rmdir(run_dir) < 0 && errno != ENOENT)
        log_warning("remove directory '%s': %s", run_dir, g_strerror(errno));
}
