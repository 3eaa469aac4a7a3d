# SPDX-License-Identifier: Apache-2.0
"""Devices that a guest starts with, tried from inside by a guest of one sector: data passes, and nothing is left behind."""
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import tempfile
import time
import tty

import libvirt
import pytest

from bare import UP, BareConsole, bare_xml, loop_device, medium
from daemons import PATIENCE, make_daemon, wait_until
from guests import Console, guest_xml


@pytest.fixture
def started(shared):
    """Starts transient guests, and ends them."""
    connection = shared.connect()
    domains = []

    def start(xml):
        domains.append(connection.createXML(xml))
        return domains[-1]

    yield start
    running = {domain.UUIDString() for domain in connection.listAllDomains()}
    for domain in domains:
        if domain.UUIDString() in running:
            domain.destroy()
    connection.close()


def in_hiding(daemon, name):
    """A directory that QEMU's user may neither enter nor write."""
    path = daemon.directory / name
    path.mkdir(mode=0o700)
    return path


# Media

@pytest.mark.parametrize("device, target, letter", [("floppy", "fda' bus='fdc", b"F"), ("cdrom", "sda' bus='sata", b"C"),
    ("cdrom", "hdc' bus='ide", b"C")])
def test_boot_from_removable_medium(shared, started, device, target, letter):
    machine = "pc" if "ide" in target else "q35"
    path = medium(shared, f"{machine}.{device}", device)
    disk = f"<disk type='file' device='{device}'><driver name='qemu' type='raw'/><source file='{path}'/><target dev='{target}'/></disk>"
    started(guest_xml("media", machine=machine, memory_mib=32, devices=disk, features="<acpi/>"))
    with BareConsole(shared, "media") as console:
        console.read_until(UP + b" " + letter)


def test_boot_from_block_device(shared, started):
    """The device belongs to root; a write of the guest's owner is seen in it by nobody else's leave."""
    image = medium(shared, "loop.img")
    device = loop_device(image)
    if not device:
        pytest.skip("no loop devices here: losetup fails")
    try:
        disk = f"<disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='{device}'/><target dev='vda' bus='virtio'/></disk>"
        domain = started(guest_xml("block", memory_mib=32, devices=disk))
        with BareConsole(shared, "block") as console:
            console.read_until(UP + b" H")
        assert domain.blockInfo("vda")[0] == 1 << 20
        domain.destroy()
    finally:
        subprocess.run(["losetup", "-d", device], check=True)


# Character devices

class Line:
    """The host's end of a character device, as two descriptors."""

    def __init__(self, read, write=None, close=None):
        self.read, self.write, self.end = read, write or read, close

    def hear(self, marker):
        text, deadline = b"", time.monotonic() + PATIENCE
        while marker not in text:
            assert time.monotonic() < deadline, f"no {marker}: {text}"
            if select.select([self.read], [], [], 0.2)[0]:
                text += os.read(self.read, 4096)
        return text

    def echo(self, word):
        for byte in word:  # the guest's port holds one byte at a time, and some of these back ends do not wait
            os.write(self.write, bytes([byte]))
            self.hear(bytes([byte]))


def connected(address, family=socket.AF_UNIX):
    peer = socket.socket(family)
    wait_until(lambda: peer.connect_ex(address) == 0, f"{address} can be connected to")
    return peer


def accepted(server):
    server.settimeout(PATIENCE)
    peer, _ = server.accept()
    peer.setblocking(True)
    return peer


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_serial_by_sockets_pipes_and_devices(shared, started):
    """unix (bound and connected), a pair of pipes and a terminal, all where QEMU's user has no rights."""
    hidden = in_hiding(shared, "serial")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(hidden / "server"))
    server.listen(1)
    for name in ("pipe.in", "pipe.out", "paper.in", "paper.out"):
        os.mkfifo(hidden / name, 0o600)
    out, back = (os.open(hidden / f"pipe.{end}", os.O_RDWR | os.O_NONBLOCK) for end in ("out", "in"))
    paper = os.open(hidden / "paper.out", os.O_RDWR | os.O_NONBLOCK)
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    os.chmod(os.ttyname(theirs), 0o600)
    started(bare_xml("sockets", shared, console=False, devices=f"""
        <serial type='unix'><source mode='bind' path='{hidden}/bound'/></serial>
        <serial type='unix'><source mode='connect' path='{hidden}/server'/></serial>
        <serial type='pipe'><source path='{hidden}/pipe'/></serial>
        <serial type='dev'><source path='{os.ttyname(theirs)}'/></serial>
        <parallel type='pipe'><source path='{hidden}/paper'/></parallel>"""))
    peer, bound = accepted(server), connected(str(hidden / "bound"))
    try:
        for line in (Line(peer.fileno()), Line(out, back), Line(ours), Line(paper)):
            line.hear(UP)
        for line in (Line(peer.fileno()), Line(out, back), Line(ours), Line(bound.fileno())):
            line.echo(b"xyz")
        assert os.stat(hidden / "bound").st_mode & 0o777 == 0o600
    finally:
        for end in (peer, bound, server):
            end.close()
    shared.connect().lookupByName("sockets").destroy()
    assert not (hidden / "bound").exists()
    assert [os.stat(hidden / name).st_uid for name in ("pipe.in", "pipe.out")] == [0, 0], "given back"
    for end in (out, back, paper, ours, theirs):
        os.close(end)


