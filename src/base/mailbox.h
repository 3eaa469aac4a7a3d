/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object's mailbox: jobs run one at a time, in the order they were posted, on one shared unbounded thread pool.
 * Inside a job code is straight-line and may block; only jobs of its own mailbox write an object, so it needs no locks.
 * A mailbox costs no thread while it is empty. Posting never blocks. Any thread.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct Mailbox Mailbox;
typedef void (*MailboxJob)(gpointer data);

Mailbox *mailbox_new(void);
Mailbox *mailbox_ref(Mailbox *mailbox);
/* Jobs already posted still run; the last reference may be dropped inside a job. */
void mailbox_unref(Mailbox *mailbox);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mailbox, mailbox_unref)

/* Appends a job. @job owns @data and frees it. */
void mailbox_post(Mailbox *mailbox, MailboxJob job, gpointer data);
/*
 * Runs @job in the mailbox, on the calling thread if nothing else is in it, and waits for its end; returns what it
 * returned. Not from a job of the same mailbox, and only downward from others (guest → network, storage), or two could
 * wait for each other. Not on the main loop.
 */
typedef bool (*MailboxCall)(gpointer data, GError **error);
bool mailbox_run(Mailbox *mailbox, MailboxCall call, gpointer data, GError **error);
/* Jobs waiting, not counting the one that runs. */
unsigned mailbox_length(Mailbox *mailbox);
/* Whether the calling thread is just now running a job of @mailbox. For assertions. */
bool mailbox_is_current(Mailbox *mailbox);

/* Runs @job once on the same pool, outside any mailbox: for slow work that belongs to no object. */
void worker_post(MailboxJob job, gpointer data);
