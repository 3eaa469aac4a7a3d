/* SPDX-License-Identifier: Apache-2.0 */
/* Consoles: their logs as real files, their sessions with a real pty and sockets, and streams of the test's own. */
#include "base/auto-fd.h"
#include "base/error.h"
#include "rpc/stream.h"
#include "vm/vm-console-log.h"
#include "vm/vm-console-session.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <pty.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

/* In place of rpc/stream.c: what a session sent, and a client that the test plays. */
struct Stream {
    int refs;
    const StreamCallbacks *callbacks;
    gpointer user;
    GByteArray *sent;
    bool open, ended, paused, full;
    GError *error;
};

static Stream *fake_stream(void)
{
    Stream *stream = g_new0(Stream, 1);
    stream->refs = 1;
    stream->open = true;
    stream->sent = g_byte_array_new();
    return stream;
}

Stream *stream_ref(Stream *stream)
{
    stream->refs++;
    return stream;
}

void stream_unref(Stream *stream)
{
    if (!stream || --stream->refs > 0)
        return;
    g_byte_array_unref(stream->sent);
    g_clear_error(&stream->error);
    g_free(stream);
}

static void close_stream(Stream *stream, bool aborted)
{
    const StreamCallbacks *callbacks = g_steal_pointer(&stream->callbacks);
    stream->open = false;
    if (callbacks)
        callbacks->closed(stream, aborted, stream->user);
}

void stream_attach(Stream *stream, const StreamCallbacks *callbacks, gpointer user)
{
    stream->callbacks = callbacks;
    stream->user = user;
    if (!stream->open)
        close_stream(stream, true);
}

bool stream_send(Stream *stream, const void *data, size_t length)
{
    g_assert_false(stream->ended);
    g_byte_array_append(stream->sent, data, (guint)length);
    return !stream->full;
}

void stream_send_end(Stream *stream)
{
    stream->ended = true;
}

void stream_abort(Stream *stream, const GError *error)
{
    stream->error = g_error_copy(error);
    close_stream(stream, false);
}

void stream_pause(Stream *stream)
{
    stream->paused = true;
}

void stream_resume(Stream *stream)
{
    stream->paused = false;
}

/* Runs the main loop for a while, or until the stream got @text at its end. */
static void run_until(Stream *stream, const char *text)
{
    gint64 deadline = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
    size_t length = strlen(text);
    while (stream->sent->len < length || memcmp(stream->sent->data + stream->sent->len - length, text, length) != 0) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(1000);
    }
}

static void run_idle(void)
{
    for (int i = 0; i < 20; i++) {
        while (g_main_context_iteration(NULL, FALSE))
            ;
        g_usleep(1000);
    }
}

static int temporary_log(char **ret_path)
{
    g_autoptr(GError) error = NULL;
    int fd = g_file_open_tmp("lodge-console-XXXXXX", ret_path, &error);
    g_assert_no_error(error);
    g_assert_cmpint(fcntl(fd, F_SETFL, O_APPEND), ==, 0);
    return fd;
}

static void append(int fd, const char *text)
{
    g_assert_cmpint(write(fd, text, strlen(text)), ==, (ssize_t)strlen(text));
}

/* Logs */

static void test_replay_begins_with_a_line(void)
{
    g_autofree char *path = NULL;
    auto_fd int fd = temporary_log(&path);
    append(fd, "first line\nsecond line\nthird");
    g_assert_cmpint(console_log_replay_start(fd, 1000), ==, 0);
    g_assert_cmpint(console_log_replay_start(fd, 12), ==, 23); /* "third", not the rest of the second */
    g_assert_cmpint(console_log_replay_start(fd, 3), ==, 25);  /* no line begins there */
    g_unlink(path);
}