def test_serial_by_network_file_and_nothing(shared, started):
    hidden = in_hiding(shared, "network")
    tcp, udp_here, udp_there = free_port(), free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", udp_here))
    udp.connect(("127.0.0.1", udp_there))
    started(bare_xml("network", shared, console=False, devices=f"""
        <serial type='tcp'><source mode='bind' host='127.0.0.1' service='{tcp}'/><protocol type='raw'/></serial>
        <serial type='udp'><source mode='connect' host='127.0.0.1' service='{udp_here}'/>
          <source mode='bind' host='127.0.0.1' service='{udp_there}'/></serial>
        <serial type='file'><source path='{hidden}/out'/></serial>
        <serial type='null'/>
        <parallel type='file'><source path='{hidden}/paper'/></parallel>"""))
    with connected(("127.0.0.1", tcp), socket.AF_INET) as peer:
        Line(udp.fileno()).hear(b"\n")
        Line(udp.fileno()).echo(b"xyz")
        Line(peer.fileno()).echo(b"xyz")
    for name in ("out", "paper"):
        wait_until(lambda: UP in (hidden / name).read_bytes(), f"{name} is written")
    udp.close()


def test_channels_and_virtio_console(shared, started):
    """Linux reads and writes them: unix, file and pty back ends, with one for nothing beside them, and a console on virtio."""
    hidden = in_hiding(shared, "channels")
    domain = started(guest_xml("linux", shared, boot=True, devices=f"""
        <channel type='unix'><source mode='bind' path='{hidden}/bound'/><target type='virtio' name='org.lodge.unix'/></channel>
        <channel type='file'><source path='{hidden}/out'/><target type='virtio' name='org.lodge.file'/></channel>
        <channel type='null'><target type='virtio' name='org.lodge.null'/></channel>
        <channel type='pty'><target type='virtio' name='org.lodge.pty'/></channel>
        <console type='unix'><source mode='bind' path='{hidden}/console'/><target type='virtio'/></console>"""))
    (path,) = re.findall(r"<channel type='pty'>\s*<source path='(/dev/pts/\d+)'", domain.XMLDesc())
    terminal = os.open(path, os.O_RDWR | os.O_NOCTTY)  # the guest's side is closed to it while nobody has it open
    with Console(shared, "linux") as console:
        console.read_until(b"/ #")
        console.type('port() { for p in /sys/class/virtio-ports/*; do [ "$(cat $p/name)" = org.lodge.$1 ] && echo /dev/${p##*/}; done; }')
        with connected(str(hidden / "bound")) as peer, connected(str(hidden / "console")) as second:
            console.type("for name in file pty unix; do echo to-$name >$(port $name); done; echo to-console >/dev/hvc0; echo writ''ten")
            console.read_until(b"written")
            Line(peer.fileno()).hear(b"to-unix")
            Line(second.fileno()).hear(b"to-console")
            Line(terminal).hear(b"to-pty")
            peer.send(b"from-the-host\n")
            console.type("head -n 1 $(port unix) | tr a-z A-Z")
            console.read_until(b"FROM-THE-HOST")
        wait_until(lambda: b"to-file" in (hidden / "out").read_bytes(), "the file is written")
    os.close(terminal)


