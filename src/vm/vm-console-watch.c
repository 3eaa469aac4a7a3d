/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-console-watch.h"

#include "base/error.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/inotify.h>

struct FileWatch {
    int number; /* the kernel's; two watches of one file have the same */
    FileWatchNotice notice;
    gpointer data;
};

/* Both are made with the first watch and stay: an idle inotify descriptor costs nothing. */
static int inotify_fd = -1;
static GPtrArray *watches; /* of FileWatch * */

/* Tells the watches of one file. A notice may remove any watch, so each is looked up anew. */
static void tell(int number)
{
    for (guint i = watches->len; i-- > 0;) {
        if (i >= watches->len)
            continue;
        const FileWatch *watch = watches->pdata[i];
        if (watch->number == number)
            watch->notice(watch->data);
    }
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
    union {
        struct inotify_event event; /* for the alignment */
        char bytes[16 * sizeof(struct inotify_event)];
    } buffer;
    ssize_t length = read(fd, &buffer, sizeof buffer);
    /* Watches have no names, so all events have the same size. */
    for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= length;
         at += (ssize_t)sizeof(struct inotify_event)) {
        const struct inotify_event *event = (const struct inotify_event *)(const void *)(buffer.bytes + at);
        if (event->mask & IN_MODIFY)
            tell(event->wd);
    }
    return G_SOURCE_CONTINUE;
}

static bool open_inotify(GError **error)
{
    if (inotify_fd >= 0)
        return true;
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0)
        return error_set_errno(error, errno, "inotify (fs.inotify.max_user_instances may be too low)");
    inotify_fd = fd;
    watches = g_ptr_array_new();
    g_unix_fd_add(fd, G_IO_IN, on_readable, NULL);
    return true;
}

FileWatch *file_watch_add(int fd, FileWatchNotice notice, gpointer data, GError **error)
{
    if (!open_inotify(error))
        return NULL;
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    int number = inotify_add_watch(inotify_fd, path, IN_MODIFY);
    if (number < 0) {
        error_set_errno(error, errno, "watch a console's log (fs.inotify.max_user_watches may be too low)");
        return NULL;
    }
    FileWatch *watch = g_new(FileWatch, 1);
    *watch = (FileWatch){ number, notice, data };
    g_ptr_array_add(watches, watch);
    return watch;
}

void file_watch_remove(FileWatch *watch)
{
    if (!watch)
        return;
    g_ptr_array_remove(watches, watch);
    bool shared = false;
    for (guint i = 0; i < watches->len && !shared; i++)
        shared = ((FileWatch *)watches->pdata[i])->number == watch->number;
    if (!shared)
        inotify_rm_watch(inotify_fd, watch->number); /* fails only if the file is gone, and its watch with it */
    g_free(watch);
}
