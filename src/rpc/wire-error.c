/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/wire-error.h"

#include "base/error.h"

#include <string.h>

/* First row whose prefix fits; the last one fits all. */
static const struct {
    const char *prefix;
    int domain;
} domains[] = {
    { "network_port", VIR_FROM_NETWORK },
    { "network", VIR_FROM_NETWORK },
    { "storage", VIR_FROM_STORAGE },
    { "node_device", VIR_FROM_NODEDEV },
    { "nwfilter", VIR_FROM_NWFILTER },
    { "interface", VIR_FROM_INTERFACE },
    { "secret", VIR_FROM_SECRET },
    { "domain_snapshot", VIR_FROM_DOMAIN_SNAPSHOT },
    { "domain_checkpoint", VIR_FROM_DOMAIN_CHECKPOINT },
    { "", VIR_FROM_QEMU },
};

static int domain_of(int code, const Procedure *procedure)
{
    if (!procedure || code == VIR_ERR_RPC)
        return VIR_FROM_RPC;
    if (procedure->program == PROGRAM_ADMIN)
        return VIR_FROM_ADMIN;
    if (code == VIR_ERR_XML_ERROR || code == VIR_ERR_XML_DETAIL || code == VIR_ERR_XML_INVALID_SCHEMA)
        return VIR_FROM_XML;
    unsigned i = 0;
    while (!g_str_has_prefix(procedure->name, domains[i].prefix))
        i++;
    return domains[i].domain;
}

void wire_error_from(const GError *error, const Procedure *procedure, WireError *ret_error)
{
    int code = error_code(error);
    const char *title = error_row(code)->title;
    g_autofree char *text = error_text(error);
    *ret_error = (WireError){
        .code = code,
        .domain = domain_of(code, procedure),
        .message = g_utf8_make_valid(text, MIN((gssize)strlen(text), 64 * 1024)),
        .level = VIR_ERR_ERROR,
        /* libvirt's clients find the form in str1 and the detail in str2. */
        .str1 = title[0] ? g_strdup_printf("%s: %%s", title) : g_strdup("%s"),
        .str2 = g_utf8_make_valid(error->message, MIN((gssize)strlen(error->message), 64 * 1024)),
        .int1 = -1,
        .int2 = -1,
    };
}

GError *wire_error_to(const WireError *wire)
{
    const char *message = wire->message ? wire->message : "unknown error";
    const char *title = error_row(wire->code)->title;
    size_t length = strlen(title);
    /* error_text() puts the title in front again. */
    if (length > 0 && g_str_has_prefix(message, title) && g_str_has_prefix(message + length, ": "))
        message += length + 2;
    return g_error_new_literal(LODGE_ERROR, wire->code, message);
}