static void test_old_blocks_are_given_back(void)
{
    g_autofree char *path = NULL, *block = g_malloc(4096);
    struct stat before, after;
    char buffer[64];
    auto_fd int fd = temporary_log(&path);
    memset(block, 'x', 4095);
    block[4095] = '\n';
    for (int i = 0; i < 3 * CONSOLE_LOG_KEEP / 4096; i++)
        g_assert_cmpint(write(fd, block, 4096), ==, 4096);
    g_assert_cmpint(fstat(fd, &before), ==, 0);
    if (!console_log_shrink(fd)) {
        g_test_skip("the file system of the temporary directory cannot give blocks back");
        g_unlink(path);
        return;
    }
    g_assert_cmpint(fstat(fd, &after), ==, 0);
    g_assert_cmpint(after.st_size, ==, before.st_size);
    g_assert_cmpint(after.st_blocks, <=, before.st_blocks / 2);
    off_t offset = 0; /* somebody far behind goes on where there is something */
    g_assert_cmpuint(console_log_read(fd, &offset, buffer, sizeof buffer), ==, sizeof buffer);
    g_assert_cmpint(offset, ==, 2 * CONSOLE_LOG_KEEP + (off_t)sizeof buffer);
    g_assert_cmpint(buffer[0], ==, 'x');
    append(fd, "end");
    offset = after.st_size;
    g_assert_cmpuint(console_log_read(fd, &offset, buffer, sizeof buffer), ==, 3);
    g_assert_cmpuint(console_log_read(fd, &offset, buffer, sizeof buffer), ==, 0);
    g_assert_cmpint(ftruncate(fd, 0), ==, 0);
    append(fd, "anew");
    g_assert_cmpuint(console_log_read(fd, &offset, buffer, sizeof buffer), ==, 4);
    g_unlink(path);
}

static void test_only_plain_files_of_qemu_are_logs(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;
    auto_fd int fd = temporary_log(&path);
    g_autofree char *link = g_strconcat(path, ".link", NULL);
    g_assert_cmpint(symlink(path, link), ==, 0);
    auto_fd int ours = console_log_open(path, true, geteuid(), &error);
    g_assert_no_error(error);
    g_assert_cmpint(ours, >=, 0);
    g_assert_cmpint(console_log_open(link, true, geteuid(), &error), ==, -1);
    g_assert_error(error, LODGE_ERROR, VIR_ERR_SYSTEM_ERROR);
    g_clear_error(&error);
    g_unlink(link);
    g_assert_cmpint(linkat(AT_FDCWD, path, AT_FDCWD, link, 0), ==, 0);
    g_assert_cmpint(console_log_open(path, true, geteuid(), &error), ==, -1);
    g_assert_error(error, LODGE_ERROR, VIR_ERR_OPERATION_DENIED);
    g_unlink(link);
    g_unlink(path);
}

/* Sessions */

typedef struct {
    int master, slave, log;
    char *path;
    ConsoleSession *session;
} Pty;

static Pty pty_session(void)
{
    Pty pty = { 0 };
    struct termios raw;
    pty.log = temporary_log(&pty.path);
    g_assert_cmpint(openpty(&pty.master, &pty.slave, NULL, NULL, NULL), ==, 0);
    g_assert_cmpint(tcgetattr(pty.slave, &raw), ==, 0);
    cfmakeraw(&raw);
    g_assert_cmpint(tcsetattr(pty.slave, TCSANOW, &raw), ==, 0);
    g_assert_cmpint(fcntl(pty.slave, F_SETFL, O_NONBLOCK), ==, 0);
    pty.session = console_session_new("console 'serial0' of guest 'web'");
    console_session_set_log(pty.session, open(pty.path, O_RDWR | O_CLOEXEC), true);
    return pty;
}

static void pty_clear(Pty *pty)
{
    close(pty->master);
    close(pty->slave);
    close(pty->log);
    g_unlink(pty->path);
    g_free(pty->path);
}

/* The guest says something: QEMU records it and writes it to the pty. */
static void say(const Pty *pty, const char *text)
{
    append(pty->log, text);
    append(pty->master, text);
}

static void test_readers_share_a_pty(void)
{
    Pty pty = pty_session();
    g_autoptr(Stream) first = fake_stream(), second = fake_stream();
    char buffer[64];
    append(pty.log, "booting\n");
    console_session_attach(pty.session, first, dup(pty.slave), false);
    run_until(first, "booting\n");
    say(&pty, "login: ");
    run_until(first, "booting\nlogin: "); /* once each: what came through the pty is not sent again */
    console_session_attach(pty.session, second, dup(pty.slave), false);
    run_until(second, "booting\nlogin: ");
    g_assert_true(console_session_has_readers(pty.session));

    first->callbacks->received(first, (const uint8_t *)"root\n", 5, first->user);
    second->callbacks->received(second, (const uint8_t *)"ls\n", 3, second->user);
    run_idle();
    g_assert_cmpint(read(pty.master, buffer, sizeof buffer), ==, 8);
    g_assert_cmpint(memcmp(buffer, "root\nls\n", 8), ==, 0);

    close_stream(first, true);
    say(&pty, "more");
    run_until(second, "more");
    g_assert_cmpuint(first->sent->len, ==, strlen("booting\nlogin: "));
    append(pty.log, " and the last words");
    console_session_end(pty.session);
    g_assert_true(second->ended);
    run_until(second, "login: more and the last words");
    close_stream(second, false);
    pty_clear(&pty);
}

