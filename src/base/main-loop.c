/* SPDX-License-Identifier: Apache-2.0 */
#include "base/main-loop.h"

#include <pthread.h>

typedef struct {
    MainLoopJob run;
    gpointer data;
} Job;

/* A pthread mutex, because thread sanitizers understand it, while GLib's own lock is invisible to them. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static GArray *jobs;    /* of Job; guarded by lock */
static GSource *source; /* ready when jobs is not empty */

static gboolean run_jobs(GSource *self, GSourceFunc callback, gpointer user_data)
{
    pthread_mutex_lock(&lock);
    GArray *taken = jobs;
    jobs = g_array_new(FALSE, FALSE, sizeof(Job));
    g_source_set_ready_time(self, -1);
    pthread_mutex_unlock(&lock);
    for (guint i = 0; i < taken->len; i++) {
        Job *job = &g_array_index(taken, Job, i);
        job->run(job->data);
    }
    g_array_unref(taken);
    return G_SOURCE_CONTINUE;
}

void main_loop_init(void)
{
    static GSourceFuncs functions = { .dispatch = run_jobs };
    jobs = g_array_new(FALSE, FALSE, sizeof(Job));
    source = g_source_new(&functions, sizeof(GSource));
    g_source_set_static_name(source, "posted jobs");
    g_source_attach(source, NULL);
}

void main_loop_close(void)
{
    while (jobs->len > 0)
        run_jobs(source, NULL, NULL);
    g_source_destroy(source);
    g_clear_pointer(&source, g_source_unref);
    g_clear_pointer(&jobs, g_array_unref);
}

void main_loop_post(MainLoopJob run, gpointer data)
{
    Job job = { run, data };
    pthread_mutex_lock(&lock);
    g_array_append_val(jobs, job);
    if (jobs->len == 1)
        g_source_set_ready_time(source, 0);
    pthread_mutex_unlock(&lock);
}
