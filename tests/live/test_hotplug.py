# SPDX-License-Identifier: Apache-2.0
"""Devices of all other classes that come and go while a guest runs, as its kernel sees them."""
import os
import re
import subprocess
import time

import libvirt
import pytest

import daemons
from daemons import Failed, wait_until
from guests import EventLoop, Events, guest_xml
from hotplug import ROOT_PORTS, Booted, image

MEMORY = """<cpu mode='custom'><model>qemu64</model><numa><cell id='0' cpus='0' memory='192' unit='MiB'/></numa></cpu>"""
BUSES = "<controller type='scsi' index='0' model='virtio-scsi'/>" + "<controller type='usb' model='qemu-xhci'/><controller type='virtio-serial' index='0'/>"
CDROM = "<disk type='file' device='cdrom'><target dev='{}' bus='{}'/><readonly/></disk>"

# what is attached, what then asks the guest, and what the answer has in it while the device is there; None: the test
# guest's kernel has no driver for it, so that it does not lock the device either.
CLASSES = {
    "interface-user": ("<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>",
        "cat /sys/class/net/*/address", "52:54:00:00:00:01"),
    "interface-udp": ("<interface type='udp'><mac address='52:54:00:00:00:02'/><source address='127.0.0.1' port='5555'>"
        "<local address='127.0.0.1' port='0'/></source><model type='virtio'/></interface>",
        "cat /sys/class/net/*/address", "52:54:00:00:00:02"),
    "rng": ("<rng model='virtio'><rate bytes='1000' period='500'/><backend model='random'>/dev/urandom</backend></rng>",
        "cat /sys/class/misc/hw_random/rng_available", "virtio_rng"),
    "channel": ("<channel type='unix'><target type='virtio' name='org.lodge.test.0'/></channel>",
        "cat /sys/class/virtio-ports/*/name", "org.lodge.test.0"),
    "channel-pty": ("<channel type='pty'><target type='virtio' name='org.lodge.test.1'/></channel>",
        "cat /sys/class/virtio-ports/*/name", "org.lodge.test.1"),
    "console": ("<console type='pty'><target type='virtio'/></console>", "ls /sys/class/virtio-ports", "vport"),
    "memory": ("<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>",
        "for f in /sys/devices/system/memory/memory*/online; do [ $(cat $f) = 1 ] && echo $f; done | wc -l; dmesg | tail -1", None),
    "input": ("<input type='keyboard' bus='virtio'/>", "cat /proc/bus/input/devices", "QEMU Virtio Keyboard"),
    "redirdev": ("<redirdev bus='usb' type='tcp'><source mode='bind' host='127.0.0.1' service='0'/></redirdev>", None, None),
    "input-usb": ("<input type='tablet' bus='usb'/>", None, None),
    "serial-usb": ("<serial type='pty'><target type='usb-serial'/></serial>", None, None),
}
# Conventional PCI: on q35 there is a slot for it only behind a bridge.
PCI_CLASSES = {
    "watchdog": ("<watchdog model='i6300esb' action='poweroff'/>", "cat /sys/bus/pci/devices/*/device", "0x25ab"),
    "serial-pci": ("<serial type='pty'><target type='pci-serial'/></serial>", "cat /sys/bus/pci/devices/*/device", "0x0002"),
}


@pytest.fixture(scope="module", params=["q35", "pc"])
def guest(request, shared):
    ports = ROOT_PORTS if request.param == "q35" else ""
    drive = CDROM.format("sda", "scsi") if request.param == "q35" else CDROM.format("hda", "ide")
    guest = Booted(shared, f"classes-{request.param}", machine=request.param, devices=ports + BUSES + drive, extra=MEMORY,
        head="<maxMemory slots='4' unit='MiB'>1024</maxMemory>")
    yield guest
    guest.close()


def comes_and_goes(guest, xml, question, answer):
    before = guest.held()
    guest.device("attach", xml)
    assert guest.held() != before
    if answer:
        guest.shell.until(question, answer)
    guest.device("detach", xml)
    if answer:
        guest.shell.until(question, answer, there=False)
    wait_until(lambda: guest.held() == before, "nothing is left in QEMU")


@pytest.mark.parametrize("name", CLASSES)
def test_class(guest, name):
    comes_and_goes(guest, *CLASSES[name])


