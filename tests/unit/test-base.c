/* SPDX-License-Identifier: Apache-2.0 */
#include "base/auto-fd.h"
#include "base/cpuset.h"
#include "base/durable-file.h"
#include "base/error.h"
#include "base/mailbox.h"
#include "base/process.h"
#include "base/record.h"
#include "base/state-words.h"
#include "base/uuid.h"

#include <glib/gstdio.h>
#include <libvirt/libvirt.h>
#include <unistd.h>

static void test_uuid_round_trip(void)
{
    Uuid uuid = uuid_random(), parsed;
    char text[UUID_TEXT_SIZE];
    uuid_format(&uuid, text);
    g_assert_true(uuid_parse(text, &parsed));
    g_assert_true(uuid_equal(&uuid, &parsed));
    g_assert_true(uuid_parse(" FC152F099B094890A3163C2A5AFB0E68 ", &parsed));
    g_assert_false(uuid_parse("fc152f09", &parsed));
    g_assert_false(uuid_parse("fc152f09-9b09-4890-a316-3c2a5afb0e68x", &parsed));
}

static void test_cpuset(void)
{
    static const struct {
        const char *text, *canonical;
    } rows[] = {
        { "0-3,^2,5", "0-1,3,5" }, { " 1 , 2 ", "1-2" }, { "7", "7" },        { "0-4,^4", "0-3" }, { "", NULL },
        { "3-1", NULL },           { "a", NULL },        { "0-99999", NULL }, { "1,^1", NULL }
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Cpuset) set = cpuset_parse(rows[i].text, &error);
        g_assert_true((set != NULL) == (rows[i].canonical != NULL));
        if (!set) {
            g_assert_true(error_is(error, VIR_ERR_INVALID_ARG));
            continue;
        }
        g_autofree char *text = cpuset_format(set);
        g_assert_cmpstr(text, ==, rows[i].canonical);
    }
}

static void test_durable_file(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = g_dir_make_tmp("lodge-base-XXXXXX", &error);
    g_assert_no_error(error);
    g_autofree char *path = g_build_filename(dir, "a.xml", NULL);
    g_assert_true(durable_file_write(path, "one", -1, 0600, &error));
    g_assert_true(durable_file_write(path, "two", -1, 0600, &error));
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, &error));
    g_assert_cmpstr(text, ==, "two");
    g_autofree char *missing = g_build_filename(dir, "no", "a.xml", NULL);
    g_assert_false(durable_file_write(missing, "x", -1, 0600, &error));
    g_assert_true(error_is(error, VIR_ERR_SYSTEM_ERROR));
    g_clear_error(&error);
    g_assert_true(durable_file_remove(path, &error));
    g_assert_true(durable_file_remove(path, &error));
    g_assert_cmpint(g_rmdir(dir), ==, 0); /* empty: no temporary was left */
}

static void test_error_text(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(error_set(&error, VIR_ERR_NO_DOMAIN, "no domain with matching name '%s'", "web"));
    g_autofree char *text = error_text(error);
    g_assert_cmpstr(text, ==, "Domain not found: no domain with matching name 'web'");
    g_assert_cmpint(error_row(VIR_ERR_NO_DOMAIN)->http_status, ==, 404);
    g_assert_cmpint(error_row(-5)->code, ==, VIR_ERR_INTERNAL_ERROR);
}

static void test_process_identity(void)
{
    g_autoptr(GError) error = NULL;
    ProcessId self;
    g_assert_true(process_identify(getpid(), &self, &error));
    g_assert_true(process_alive(&self));
    auto_fd int fd = process_open(&self);
    g_assert_cmpint(fd, >=, 0);
    g_assert_false(process_wait(fd, 1));
    ProcessId recycled = { self.pid, self.start_time + 1 };
    g_assert_false(process_alive(&recycled));
    g_assert_cmpint(process_open(&recycled), ==, -1);
}

