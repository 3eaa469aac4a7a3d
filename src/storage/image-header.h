/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a disk image says of its backing file, read from its header alone. Only for images whose format is known:
 * nothing is ever guessed from contents, since a guest writes those. Source: QEMU's docs/interop/qcow2.txt. Any thread.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *path;   /* as the header has it, made absolute against the image's directory; NULL: no backing file */
    char *format; /* as the header names it; NULL if it does not */
    bool is_url;  /* "nbd://…", "json:…": not a file of this host */
} ImageBacking;

void image_backing_clear(ImageBacking *backing);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ImageBacking, image_backing_clear)

/*
 * Reads the header of the qcow2 image @fd, whose name is @path. VIR_ERR_OPERATION_FAILED if it is no qcow2 image or its
 * header is broken; the text names @path and the cure.
 */
bool image_qcow2_backing(int fd, const char *path, ImageBacking *ret_backing, GError **error);
