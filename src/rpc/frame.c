/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/frame.h"

#include "base/error.h"

#include <string.h>

void frame_append_u32(GByteArray *frame, uint32_t value)
{
    value = GUINT32_TO_BE(value);
    g_byte_array_append(frame, (const uint8_t *)&value, 4);
}

GByteArray *frame_new(const FrameHeader *header)
{
    GByteArray *frame = g_byte_array_sized_new(128);
    frame_append_u32(frame, 0);
    frame_append_u32(frame, header->program);
    frame_append_u32(frame, header->version);
    frame_append_u32(frame, header->procedure);
    frame_append_u32(frame, header->type);
    frame_append_u32(frame, header->serial);
    frame_append_u32(frame, header->status);
    return frame;
}

bool frame_finish(GByteArray *frame, GError **error)
{
    if (frame->len > FRAME_MAX)
        return error_set(error, VIR_ERR_RPC, "message of %u bytes is larger than the protocol's %u", frame->len,
                         FRAME_MAX);
    uint32_t length = GUINT32_TO_BE(frame->len);
    memcpy(frame->data, &length, 4);
    return true;
}

FrameState frame_parse(const uint8_t *data, size_t length, FrameHeader *ret_header, size_t *ret_size)
{
    *ret_size = 0;
    if (length < 4)
        return FRAME_INCOMPLETE;
    uint32_t size = frame_read_u32(data);
    if (size < FRAME_HEADER_SIZE || size > FRAME_MAX)
        return FRAME_MALFORMED;
    *ret_size = size;
    if (length < size)
        return FRAME_INCOMPLETE;
    *ret_header = (FrameHeader){ frame_read_u32(data + 4),  frame_read_u32(data + 8),  frame_read_u32(data + 12),
                                 frame_read_u32(data + 16), frame_read_u32(data + 20), frame_read_u32(data + 24) };
    return FRAME_COMPLETE;
}