def test_failed_start_leaves_no_socket(shared):
    """A later step fails: the socket that was bound before is gone, and so is QEMU."""
    hidden = in_hiding(shared, "failed")
    xml = bare_xml("failing", shared, console=False, devices=f"""
        <serial type='unix'><source mode='bind' path='{hidden}/bound'/></serial>
        <serial type='unix'><source mode='connect' path='{hidden}/nobody'/></serial>""")
    with pytest.raises(libvirt.libvirtError, match="serial1.*nobody"):
        shared.connect().createXML(xml)
    assert not list(hidden.iterdir())
    (hidden / "plain").write_text("mine")
    with pytest.raises(libvirt.libvirtError, match="not a socket"):
        shared.connect().createXML(xml.replace(f"{hidden}/bound", f"{hidden}/plain"))
    assert (hidden / "plain").read_text() == "mine"
    with pytest.raises(libvirt.libvirtError, match="mkfifo"):
        shared.connect().createXML(bare_xml("failing", shared, devices=f"<parallel type='pipe'><source path='{hidden}/p'/></parallel>"))


@pytest.mark.lodge
def test_killed_daemon_and_qemu_leave_no_socket(daemon):
    """Both die; the next daemon finds what the run has left outside, and takes it back."""
    hidden = in_hiding(daemon, "killed")
    os.mkfifo(hidden / "pipe.in", 0o600), os.mkfifo(hidden / "pipe.out", 0o600)
    daemon.connect().createXML(bare_xml("killed", daemon, console=False, devices=f"""
        <serial type='unix'><source mode='bind' path='{hidden}/bound'/></serial>
        <serial type='pipe'><source path='{hidden}/pipe'/></serial>"""))
    assert (hidden / "bound").exists() and (hidden / "pipe.in").stat().st_uid != 0
    daemon.kill()
    daemon.kill_guests()
    daemon.start()
    wait_until(lambda: not (hidden / "bound").exists(), "the socket is removed")
    assert (hidden / "pipe.in").stat().st_uid == 0


# Displays

def vnc(port):
    """Speaks RFB as far as the list of pixels: the security types offered, and the socket."""
    peer = connected(("127.0.0.1", port), socket.AF_INET)
    peer.settimeout(PATIENCE)
    version = peer.recv(12)
    peer.sendall(version)
    return list(peer.recv(peer.recv(1)[0])), peer


def des_response(password, challenge):
    """RFB's answer: DES with each byte of the key mirrored; by the openssl that is installed, else None."""
    key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in password.encode()[:8].ljust(8, b"\0"))
    done = subprocess.run(["openssl", "enc", "-des-ecb", "-provider", "legacy", "-provider", "default", "-nopad", "-K", key.hex()],
        input=challenge, capture_output=True)
    return done.stdout if done.returncode == 0 else None


def test_vnc_password_keymap_and_sharing(shared, started):
    """Asked for and checked; the policy and the keymap reach QEMU."""
    domain = started(bare_xml("vnc", shared, devices="""<graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1'
        passwd='secret' keymap='de' sharePolicy='force-shared'/><video><model type='vga'/></video>"""))
    port = int(re.search(r"<graphics type='vnc' port='(\d+)'", domain.XMLDesc())[1])
    assert "secret" not in domain.XMLDesc() and "passwd='secret'" in domain.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE)
    assert "keymap='de'" in domain.XMLDesc() and "sharePolicy='force-shared'" in domain.XMLDesc()
    (pid,) = shared.guest_pids()
    line = open(f"/proc/{pid}/cmdline").read()
    assert "share=force-shared" in line and "\0-k\0de\0" in line and "secret" not in line
    for password, good in (("wrong", False), ("secret", True)):
        kinds, peer = vnc(port)
        assert kinds == [2], "a password, nothing less"
        peer.sendall(b"\2")
        answer = des_response(password, peer.recv(16))
        if answer is None:
            pytest.skip("openssl has no DES here: the password itself cannot be tried")
        peer.sendall(answer)
        assert (struct.unpack(">I", peer.recv(4))[0] == 0) == good, password
        peer.close()


def test_spice_where_qemu_has_it(shared, started):
    xml = bare_xml("spice", shared, devices="""<graphics type='spice' port='-1' autoport='yes' listen='127.0.0.1' passwd='secret'/>
        <channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel><video><model type='qxl'/></video>""")
    try:
        domain = started(xml)
    except libvirt.libvirtError as error:
        assert re.search("spice|qxl", str(error), re.I), error
        assert not shared.guest_pids()
        pytest.skip(f"this QEMU has no SPICE, and Lodge says so: {error}")
    port = int(re.search(r"<graphics type='spice' port='(\d+)'", domain.XMLDesc())[1])
    with connected(("127.0.0.1", port), socket.AF_INET) as peer:
        peer.settimeout(PATIENCE)
        peer.sendall(b"REDQ" + struct.pack("<IIIIBBIII", 2, 2, 18, 0, 1, 0, 0, 0, 18))
        assert peer.recv(4) == b"REDQ"