@pytest.mark.parametrize("name", PCI_CLASSES)
def test_conventional_pci(guest, name):
    xml, question, answer = PCI_CLASSES[name]
    if guest.name.endswith("q35"):
        before = guest.held()
        with pytest.raises(Failed, match="No more available PCI slots.*pcie-to-pci-bridge.*--config"):
            guest.device("attach", xml)
        assert guest.held() == before
        return
    comes_and_goes(guest, xml, question, answer)


def test_memory_counts(guest):
    xml = "<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>"
    before = int(re.search(r"<memory unit='KiB'>(\d+)", guest.xml())[1])
    blocks = "ls -d /sys/devices/system/memory/memory* | wc -l"
    count = int(guest.shell.run(blocks))
    guest.device("attach", xml)
    assert int(re.search(r"<memory unit='KiB'>(\d+)", guest.xml())[1]) == before + (128 << 10)
    wait_until(lambda: int(guest.shell.run(blocks)) == count + 1, "the guest's kernel has another block of memory")
    guest.device("detach", xml)
    wait_until(lambda: int(re.search(r"<memory unit='KiB'>(\d+)", guest.xml())[1]) == before, "the module is gone")
    wait_until(lambda: int(guest.shell.run(blocks)) == count, "and its block too")


@pytest.mark.parametrize("xml, why", [
    ("<video><model type='virtio'/></video>", "live attach of device 'video' is not supported"),
    ("<sound model='ich6'/>", "live attach of device 'sound' is not supported"),
    ("<controller type='usb' index='7' model='qemu-xhci'/>", "'usb' controller cannot be hot plugged"),
    ("<input type='mouse' bus='ps2'/>", "input device on bus 'ps2' cannot be hot plugged"),
    ("<filesystem type='mount'><source dir='/tmp'/><target dir='x'/></filesystem>", "only virtiofs filesystems"),
    ("<memory model='dimm'><target><size unit='GiB'>64</size><node>0</node></target></memory>", "memory"),
    ("<hostdev mode='subsystem' type='usb'><source><vendor id='0xfffe'/><product id='0xfffd'/></source></hostdev>", "fffe:fffd"),
    # A guest that started without shared memory has a /dev/shm of its own.
    ("<shmem name='lodge-late'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>", "its own|No more available PCI"),
    ("<nonsense/>", "unknown device type 'nonsense'"),
])
def test_refusals(guest, xml, why):
    before = guest.held()
    with pytest.raises(Failed, match=why):
        guest.device("attach", xml)
    assert guest.held() == before


def test_definition_alone(guest):
    for xml, mark in (("<sound model='ich6'/>", "<sound model='ich6'"), ("<rng model='virtio'><backend model='builtin'/></rng>", "builtin")):
        guest.device("attach", xml, "--config")
        assert mark in guest.xml("--inactive") and mark not in guest.xml()
        guest.device("detach", xml, "--config")
        assert mark not in guest.xml("--inactive")