static void test_slow_reader_misses_nothing(void)
{
    Pty pty = pty_session();
    g_autoptr(Stream) slow = fake_stream();
    slow->full = true;
    append(pty.log, "one ");
    console_session_attach(pty.session, slow, dup(pty.slave), false);
    append(pty.log, "two ");
    run_idle();
    g_assert_cmpuint(slow->sent->len, ==, 4);
    console_session_end(pty.session);
    g_assert_false(slow->ended);
    slow->full = false;
    slow->callbacks->may_send(slow, slow->user);
    g_assert_true(slow->ended);
    run_until(slow, "one two ");
    close_stream(slow, false);
    pty_clear(&pty);
}

static void test_force_disconnects_the_others(void)
{
    Pty pty = pty_session();
    g_autoptr(Stream) first = fake_stream(), second = fake_stream();
    console_session_attach(pty.session, first, dup(pty.slave), false);
    console_session_attach(pty.session, second, dup(pty.slave), true);
    g_assert_false(first->open);
    g_assert_error(first->error, LODGE_ERROR, VIR_ERR_OPERATION_ABORTED);
    g_assert_true(second->open);
    append(pty.log, "here");
    run_until(second, "here");
    close_stream(second, true);
    g_assert_false(console_session_has_readers(pty.session));
    console_session_end(pty.session);
    pty_clear(&pty);
}

static void test_client_waits_for_guest_that_does_not_read(void)
{
    Pty pty = pty_session();
    g_autoptr(Stream) stream = fake_stream();
    g_autofree uint8_t *paste = g_malloc0(1 << 20);
    uint8_t buffer[4096];
    console_session_attach(pty.session, stream, dup(pty.slave), false);
    stream->callbacks->received(stream, paste, 1 << 20, stream->user);
    g_assert_true(stream->paused);
    size_t got = 0;
    while (got < 1 << 20) {
        ssize_t length = read(pty.master, buffer, sizeof buffer);
        g_assert_cmpint(length, >, 0);
        got += (size_t)length;
        g_main_context_iteration(NULL, FALSE);
    }
    g_assert_false(stream->paused);
    close_stream(stream, true);
    console_session_end(pty.session);
    pty_clear(&pty);
}

static void test_socket_is_handed_to_all(void)
{
    int pair[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), ==, 0);
    ConsoleSession *session = console_session_new("channel 'channel0' of guest 'web'");
    g_autoptr(Stream) first = fake_stream(), second = fake_stream();
    console_session_attach(session, first, pair[0], false);
    append(pair[1], "early ");
    run_until(first, "early ");
    console_session_attach(session, second, -1, false);
    run_until(second, "early "); /* what was read lately is kept for the next reader */
    second->full = true;
    append(pair[1], "a");
    run_until(first, "a");
    append(pair[1], "b");
    run_idle();
    g_assert_cmpuint(first->sent->len, ==, 7); /* the slowest decides: nothing of a channel may be lost */
    second->full = false;
    second->callbacks->may_send(second, second->user);
    run_until(first, "early ab");
    run_until(second, "early ab");
    close(pair[1]);
    run_idle();
    g_assert_true(first->ended && second->ended);
    close_stream(first, false);
    close_stream(second, false);
    console_session_end(session);
}

static void test_last_words_of_a_socket(void)
{
    int pair[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), ==, 0);
    ConsoleSession *session = console_session_new("console 'serial0' of guest 'web'");
    g_autoptr(Stream) stream = fake_stream();
    console_session_attach(session, stream, pair[0], false);
    append(pair[1], "Power down");
    close(pair[1]);
    console_session_end(session);
    run_until(stream, "Power down");
    g_assert_true(stream->ended);
    close_stream(stream, false);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/console/log/replay-begins-with-a-line", test_replay_begins_with_a_line);
    g_test_add_func("/console/log/old-blocks-are-given-back", test_old_blocks_are_given_back);
    g_test_add_func("/console/log/only-plain-files", test_only_plain_files_of_qemu_are_logs);
    g_test_add_func("/console/session/readers-share-a-pty", test_readers_share_a_pty);
    g_test_add_func("/console/session/slow-reader", test_slow_reader_misses_nothing);
    g_test_add_func("/console/session/force", test_force_disconnects_the_others);
    g_test_add_func("/console/session/guest-that-does-not-read", test_client_waits_for_guest_that_does_not_read);
    g_test_add_func("/console/session/socket", test_socket_is_handed_to_all);
    g_test_add_func("/console/session/last-words-of-a-socket", test_last_words_of_a_socket);
    return g_test_run();
}
