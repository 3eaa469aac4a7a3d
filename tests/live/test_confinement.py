# SPDX-License-Identifier: Apache-2.0
"""What a QEMU sees of its host, looked at from inside: by /proc, and by asking it to open what is not its own."""
import os
import socket
import subprocess

import libvirt
import libvirt_qemu
import pytest

from daemons import make_daemon
from guests import guest_xml

pytestmark = [pytest.mark.lodge, pytest.mark.skipif(os.geteuid() != 0, reason="mount namespaces need root")]


@pytest.fixture(scope="module")
def daemon():
    daemon = make_daemon()
    try:
        yield daemon.start()
    finally:
        wrong = daemon.close()
    assert not wrong, "\n".join(wrong)


def image(daemon, name):
    """Readable for all: it is not the file's mode that keeps others out."""
    path = daemon.directory / name
    subprocess.run(["qemu-img", "create", "-q", "-f", "raw", path, "1M"], check=True)
    path.chmod(0o666)
    return path


def disk(path, target="vda"):
    return (f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{path}'/>"
            f"<target dev='{target}' bus='virtio'/></disk>")


@pytest.fixture(scope="module")
def guest(daemon):
    """A paused guest with an image and a socket of its own, and the id of its QEMU."""
    folder = daemon.directory / "chan"
    folder.mkdir()
    folder.chmod(0o777)
    devices = disk(image(daemon, "own.img")) + (f"<channel type='unix'><source mode='bind' path='{folder}/c.sock'/>"
                                                "<target type='virtio' name='a'/></channel>")
    connection = daemon.connect()
    domain = connection.createXML(guest_xml("confined", memory_mib=32, devices=devices, machine="pc"),
                                  libvirt.VIR_DOMAIN_START_PAUSED)
    yield domain, daemon.guest_pids().pop()
    domain.destroy()
    connection.close()


def status(pid):
    with open(f"/proc/{pid}/status") as lines:
        return dict(line.strip().split(":\t", 1) for line in lines if ":\t" in line)


def test_no_privileges(guest):
    fields = status(guest[1])
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[name], 16) == 0, name
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"
    assert "0" not in fields["Uid"].split()


def test_own_tree(daemon, guest):
    _, pid = guest
    assert os.readlink(f"/proc/{pid}/ns/mnt") != os.readlink("/proc/self/ns/mnt")
    root = f"/proc/{pid}/root"
    assert not {"home", "root", "boot", "srv", "mnt"} & set(os.listdir(root))
    devices = set(os.listdir(root + "/dev"))
    assert {"null", "zero", "random", "urandom", "ptmx", "pts", "shm"} <= devices
    assert not {"mem", "kmsg", "loop0", "kvm", "net", "vda", "sda"} & devices, devices
    assert set(name for name in os.listdir(root + "/proc") if name.isdigit()) == {str(pid)}
    assert os.listdir(root + "/var") == ["tmp"]
    assert not os.path.exists(f"{root}/etc/shadow")
    assert not os.path.exists(f"{root}{daemon.root}/etc")


def test_foreign_files_are_not_there(daemon, guest):
    domain, pid = guest
    other = image(daemon, "other.img")
    for path in ("/etc/shadow", other, f"/proc/{os.getpid()}/environ", "/dev/mem"):
        answer = libvirt_qemu.qemuMonitorCommand(domain, '{"execute":"blockdev-add","arguments":{"driver":"file",'
            f'"node-name":"n","read-only":true,"filename":"{path}"}}}}', 0)
        assert "No such file" in answer, f"{path}: {answer}"


def test_sockets_are_reachable(daemon, guest):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(daemon.directory / "chan/c.sock"))


def test_own_devices_come_with_the_plug(daemon, guest):
    domain, pid = guest
    second = image(daemon, "second.img")
    domain.attachDevice(disk(second, "vdb"))
    domain.attachDevice("<rng model='virtio'><backend model='random'>/dev/hwrng</backend></rng>")
    if os.path.exists("/dev/hwrng"):
        info = os.stat(f"/proc/{pid}/root/dev/hwrng")
        assert str(info.st_uid) == status(pid)["Uid"].split()[0]


def test_without_namespaces():
    daemon = make_daemon()
    config = daemon.directory / "lodged.conf"
    config.write_text("namespaces = [ ]\nseccomp_sandbox = 0\n")
    daemon.arguments = ["--config", str(config)]
    with daemon:
        connection = daemon.connect()
        domain = connection.createXML(guest_xml("open", memory_mib=32), libvirt.VIR_DOMAIN_START_PAUSED)
        pid = daemon.guest_pids().pop()
        assert os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")
        assert status(pid)["Seccomp"] == "0" and status(pid)["NoNewPrivs"] == "1"
        domain.destroy()
        connection.close()


def test_user_of_a_static_label(daemon):
    own = image(daemon, "labelled.img")
    before = os.stat(own)
    connection = daemon.connect()
    label = "<seclabel type='static' model='dac' relabel='no'><label>+4711:+4712</label></seclabel>"
    xml = guest_xml("labelled", memory_mib=32, devices=disk(own)).replace("</domain>", label + "</domain>")
    known = daemon.guest_pids()
    domain = connection.createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED)
    pid = (set(daemon.guest_pids()) - set(known)).pop()
    assert set(status(pid)["Uid"].split()) == {"4711"} and set(status(pid)["Gid"].split()) == {"4712"}
    assert (os.stat(own).st_uid, os.stat(own).st_gid) == (before.st_uid, before.st_gid)
    domain.destroy()
    with pytest.raises(libvirt.libvirtError, match="names no user"):
        connection.createXML(xml.replace("+4711:+4712", "no-such-user:x"), libvirt.VIR_DOMAIN_START_PAUSED)
    connection.close()
