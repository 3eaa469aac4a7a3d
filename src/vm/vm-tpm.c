/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-tpm.h"

#include "base/auto-fd.h"
#include "base/durable-file.h"
#include "base/error.h"
#include "base/log.h"
#include "vm/vm-settings.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CMD_SHUTDOWN 3 /* of swtpm's control channel, swtpm_ioctls(3): big-endian, no arguments */

static char *state_dir(const Paths *paths, const Uuid *uuid)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(uuid, text);
    return g_strdup_printf("%s/swtpm/%s", paths->qemu_state_dir, text);
}

static bool make_state_dir(VmStart *start, const char *dir, GError **error)
{
    const VmUser *user = &start->settings->user;
    g_autofree char *parent = g_path_get_dirname(dir);
    if (!directory_ensure(parent, 0711, error) || !directory_ensure(dir, 0700, error))
        return false;
    if (user->switch_user && lchown(dir, user->uid, user->gid) < 0)
        return error_set_errno(error, errno, "give '%s' to user '%s'", dir, user->name);
    return true;
}

static GPtrArray *swtpm_arguments(const DomainTpm *tpm, const char *dir, int fd)
{
    GPtrArray *args = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(args, g_strdup("socket"));
    if (tpm->version != TPM_VERSION_1_2)
        g_ptr_array_add(args, g_strdup("--tpm2"));
    g_ptr_array_add(args, g_strdup("--ctrl"));
    g_ptr_array_add(args, g_strdup_printf("type=unixio,clientfd=%d", fd));
    g_ptr_array_add(args, g_strdup("--tpmstate"));
    g_ptr_array_add(args, g_strdup_printf("dir=%s,mode=0600", dir));
    g_ptr_array_add(args, g_strdup("--terminate"));
    g_ptr_array_add(args, g_strdup("--daemon"));
    return args;
}

static bool start_emulator(VmStart *start, const DomainTpm *tpm, const char *program, int end, GError **error)
{
    const VmUser *user = &start->settings->user;
    g_autofree char *dir = state_dir(start->daemon->paths, &start->vm->uuid);
    g_autofree char *log = g_strdup_printf("%s/%s-swtpm.log", start->daemon->paths->qemu_log_dir, start->name);
    g_autofree char *label = g_strdup_printf("guest '%s': swtpm", start->name);
    g_autoptr(QemuFds) fds = qemu_fds_new();
    int fd = qemu_fds_add(fds, end);
    if (!make_state_dir(start, dir, error))
        return false;
    g_autoptr(GPtrArray) args = swtpm_arguments(tpm, dir, fd);
    QemuLaunch launch = QEMU_LAUNCH_INIT;
    launch.set_user = user->switch_user;
    launch.uid = user->uid;
    launch.gid = user->gid;
    QemuHelper helper = { .name = label,
                          .program = program,
                          .args = args,
                          .fds = fds,
                          .log_path = log,
                          .launch = &launch,
                          .timeout_ms = 10000 };
    return qemu_helper_run(&helper, error);
}

static bool prepare_tpm(VmStart *start, const DomainTpm *tpm, int *ret_fd, GError **error)
{
    g_autofree char *program = g_find_program_in_path("swtpm");
    int pair[2];
    if (!program)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<tpm>: the program swtpm is not installed (Debian: apt-get install swtpm)");
    if (tpm->encryption_secret)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<tpm>: encrypted TPM state is not supported yet");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return error_set_errno(error, errno, "create a socket pair");
    auto_fd int ours = pair[0];
    if (!start_emulator(start, tpm, program, pair[1], error))
        return false;
    int kept = fcntl(ours, F_DUPFD_CLOEXEC, 3);
    if (kept >= 0)
        g_array_append_val(start->tpm_controls, kept);
    *ret_fd = qemu_fds_add(start->fds, fd_steal(&ours));
    return true;
}

bool vm_prepare_tpms(VmStart *start, GError **error)
{
    const Domain *live = start->live;
    start->tpm_fds = g_new(int, live->n_tpms + 1);
    start->tpm_controls = g_array_new(FALSE, FALSE, sizeof(int));
    start->resources.tpm_fds = start->tpm_fds;
    for (unsigned i = 0; i < live->n_tpms; i++) {
        start->tpm_fds[i] = -1;
        if (live->tpms[i]->backend == TPM_BACKEND_EMULATOR &&
            !prepare_tpm(start, live->tpms[i], &start->tpm_fds[i], error))
            return false;
    }
    return true;
}

void vm_tpms_end(VmStart *start)
{
    static const uint8_t shutdown_order[4] = { 0, 0, 0, CMD_SHUTDOWN };
    for (unsigned i = 0; start->tpm_controls && i < start->tpm_controls->len; i++) {
        int fd = g_array_index(start->tpm_controls, int, i);
        /* Started and never used, it would wait for ever: it ends by itself only after a guest has used it. */
        bool taken_over = start->live == NULL;
        if (!taken_over && send(fd, shutdown_order, sizeof shutdown_order, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            log_debug("swtpm of guest '%s': %s", start->name, g_strerror(errno));
        close(fd);
    }
    g_clear_pointer(&start->tpm_controls, g_array_unref);
    g_clear_pointer(&start->tpm_fds, g_free);
}

void vm_tpm_remove_state(const Paths *paths, const Uuid *uuid)
{
    g_autofree char *dir = state_dir(paths, uuid);
    g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
    const char *name;
    while (entries && (name = g_dir_read_name(entries))) {
        g_autofree char *path = g_build_filename(dir, name, NULL);
        if (unlink(path) < 0)
            log_warning("remove '%s': %s", path, g_strerror(errno));
    }
    if (rmdir(dir) < 0 && errno != ENOENT)
        log_warning("remove '%s': %s", dir, g_strerror(errno));
}