# Memory

@pytest.fixture
def hugetlbfs():
    """Where guests find huge pages: the host's own mount, or one of ours."""
    if "hugetlbfs" in open("/proc/mounts").read():
        yield
        return
    directory = tempfile.mkdtemp(prefix="lg-huge-")
    mounted = subprocess.run(["mount", "-t", "hugetlbfs", "hugetlbfs", directory], capture_output=True, text=True)
    try:
        if mounted.returncode:
            pytest.skip(f"hugetlbfs cannot be mounted here: {mounted.stderr}")
        yield
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", directory], check=True)
        os.rmdir(directory)


def test_hugepages(shared, started, hugetlbfs):
    pages = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
    try:
        before = int(open(pages).read())
        with open(pages, "w") as file:
            file.write(str(before + 32))
    except OSError as error:
        pytest.skip(f"huge pages cannot be reserved here: {error}")
    try:
        if int(open(pages).read()) < before + 32:
            pytest.skip("the host has not 32 free huge pages in a row")
        started(bare_xml("huge", shared, head="<memoryBacking><hugepages/></memoryBacking>"))
        with BareConsole(shared, "huge") as console:
            console.wait_up()
        (pid,) = shared.guest_pids()
        assert re.search(r"^KernelPageSize: +2048 kB", open(f"/proc/{pid}/smaps").read(), re.M)
    finally:
        shared.connect().lookupByName("huge").destroy() if shared.guest_pids() else None
        with open(pages, "w") as file:
            file.write(str(before))


# Network interfaces

@pytest.fixture
def netns():
    """A daemon in a network namespace of its own, with a bridge; yields it and a function that lists the namespace's links."""
    name = f"lodge-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
        pytest.skip("network namespaces cannot be made here")
    run = lambda *words: subprocess.run(["ip", "-n", name, *words], check=True, capture_output=True, text=True).stdout
    daemon = make_daemon()
    command = daemon.command
    daemon.command = lambda: ["ip", "netns", "exec", name, *command()]
    try:
        run("link", "add", "br0", "type", "bridge")
        daemon.start()
        yield daemon, lambda: set(re.findall(r"^\d+: ([^:@]+)", run("-o", "link"), re.M)) - {"lo", "br0"}, run
    finally:
        wrong = daemon.close()
        subprocess.run(["ip", "netns", "delete", name], check=True)
    assert not wrong, "\n".join(wrong)


@pytest.mark.lodge
def test_taps_come_and_go(netns):
    """bridge and ethernet interfaces; none is left after a stop, a failed start, the death of QEMU, or of both."""
    daemon, links, run = netns
    nets = """<interface type='bridge'><source bridge='br0'/><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>
      <interface type='ethernet'><target dev='mytap'/><mac address='52:54:00:00:00:02'/><model type='e1000'/></interface>"""
    connection = daemon.connect()
    domain = connection.createXML(bare_xml("net", daemon, devices=nets))
    assert links() == {"vnet0", "mytap"}
    assert "master br0" in run("link", "show", "vnet0") and "state" in run("link", "show", "mytap")
    assert "LOWER_UP" in run("link", "show", "vnet0") and "master" not in run("link", "show", "mytap")
    assert domain.interfaceStats("vnet0")[1] >= 0
    domain.destroy()
    assert not links(), "after a stop"

    broken = nets + "<interface type='bridge'><source bridge='nowhere'/></interface>"
    with pytest.raises(libvirt.libvirtError, match="nowhere.*ip link add"):
        connection.createXML(bare_xml("net", daemon, devices=broken))
    assert not links(), "after a failed start"

    connection.createXML(bare_xml("net", daemon, devices=nets))
    (pid,) = daemon.guest_pids()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not links() and not connection.listAllDomains(), "after QEMU's death")

    connection.createXML(bare_xml("net", daemon, devices=nets))
    daemon.kill()
    assert links() == {"vnet0", "mytap"}, "a guest keeps its network without a daemon"
    daemon.start()
    daemon.connect().lookupByName("net").destroy()
    assert not links(), "after the next daemon has ended it"
    daemon.connect().createXML(bare_xml("net", daemon, devices=nets))
    daemon.kill()
    daemon.kill_guests()
    wait_until(lambda: not links(), "after the death of both")
    daemon.start()
