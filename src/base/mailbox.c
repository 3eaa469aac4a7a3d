/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mailbox.h"

typedef struct {
    MailboxJob run;
    gpointer data;
} Job;

struct Mailbox {
    gatomicrefcount refs;
    GMutex lock;
    GQueue jobs; /* of Job *; guarded by lock */
    bool active; /* a pool thread is draining, or about to; guarded by lock */
};

static _Thread_local Mailbox *current_mailbox;

static void run_and_free(Job *job)
{
    job->run(job->data);
    g_free(job);
}

static void drain(gpointer data);

/* The running job has ended: the next ones get a thread of the pool. */
static void hand_over(Mailbox *mailbox)
{
    g_mutex_lock(&mailbox->lock);
    mailbox->active = !g_queue_is_empty(&mailbox->jobs);
    bool more = mailbox->active;
    g_mutex_unlock(&mailbox->lock);
    if (more)
        worker_post(drain, mailbox_ref(mailbox));
}

/* Takes the mailbox for the calling thread if no job runs or waits. */
static bool take_idle(Mailbox *mailbox)
{
    g_mutex_lock(&mailbox->lock);
    bool idle = !mailbox->active;
    mailbox->active = true;
    g_mutex_unlock(&mailbox->lock);
    return idle;
}

/* Runs the jobs of one mailbox until none is left. */
static void drain(gpointer data)
{
    g_autoptr(Mailbox) mailbox = data;
    current_mailbox = mailbox;
    for (;;) {
        g_mutex_lock(&mailbox->lock);
        Job *job = g_queue_pop_head(&mailbox->jobs);
        if (!job)
            mailbox->active = false;
        g_mutex_unlock(&mailbox->lock);
        if (!job)
            break;
        run_and_free(job);
    }
    current_mailbox = NULL;
}

static void pool_main(gpointer data, gpointer user_data)
{
    run_and_free(data);
}

static GThreadPool *shared_pool(void)
{
    static gsize pool;
    if (g_once_init_enter(&pool)) {
        /* Unbounded, because a job may wait long for a hung guest and must not hold up the others. */
        GThreadPool *created = g_thread_pool_new(pool_main, NULL, -1, FALSE, NULL);
        g_thread_pool_set_max_unused_threads(4);
        g_once_init_leave(&pool, (gsize)created);
    }
    return (GThreadPool *)pool;
}

void worker_post(MailboxJob job, gpointer data)
{
    Job *item = g_new(Job, 1);
    *item = (Job){ job, data };
    /* With an unbounded pool the push cannot fail: GLib aborts if the system has no thread left. */
    g_thread_pool_push(shared_pool(), item, NULL);
}

Mailbox *mailbox_new(void)
{
    Mailbox *mailbox = g_new0(Mailbox, 1);
    g_atomic_ref_count_init(&mailbox->refs);
    g_mutex_init(&mailbox->lock);
    return mailbox;
}

Mailbox *mailbox_ref(Mailbox *mailbox)
{
    g_atomic_ref_count_inc(&mailbox->refs);
    return mailbox;
}

void mailbox_unref(Mailbox *mailbox)
{
    if (!mailbox || !g_atomic_ref_count_dec(&mailbox->refs))
        return;
    g_assert(g_queue_is_empty(&mailbox->jobs));
    g_mutex_clear(&mailbox->lock);
    g_free(mailbox);
}

void mailbox_post(Mailbox *mailbox, MailboxJob run, gpointer data)
{
    Job *job = g_new(Job, 1);
    *job = (Job){ run, data };
    g_mutex_lock(&mailbox->lock);
    g_queue_push_tail(&mailbox->jobs, job);
    bool start = !mailbox->active;
    mailbox->active = true;
    g_mutex_unlock(&mailbox->lock);
    if (start)
        worker_post(drain, mailbox_ref(mailbox));
}

typedef struct {
    MailboxCall call;
    gpointer data;
    GError **error;
    bool result, done;
    GMutex lock;
    GCond ended;
} WaitingCall;

static void run_waiting_call(gpointer data)
{
    WaitingCall *waiting = data;
    waiting->result = waiting->call(waiting->data, waiting->error);
    g_mutex_lock(&waiting->lock);
    waiting->done = true;
    g_cond_signal(&waiting->ended);
    g_mutex_unlock(&waiting->lock);
}

bool mailbox_run(Mailbox *mailbox, MailboxCall call, gpointer data, GError **error)
{
    g_assert(!mailbox_is_current(mailbox));
    if (take_idle(mailbox)) {
        /* Here and now: two changes of thread less. */
        Mailbox *outer = current_mailbox;
        current_mailbox = mailbox;
        bool result = call(data, error);
        current_mailbox = outer;
        hand_over(mailbox);
        return result;
    }
    WaitingCall waiting = { .call = call, .data = data, .error = error };
    g_mutex_init(&waiting.lock);
    g_cond_init(&waiting.ended);
    mailbox_post(mailbox, run_waiting_call, &waiting);
    g_mutex_lock(&waiting.lock);
    while (!waiting.done)
        g_cond_wait(&waiting.ended, &waiting.lock);
    g_mutex_unlock(&waiting.lock);
    g_mutex_clear(&waiting.lock);
    g_cond_clear(&waiting.ended);
    return waiting.result;
}

unsigned mailbox_length(Mailbox *mailbox)
{
    g_mutex_lock(&mailbox->lock);
    unsigned length = g_queue_get_length(&mailbox->jobs);
    g_mutex_unlock(&mailbox->lock);
    return length;
}

bool mailbox_is_current(Mailbox *mailbox)
{
    return current_mailbox == mailbox;
}
