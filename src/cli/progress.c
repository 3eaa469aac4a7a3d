/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <string.h>
#include <unistd.h>

#define INTERVAL_US (200 * 1000)
#define BAR_WIDTH   30

struct Progress {
    LodgeConnection *connection;
    const LodgeDomain *guest;
    const char *label;
    bool bar; /* a terminal that can redraw a line */
    GThread *thread;
    GMutex lock;
    GCond ended;
    bool end;
};

static void show(const Progress *progress, unsigned percent)
{
    if (!progress->bar) {
        fprintf(stderr, "\r%s: [%3u %%]", progress->label, percent);
    } else {
        unsigned filled = percent * BAR_WIDTH / 100;
        fprintf(stderr, "\r%s: [", progress->label);
        for (unsigned i = 0; i < BAR_WIDTH; i++)
            fputs(i < filled ? "█" : "░", stderr);
        fprintf(stderr, "] %3u %%", percent);
    }
    fflush(stderr);
}

static unsigned ask(const Progress *progress)
{
    LodgeDomainGetJobInfoRet info;
    /* No answer (the job has not begun, the daemon has no such call) is no progress, not a failure of the work. */
    if (!lodge_domain_get_job_info(progress->connection, progress->guest, &info, NULL) || !info.data_total)
        return 0;
    uint64_t done = info.data_total - MIN(info.data_remaining, info.data_total);
    return (unsigned)MIN((uint64_t)((double)done * 100 / (double)info.data_total), 99u);
}

static gpointer watch(gpointer data)
{
    Progress *progress = data;
    g_mutex_lock(&progress->lock);
    while (!progress->end) {
        g_mutex_unlock(&progress->lock);
        unsigned percent = ask(progress);
        g_mutex_lock(&progress->lock);
        if (progress->end)
            break;
        show(progress, percent);
        g_cond_wait_until(&progress->ended, &progress->lock, g_get_monotonic_time() + INTERVAL_US);
    }
    g_mutex_unlock(&progress->lock);
    return NULL;
}

Progress *progress_begin(Shell *shell, const LodgeDomain *guest, const char *label)
{
    if (output_is_json(shell->output) || output_is_quiet(shell->output))
        return NULL;
    Progress *progress = g_new0(Progress, 1);
    progress->connection = shell->connection;
    progress->guest = guest;
    progress->label = label;
    progress->bar = isatty(STDERR_FILENO) && g_get_charset(NULL);
    g_mutex_init(&progress->lock);
    g_cond_init(&progress->ended);
    progress->thread = g_thread_new("lodge-progress", watch, progress);
    return progress;
}

void progress_end(Progress *progress, bool done)
{
    if (!progress)
        return;
    g_mutex_lock(&progress->lock);
    progress->end = true;
    g_cond_signal(&progress->ended);
    g_mutex_unlock(&progress->lock);
    g_thread_join(progress->thread);
    if (done)
        show(progress, 100);
    fputc('\n', stderr);
    g_mutex_clear(&progress->lock);
    g_cond_clear(&progress->ended);
    g_free(progress);
}
