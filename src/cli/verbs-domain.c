/* SPDX-License-Identifier: Apache-2.0 */
#include "base/auto-fd.h"
#include "base/error.h"
#include "base/uuid.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/progress.h"
#include "cli/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool verb_domid(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    if (!guest_find(shell, args, &guest, error))
        return false;
    if (guest_is_running(&guest)) {
        output_json_number(shell->output, "id", guest.id);
        output_line(shell->output, "%d", guest.id);
    } else {
        output_json_text(shell->output, "id", NULL);
        output_line(shell->output, "-");
    }
    return true;
}

static bool verb_domname(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    if (!guest_find(shell, args, &guest, error))
        return false;
    output_whole(shell->output, "name", guest.name);
    return true;
}

static bool verb_domuuid(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    char uuid[UUID_TEXT_SIZE];
    if (!guest_find(shell, args, &guest, error))
        return false;
    uuid_format((const Uuid *)(const void *)&guest.uuid, uuid);
    output_whole(shell->output, "uuid", uuid);
    return true;
}

/* The XML of a guest that must be running. */
static bool get_live_xml(Shell *shell, const Args *args, uint32_t flags, GuestXml *ret_xml, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    if (!guest_find(shell, args, &guest, error))
        return false;
    if (!guest_is_running(&guest))
        return error_set(error, VIR_ERR_OPERATION_INVALID, _("Domain is not running"));
    return guest_xml_get(shell, &guest, flags, ret_xml, error);
}

/* An address that clients on this host can use: "any" addresses become localhost. */
static char *display_host(const GuestXml *xml, xmlNode *graphics)
{
    g_autofree char *listen = guest_xml_text(xml, graphics, "@listen");
    if (!listen)
        listen = guest_xml_text(xml, graphics, "listen/@address");
    if (!listen || !strcmp(listen, "0.0.0.0") || !strcmp(listen, "::"))
        return g_strdup("localhost");
    return strchr(listen, ':') ? g_strdup_printf("[%s]", listen) : g_steal_pointer(&listen);
}

/* The URI of one <graphics>; NULL when it cannot be reached by one (a file descriptor, no port yet). */
static char *display_uri(const GuestXml *xml, xmlNode *graphics, bool with_password)
{
    g_autofree char *type = guest_xml_text(xml, graphics, "@type");
    g_autofree char *port = guest_xml_text(xml, graphics, "@port");
    g_autofree char *tls_port = guest_xml_text(xml, graphics, "@tlsPort");
    g_autofree char *socket = guest_xml_text(xml, graphics, "listen[@type='socket']/@socket | @socket");
    g_autofree char *password = with_password ? guest_xml_text(xml, graphics, "@passwd") : NULL;
    gint64 number = 0;
    if (!type || !strcmp(type, "sdl") || !strcmp(type, "egl-headless"))
        return NULL;
    if (socket)
        return g_strdup_printf("%s+unix://%s", type, socket);
    g_autofree char *host = display_host(xml, graphics);
    bool has_port = port && g_ascii_string_to_signed(port, 10, 1, 65535, &number, NULL);
    if (!strcmp(type, "vnc")) {
        if (!has_port)
            return NULL;
        g_autofree char *secret = password ? g_strdup_printf(":%s@", password) : g_strdup("");
        return g_strdup_printf("vnc://%s%s:%" G_GINT64_FORMAT, secret, host, number >= 5900 ? number - 5900 : number);
    }
    g_autoptr(GString) uri = g_string_new(NULL);
    g_string_printf(uri, "%s://%s", type, host);
    if (has_port)
        g_string_append_printf(uri, ":%" G_GINT64_FORMAT, number);
    char separator = '?';
    if (tls_port) {
        g_string_append_printf(uri, "%ctls-port=%s", separator, tls_port);
        separator = '&';
    }
    if (password)
        g_string_append_printf(uri, "%cpassword=%s", separator, password);
    return has_port || tls_port ? g_string_free(g_steal_pointer(&uri), FALSE) : NULL;
}

