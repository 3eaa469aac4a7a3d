/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config-check.h"

#include "base/uuid.h"

#include <glib.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

const char *config_check_mode(const char *value)
{
    static const char expected[] = "a mode in octal digits is needed, like \"0770\"";
    char *end;
    guint64 mode = g_ascii_strtoull(value, &end, 8);
    return end == value || *end || value[0] == '-' || mode > 0777 ? expected : NULL;
}

static bool is_number(const char *value)
{
    return value[0] == '+' && g_ascii_string_to_unsigned(value + 1, 10, 0, G_MAXUINT32 - 1, NULL, NULL);
}

const char *config_check_group(const char *value)
{
    return is_number(value) || getgrnam(value) ? NULL : "there is no such group: make it with groupadd";
}

const char *config_check_user(const char *value)
{
    return is_number(value) || getpwnam(value) ? NULL : "there is no such user: make it with useradd";
}

const char *config_check_uuid(const char *value)
{
    Uuid uuid;
    return uuid_parse(value, &uuid) ? NULL : "that is no UUID; uuidgen makes one";
}

const char *config_check_port(const char *value)
{
    return g_ascii_string_to_unsigned(value, 10, 0, 65535, NULL, NULL) ? NULL : "a port from 0 to 65535 is needed";
}

const char *config_check_address(const char *value)
{
    bool name = value[0] && strspn(value, "-." G_CSET_DIGITS G_CSET_A_2_Z G_CSET_a_2_z) == strlen(value);
    return name || g_hostname_is_ip_address(value) ? NULL : "an address or a host name is needed";
}

static bool has_level(const char *value)
{
    return value[0] >= '1' && value[0] <= '4' && value[1] == ':' && value[2];
}

const char *config_check_output(const char *value)
{
    bool place = has_level(value) && (strcmp(value + 2, "stderr") == 0 || g_str_has_prefix(value + 2, "file:/"));
    return place ? NULL : "one output is needed: \"LEVEL:stderr\" or \"LEVEL:file:/PATH\", with a level from 1 to 4";
}

const char *config_check_filters(const char *value)
{
    g_auto(GStrv) words = g_strsplit(value, " ", -1);
    for (unsigned i = 0; words[i]; i++) {
        if (words[i][0] && !has_level(words[i]))
            return "words of the form LEVEL:NAME are needed, with a level from 1 to 4";
    }
    return NULL;
}

const char *config_check_directory(const char *value)
{
    return g_path_is_absolute(value) ? NULL : "an absolute path is needed";
}
