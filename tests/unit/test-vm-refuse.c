/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest cannot be started with, and that the error names its place and the cure. */
#include "vm/vm-refuse.h"

#include <libvirt/virterror.h>
#include <string.h>

static Domain *parse(const char *top, const char *devices)
{
    g_autofree char *xml = g_strdup_printf(
        "<domain type='qemu'><name>t</name><memory>1024</memory><os><type arch='x86_64'>hvm</type></os>%s"
        "<devices>%s</devices></domain>",
        top, devices);
    g_autoptr(GError) error = NULL;
    Domain *domain = domain_parse(xml, -1, 0, model_host_for_tests(), NULL, &error);
    g_assert_no_error(error);
    return domain;
}

/* @place and @cure: parts of the error; NULL: the guest may start. */
static void check(const char *top, const char *devices, const char *place, const char *cure)
{
    g_autoptr(Domain) domain = parse(top, devices);
    g_autoptr(GError) error = NULL;
    bool starts = vm_refuse_unapplied(domain, &error);
    if (!place) {
        g_assert_no_error(error);
        g_assert_true(starts);
        return;
    }
    g_assert_false(starts);
    g_assert_cmpint(error->code, ==, VIR_ERR_CONFIG_UNSUPPORTED);
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, "guest 't'"));
    g_assert_nonnull(strstr(error->message, place));
    g_assert_nonnull(strstr(error->message, cure));
}

static void check_device(const char *devices, const char *place, const char *cure)
{
    check("", devices, place, cure);
}

static void test_plain_guest_starts(void)
{
    check("<features><acpi/><apic/><pae/><hap/></features><vcpu placement='static'>2</vcpu>"
          "<seclabel type='dynamic' model='dac' relabel='yes'/>",
          "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='/a'>"
          "<seclabel model='dac' relabel='no'/></source><target dev='sda' bus='sata' tray='closed'/></disk>"
          "<interface type='user'><mac address='52:54:00:00:00:01'/></interface>",
          NULL, NULL);
}

static void test_interface(void)
{
    const char *bridge = "<interface type='bridge'><source bridge='b'/>%s</interface>";
    static const struct {
        const char *xml, *place, *cure;
    } rows[] = {
        { "<filterref filter='clean-traffic'/>", "devices/interface[1]/filterref/@filter='clean-traffic'", "nftables" },
        { "<vlan><tag id='5'/></vlan>", "devices/interface[1]/vlan", "ip link add" },
        { "<virtualport type='openvswitch'/>", "devices/interface[1]/virtualport", "Linux bridge" },
        { "<guest dev='eth9'/>", "devices/interface[1]/guest/@dev='eth9'", "containers" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(GStrv) parts = g_strsplit(bridge, "%s", 2);
        g_autofree char *xml = g_strjoin(rows[i].xml, parts[0], parts[1], NULL);
        check_device(xml, rows[i].place, rows[i].cure);
    }
}

static void test_macvtap(void)
{
    check_device("<interface type='direct'><source dev='eth0'/></interface>",
                 "devices/interface[1]/source/@mode='vepa'", "macvtap");
}

static void test_source_in_chain(void)
{
    check_device("<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/a'/>"
                 "<backingStore type='file'><format type='raw'/><source file='/b'>"
                 "<reservations managed='yes'/></source></backingStore><target dev='vda' bus='virtio'/></disk>",
                 "devices/disk[1]/backingStore/source/reservations", "helper");
}

static void test_placement(void)
{
    check("<vcpu placement='auto'>2</vcpu>", "", "vcpu/@placement='auto'", "cpuset");
}

static void test_one_device(void)
{
    g_autoptr(Domain) domain =
        parse("", "<interface type='bridge'><source bridge='b'/><filterref filter='f'/></interface>");
    g_autoptr(GError) error = NULL;
    g_assert_false(
        vm_refuse_unapplied_device(domain, &model_domain_interface, domain->interfaces[0], "interface", &error));
    g_assert_nonnull(strstr(error->message, "interface/filterref/@filter='f'"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vm/refuse/plain", test_plain_guest_starts);
    g_test_add_func("/vm/refuse/interface", test_interface);
    g_test_add_func("/vm/refuse/macvtap", test_macvtap);
    g_test_add_func("/vm/refuse/backing-chain", test_source_in_chain);
    g_test_add_func("/vm/refuse/placement", test_placement);
    g_test_add_func("/vm/refuse/device", test_one_device);
    return g_test_run();
}
