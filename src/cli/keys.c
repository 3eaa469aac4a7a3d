/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/keys.h"

#include "base/error.h"
#include "cli/i18n.h"

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

static const char *const codesets[] = {
    [VIR_KEYCODE_SET_LINUX] = "linux",   [VIR_KEYCODE_SET_XT] = "xt",         [VIR_KEYCODE_SET_ATSET1] = "atset1",
    [VIR_KEYCODE_SET_ATSET2] = "atset2", [VIR_KEYCODE_SET_ATSET3] = "atset3", [VIR_KEYCODE_SET_OSX] = "os_x",
    [VIR_KEYCODE_SET_XT_KBD] = "xt_kbd", [VIR_KEYCODE_SET_USB] = "usb",       [VIR_KEYCODE_SET_WIN32] = "win32",
    [VIR_KEYCODE_SET_QNUM] = "qnum",
};

bool keys_find_codeset(const char *name, uint32_t *ret_codeset, GError **error)
{
    for (uint32_t i = 0; i < G_N_ELEMENTS(codesets); i++) {
        if (!strcmp(codesets[i], name)) {
            *ret_codeset = i;
            return true;
        }
    }
    return error_set(error, VIR_ERR_INVALID_ARG, _("unknown codeset: '%s'"), name);
}

bool keys_parse(uint32_t codeset, const char *text, uint32_t *ret_code, GError **error)
{
    char *end;
    unsigned long number = strtoul(text, &end, 0);
    if (*text && !*end && g_ascii_isdigit(*text) && number <= 0xffff) {
        *ret_code = (uint32_t)number;
        return true;
    }
    for (const struct KeyRow *row = key_rows; codeset == VIR_KEYCODE_SET_LINUX && row->name; row++) {
        if (!strcmp(row->name, text)) {
            *ret_code = row->code;
            return true;
        }
    }
    return error_set(error, VIR_ERR_INVALID_ARG, _("invalid keycode: '%s'"), text);
}
