/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of guests' vsocks: an address (CID) of their own, held by a descriptor that QEMU gets. */
#include "base/auto-fd.h"
#include "base/error.h"
#include "vm/vm-prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <sys/ioctl.h>

#define VSOCK_DEVICE "/dev/vhost-vsock"
#define FIRST_CID    3 /* those below mean the hypervisor, this machine and the host */
#define LAST_CID     65535

static bool take_cid(int fd, guint64 cid)
{
    return ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, &cid) == 0;
}

/* The given CID, or the first that nobody has. */
static bool choose_cid(int fd, DomainVsock *vsock, GError **error)
{
    if (vsock->cid_auto != TRI_YES)
        return take_cid(fd, vsock->cid) || error_set_errno(error, errno, "<vsock>: take CID %u", vsock->cid);
    for (unsigned cid = FIRST_CID; cid <= LAST_CID; cid++) {
        if (take_cid(fd, cid)) {
            vsock->cid = cid;
            return true;
        }
        if (errno != EADDRINUSE)
            return error_set_errno(error, errno, "<vsock>: take CID %u", cid);
    }
    return error_set(error, VIR_ERR_OPERATION_FAILED, "<vsock>: no CID up to %d is free", LAST_CID);
}

bool vm_prepare_vsocks(VmStart *start, GError **error)
{
    Domain *live = start->live;
    start->vsock_fds = g_new0(int, live->n_vsocks);
    for (unsigned i = 0; i < live->n_vsocks; i++) {
        auto_fd int fd = open(VSOCK_DEVICE, O_RDWR | O_CLOEXEC);
        if (fd < 0)
            return error_set_errno(error, errno, "<vsock>: open '" VSOCK_DEVICE "' (modprobe vhost_vsock)");
        if (!choose_cid(fd, live->vsocks[i], error))
            return false;
        start->vsock_fds[i] = qemu_fds_add(start->fds, fd_steal(&fd));
    }
    start->resources.vhost_vsock_fds = live->n_vsocks ? start->vsock_fds : NULL;
    return true;
}