static bool verb_domdisplay(Shell *shell, const Args *args, GError **error)
{
    g_auto(GuestXml) xml = { 0 };
    const char *wanted = args_string(args, "type");
    bool all = args_has(args, "all"), secret = args_has(args, "include-password");
    unsigned found = 0;
    if (!get_live_xml(shell, args, secret ? VIR_DOMAIN_XML_SECURE : 0, &xml, error))
        return false;
    xmlXPathObject *displays = guest_xml_find(&xml, "/domain/devices/graphics");
    output_begin_list(shell->output, "displays");
    for (int i = 0; displays->nodesetval && i < displays->nodesetval->nodeNr && (all || !found); i++) {
        xmlNode *graphics = displays->nodesetval->nodeTab[i];
        g_autofree char *type = guest_xml_text(&xml, graphics, "@type");
        g_autofree char *uri = display_uri(&xml, graphics, secret);
        if (!uri || (wanted && g_strcmp0(wanted, type) != 0))
            continue;
        output_line(shell->output, "%s", uri);
        output_json_text(shell->output, NULL, uri);
        found++;
    }
    output_end_list(shell->output);
    xmlXPathFreeObject(displays);
    if (found || output_is_json(shell->output))
        return true;
    if (wanted)
        return error_set(error, VIR_ERR_OPERATION_INVALID, _("No graphical display with type '%s' found"), wanted);
    return error_set(error, VIR_ERR_OPERATION_INVALID, _("No graphical display found"));
}

static bool verb_vncdisplay(Shell *shell, const Args *args, GError **error)
{
    g_auto(GuestXml) xml = { 0 };
    gint64 port;
    if (!get_live_xml(shell, args, 0, &xml, error))
        return false;
    g_autofree char *text = guest_xml_text(&xml, NULL, "/domain/devices/graphics[@type='vnc']/@port");
    if (!text || !g_ascii_string_to_signed(text, 10, 1, 65535, &port, NULL))
        return error_set(error, VIR_ERR_OPERATION_INVALID,
                         _("Failed to get VNC port. Is this domain using VNC? (see: domdisplay)"));
    g_autofree char *listen = guest_xml_text(&xml, NULL, "/domain/devices/graphics[@type='vnc']/@listen");
    bool any = !listen || !strcmp(listen, "0.0.0.0");
    bool bracket = listen && strchr(listen, ':');
    g_autofree char *shown = g_strdup_printf("%s%s%s:%" G_GINT64_FORMAT, bracket ? "[" : "", any ? "" : listen,
                                             bracket ? "]" : "", port - 5900);
    output_whole(shell->output, "vnc", shown);
    return true;
}

static bool verb_ttyconsole(Shell *shell, const Args *args, GError **error)
{
    g_auto(GuestXml) xml = { 0 };
    g_auto(LodgeDomain) guest = { 0 };
    if (!guest_find(shell, args, &guest, error) || !guest_xml_get(shell, &guest, 0, &xml, error))
        return false;
    g_autofree char *tty = guest_xml_text(&xml, NULL, "/domain/devices/console/@tty");
    if (!tty)
        tty = guest_xml_text(&xml, NULL, "/domain/devices/*[self::console or self::serial][@type='pty']/source/@path");
    if (!tty)
        return error_set(error, VIR_ERR_OPERATION_INVALID, _("domain '%s' has no terminal now; see: console"),
                         guest.name);
    output_whole(shell->output, "tty", tty);
    return true;
}

static const char *image_suffix(const char *mime)
{
    if (!g_strcmp0(mime, "image/png"))
        return ".png";
    return !g_strcmp0(mime, "image/x-portable-pixmap") ? ".ppm" : ".img";
}

/* Copies the stream to the file; a file that is not complete is removed. */
static bool save_stream(LodgeStream *stream, const char *path, GError **error)
{
    char buffer[65536];
    gssize got = 0;
    auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_set_errno(error, errno, _("cannot create file %s"), path);
    bool ok = true;
    while (ok && (got = lodge_stream_receive(stream, buffer, sizeof buffer, error)) > 0)
        for (gssize done = 0; ok && done < got;) {
            ssize_t written = write(fd, buffer + done, (size_t)(got - done));
            if (written < 0 && errno != EINTR)
                ok = error_set_errno(error, errno, _("cannot write to %s"), path);
            else if (written > 0)
                done += written;
        }
    if (ok && got == 0 && lodge_stream_finish(stream, error))
        return true;
    unlink(path);
    return false;
}

