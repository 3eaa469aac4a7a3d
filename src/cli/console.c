/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/console.h"

#include "base/error.h"
#include "cli/i18n.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int signal_number)
{
    interrupted = 1;
}

/* Signals that would leave the terminal raw end the session instead. */
static void catch_signals(bool on)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    struct sigaction action = { .sa_handler = on ? on_signal : SIG_DFL };
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        sigaction(signals[i], &action, NULL);
}

static bool make_raw(int fd, struct termios *ret_old, GError **error)
{
    if (tcgetattr(fd, ret_old) < 0)
        return error_set_errno(error, errno, _("read the terminal's settings"));
    struct termios raw = *ret_old;
    cfmakeraw(&raw);
    if (tcsetattr(fd, TCSAFLUSH, &raw) < 0)
        return error_set_errno(error, errno, _("make the terminal raw"));
    return true;
}

static bool write_all(const char *data, size_t size, GError **error)
{
    while (size) {
        ssize_t written = write(STDOUT_FILENO, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_set_errno(error, errno, _("write to the terminal"));
        data += written;
        size -= (size_t)written;
    }
    return true;
}

/* What has arrived from the guest. *ret_end is set at its end. */
static bool show_output(LodgeStream *stream, bool *ret_end, GError **error)
{
    char buffer[16384];
    gssize got;
    while ((got = lodge_stream_receive_now(stream, buffer, sizeof buffer, error)) > 0)
        if (!write_all(buffer, (size_t)got, error))
            return false;
    *ret_end = got == 0;
    return got != -1;
}

/* What was typed. *ret_end is set by the escape key; *ret_closed when there is no more to come. */
static bool send_input(LodgeStream *stream, unsigned char escape_key, bool *ret_end, bool *ret_closed, GError **error)
{
    char buffer[1024];
    ssize_t got = read(STDIN_FILENO, buffer, sizeof buffer);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (got < 0)
        return error_set_errno(error, errno, _("read from the terminal"));
    const char *escape = memchr(buffer, escape_key, (size_t)got);
    size_t size = escape ? (size_t)(escape - buffer) : (size_t)got;
    *ret_end = escape != NULL;
    *ret_closed = got == 0;
    return lodge_stream_send(stream, buffer, size, error);
}

/* A script's stdin may end long before the guest's output does: only a terminal's end is the end of the session. */
static bool relay(LodgeStream *stream, unsigned char escape_key, bool terminal, GError **error)
{
    bool end = false, closed = false;
    while (!end && !interrupted && !(closed && terminal)) {
        struct pollfd polls[] = {
            { .fd = lodge_stream_get_fd(stream), .events = POLLIN },
            { .fd = closed ? -1 : STDIN_FILENO, .events = POLLIN },
        };
        int ready = poll(polls, 2, -1);
        if (ready < 0 && errno != EINTR)
            return error_set_errno(error, errno, _("wait for the console"));
        if (ready <= 0)
            continue;
        if (polls[0].revents && !show_output(stream, &end, error))
            return false;
        if (!end && polls[1].revents && !send_input(stream, escape_key, &end, &closed, error))
            return false;
    }
    return true;
}

bool console_attach(Shell *shell, const LodgeDomain *guest, const char *device, uint32_t flags, GError **error)
{
    g_autoptr(LodgeStream) stream = NULL;
    struct termios old;
    bool terminal = isatty(STDIN_FILENO);
    if (!lodge_domain_open_console(shell->connection, guest, device, flags, &stream, error))
        return false;
    if (!output_is_quiet(shell->output)) {
        bool control = shell->escape < 0x20;
        char key = (char)(control ? shell->escape ^ 0x40 : shell->escape);
        g_autofree char *shown = control ? g_strdup_printf("^%c (Ctrl + %c)", key, key) : g_strdup_printf("%c", key);
        output_line(shell->output, _("Connected to domain '%s'"), guest->name);
        output_line(shell->output, _("Escape character is %s"), shown);
    }
    fflush(stdout);
    interrupted = 0;
    if (terminal && !make_raw(STDIN_FILENO, &old, error))
        return false;
    catch_signals(true);
    bool ok = relay(stream, shell->escape, terminal, error);
    catch_signals(false);
    if (terminal)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
    if (ok)
        /* The guest's end of the stream may be gone already; there is nothing left to lose. */
        lodge_stream_abort(stream, NULL);
    printf("\n");
    return ok;
}
