# SPDX-License-Identifier: Apache-2.0
"""Disks that come and go while a guest runs, as its kernel sees them."""
import re

import pytest

from daemons import Failed
from hotplug import ROOT_PORTS, Booted, image


def disk(path, target="vdb", bus="virtio", more="", format="raw", device="disk"):
    return f"""<disk type='file' device='{device}'><driver name='qemu' type='{format}'/><source file='{path}'/>
      <target dev='{target}' bus='{bus}'/>{more}</disk>"""


@pytest.fixture(scope="module", params=["q35", "pc"])
def guest(request, shared):
    ports = ROOT_PORTS if request.param == "q35" else ""
    guest = Booted(shared, f"disks-{request.param}", machine=request.param, devices=ports + "<controller type='usb' model='qemu-xhci'/>")
    yield guest
    guest.close()


@pytest.mark.parametrize("bus, target, seen", [("virtio", "vdb", "vd[a-z]"), ("scsi", "sdb", "sd[a-z]")])
def test_comes_and_goes(guest, bus, target, seen):
    path = image(guest.daemon, f"{bus}.img", 12)
    if bus == "scsi":  # else one would come with the first such disk, and stay
        guest.device("attach", "<controller type='scsi' index='0' model='virtio-scsi'/>")
    before = guest.held()
    guest.device("attach", disk(path, target, bus))
    guest.shell.until("cat /proc/partitions", rf"12288 {seen}\n")
    assert str(path) in guest.xml() and str(path) not in guest.xml("--inactive")
    with pytest.raises(Failed, match=f"target .{target}. duplicated"):
        guest.device("attach", disk(path, target, bus))
    guest.device("detach", disk(path, target, bus))
    guest.shell.until("cat /proc/partitions", rf"12288 {seen}\n", there=False)
    assert str(path) not in guest.xml()
    assert guest.held() == before


def test_usb_stick(guest):
    """The test guest's kernel has no USB: what QEMU says must do."""
    path = image(guest.daemon, "usb.img")
    before = guest.held()
    guest.device("attach", disk(path, "sdc", "usb"))
    assert "QEMU USB MSD" in guest.daemon.virsh("qemu-monitor-command", guest.name, "--hmp", "info usb")
    guest.device("detach", disk(path, "sdc", "usb"))
    assert guest.held() == before


def test_chain(guest):
    """A qcow2 image on another: QEMU gets both, the live definition names both, and both are let go of."""
    base, top = image(guest.daemon, "base.img", 12), guest.daemon.directory / "top.qcow2"
    guest.daemon.run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base, top)
    before = guest.held()
    guest.device("attach", disk(top, "vdd", format="qcow2"))
    guest.shell.until("cat /proc/partitions", r"12288 vd[a-z]\n")
    assert re.search(rf"<backingStore type='file' index='\d+'>\s*<format type='raw'/>\s*<source file='{base}'/>", guest.xml())
    assert len(guest.held()[1]) == len(before[1]) + 2
    guest.device("detach", disk(top, "vdd", format="qcow2"))
    assert guest.held() == before


def test_failure_leaves_nothing(guest):
    path = image(guest.daemon, "no.img")
    before = guest.held()
    xml = guest.xml()
    for wrong, why in (
        (disk("/nowhere/x.img"), "Cannot access storage file '/nowhere/x.img'"),
        (disk(path, format="qcow2"), "qcow2"),
        (disk(path, "sdx", "sata"), "disk bus 'sata' cannot be hotplugged"),
        (disk(path).replace("<driver ", "<driver queue_size='3' "), "queue-size"),  # QEMU's own word, at the last command
        (disk(path, more="<iotune><total_bytes_sec>1</total_bytes_sec><read_bytes_sec>1</read_bytes_sec></iotune>"), "total"),
        (disk(path).replace("<driver ", "<driver queues='5000' "), "5000 queues"),  # would abort QEMU
    ):
        with pytest.raises(Failed, match=why):
            guest.device("attach", wrong)
    assert guest.held() == before
    assert guest.xml() == xml


def test_limits_are_set(guest):
    path = image(guest.daemon, "slow.img")
    guest.device("attach", disk(path, "vde", more="<iotune><total_iops_sec>77</total_iops_sec></iotune>"))
    (block,) = [one for one in guest.qmp("query-block") if "virtio-disk4" in one.get("qdev", "")]
    assert block["inserted"]["iops"] == 77
    guest.device("detach", disk(path, "vde"))


def test_definition_too(guest):
    path = image(guest.daemon, "both.img")
    guest.device("attach", disk(path, "vdf"), "--live", "--config")
    assert str(path) in guest.xml() and str(path) in guest.xml("--inactive")
    guest.device("detach", disk(path, "vdf"), "--config")
    assert str(path) in guest.xml() and str(path) not in guest.xml("--inactive")
    with pytest.raises(Failed, match="vdf"):
        guest.device("detach", disk(path, "vdf"), "--live", "--config")
    assert str(path) in guest.xml()  # neither
    guest.device("detach", disk(path, "vdf"))
    guest.device("attach", disk(path, "sdz", "sata"), "--config")
    guest.device("detach", disk(path, "sdz", "sata"), "--config")