static bool verb_screenshot(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_autoptr(LodgeStream) stream = NULL;
    g_autofree char *mime = NULL, *made_up = NULL;
    const char *file = args_string(args, "file");
    unsigned screen = 0;
    if (!args_uint(args, "screen", &screen, error) || !guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("could not take a screenshot of %s"), guest.name);
    if (!lodge_domain_screenshot(shell->connection, &guest, screen, 0, &mime, &stream, error))
        return false;
    if (!file) {
        g_autoptr(GDateTime) now = g_date_time_new_now_local();
        g_autofree char *time_text = g_date_time_format(now, "%Y-%m-%d-%H:%M:%S");
        file = made_up = g_strdup_printf("%s-%s%s", guest.name, time_text, image_suffix(mime));
    }
    if (!save_stream(stream, file, error))
        return false;
    output_json_text(shell->output, "file", file);
    output_json_text(shell->output, "type", mime);
    output_remark(shell->output, _("Screenshot saved to %s, with type of %s"), file, mime);
    return true;
}

static bool verb_domtime(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    LodgeDomainGetTimeRet now;
    uint64_t seconds = 0;
    bool sync = args_has(args, "sync"), set = args_has(args, "time") || args_has(args, "now") || sync;
    if (!args_exclusive(args, "time", "now", error) || !args_exclusive(args, "time", "sync", error) ||
        !args_exclusive(args, "now", "sync", error) || !args_uint64(args, "time", &seconds, error) ||
        !guest_find(shell, args, &guest, error))
        return false;
    if (args_has(args, "now"))
        seconds = (uint64_t)(g_get_real_time() / G_USEC_PER_SEC);
    if (set)
        return lodge_domain_set_time(shell->connection, &guest, (int64_t)seconds, 0, sync ? VIR_DOMAIN_TIME_SYNC : 0,
                                     error);
    if (!lodge_domain_get_time(shell->connection, &guest, 0, &now, error))
        return false;
    output_json_number(shell->output, "seconds", now.seconds);
    output_json_number(shell->output, "nanoseconds", now.nseconds);
    if (args_has(args, "pretty")) {
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(now.seconds);
        g_autofree char *text = time ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S") : g_strdup("?");
        output_line(shell->output, _("Time: %s"), text);
    } else {
        output_line(shell->output, _("Time: %" PRId64), now.seconds);
    }
    return true;
}

static bool find_dump_format(const char *name, uint32_t *ret_format, GError **error)
{
    static const char *const formats[] = {
        [VIR_DOMAIN_CORE_DUMP_FORMAT_RAW] = "elf",
        [VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_ZLIB] = "kdump-zlib",
        [VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_LZO] = "kdump-lzo",
        [VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_SNAPPY] = "kdump-snappy",
        [VIR_DOMAIN_CORE_DUMP_FORMAT_WIN_DMP] = "win-dmp",
    };
    for (*ret_format = 0; *ret_format < G_N_ELEMENTS(formats); (*ret_format)++)
        if (!name || !strcmp(name, formats[*ret_format]))
            return true;
    return error_set(
        error, VIR_ERR_INVALID_ARG,
        _("format '%s' is not supported, expecting 'kdump-zlib', 'kdump-lzo', 'kdump-snappy', 'win-dmp' or 'elf'"),
        name);
}

