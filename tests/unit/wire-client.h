/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of the wire by plain system calls, for tests; whatever goes wrong fails the test. Any thread. */
#pragma once
#include "rpc/frame.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static inline int wire_connect(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct timeval patience = { .tv_sec = 20 };
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static inline void wire_send_bytes(int fd, const void *data, size_t length)
{
    g_assert_cmpint(send(fd, data, length, MSG_NOSIGNAL), ==, (gssize)length);
}

static inline void wire_send(int fd, uint32_t program, uint32_t procedure, uint32_t type, uint32_t serial,
                             uint32_t status, const void *payload, size_t length)
{
    FrameHeader header = { program, FRAME_VERSION, procedure, type, serial, status };
    g_autoptr(GByteArray) frame = frame_new(&header);
    g_byte_array_append(frame, payload, (guint)length);
    g_assert_true(frame_finish(frame, NULL));
    wire_send_bytes(fd, frame->data, frame->len);
}

static inline void wire_read_exactly(int fd, uint8_t *data, size_t length)
{
    while (length > 0) {
        ssize_t got = recv(fd, data, length, 0);
        g_assert_cmpint(got, >, 0);
        data += got;
        length -= (size_t)got;
    }
}

static inline GByteArray *wire_receive(int fd, FrameHeader *ret_header)
{
    uint8_t length[4];
    size_t size;
    wire_read_exactly(fd, length, 4);
    GByteArray *frame = g_byte_array_new();
    g_byte_array_set_size(frame, frame_read_u32(length));
    memcpy(frame->data, length, 4);
    wire_read_exactly(fd, frame->data + 4, frame->len - 4);
    g_assert_cmpint(frame_parse(frame->data, frame->len, ret_header, &size), ==, FRAME_COMPLETE);
    g_byte_array_remove_range(frame, 0, FRAME_HEADER_SIZE);
    return frame;
}
