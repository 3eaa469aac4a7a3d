/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/idle.h"

#include "base/log.h"
#include "rpc/server.h"

static Daemon *the_daemon;
static GMainLoop *the_loop;
static unsigned timeout_seconds;
static guint timer; /* runs while no client is connected */

static gboolean on_timeout(gpointer data)
{
    /* A guest that ends is noticed at the next turn: no need to be told of each. */
    if (daemon_is_busy(the_daemon))
        return G_SOURCE_CONTINUE;
    log_info("no client and no guest for %u s: ending", timeout_seconds);
    timer = 0;
    g_main_loop_quit(the_loop);
    return G_SOURCE_REMOVE;
}

static void update(void)
{
    bool clients =
        g_queue_get_length(&the_daemon->server->clients) + g_queue_get_length(&the_daemon->admin->clients) > 0;
    if (clients || timeout_seconds == 0)
        g_clear_handle_id(&timer, g_source_remove);
    else if (!timer)
        timer = g_timeout_add_seconds(timeout_seconds, on_timeout, NULL);
}

static void on_clients_changed(Server *server, gpointer data)
{
    update();
}

void idle_init(Daemon *daemon, GMainLoop *loop, int seconds)
{
    the_daemon = daemon;
    the_loop = loop;
    timeout_seconds = seconds > 0 ? (unsigned)seconds : 0;
    daemon->server->changed = on_clients_changed;
    daemon->admin->changed = on_clients_changed;
    update();
}

void idle_stop(void)
{
    the_daemon->server->changed = NULL;
    the_daemon->admin->changed = NULL;
    g_clear_handle_id(&timer, g_source_remove);
}

void idle_set_timeout(unsigned seconds)
{
    timeout_seconds = seconds;
    g_clear_handle_id(&timer, g_source_remove);
    update();
}
