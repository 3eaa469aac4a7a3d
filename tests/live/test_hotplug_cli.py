# SPDX-License-Identifier: Apache-2.0
"""lodge's verbs for devices: the same XML as virsh would send, and the same effect."""
import re
import xml.etree.ElementTree as ElementTree

import pytest

from daemons import Failed
from guests import guest_xml
from hotplug import image

DISKS = """
/x.img vdb
/dev/null vdb
x vdb --sourcetype network --source-protocol nbd --source-host-name h:99 --source-host-transport tcp
x vdb --sourcetype network --source-protocol nbd --source-host-socket /s --source-host-transport unix
/x.img sdc --targetbus scsi --driver qemu --subdriver qcow2 --iothread 2 --cache none --io native --type cdrom --mode shareable --serial S --wwn 5000c50015ea71ad --alias ua-x --rawio --address scsi:0.0.3
/x.img vdb --mode readonly --address pci:0000.00.0a.0 --multifunction
/x.img sda --targetbus usb --address usb:00.01
/x.img hda --address ide:00.00.01
/x.img vdb --address ccw:fe.0.0000 --type lun
/x.img vdb --mode foo
/x.img vdb --sourcetype foo
/x.img vdb --source-protocol nbd
""".strip().splitlines()
INTERFACES = """
bridge br0
network default --mac 52:54:00:11:22:33 --model virtio --target vnet5 --script /s --alias ua-n --inbound 100,200,300 --outbound 10
user x
hostdev 0000:00:02.0 --managed
bridge br0 --inbound 100,,3
bridge br0 --inbound x
hostdev zz
""".strip().splitlines()


@pytest.fixture(scope="module")
def guest(shared):
    path = shared.directory / "cli.xml"
    path.write_text(guest_xml("cli", shared, machine="pc", devices="<disk type='file' device='cdrom'><target dev='hda' bus='ide'/><readonly/></disk>"))
    shared.virsh("define", path)
    shared.virsh("start", "cli")
    yield "cli"
    shared.virsh("destroy", "cli")
    shared.virsh("undefine", "cli")


def said(run, *words):
    """The XML that was printed, or the last line of the error."""
    try:
        return ElementTree.canonicalize(run(*words, "--print-xml"), strip_text=True)
    except Failed as failed:
        return failed.error.strip().splitlines()[-1]


@pytest.mark.parametrize("verb, line", [("attach-disk", line) for line in DISKS] + [("attach-interface", line) for line in INTERFACES])
def test_same_xml_as_virsh(shared, guest, verb, line):
    words = (verb, guest, *line.split())
    assert said(shared.lodge, *words) == said(shared.virsh, *words)


def test_disk(shared, guest):
    path = image(shared, "cli.img")
    assert "Disk attached successfully" in shared.lodge("attach-disk", guest, path, "vdb", "--config")
    assert str(path) in shared.virsh("dumpxml", guest, "--inactive") and str(path) not in shared.virsh("dumpxml", guest)
    assert "vdb" in shared.lodge("detach-disk", guest, "vdb", "--config", "--print-xml")
    assert "Disk detached successfully" in shared.lodge("detach-disk", guest, path, "--config")
    assert str(path) not in shared.virsh("dumpxml", guest, "--inactive")
    with pytest.raises(Failed, match="No disk found whose source path or target is vdq"):
        shared.lodge("detach-disk", guest, "vdq")


def test_interface(shared, guest):
    mac = "52:54:00:00:00:aa"
    for words in (("--mac", mac), ("--mac", "52:54:00:00:00:ab")):
        shared.lodge("attach-interface", guest, "bridge", "br0", *words, "--config")
    with pytest.raises(Failed, match="Domain has 2 interfaces. Please specify which one to detach using --mac"):
        shared.lodge("detach-interface", guest, "bridge", "--config")
    shared.lodge("detach-interface", guest, "bridge", "--mac", mac, "--config")
    assert mac not in shared.virsh("dumpxml", guest, "--inactive")
    shared.lodge("detach-interface", guest, "bridge", "--config")
    assert "<interface" not in shared.virsh("dumpxml", guest, "--inactive")


def test_media(shared, guest):
    first, second = image(shared, "one.iso"), image(shared, "two.iso")
    lodge = shared.lodge
    with pytest.raises(Failed, match="doesn't have media"):
        lodge("change-media", guest, "hda", "--eject")
    assert "Successfully inserted media" in lodge("change-media", guest, "hda", "--insert", "--source", first)
    with pytest.raises(Failed, match="already has media"):
        lodge("change-media", guest, "hda", "--insert", "--source", second)
    assert "Successfully updated media" in lodge("change-media", guest, "hda", "--source", second, "--live", "--config")
    for which in ((), ("--inactive",)):
        assert str(second) in shared.virsh("dumpxml", guest, *which)
    assert "Successfully ejected media" in lodge("change-media", guest, "hda", "--eject")
    assert str(second) not in shared.virsh("dumpxml", guest)
    with pytest.raises(Failed, match="No disk source specified"):
        lodge("change-media", guest, "hda", "--insert")


def test_files_and_alias(shared, guest):
    path = shared.directory / "rng.xml"
    path.write_text("<rng model='virtio'><alias name='ua-rng'/><backend model='builtin'/></rng>")
    assert "Device attached successfully" in shared.lodge("attach-device", guest, path, "--persistent")
    assert all("ua-rng" in shared.virsh("dumpxml", guest, *which) for which in ((), ("--inactive",)))
    assert "Device detached successfully" in shared.lodge("detach-device", guest, path, "--config")
    shared.lodge("detach-device-alias", guest, "ua-rng")
    with pytest.raises(Failed, match="Failed to update device from.*\n.*not supported"):
        shared.lodge("update-device", guest, path)