static bool verb_dump(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    const char *file = args_string(args, "file"), *format_name = args_string(args, "format");
    uint32_t format;
    uint32_t flags = (args_has(args, "live") ? VIR_DUMP_LIVE : 0u) | (args_has(args, "crash") ? VIR_DUMP_CRASH : 0u) |
                     (args_has(args, "bypass-cache") ? VIR_DUMP_BYPASS_CACHE : 0u) |
                     (args_has(args, "reset") ? VIR_DUMP_RESET : 0u) |
                     (args_has(args, "memory-only") ? VIR_DUMP_MEMORY_ONLY : 0u);
    if (format_name && !args_has(args, "memory-only"))
        return error_set(error, VIR_ERR_INVALID_ARG, _("--format only works with --memory-only"));
    if (!args_exclusive(args, "live", "crash", error) || !args_exclusive(args, "live", "reset", error) ||
        !args_exclusive(args, "crash", "reset", error) || !find_dump_format(format_name, &format, error) ||
        !guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Failed to core dump domain '%s' to %s"), guest.name, file);
    bool watched = args_has(args, "verbose") || isatty(STDERR_FILENO);
    Progress *progress = watched ? progress_begin(shell, &guest, _("Dump")) : NULL;
    bool ok = format ? lodge_domain_core_dump_with_format(shell->connection, &guest, file, format, flags, error)
                     : lodge_domain_core_dump(shell->connection, &guest, file, flags, error);
    progress_end(progress, ok);
    if (ok)
        output_remark(shell->output, _("Domain '%s' dumped to %s"), guest.name, file);
    return ok;
}

static const VerbOption options_domain[] = { OPTION_DOMAIN, { 0 } };
static const VerbOption options_active[] = { OPTION_ACTIVE_DOMAIN, { 0 } };

static const VerbOption options_domdisplay[] = {
    OPTION_ACTIVE_DOMAIN,
    { "include-password", OPTION_FLAG, false, N_("includes the password into the connection URI if available") },
    { "type", OPTION_STRING, false, N_("select particular graphical display (e.g. \"vnc\", \"spice\")"), COMPLETE_WORDS,
      "vnc spice rdp dbus" },
    { "all", OPTION_FLAG, false, N_("show all possible graphical displays") },
    { 0 },
};

static const VerbOption options_screenshot[] = {
    OPTION_ACTIVE_DOMAIN,
    { "file", OPTION_STRING, false, N_("where to store the screenshot"), COMPLETE_FILE },
    { "screen", OPTION_NUMBER, false, N_("ID of a screen to take screenshot of") },
    { 0 },
};

static const VerbOption options_domtime[] = {
    OPTION_ACTIVE_DOMAIN,
    { "now", OPTION_FLAG, false, N_("set to the time of the host running lodge") },
    { "pretty", OPTION_FLAG, false, N_("print domain's time in human readable form") },
    { "sync", OPTION_FLAG, false, N_("instead of setting given time, synchronize from domain's RTC") },
    { "time", OPTION_NUMBER, false, N_("time to set") },
    { 0 },
};

static const VerbOption options_dump[] = {
    OPTION_ACTIVE_DOMAIN,
    { "file", OPTION_STRING, true, N_("where to dump the core"), COMPLETE_FILE },
    { "live", OPTION_FLAG, false, N_("perform a live core dump if supported") },
    { "crash", OPTION_FLAG, false, N_("crash the domain after core dump") },
    { "bypass-cache", OPTION_FLAG, false, N_("avoid file system cache when dumping") },
    { "reset", OPTION_FLAG, false, N_("reset the domain after core dump") },
    { "verbose", OPTION_FLAG, false, N_("display the progress of dump") },
    { "memory-only", OPTION_FLAG, false, N_("dump domain's memory only") },
    { "format", OPTION_STRING, false, N_("specify the format of memory-only dump"), COMPLETE_WORDS,
      "elf kdump-zlib kdump-lzo kdump-snappy win-dmp" },
    { 0 },
};

const Verb verbs_domain[] = {
    { "domid", GROUP_DOMAIN, N_("convert a domain name or UUID to domain id"), options_domain, verb_domid, 0, NULL },
    { "domname", GROUP_DOMAIN, N_("convert a domain id or UUID to domain name"), options_domain, verb_domname, 0,
      NULL },
    { "domuuid", GROUP_DOMAIN, N_("convert a domain name or id to domain UUID"), options_domain, verb_domuuid, 0,
      NULL },
    { "domdisplay", GROUP_DOMAIN, N_("domain display connection URI"), options_domdisplay, verb_domdisplay, 0, NULL },
    { "vncdisplay", GROUP_DOMAIN, N_("vnc display"), options_active, verb_vncdisplay, 0, NULL },
    { "ttyconsole", GROUP_DOMAIN, N_("tty console"), options_active, verb_ttyconsole, 0, NULL },
    { "screenshot", GROUP_DOMAIN, N_("take a screenshot of a current domain console and store it into a file"),
      options_screenshot, verb_screenshot, VERB_NO_GAP, NULL },
    { "domtime", GROUP_MONITOR, N_("domain time"), options_domtime, verb_domtime, 0,
      N_("Gets or sets the time inside the guest, by its agent.") },
    { "dump", GROUP_DOMAIN, N_("dump the core of a domain to a file for analysis"), options_dump, verb_dump, 0, NULL },
    { 0 },
};
