/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures of screens. QEMU draws into anonymous memory that is handed to it as a descriptor set, so there is no file
 * that QEMU's user must be able to write, nor one to remove; the stream then sends that memory.
 */
#include "base/auto-fd.h"
#include "base/error.h"
#include "base/log.h"
#include "base/main-loop.h"
#include "qemu/qmp-object.h"
#include "rpc/handlers.h"
#include "rpc/stream.h"
#include "vm/vm-monitor.h"
#include "vm/vm-wire.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#define CHUNK (128 << 10)

/* The main loop's side: sends what is in a file of memory. */

typedef struct {
    Stream *stream;
    int fd;
    off_t offset;
} Picture;

static void send_more(Stream *stream, gpointer user)
{
    Picture *picture = user;
    char buffer[CHUNK];
    ssize_t length;
    while ((length = pread(picture->fd, buffer, sizeof buffer, picture->offset)) > 0) {
        picture->offset += length;
        if (!stream_send(stream, buffer, (size_t)length))
            return;
    }
    stream_send_end(stream);
}

static void on_closed(Stream *stream, bool aborted, gpointer user)
{
    Picture *picture = user;
    auto_fd_close(&picture->fd);
    stream_unref(picture->stream);
    g_free(picture);
}

static const StreamCallbacks stream_callbacks = { .may_send = send_more, .closed = on_closed };

static void attach(gpointer data)
{
    Picture *picture = data;
    g_autoptr(Stream) stream = stream_ref(picture->stream);
    stream_attach(stream, &stream_callbacks, picture);
    if (stream_is_open(stream))
        send_more(stream, picture);
}

/* The mailbox's side */

typedef struct {
    const char *device; /* alias of the video device */
    unsigned head;
} Screen;

/* Screens are counted over the heads of all video devices. */
static bool find_screen(const Domain *live, unsigned number, Screen *ret_screen, GError **error)
{
    unsigned left = number;
    for (unsigned i = 0; i < live->n_videos; i++) {
        const DomainVideo *video = live->videos[i];
        unsigned heads = MAX(video->heads, 1);
        if (left < heads && video->type != VIDEO_TYPE_NONE) {
            *ret_screen = (Screen){ video->info.alias, left };
            return true;
        }
        left -= MIN(left, heads);
    }
    if (live->n_videos == 0 || live->videos[0]->type == VIDEO_TYPE_NONE)
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED,
                         "guest '%s' has no screens to take a picture of: add a <video> device", live->name);
    return error_set(error, VIR_ERR_INVALID_ARG, "guest '%s' has no screen %u", live->name, number);
}

/* Hands QEMU a descriptor of the memory that can only be written, since it opens sets by their access mode. */
static bool add_to_set(Vm *vm, int memory, gint64 *ret_set, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", memory);
    auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
    g_autoptr(JsonNode) reply = NULL;
    if (fd < 0)
        return error_set_errno(error, errno, "open memory for the picture");
    if (!qmp_call_with_fd(vm->qmp, "add-fd", NULL, fd, VM_QMP_TIMEOUT_MS, &reply, error))
        return false;
    *ret_set = qmp_get_int(qmp_node_object(reply), "fdset-id", -1);
    return true;
}

static bool screendump(Vm *vm, gint64 set, const Screen *screen, bool png, GError **error)
{
    g_autofree char *path = g_strdup_printf("/dev/fdset/%" G_GINT64_FORMAT, set);
    JsonObject *args = qmp_object("s:filename", path, "s:format", png ? "png" : NULL, "s:device", screen->device, NULL);
    if (screen->device)
        qmp_object_add(args, "i:head", (gint64)screen->head, NULL);
    return vm_qmp(vm, "screendump", args, NULL, error);
}

/* PNG where QEMU can write it (from 7.1, if built with libpng), else PPM. */
static bool draw(Vm *vm, int memory, const Screen *screen, const char **ret_mime, GError **error)
{
    gint64 set = -1;
    if (!add_to_set(vm, memory, &set, error))
        return false;
    bool done = screendump(vm, set, screen, true, NULL);
    *ret_mime = "image/png";
    if (!done) {
        *ret_mime = "image/x-portable-pixmap";
        done = (lseek(memory, 0, SEEK_SET) == 0 && ftruncate(memory, 0) == 0) ||
               error_set_errno(error, errno, "empty the memory for the picture");
        done = done && screendump(vm, set, screen, false, error);
    }
    g_autoptr(GError) ignored = NULL;
    if (!vm_qmp(vm, "remove-fd", qmp_object("i:fdset-id", set, NULL), NULL, &ignored))
        log_debug("remove-fd: %s", ignored->message);
    return done;
}

bool vm_screenshot(Call *call, const DomainScreenshotArgs *args, DomainScreenshotRet *ret, GError **error)
{
    Vm *vm = call->object;
    Screen screen;
    const char *mime;
    if (!flags_check(call, args->flags, 0, error) || !vm_require_active(vm->view, error) ||
        !find_screen(vm->view->live->domain, args->screen, &screen, error))
        return false;
    if (!vm->qmp)
        return vm_qmp(vm, "query-status", NULL, NULL, error); /* says why it cannot be reached */
    auto_fd int memory = memfd_create("lodge-screenshot", MFD_CLOEXEC);
    if (memory < 0)
        return error_set_errno(error, errno, "make memory for the picture");
    if (!draw(vm, memory, &screen, &mime, error))
        return false;
    Picture *picture = g_new(Picture, 1);
    *picture = (Picture){ stream_ref(call->stream), fd_steal(&memory), 0 };
    main_loop_post(attach, picture);
    ret->mime = g_strdup(mime);
    return true;
}