def test_events_and_alias(guest):
    EventLoop.start()
    connection = guest.daemon.connect()
    added = Events(connection, libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED)
    removed = Events(connection, libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED)
    domain = connection.lookupByName(guest.name)
    domain.attachDeviceFlags("<rng model='virtio'><alias name='ua-dice'/><backend model='random'>/dev/urandom</backend></rng>",
        libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    added.wait(guest.name, "ua-dice")
    assert domain.XMLDesc().count("ua-dice") == 1 and "ua-dice" in domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    guest.shell.until("cat /sys/class/misc/hw_random/rng_available", "virtio_rng")
    guest.daemon.virsh("detach-device-alias", guest.name, "ua-dice", "--live", "--config")
    removed.wait(guest.name, "ua-dice")
    assert "ua-dice" not in domain.XMLDesc() + domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    with pytest.raises(libvirt.libvirtError, match="no device found with alias ua-dice"):
        domain.detachDeviceAlias("ua-dice", 0)
    added.close(), removed.close(), connection.close()


def test_read_only(guest):
    path = guest.daemon.directory / "rng.xml"
    path.write_text("<rng model='virtio'><backend model='builtin'/></rng>")
    for verb in ("attach-device", "detach-device", "update-device"):
        with pytest.raises(Failed, match="read.only|forbidden"):
            guest.daemon.virsh(verb, guest.name, path, readonly=True)


def test_link_state(guest):
    net = "<interface type='user'><mac address='52:54:00:00:00:03'/><model type='virtio'/>{}</interface>"
    guest.device("attach", net.format("<link state='down'/>"))
    guest.shell.until("cat /sys/class/net/*/address", "52:54:00:00:00:03")
    name = guest.shell.run("basename $(dirname $(grep -l 52:54:00:00:00:03 /sys/class/net/*/address))").strip()
    guest.shell.run(f"ip link set {name} up")
    guest.shell.until(f"cat /sys/class/net/{name}/carrier", "0")
    guest.device("update", net.format("<link state='up'/>"))
    guest.shell.until(f"cat /sys/class/net/{name}/carrier", "1")
    for wrong, why in (
        (net.format("").replace("virtio", "e1000"), "cannot modify network device model"),
        (net.format("<driver queues='3'/>"), "driver attributes"),
        (net.format("").replace("00:03", "00:77"), "MAC address 52:54:00:00:00:77"),
    ):
        with pytest.raises(Failed, match=why):
            guest.device("update", wrong)
    guest.device("detach", net.format(""))


@pytest.fixture
def drive(guest):
    """XML of the guest's cdrom drive with a medium (or none), and what QEMU holds while it is empty."""
    bus, target = ("scsi", "sda") if guest.name.endswith("q35") else ("ide", "hda")
    yield lambda path: (f"<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>{f'<source file={str(path)!r}/>' if path else ''}"
        f"<target dev='{target}' bus='{bus}'/><readonly/></disk>")


def medium(guest, letter):
    path = image(guest.daemon, f"{letter}.iso", 1)
    path.write_bytes(letter.encode() * (1 << 20))
    return path


def test_medium(guest, drive):
    """A drive gets a medium, another, and none; the file of the one before is let go of each time."""
    EventLoop.start()
    connection = guest.daemon.connect()
    trays = Events(connection, libvirt.VIR_DOMAIN_EVENT_ID_TRAY_CHANGE)
    before = guest.held()
    read = "head -c 4 /dev/sr0"
    guest.device("update", drive(medium(guest, "A")))
    guest.shell.until(read, "AAAA")
    assert len(guest.held()[1]) == len(before[1]) + 1 and "A.iso" in guest.xml() and "A.iso" not in guest.xml("--inactive")
    trays.wait(guest.name)
    guest.device("attach", drive(medium(guest, "B")))  # means the same
    guest.shell.until(read, "BBBB")
    assert len(guest.held()[1]) == len(before[1]) + 1 and "A.iso" not in guest.xml()
    with pytest.raises(Failed, match="nowhere.iso"):
        guest.device("update", drive("/nowhere.iso"))
    guest.shell.until(read, "BBBB")
    guest.device("update", drive(None))
    assert "tray='open'" in guest.xml() and guest.held() == before
    guest.shell.until(read, "No medium|Input/output|I/O error")
    if guest.name.endswith("pc"):
        with pytest.raises(Failed, match="cannot be detached"):
            guest.device("detach", drive(None))
    trays.close(), connection.close()


def test_missing_medium(daemon):
    """One that may be missing is left out of the guest that starts, and listeners are told."""
    EventLoop.start()
    connection = daemon.connect()
    changes = Events(connection, libvirt.VIR_DOMAIN_EVENT_ID_DISK_CHANGE)
    xml = guest_xml("without", machine="pc", devices="""<disk type='file' device='cdrom'>
        <source file='/nowhere.iso' startupPolicy='optional'/><target dev='hda' bus='ide'/><readonly/></disk>""")
    domain = connection.createXML(xml)
    changes.wait("without", "/nowhere.iso", None, "ide0-0-0", libvirt.VIR_DOMAIN_EVENT_DISK_CHANGE_MISSING_ON_START)
    assert "nowhere.iso" not in domain.XMLDesc()
    domain.destroy()
    changes.close(), connection.close()


def test_locked_tray(guest, drive):
    guest.device("update", drive(medium(guest, "C")))
    guest.shell.until("head -c 4 /dev/sr0", "CCCC")
    guest.shell.run("sleep 1000 </dev/sr0 & sleep 1")  # what is open is locked
    with pytest.raises(Failed, match="--force"):
        guest.device("update", drive(None))
    assert "C.iso" in guest.xml()
    guest.device("update", drive(None), "--force")
    assert "C.iso" not in guest.xml()
    guest.shell.run("killall sleep")


def tc(daemon, words):
    return subprocess.run(["nsenter", "-t", str(daemon.process.pid), "-n", "tc", *words.split()], check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="makes taps")
def test_bridge():
    with daemons.InNamespace() as daemon:
        for name in ("br-a", "br-b"):
            daemon.ip("link", "add", name, "type", "bridge")
        guest = Booted(daemon, "bridged", machine="pc")
        net = "<interface type='bridge'><mac address='52:54:00:00:00:0{}'/><source bridge='{}'/><model type='virtio'/>{}</interface>"
        before, links = guest.held(), daemon.ip("-o", "link")
        guest.device("attach", net.format(4, "br-a", "<driver queues='2'/>"))
        assert re.search(r"vnet0.*master br-a", daemon.ip("-o", "link"))
        guest.shell.until("cat /sys/class/net/*/address", "52:54:00:00:00:04")
        guest.device("update", net.format(4, "br-b", ""))
        assert re.search(r"vnet0.*master br-b", daemon.ip("-o", "link")) and "br-b" in guest.xml()
        limit = "<bandwidth><inbound average='777'/></bandwidth><link state='down'/>"
        guest.device("update", net.format(4, "br-b", limit))
        assert "<inbound average='777'/>" in guest.xml() and "6216Kbit" in tc(daemon, "class show dev vnet0")
        with pytest.raises(Failed, match="no-such-br"):  # and nothing else of it is done
            guest.device("update", net.format(4, "no-such-br", ""))
        assert "6216Kbit" in tc(daemon, "class show dev vnet0") and "<inbound average='777'/>" in guest.xml()
        guest.device("update", net.format(4, "br-b", ""))
        assert "6216Kbit" not in tc(daemon, "class show dev vnet0") and "<inbound" not in guest.xml()
        with pytest.raises(Failed, match="no-such-br"):
            guest.device("attach", net.format(5, "no-such-br", ""))
        guest.device("detach", net.format(4, "br-b", ""))
        wait_until(lambda: "vnet" not in daemon.ip("-o", "link"), "the tap is gone")
        assert guest.held() == before
        # A plug that fails at its last command takes the tap with it.
        with pytest.raises(Failed, match="the chipset itself sits there"):
            guest.device("attach", net.format(6, "br-a", "<address type='pci' domain='0' bus='0' slot='1' function='0'/>"))
        with pytest.raises(Failed, match="rx_queue_size"):
            guest.device("attach", net.format(7, "br-a", "<driver rx_queue_size='300'/>"))
        assert "vnet" not in daemon.ip("-o", "link") and guest.held() == before
        guest.close()


def test_daemon_killed_during_an_unplug(daemon):
    """The guest lets go while no daemon listens: the next one sees that the device is gone."""
    guest = Booted(daemon, "late", machine="pc")
    path = image(daemon, "late.img")
    before = guest.held()
    guest.device("attach", f"<disk type='file'><source file='{path}'/><target dev='vdb' bus='virtio'/></disk>")
    guest.shell.until("cat /proc/partitions", "vd[a-z]")
    guest.shell.close()
    daemon.virsh("suspend", "late")  # so that the guest cannot answer yet
    domain = daemon.connect().lookupByName("late")
    domain.detachDeviceAlias("virtio-disk1", 0)
    assert "late.img" in guest.xml()
    daemon.kill()
    (pid,) = daemon.guest_pids()
    resume(daemon, pid)
    daemon.start()
    wait_until(lambda: "late.img" not in guest.xml(), "the new daemon knows that the disk is gone")
    wait_until(lambda: guest.held() == before, "and has taken away what it had")
    daemon.virsh("destroy", "late")


def resume(daemon, pid):
    """Lets the guest go on by its own monitor, and waits until it has let the disk go."""
    import json
    import socket
    (monitor,) = daemon.guests_dir.glob("*/monitor.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.connect(str(monitor))
        lines = peer.makefile("rw")
        for command in ("qmp_capabilities", "cont"):
            lines.write(json.dumps({"execute": command}) + "\n")
            lines.flush()
        deadline = time.monotonic() + daemons.PATIENCE
        while time.monotonic() < deadline:
            line = json.loads(lines.readline())
            if line.get("event") == "DEVICE_DELETED" and line["data"].get("device") == "virtio-disk1":
                return
    raise AssertionError("the guest does not let go")
