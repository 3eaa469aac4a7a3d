/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of displays that bring their own connection, or get one made: QEMU's "add_client". */
#include "base/auto-fd.h"
#include "base/error.h"
#include "base/log.h"
#include "qemu/qmp-object.h"
#include "rpc/handlers.h"
#include "vm/vm-monitor.h"
#include "vm/vm-wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define FD_NAME "lodge-graphics"

static const char *graphics_protocol(const Domain *live, unsigned index, GError **error)
{
    if (index >= live->n_graphics) {
        error_set(error, VIR_ERR_INTERNAL_ERROR, "No graphics backend with index %u: guest '%s' has %u", index,
                  live->name, live->n_graphics);
        return NULL;
    }
    switch (live->graphics[index]->type) {
    case GRAPHICS_TYPE_VNC: return "vnc";
    case GRAPHICS_TYPE_SPICE: return "spice";
    default:
        error_set(error, VIR_ERR_INTERNAL_ERROR,
                  "Can only open VNC or SPICE graphics backends, not number %u of guest '%s'", index, live->name);
        return NULL;
    }
}

/* Makes @fd (borrowed) a client of the display, as if it had connected to its port. */
static bool add_client(Vm *vm, unsigned index, int fd, bool skip_auth, GError **error)
{
    if (!vm_require_active(vm->view, error))
        return false;
    const char *protocol = graphics_protocol(vm->view->live->domain, index, error);
    if (!protocol)
        return false;
    if (!vm->qmp)
        return vm_qmp(vm, "query-status", NULL, NULL, error); /* says why it cannot be reached */
    if (!qmp_call_with_fd(vm->qmp, "getfd", qmp_object("s:fdname", FD_NAME, NULL), fd, VM_QMP_TIMEOUT_MS, NULL, error))
        return false;
    JsonObject *args = qmp_object("s:protocol", protocol, "s:fdname", FD_NAME, "b:skipauth", (gboolean)skip_auth, NULL);
    if (vm_qmp(vm, "add_client", args, NULL, error))
        return true;
    g_autoptr(GError) gone = NULL;
    if (!vm_qmp(vm, "closefd", qmp_object("s:fdname", FD_NAME, NULL), NULL, &gone))
        log_debug("closefd: %s", gone->message);
    return false;
}

bool vm_open_graphics(Call *call, const DomainOpenGraphicsArgs *args, void *ret, GError **error)
{
    struct stat info;
    if (!flags_check(call, args->flags, VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH, error))
        return false;
    if (call->n_fds != 1 || fstat(call->fds[0], &info) < 0 || !S_ISSOCK(info.st_mode))
        return error_set(error, VIR_ERR_INVALID_ARG, "one socket must come with the call, over a unix connection");
    return add_client(call->object, args->idx, call->fds[0], args->flags & VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH, error);
}

bool vm_open_graphics_fd(Call *call, const DomainOpenGraphicsFdArgs *args, void *ret, GError **error)
{
    int pair[2];
    if (!flags_check(call, args->flags, VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH, error))
        return false;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return error_set_errno(error, errno, "make a connection to the display");
    auto_fd int ours = pair[0];
    auto_fd int qemus = pair[1];
    if (!add_client(call->object, args->idx, qemus, args->flags & VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH, error))
        return false;
    call->reply_fds = g_new(int, 1);
    call->reply_fds[0] = fd_steal(&ours);
    call->n_reply_fds = 1;
    return true;
}
