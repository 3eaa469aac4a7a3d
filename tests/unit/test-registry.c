/* SPDX-License-Identifier: Apache-2.0 */
/* The registry under several threads; also run with ThreadSanitizer. */
#include "base/error.h"
#include "vm/vm-registry.h"

static Domain *make_domain(const char *name, const Uuid *uuid)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(uuid, text);
    g_autofree char *xml = g_strdup_printf("<domain type='qemu'><name>%s</name><uuid>%s</uuid><memory>1024</memory>"
                                           "<os><type arch='x86_64' machine='pc'>hvm</type></os></domain>",
                                           name, text);
    g_autoptr(GError) error = NULL;
    Domain *domain = domain_parse(xml, -1, DOMAIN_PARSE_NO_VALIDATION, NULL, NULL, &error);
    g_assert_no_error(error);
    return domain;
}

static void publish(Vm *vm, Domain *domain)
{
    VmView *view = vm_view_copy(vm->view);
    definition_unref(view->config);
    view->config = definition_new(domain, NULL);
    view->persistent = true;
    vm_publish(vm, view);
}

typedef struct {
    Daemon daemon;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
    f->daemon.vms = vm_registry_new(&f->daemon);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    vm_registry_free(f->daemon.vms);
}

static void test_claim(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    Uuid first = uuid_random(), second = uuid_random();
    g_autoptr(Vm) vm = vm_registry_claim(f->daemon.vms, &first, "web", &error);
    g_assert_no_error(error);
    g_assert_null(vm_registry_lookup_name(f->daemon.vms, "web")); /* not published yet */
    g_assert_null(vm_registry_claim(f->daemon.vms, &second, "web", &error));
    g_assert_true(error_is(error, VIR_ERR_OPERATION_FAILED));
    g_clear_error(&error);

    publish(vm, make_domain("web", &first));
    vm_registry_release(f->daemon.vms, vm, "web");
    g_autoptr(Vm) found = vm_registry_lookup_name(f->daemon.vms, "web");
    g_assert_true(found == vm);
    g_assert_null(vm_registry_claim(f->daemon.vms, &first, "other", &error));
    g_assert_true(error_is(error, VIR_ERR_OPERATION_FAILED));

    vm_publish(vm, NULL);
    g_assert_null(vm_registry_lookup_uuid(f->daemon.vms, &first));
    g_assert_cmpuint(vm_registry_count(f->daemon.vms, false), ==, 0);
}

/* A definition that fails leaves nothing; one that is removed while another client claims it stays claimable. */
static void test_release(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    Uuid uuid = uuid_random();
    g_autoptr(Vm) failed = vm_registry_claim(f->daemon.vms, &uuid, "a", &error);
    vm_registry_release(f->daemon.vms, failed, "a");
    Uuid other = uuid_random();
    g_autoptr(Vm) vm = vm_registry_claim(f->daemon.vms, &other, "a", &error);
    g_assert_no_error(error);
    publish(vm, make_domain("a", &other));
    g_autoptr(Vm) again = vm_registry_claim(f->daemon.vms, &other, "a", &error);
    vm_registry_release(f->daemon.vms, vm, "a");
    vm_publish(vm, NULL);
    publish(again, make_domain("a", &other));
    vm_registry_release(f->daemon.vms, again, "a");
    g_autoptr(Vm) found = vm_registry_lookup_uuid(f->daemon.vms, &other);
    g_assert_true(found == vm);
    vm_publish(vm, NULL);
}

static void test_ids(Fixture *f, gconstpointer data)
{
    g_assert_cmpint(vm_registry_next_id(f->daemon.vms), ==, 1);
    vm_registry_raise_id(f->daemon.vms, 7);
    vm_registry_raise_id(f->daemon.vms, 3);
    g_assert_cmpint(vm_registry_next_id(f->daemon.vms), ==, 8);
}

enum { THREADS = 4, ROUNDS = 300 };

typedef struct {
    Daemon *daemon;
    unsigned number;
} Worker;

static gpointer define_and_remove(gpointer data)
{
    Worker *worker = data;
    for (unsigned i = 0; i < ROUNDS; i++) {
        Uuid uuid = uuid_random();
        g_autofree char *name = g_strdup_printf("guest-%u", (worker->number + i) % THREADS);
        g_autoptr(Vm) vm = vm_registry_claim(worker->daemon->vms, &uuid, name, NULL);
        if (!vm)
            continue; /* another thread has the name just now */
        publish(vm, make_domain(name, &uuid));
        vm_registry_release(worker->daemon->vms, vm, name);
        vm_publish(vm, NULL);
    }
    return NULL;
}

static gpointer read_all(gpointer data)
{
    Worker *worker = data;
    for (unsigned i = 0; i < ROUNDS; i++) {
        g_autoptr(GPtrArray) all = vm_registry_all(worker->daemon->vms);
        for (unsigned v = 0; v < all->len; v++) {
            g_autoptr(VmView) view = vm_view(all->pdata[v]);
            if (view)
                g_assert_true(g_str_has_prefix(vm_view_domain(view)->name, "guest-"));
        }
        g_autoptr(Vm) found = vm_registry_lookup_name(worker->daemon->vms, "guest-1");
    }
    return NULL;
}

static void test_threads(Fixture *f, gconstpointer data)
{
    GThread *threads[2 * THREADS];
    Worker workers[2 * THREADS];
    for (unsigned i = 0; i < 2 * THREADS; i++) {
        workers[i] = (Worker){ &f->daemon, i };
        threads[i] = g_thread_new("registry", i % 2 ? read_all : define_and_remove, &workers[i]);
    }
    for (unsigned i = 0; i < 2 * THREADS; i++)
        g_thread_join(threads[i]);
    g_assert_cmpuint(vm_registry_count(f->daemon.vms, false), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/registry/claim", Fixture, NULL, set_up, test_claim, tear_down);
    g_test_add("/registry/release", Fixture, NULL, set_up, test_release, tear_down);
    g_test_add("/registry/ids", Fixture, NULL, set_up, test_ids, tear_down);
    g_test_add("/registry/threads", Fixture, NULL, set_up, test_threads, tear_down);
    return g_test_run();
}
