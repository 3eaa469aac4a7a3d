/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/logging.h"

#include "base/error.h"
#include "base/log.h"

#include <string.h>

static LogLevel level = LOG_LEVEL_WARNING;
static char *file; /* NULL: stderr */

static void set_level(LogLevel wanted)
{
    level = wanted;
    log_set_level(wanted);
}

bool logging_set_output(const char *text, GError **error)
{
    if (text[0] < '1' || text[0] > '4' || text[1] != ':')
        return error_set(error, VIR_ERR_INVALID_ARG, "log output '%s' does not begin with a level from 1 to 4 and ':'",
                         text);
    const char *place = text + 2;
    const char *path = g_str_has_prefix(place, "file:") ? place + strlen("file:") : NULL;
    if (!path && strcmp(place, "stderr") != 0)
        return error_set(error, VIR_ERR_INVALID_ARG, "log output '%s' is neither LEVEL:stderr nor LEVEL:file:PATH",
                         text);
    if (path && !g_path_is_absolute(path))
        return error_set(error, VIR_ERR_INVALID_ARG, "the log file '%s' needs an absolute path", path);
    if (!(path ? log_open_file(path, error) : log_open_stderr(error)))
        return false;
    g_free(file);
    file = g_strdup(path);
    set_level((LogLevel)(text[0] - '0'));
    return true;
}

char *logging_output(void)
{
    return file ? g_strdup_printf("%d:file:%s", (int)level, file) : g_strdup_printf("%d:stderr", (int)level);
}

bool logging_apply(const Config *config, bool verbose, GError **error)
{
    set_level((LogLevel)config_integer(config, "log_level"));
    const char *output = config_string(config, "log_outputs");
    if (output && !logging_set_output(output, error))
        return false;
    if (verbose && level > LOG_LEVEL_INFO)
        set_level(LOG_LEVEL_INFO);
    return true;
}
