/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <string.h>

G_DEFINE_QUARK(lodge - error - quark, lodge_error)

static const ErrorRow error_rows[];

const ErrorRow *error_row(int code)
{
    const ErrorRow *fallback = NULL;
    for (const ErrorRow *row = error_rows; row->name; row++) {
        if (row->code == code)
            return row;
        if (row->code == VIR_ERR_INTERNAL_ERROR)
            fallback = row;
    }
    return fallback;
}

bool(error_set)(GError **error, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, LODGE_ERROR, code, message);
    return false;
}

bool(error_set_errno)(GError **error, int saved_errno, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, LODGE_ERROR, VIR_ERR_SYSTEM_ERROR, "%s: %s", message, g_strerror(saved_errno));
    return false;
}

int error_code(const GError *error)
{
    return error->domain == LODGE_ERROR ? error->code : VIR_ERR_INTERNAL_ERROR;
}

char *error_text(const GError *error)
{
    const ErrorRow *row = error_row(error_code(error));
    if (!row->title[0])
        return g_strdup(error->message);
    return g_strdup_printf("%s: %s", row->title, error->message);
}

static const ErrorRow error_rows[] = {
    { VIR_ERR_INTERNAL_ERROR, "internal", "internal error", 500, 1 },
    { VIR_ERR_NO_MEMORY, "no-memory", "out of memory", 507, 1 },
    { VIR_ERR_NO_SUPPORT, "no-support", "this function is not supported by the connection driver", 501, 3 },
    { VIR_ERR_NO_CONNECT, "no-connect", "no connection driver available", 503, 4 },
    { VIR_ERR_INVALID_CONN, "invalid-connection", "invalid connection pointer in", 400, 1 },
    { VIR_ERR_INVALID_DOMAIN, "invalid-domain", "invalid domain pointer in", 400, 1 },
    { VIR_ERR_INVALID_ARG, "invalid-argument", "invalid argument", 400, 2 },
    { VIR_ERR_OPERATION_FAILED, "operation-failed", "operation failed", 500, 1 },
    { VIR_ERR_UNKNOWN_HOST, "unknown-host", "unknown host", 400, 1 },
    { VIR_ERR_OS_TYPE, "os-type", "unknown OS type", 400, 1 },
    { VIR_ERR_NO_KERNEL, "no-kernel", "missing kernel information", 400, 1 },
    { VIR_ERR_NO_OS, "no-os", "missing operating system information", 400, 1 },
    { VIR_ERR_NO_NAME, "no-name", "missing name information", 400, 1 },
    { VIR_ERR_DOM_EXIST, "domain-exists", "this domain exists already", 409, 1 },
    { VIR_ERR_OPERATION_DENIED, "denied", "operation forbidden", 403, 5 },
    { VIR_ERR_ACCESS_DENIED, "access-denied", "access denied", 403, 5 },
    { VIR_ERR_AUTH_FAILED, "auth-failed", "authentication failed", 401, 5 },
    { VIR_ERR_AUTH_CANCELLED, "auth-cancelled", "authentication cancelled", 401, 5 },
    { VIR_ERR_AUTH_UNAVAILABLE, "auth-unavailable", "authentication unavailable", 401, 5 },
    { VIR_ERR_SYSTEM_ERROR, "system", "", 500, 1 },
    { VIR_ERR_RPC, "rpc", "", 400, 1 },
    { VIR_ERR_XML_ERROR, "xml", "XML error", 400, 2 },
    { VIR_ERR_XML_DETAIL, "xml-detail", "", 400, 2 },
    { VIR_ERR_XML_INVALID_SCHEMA, "xml-schema", "XML document failed to validate against schema", 400, 2 },
    { VIR_ERR_NO_DOMAIN, "no-domain", "Domain not found", 404, 6 },
    { VIR_ERR_NO_NETWORK, "no-network", "Network not found", 404, 6 },
    { VIR_ERR_NO_STORAGE_POOL, "no-storage-pool", "Storage pool not found", 404, 6 },
    { VIR_ERR_NO_STORAGE_VOL, "no-storage-vol", "Storage volume not found", 404, 6 },
    { VIR_ERR_NO_NODE_DEVICE, "no-node-device", "Node device not found", 404, 6 },
    { VIR_ERR_NO_INTERFACE, "no-interface", "Interface not found", 404, 6 },
    { VIR_ERR_NO_SECRET, "no-secret", "Secret not found", 404, 6 },
    { VIR_ERR_NO_NWFILTER, "no-nwfilter", "Network filter not found", 404, 6 },
    { VIR_ERR_NO_DOMAIN_SNAPSHOT, "no-snapshot", "Domain snapshot not found", 404, 6 },
    { VIR_ERR_NO_DOMAIN_METADATA, "no-metadata", "metadata not found", 404, 6 },
    { VIR_ERR_NO_DOMAIN_CHECKPOINT, "no-checkpoint", "Domain checkpoint not found", 404, 6 },
    { VIR_ERR_OPERATION_INVALID, "operation-invalid", "Requested operation is not valid", 409, 7 },
    { VIR_ERR_OPERATION_TIMEOUT, "timeout", "Timed out during operation", 504, 8 },
    { VIR_ERR_OPERATION_ABORTED, "aborted", "operation aborted", 409, 1 },
    { VIR_ERR_OPERATION_UNSUPPORTED, "unsupported", "Operation not supported", 501, 3 },
    { VIR_ERR_ARGUMENT_UNSUPPORTED, "argument-unsupported", "argument unsupported", 400, 3 },
    { VIR_ERR_CONFIG_UNSUPPORTED, "config-unsupported", "unsupported configuration", 400, 3 },
    { VIR_ERR_CONF_SYNTAX, "config-syntax", "configuration file syntax error", 400, 2 },
    { VIR_ERR_AGENT_UNRESPONSIVE, "agent-unresponsive", "Guest agent is not responding", 504, 8 },
    { VIR_ERR_AGENT_UNSYNCED, "agent-unsynced", "guest agent replied with wrong id to guest-sync command", 502, 1 },
    { VIR_ERR_RESOURCE_BUSY, "busy", "resource busy", 409, 7 },
    { VIR_ERR_INVALID_STREAM, "invalid-stream", "invalid stream pointer", 400, 1 },
    { VIR_ERR_CALL_FAILED, "call-failed", "Call failed", 501, 3 },
    { VIR_ERR_CPU_INCOMPATIBLE, "cpu-incompatible", "the CPU is incompatible with host CPU", 409, 1 },
    { VIR_ERR_MIGRATE_UNSAFE, "migrate-unsafe", "Unsafe migration", 409, 1 },
    { VIR_ERR_BLOCK_COPY_ACTIVE, "block-copy-active", "block copy still active", 409, 7 },
    { VIR_ERR_HOOK_SCRIPT_FAILED, "hook-failed", "Hook script execution failed", 500, 1 },
    { VIR_ERR_DEVICE_MISSING, "device-missing", "device not found", 404, 6 },
    { VIR_ERR_NO_CLIENT, "no-client", "Client not found", 404, 6 },
    { VIR_ERR_NO_SERVER, "no-server", "Server not found", 404, 6 },
    { VIR_ERR_GET_FAILED, "get-failed", "GET operation failed", 502, 1 },
    { VIR_ERR_NO_SOURCE, "no-source", "missing source information for device", 400, 2 },
    { VIR_ERR_NO_TARGET, "no-target", "missing target information for device", 400, 2 },
    { 0 },
};
