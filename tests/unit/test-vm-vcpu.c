/* SPDX-License-Identifier: Apache-2.0 */
/* vCPUs of definitions, and key codes: the parts of src/vm that need no guest. */
#include "vm/vm-keycodes.h"
#include "vm/vm-vcpu.h"

#include <libvirt/libvirt.h>

static Domain *make_domain(unsigned current, unsigned maximum)
{
    Domain *domain = g_new0(Domain, 1);
    domain->max_vcpus = maximum;
    domain->vcpus = current;
    return domain;
}

static void set(Domain *domain, const char *online, bool live)
{
    g_autoptr(Cpuset) cpus = cpuset_parse(online, NULL);
    vm_vcpus_set_online(domain, cpus, live);
}

static void assert_online(const Domain *domain, const char *expected)
{
    g_autoptr(Cpuset) cpus = vm_vcpus_online_set(domain);
    g_autofree char *text = cpuset_format(cpus);
    g_assert_cmpstr(text, ==, expected);
    g_assert_cmpuint(vm_vcpus_online(domain), ==, cpuset_count(cpus));
}

static void test_count_needs_no_list(void)
{
    g_autoptr(Domain) domain = make_domain(2, 4);
    assert_online(domain, "0-1");
    set(domain, "0-2", false);
    g_assert_cmpuint(domain->n_vcpu_list, ==, 0);
    g_assert_cmpuint(domain->vcpus, ==, 3);
    set(domain, "0-3", false);
    g_assert_cmpuint(domain->vcpus, ==, 0); /* all: not written */
    assert_online(domain, "0-3");
}

static void test_gap_needs_list(void)
{
    g_autoptr(Domain) domain = make_domain(2, 4);
    set(domain, "0-1,3", false);
    g_assert_cmpuint(domain->n_vcpu_list, ==, 4);
    assert_online(domain, "0-1,3");
    g_assert_false(vm_vcpu_is_online(domain, 2));
    g_assert_cmpint(domain->vcpu_list[0]->hotpluggable, ==, TRI_NO);
    g_assert_cmpint(domain->vcpu_list[3]->hotpluggable, ==, TRI_YES);
    g_assert_cmpuint(domain->vcpu_list[3]->order, ==, 0);
}

static void test_live_notes_order(void)
{
    g_autoptr(Domain) domain = make_domain(2, 5);
    set(domain, "0-1,3", true);
    set(domain, "0-1,3-4", true);
    g_assert_cmpuint(domain->vcpu_list[1]->order, ==, 2);
    g_assert_cmpuint(domain->vcpu_list[3]->order, ==, 3);
    g_assert_cmpuint(domain->vcpu_list[4]->order, ==, 4);
    set(domain, "0-1,4", true);
    g_assert_cmpuint(domain->vcpu_list[3]->order, ==, 0);
    g_assert_cmpuint(domain->vcpu_list[4]->order, ==, 3);
}

static void test_maximum(void)
{
    g_autoptr(Domain) domain = make_domain(0, 4);
    vm_vcpus_set_maximum(domain, 8);
    g_assert_cmpuint(vm_vcpus_online(domain), ==, 4);
    vm_vcpus_set_maximum(domain, 2);
    assert_online(domain, "0-1");
    g_assert_cmpuint(domain->vcpus, ==, 0);

    g_autoptr(Domain) listed = make_domain(2, 4);
    set(listed, "0-1,3", false);
    vm_vcpus_set_maximum(listed, 5);
    g_assert_cmpuint(listed->n_vcpu_list, ==, 5);
    assert_online(listed, "0-1,3");
    vm_vcpus_set_maximum(listed, 3);
    assert_online(listed, "0-1");
    g_assert_cmpuint(listed->n_vcpu_list, ==, 3);
}

static void test_keycodes(void)
{
    static const struct {
        unsigned set, code, number;
    } rows[] = {
        { VIR_KEYCODE_SET_LINUX, 30, 0x1e },      { VIR_KEYCODE_SET_LINUX, 103, 0xc8 },
        { VIR_KEYCODE_SET_USB, 4, 0x1e },         { VIR_KEYCODE_SET_USB, 0x52, 0xc8 },
        { VIR_KEYCODE_SET_WIN32, 0x41, 0x1e },    { VIR_KEYCODE_SET_WIN32, 0x11, 0x1d },
        { VIR_KEYCODE_SET_ATSET1, 0xe048, 0xc8 }, { VIR_KEYCODE_SET_ATSET2, 0x1c, 0x1e },
        { VIR_KEYCODE_SET_OSX, 0, 0x1e },         { VIR_KEYCODE_SET_QNUM, 0xc8, 0xc8 },
        { VIR_KEYCODE_SET_XT, 0x1e, 0x1e },       { VIR_KEYCODE_SET_XT_KBD, 0xc8, 0xc8 },
    };
    unsigned number;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_true(keycode_to_qemu(rows[i].set, rows[i].code, &number));
        g_assert_cmphex(number, ==, rows[i].number);
    }
    g_assert_false(keycode_to_qemu(VIR_KEYCODE_SET_LINUX, 99999, &number));
    g_assert_false(keycode_to_qemu(VIR_KEYCODE_SET_LINUX, 0, &number));
    g_assert_false(keycode_to_qemu(VIR_KEYCODE_SET_USB, 0xffff, &number));
    g_assert_false(keycode_to_qemu(77, 30, &number));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vm-vcpu/count-needs-no-list", test_count_needs_no_list);
    g_test_add_func("/vm-vcpu/gap-needs-list", test_gap_needs_list);
    g_test_add_func("/vm-vcpu/live-notes-order", test_live_notes_order);
    g_test_add_func("/vm-vcpu/maximum", test_maximum);
    g_test_add_func("/vm-keycodes/sets", test_keycodes);
    return g_test_run();
}
