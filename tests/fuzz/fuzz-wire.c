/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages as clients and daemons send them: the input is a stream of frames. Each payload is decoded as the arguments
 * and as the result of its procedure; what can be decoded must come out the same when it is encoded again, padding
 * aside.
 */
#include "rpc/frame.h"
#include "rpc/procedures.h"
#include "rpc/wire-error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const XdrType *type, const uint8_t *payload, size_t length)
{
    if (!type)
        return;
    g_autofree void *value = g_malloc0(type->size);
    if (!xdr_decode(type, payload, length, value, NULL))
        return;
    g_autoptr(GByteArray) again = g_byte_array_new();
    if (!xdr_encode(type, value, again, NULL) || again->len != length)
        g_error("%s: %zu bytes became %u", type->name, length, again->len);
    xdr_clear(type, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FrameHeader header;
    size_t length;
    while (frame_parse(data, size, &header, &length) == FRAME_COMPLETE) {
        const uint8_t *payload = data + FRAME_HEADER_SIZE;
        const Procedure *procedure = procedure_find(header.program, header.procedure);
        if (procedure) {
            decode(procedure->args, payload, length - FRAME_HEADER_SIZE);
            decode(procedure->ret, payload, length - FRAME_HEADER_SIZE);
        }
        decode(&xdr_WireError, payload, length - FRAME_HEADER_SIZE);
        data += length;
        size -= length;
    }
    return 0;
}