typedef struct {
    Mailbox *mailbox;
    int next; /* written without a lock: that is what the mailbox promises */
    int left;
    GMutex lock;
    GCond done;
} Order;

typedef struct {
    Order *order;
    int number;
} OrderJob;

static void order_job(gpointer data)
{
    g_autofree OrderJob *job = data;
    Order *order = job->order;
    g_assert_true(mailbox_is_current(order->mailbox));
    g_assert_cmpint(order->next, ==, job->number);
    order->next++;
    g_mutex_lock(&order->lock);
    order->left--;
    g_cond_signal(&order->done);
    g_mutex_unlock(&order->lock);
}

static void test_mailbox_order(void)
{
    enum { BOXES = 8, JOBS = 500 };
    Order orders[BOXES] = { 0 };
    for (int b = 0; b < BOXES; b++) {
        orders[b].mailbox = mailbox_new();
        orders[b].left = JOBS;
    }
    for (int j = 0; j < JOBS; j++) {
        for (int b = 0; b < BOXES; b++) {
            OrderJob *job = g_new(OrderJob, 1);
            *job = (OrderJob){ &orders[b], j };
            mailbox_post(orders[b].mailbox, order_job, job);
        }
    }
    for (int b = 0; b < BOXES; b++) {
        g_mutex_lock(&orders[b].lock);
        while (orders[b].left > 0)
            g_cond_wait(&orders[b].done, &orders[b].lock);
        g_mutex_unlock(&orders[b].lock);
        g_assert_cmpint(orders[b].next, ==, JOBS);
        mailbox_unref(orders[b].mailbox);
    }
}

typedef struct {
    int number;
    unsigned *freed;
} TestRecord;

static void clear_test_record(gpointer data)
{
    ++*((TestRecord *)data)->freed;
}

static void test_record(void)
{
    GMutex lock;
    unsigned freed = 0;
    TestRecord *slot = NULL;
    g_mutex_init(&lock);
    g_assert_null(record_get(&lock, &slot));
    TestRecord *first = record_new(TestRecord);
    *first = (TestRecord){ 1, &freed };
    g_assert_null(record_swap(&lock, &slot, first));
    TestRecord *seen = record_get(&lock, &slot);
    TestRecord *second = record_copy(TestRecord, seen);
    second->number = 2;
    record_unref(record_swap(&lock, &slot, second), clear_test_record);
    g_assert_cmpuint(freed, ==, 0); /* a reader still has it */
    g_assert_cmpint(seen->number, ==, 1);
    record_unref(seen, clear_test_record);
    g_assert_cmpuint(freed, ==, 1);
    record_unref(record_swap(&lock, &slot, NULL), clear_test_record);
    g_assert_cmpuint(freed, ==, 2);
    record_unref(NULL, clear_test_record);
    g_mutex_clear(&lock);
}

static void test_state_words(void)
{
    g_assert_cmpstr(state_word(VIR_DOMAIN_SHUTOFF), ==, "shut off");
    g_assert_cmpstr(state_word(-1), ==, "no state");
    g_assert_cmpstr(state_word(99), ==, "no state");
    g_assert_cmpstr(state_reason_word(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_CRASHED), ==, "crashed");
    g_assert_cmpstr(state_reason_word(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_CRASHED), ==, "crashed");
    g_assert_cmpstr(state_reason_word(VIR_DOMAIN_RUNNING, 99), ==, "unknown");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/uuid", test_uuid_round_trip);
    g_test_add_func("/base/cpuset", test_cpuset);
    g_test_add_func("/base/durable-file", test_durable_file);
    g_test_add_func("/base/error-text", test_error_text);
    g_test_add_func("/base/process-identity", test_process_identity);
    g_test_add_func("/base/mailbox-order", test_mailbox_order);
    g_test_add_func("/base/record", test_record);
    g_test_add_func("/base/state-words", test_state_words);
    return g_test_run();
}
