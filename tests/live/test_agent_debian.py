# SPDX-License-Identifier: Apache-2.0
"""Debian's own qemu-guest-agent in a Debian guest: what virsh asks of it, and what the guest looks like after."""
import json
import subprocess

import pytest

from daemons import GUEST, Failed, wait_until
from guests import Console, guest_xml

DISK = GUEST / "debian.img"
CHANNEL = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"

pytestmark = pytest.mark.skipif(not DISK.exists(), reason="no Debian guest: tools/debian-image makes one, as root")


@pytest.fixture(scope="module")
def debian(shared):
    """(daemon, console) of a guest named deb whose agent answers."""
    overlay = shared.directory / "deb.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", DISK, overlay], check=True)
    disk = (f"<disk type='file' device='disk'><driver name='qemu' type='qcow2' discard='unmap'/><source file='{overlay}'/>"
        "<target dev='vda' bus='virtio'/><serial>rootdisk</serial></disk>")
    network = "<interface type='user'><mac address='52:54:00:12:34:56'/><model type='virtio'/></interface>"
    xml = guest_xml("deb", shared, memory_mib=256, vcpus=2, boot=True, append=" lodge.root=/dev/vda", devices=disk + network + CHANNEL)
    connection = shared.connect()
    domain = connection.defineXML(xml)
    domain.create()
    console = Console(shared, "deb")
    console.read_until(b"LODGE-DEBIAN-READY", 120)
    wait_until(lambda: agent_answers(shared), "the agent answers", 60)
    yield shared, console
    console.close()
    if domain.isActive():
        domain.destroy()
    domain.undefine()
    connection.close()


def agent_answers(daemon):
    try:
        return daemon.virsh("qemu-agent-command", "deb", '{"execute":"guest-ping"}')
    except Failed:
        return None


def shell(console, command):
    """What command prints in the guest."""
    marker = f"END{len(console.text)}"
    begin = len(console.text)
    console.type(f"{command}; echo {marker[:3]}''{marker[3:]}")
    text = console.read_until(marker.encode())[begin:].decode()
    return text.replace("\r", "").partition("\n")[2].rpartition(marker)[0]


def test_facts(debian):
    daemon, _ = debian
    assert daemon.virsh("domhostname", "deb").strip() == "lodge-debian"
    info = daemon.virsh("guestinfo", "deb")
    assert "os.id" in info and "debian" in info and "hostname" in info and "fs.count" in info
    filesystems = daemon.virsh("domfsinfo", "deb")
    assert "ext4" in filesystems and "vda" in filesystems
    addresses = daemon.virsh("domifaddr", "deb", "--source", "agent")
    assert "52:54:00:12:34:56" in addresses and "10.0.2.15/24" in addresses and "127.0.0.1/8" in addresses


def test_file_systems_freeze_thaw_and_trim(debian):
    daemon, console = debian
    status = '{"execute":"guest-fsfreeze-status"}'
    daemon.virsh("domfsfreeze", "deb")
    assert json.loads(daemon.virsh("qemu-agent-command", "deb", status)) == {"return": "frozen"}
    daemon.virsh("domfsthaw", "deb")
    assert json.loads(daemon.virsh("qemu-agent-command", "deb", status)) == {"return": "thawed"}
    daemon.virsh("domfstrim", "deb")
    assert "writable" in shell(console, "echo writable >/root/x && cat /root/x")


def test_password_and_ssh_keys(debian, tmp_path):
    daemon, console = debian
    before = shell(console, "grep ^root: /etc/shadow")
    daemon.virsh("set-user-password", "deb", "root", "geheim")
    after = shell(console, "grep ^root: /etc/shadow")
    assert after.startswith("root:$") and after != before
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO0123456789abcdefghijklmnopqrstuvwxyzABCDE somebody"
    (tmp_path / "key").write_text(key + "\n")
    daemon.virsh("set-user-sshkeys", "deb", "root", "--file", tmp_path / "key")
    assert key in daemon.virsh("get-user-sshkeys", "deb", "root")
    assert key in shell(console, "cat /root/.ssh/authorized_keys")


def test_vcpus_and_clock(debian):
    daemon, console = debian
    daemon.virsh("setvcpus", "deb", "1", "--guest")
    assert shell(console, "cat /sys/devices/system/cpu/online").strip() == "0"
    daemon.virsh("guestvcpus", "deb", "--enable", "--cpulist", "1")
    assert shell(console, "cat /sys/devices/system/cpu/online").strip() == "0-1"
    daemon.virsh("domtime", "deb", "--time", "1900000000")
    assert 1900000000 <= int(daemon.virsh("domtime", "deb").split()[-1]) < 1900000600


def test_shutdown_by_the_agent(debian):
    """Last: it ends the guest."""
    daemon, _ = debian
    daemon.virsh("shutdown", "deb", "--mode", "agent")
    wait_until(lambda: "deb" not in daemon.virsh("list", "--name").split(), "the guest is off", 60)
