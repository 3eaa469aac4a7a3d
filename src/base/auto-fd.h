/* SPDX-License-Identifier: Apache-2.0 */
/* A file descriptor that closes itself when its variable goes out of scope: `auto_fd int fd = open(…);`. */
#pragma once
#include <glib.h>
#include <stdio.h>
#include <unistd.h>

static inline void auto_fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

#define auto_fd __attribute__((cleanup(auto_fd_close)))

/* Hands the descriptor on: returns it and leaves -1 behind, so that the cleanup does nothing. */
static inline int fd_steal(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

static inline void auto_file_close(FILE **file)
{
    if (*file)
        fclose(*file);
    *file = NULL;
}

#define auto_file __attribute__((cleanup(auto_file_close)))
