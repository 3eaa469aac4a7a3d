/* SPDX-License-Identifier: Apache-2.0 */
#include "base/state-words.h"

#include <libvirt/libvirt.h>
#include <stdbool.h>
#include <stddef.h>

/* xgettext finds the words by it; who shows them to people translates them. */
#define N_(text) text

static const char *const state_words[] = {
    [VIR_DOMAIN_NOSTATE] = N_("no state"),     [VIR_DOMAIN_RUNNING] = N_("running"),
    [VIR_DOMAIN_BLOCKED] = N_("idle"),         [VIR_DOMAIN_PAUSED] = N_("paused"),
    [VIR_DOMAIN_SHUTDOWN] = N_("in shutdown"), [VIR_DOMAIN_SHUTOFF] = N_("shut off"),
    [VIR_DOMAIN_CRASHED] = N_("crashed"),      [VIR_DOMAIN_PMSUSPENDED] = N_("pmsuspended"),
};

typedef struct {
    int state, reason;
    const char *word;
} ReasonRow;

static const ReasonRow reason_rows[];

const char *state_word(int state)
{
    bool known = state >= 0 && (size_t)state < sizeof state_words / sizeof *state_words;
    return known ? state_words[state] : state_words[VIR_DOMAIN_NOSTATE];
}

const char *state_reason_word(int state, int reason)
{
    for (const ReasonRow *row = reason_rows; row->word; row++)
        if (row->state == state && row->reason == reason)
            return row->word;
    return N_("unknown");
}

static const ReasonRow reason_rows[] = {
    { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, N_("booted") },
    { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_MIGRATED, N_("migrated") },
    { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_RESTORED, N_("restored") },
    { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_FROM_SNAPSHOT, N_("from snapshot") },
    { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED, N_("unpaused") },
    { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_MIGRATION_CANCELED, N_("migration canceled") },
    { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_SAVE_CANCELED, N_("save canceled") },
    { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_WAKEUP, N_("event wakeup") },
    { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_CRASHED, N_("crashed") },
    { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY, N_("post-copy") },
    { VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY_FAILED, N_("post-copy failed") },
    { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER, N_("user") },
    { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION, N_("migrating") },
    { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_SAVE, N_("saving") },
    { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_DUMP, N_("dumping") },
    { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR, N_("I/O error") },
    { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_WATCHDOG, N_("watchdog") },
    { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_FROM_SNAPSHOT, N_("from snapshot") },
    { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_SHUTTING_DOWN, N_("shutting down") },
    { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_SNAPSHOT, N_("creating snapshot") },
    { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_CRASHED, N_("crashed") },
    { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP, N_("starting up") },
    { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY, N_("post-copy") },
    { VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY_FAILED, N_("post-copy failed") },
    { VIR_DOMAIN_SHUTDOWN, VIR_DOMAIN_SHUTDOWN_USER, N_("user") },
    { VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_SHUTDOWN, N_("shutdown") },
    { VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_DESTROYED, N_("destroyed") },
    { VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_CRASHED, N_("crashed") },
    { VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_MIGRATED, N_("migrated") },
    { VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_SAVED, N_("saved") },
    { VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_FAILED, N_("failed") },
    { VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT, N_("from snapshot") },
    { VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_DAEMON, N_("daemon") },
    { VIR_DOMAIN_CRASHED, VIR_DOMAIN_CRASHED_PANICKED, N_("panicked") },
    { 0 },
};
