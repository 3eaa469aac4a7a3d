/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages as they stand on the wire: u32 length (itself included), six u32 of header, payload; all big-endian. Shared
 * by daemon and client library. Any thread.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define FRAME_MAX         (32u << 20) /* bytes, length word included */
#define FRAME_HEADER_SIZE 28u         /* bytes, length word included */
#define FRAME_MAX_FDS     32u
#define FRAME_VERSION     1u /* of all programs */

typedef enum {
    FRAME_CALL,
    FRAME_REPLY,
    FRAME_EVENT, /* and keepalive */
    FRAME_STREAM,
    FRAME_CALL_WITH_FDS,
    FRAME_REPLY_WITH_FDS,
    FRAME_STREAM_HOLE, /* payload: i64 length, u32 flags */
} FrameType;

typedef enum {
    FRAME_OK,       /* of a stream: finished */
    FRAME_ERROR,    /* payload: WireError; from a client on a stream: abort, no payload */
    FRAME_CONTINUE, /* stream only: data, or its end if empty */
} FrameStatus;

typedef enum { KEEPALIVE_PING = 1, KEEPALIVE_PONG = 2 } KeepaliveProcedure;

typedef struct {
    uint32_t program;
    uint32_t version;
    uint32_t procedure;
    uint32_t type;
    uint32_t serial;
    uint32_t status;
} FrameHeader;

typedef enum { FRAME_INCOMPLETE, FRAME_COMPLETE, FRAME_MALFORMED } FrameState;

/* A frame with its header; append the payload, then call frame_finish(). */
GByteArray *frame_new(const FrameHeader *header);
/* Writes the length. Fails (VIR_ERR_RPC) if the frame is larger than FRAME_MAX. */
bool frame_finish(GByteArray *frame, GError **error);

/*
 * Whether a frame begins at @data, and how long it is (@ret_size, length word included, set as soon as the length word
 * is there). Malformed: a length below the header's or above FRAME_MAX.
 */
FrameState frame_parse(const uint8_t *data, size_t length, FrameHeader *ret_header, size_t *ret_size);

static inline uint32_t frame_read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

void frame_append_u32(GByteArray *frame, uint32_t value);
