# SPDX-License-Identifier: Apache-2.0
"""Consoles over streams, pictures of screens and dumps of memory, of real guests with the stock clients."""
import os
import pty
import select
import socket
import stat
import struct
import subprocess
import threading
import time

import libvirt
import pytest

from daemons import PATIENCE, Failed, wait_until
from guests import READY, Console, Events, guest_xml

pytestmark = pytest.mark.lodge
SHARE = 0  # no flag: other readers stay
BOOTED = PATIENCE * 4


@pytest.fixture(scope="module")
def booted(shared):
    """A guest at its shell, whose console nobody had open while it booted."""
    connection = shared.connect()
    domain = connection.defineXML(guest_xml("booted", shared, boot=True, devices="<video><model type='vga'/></video>"))
    domain.create()
    with Console(shared, "booted") as console:
        console.read_until(READY, BOOTED)
    yield shared
    domain.destroy()
    domain.undefine()
    connection.close()


def say(console, word):
    """Has the shell say a word that the typed line does not contain."""
    console.type(f"echo {word[:2]}''{word[2:]}")
    console.read_until(word.encode())


def test_attaching_after_boot_shows_the_boot(booted):
    with Console(booted, "booted", SHARE) as late:
        late.read_until(READY, 5)
        say(late, "late-input-works")


def test_several_readers_see_the_same(booted):
    with Console(booted, "booted", SHARE) as first, Console(booted, "booted", SHARE) as second:
        say(first, "said-by-first")
        second.read_until(b"said-by-first")
        say(second, "said-by-second")
        first.read_until(b"said-by-second")


def test_two_streams_of_one_connection(booted):
    connection = booted.connect()
    domain = connection.lookupByName("booted")
    streams = [connection.newStream() for _ in range(2)]
    for stream in streams:
        domain.openConsole(None, stream, SHARE)
    for stream in streams:
        assert READY in b"".join(iter_until(stream, READY))
    for stream in streams:
        stream.finish()
    connection.close()


def iter_until(stream, marker):
    text = b""
    while marker not in text:
        data = stream.recv(4096)
        assert data
        text += data
        yield data


def test_force_takes_the_console_over(booted):
    with Console(booted, "booted", SHARE) as first, Console(booted, "booted") as second:
        first.wait_end(5)
        say(second, "mine-alone")


def test_a_client_that_vanishes_leaves_the_console_usable(booted):
    connection = booted.connect()
    stream = connection.newStream()
    connection.lookupByName("booted").openConsole(None, stream, SHARE)
    with Console(booted, "booted", SHARE) as other:
        del stream
        connection.close()
        say(other, "still-there")


def test_wrong_device_is_named(booted):
    connection = booted.connect()
    with pytest.raises(libvirt.libvirtError, match="serial7"):
        connection.lookupByName("booted").openConsole("serial7", connection.newStream(), SHARE)
    connection.close()


class Terminal:
    """A stock program on a terminal of its own."""

    def __init__(self, daemon, *arguments):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvp("virsh", ["virsh", "-c", daemon.uri, *arguments])
        self.text = b""

    def read_until(self, marker, seconds=PATIENCE):
        deadline = time.monotonic() + seconds
        while marker not in self.text:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.fd], [], [], left)[0], f"no {marker}, but: {self.text[-500:]}"
            self.text += self.read()

    def read(self):
        try:
            data = os.read(self.fd, 4096)
        except OSError:  # the terminal of a program that has ended
            data = b""
        assert data, f"virsh ended: {self.text[-500:]}"
        return data

    def type(self, text):
        os.write(self.fd, text)

    def wait(self, seconds=PATIENCE):
        """The exit status, once all output was read."""
        deadline = time.monotonic() + seconds
        while True:
            assert time.monotonic() < deadline, f"virsh does not end: {self.text[-500:]}"
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.text += os.read(self.fd, 4096)
                except OSError:
                    pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)


def test_virsh_console(booted):
    terminal = Terminal(booted, "console", "booted", "--force")
    terminal.read_until(READY)
    terminal.type(b"echo vi''rsh-was-here\n")
    terminal.read_until(b"virsh-was-here")
    terminal.type(b"\x1d")
    assert terminal.wait() == 0


def test_console_survives_the_daemon(daemon):
    connection = daemon.connect()
    connection.createXML(guest_xml("survivor", daemon, boot=True))
    with Console(daemon, "survivor") as console:
        console.read_until(READY, BOOTED)
        say(console, "before-the-kill")
    daemon.kill()
    daemon.start()
    with Console(daemon, "survivor", SHARE) as console:
        console.read_until(READY, 5)
        console.read_until(b"before-the-kill", 5)
        say(console, "after-the-kill")
    daemon.virsh("destroy", "survivor")


def test_end_of_guest_ends_the_streams(daemon):
    connection = daemon.connect()
    connection.createXML(guest_xml("ending", daemon, boot=True))
    terminal = Terminal(daemon, "console", "ending")
    with Console(daemon, "ending", SHARE) as console:
        console.read_until(READY, BOOTED)
        console.type("poweroff -f")
        console.wait_end()
    assert terminal.wait() == 0
    wait_until(lambda: not connection.listAllDomains(), "the transient guest is gone")


def run_log(daemon):
    (found,) = (daemon.root / "run").rglob("serial0.log")
    return found


def test_log_of_a_talkative_guest_stays_small(daemon):
    """QEMU's part is played here: an emulated UART needs a minute for what the log is to hold."""
    connection = daemon.connect()
    domain = connection.createXML(guest_xml("talker", memory_mib=32))
    log = run_log(daemon)
    said = b"".join(b"line %d\n" % number for number in range(300_000))
    with Console(daemon, "talker", SHARE) as reader:
        with log.open("ab") as file:
            for at in range(0, len(said), 100_000):
                file.write(said[at : at + 100_000])
                file.flush()
                reader.read_until(said[at : at + 100_000][-20:])
        complete = reader.text.endswith(said)
        assert complete, "a reader that keeps up misses nothing"
    assert log.stat().st_size >= len(said)
    wait_until(lambda: log.stat().st_blocks * 512 < 5 << 18, "old output is given back")
    with Console(daemon, "talker", SHARE) as late:
        late.read_until(b"line 299999\n", 5)
        assert b"\0" not in late.text and late.text.startswith(b"line ") and len(late.text) <= 64 << 10
    with log.open("ab") as file:  # also while nobody reads
        file.write(said)
    wait_until(lambda: log.stat().st_blocks * 512 < 5 << 18, "old output is given back")
    domain.destroy()


def test_log_of_the_definition_is_replayed_and_kept_whole(daemon):
    connection = daemon.connect()
    path = daemon.directory / "own.log"
    xml = guest_xml("logged", daemon, boot=True, console=False,
        devices=f"<serial type='pty'><log file='{path}' append='on'/><target port='0'/></serial>")
    path.write_text("of an earlier run\n")
    domain = connection.createXML(xml)
    with Console(daemon, "logged", SHARE) as console:
        console.read_until(b"of an earlier run", 5)
        console.read_until(READY, BOOTED)
        say(console, "recorded-by-itself")
    domain.destroy()
    assert READY in path.read_bytes() and b"recorded-by-itself" in path.read_bytes()


def test_console_of_unix_socket(daemon):
    connection = daemon.connect()
    place = daemon.directory / "s"
    place.mkdir()
    place.chmod(0o777)  # QEMU's user makes the socket
    xml = guest_xml("socket", daemon, boot=True, console=False,
        devices=f"<serial type='unix'><source mode='bind' path='{place}/c'/><target port='0'/></serial>")
    domain = connection.defineXML(xml)
    domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    with Console(daemon, "socket", SHARE) as first, Console(daemon, "socket", SHARE) as second:
        domain.resume()
        first.read_until(READY, BOOTED)
        second.read_until(READY, 5)
        say(second, "through-a-socket")
        first.read_until(b"through-a-socket")
        domain.destroy()
        first.wait_end()
        second.wait_end()


def test_console_of_file_is_refused_with_the_cure(daemon):
    connection = daemon.connect()
    path = daemon.directory / "serial.txt"
    xml = guest_xml("file", console=False, memory_mib=32,
        devices=f"<serial type='file'><source path='{path}'/><target port='0'/></serial>")
    domain = connection.createXML(xml)
    with pytest.raises(libvirt.libvirtError, match="type='pty'"):
        domain.openConsole(None, connection.newStream(), SHARE)
    domain.destroy()


# Pictures


def receive(stream):
    parts = []
    stream.recvAll(lambda _stream, data, _opaque: parts.append(data), None)
    stream.finish()
    return b"".join(parts)


def test_screenshot(booted):
    connection = booted.connect()
    stream = connection.newStream()
    mime = connection.lookupByName("booted").screenshot(stream, 0)
    data = receive(stream)
    if mime == "image/png":
        assert data[:8] == b"\x89PNG\r\n\x1a\n" and data[-8:-4] == b"IEND"
        width, height = struct.unpack(">II", data[16:24])
    else:
        assert mime == "image/x-portable-pixmap"
        kind, size, _, pixels = data.split(b"\n", 3)
        width, height = map(int, size.split())
        assert kind == b"P6" and len(pixels) == width * height * 3
    assert (width, height) in ((720, 400), (640, 480), (1280, 800), (1024, 768))
    connection.close()


def test_virsh_screenshot(booted):
    booted.virsh("screenshot", "booted", "picture")
    assert (booted.directory / "picture").stat().st_size > 100
    with pytest.raises(Failed, match="screen 7"):
        booted.virsh("screenshot", "booted", "picture", "--screen", "7")


# Dumps


def test_memory_dump_is_elf(booted):
    target = booted.directory / "core"
    booted.virsh("dump", "booted", target, "--memory-only")
    header = target.read_bytes()[:20]
    assert header[:4] == b"\x7fELF" and struct.unpack("<H", header[16:18])[0] == 4  # ET_CORE
    assert target.stat().st_size > 128 << 20
    assert booted.virsh("domstate", "booted").strip() == "running"
    target.unlink()


def test_dump_around_the_page_cache(booted):
    target = booted.directory / "core"
    booted.virsh("dump", "booted", target, "--memory-only", "--bypass-cache")
    plain = booted.directory / "plain"
    booted.virsh("dump", "booted", plain, "--memory-only")
    assert target.stat().st_size == plain.stat().st_size
    with target.open("rb") as file:
        assert file.read(4) == b"\x7fELF"
    target.unlink()
    plain.unlink()


def test_dump_into_a_device_leaves_the_device(booted):
    device = booted.directory / "full"  # as /dev/full, which must not be put at risk
    os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 7))
    with pytest.raises(Failed):
        booted.virsh("dump", "booted", device, "--memory-only")
    device.unlink()
    assert booted.virsh("domstate", "booted").strip() == "running"


@pytest.mark.parametrize("kind, magic", (("kdump-zlib", b"makedumpfile"), ("elf", b"\x7fELF")))
def test_memory_dump_formats(booted, kind, magic):
    target = booted.directory / "core"
    booted.virsh("dump", "booted", target, "--memory-only", "--format", kind)
    with target.open("rb") as file:
        assert magic in file.read(4096)
    target.unlink()


@pytest.mark.parametrize("options", ((), ("--live",), ("--bypass-cache", "--verbose")))
def test_whole_dump_is_a_migration_stream(booted, options):
    target = booted.directory / "image"
    booted.virsh("dump", "booted", target, *options)
    with target.open("rb") as file:
        assert file.read(4) == b"QEVM"
    assert booted.virsh("domstate", "booted").strip() == "running"
    with Console(booted, "booted", SHARE) as console:
        say(console, f"alive-after-{len(options)}")
    target.unlink()


def test_dump_with_crash_and_reset(daemon):
    connection = daemon.connect()
    domain = connection.defineXML(guest_xml("dumped", memory_mib=32))
    domain.create()
    domain.coreDump(str(daemon.directory / "a"), libvirt.VIR_DUMP_RESET | libvirt.VIR_DUMP_MEMORY_ONLY)
    assert domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING
    domain.coreDump(str(daemon.directory / "b"), libvirt.VIR_DUMP_CRASH)
    assert domain.state() == [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED]


def test_dump_refusals_name_the_cause(daemon):
    connection = daemon.connect()
    domain = connection.defineXML(guest_xml("refused", memory_mib=32))
    target = str(daemon.directory / "core")
    with pytest.raises(libvirt.libvirtError, match="not running"):
        domain.coreDump(target, 0)
    domain.create()
    with pytest.raises(libvirt.libvirtError, match="memory-only"):
        domain.coreDumpWithFormat(target, libvirt.VIR_DOMAIN_CORE_DUMP_FORMAT_KDUMP_ZLIB, 0)
    with pytest.raises(libvirt.libvirtError, match="/nowhere/core"):
        domain.coreDump("/nowhere/core", 0)
    with pytest.raises(libvirt.libvirtError, match="no job"):
        domain.abortJob()
    assert not os.path.exists(target)
    domain.destroy()


def test_job_is_told_and_leaves_the_guest_usable(daemon):
    """A dump into a pipe that nobody reads stands still: meanwhile the guest is asked, and the job aborted."""
    connection, other = daemon.connect(), daemon.connect()
    domain = connection.defineXML(guest_xml("busy", memory_mib=64))
    domain.create()
    target = daemon.directory / "pipe"
    os.mkfifo(target)
    reader = os.open(target, os.O_RDONLY | os.O_NONBLOCK)
    failure = []

    def dump():
        try:
            domain.coreDump(str(target), 0)
        except libvirt.libvirtError as error:
            failure.append(error)

    thread = threading.Thread(target=dump)
    thread.start()
    guest = other.lookupByName("busy")
    wait_until(lambda: guest.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_UNBOUNDED, "the dump is told of")
    assert guest.jobStats()["operation"] == libvirt.VIR_DOMAIN_JOB_OPERATION_DUMP
    assert guest.state() == [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_DUMP]
    with pytest.raises(libvirt.libvirtError, match="core dump"):
        guest.resume()
    guest.abortJob()
    os.set_blocking(reader, True)
    while thread.is_alive() and os.read(reader, 1 << 20):
        pass
    thread.join(PATIENCE)
    os.close(reader)
    assert not thread.is_alive() and failure and failure[0].get_error_code() == libvirt.VIR_ERR_OPERATION_ABORTED
    assert guest.state()[0] == libvirt.VIR_DOMAIN_RUNNING
    assert guest.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_NONE
    assert guest.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)["operation"] == libvirt.VIR_DOMAIN_JOB_OPERATION_DUMP
    guest.destroy()


def test_guest_goes_on_when_the_daemon_dies_during_a_dump(daemon):
    connection = daemon.connect()
    connection.defineXML(guest_xml("left", memory_mib=64)).create()
    target = daemon.directory / "pipe"
    os.mkfifo(target)
    reader = os.open(target, os.O_RDONLY | os.O_NONBLOCK)
    client = subprocess.Popen(["virsh", "-c", daemon.uri, "dump", "left", str(target)], stderr=subprocess.DEVNULL)
    guest = connection.lookupByName("left")
    wait_until(lambda: guest.jobInfo()[0] != libvirt.VIR_DOMAIN_JOB_NONE, "the dump is told of")
    daemon.kill()
    client.wait(PATIENCE)
    daemon.start()
    guest = daemon.connect().lookupByName("left")
    wait_until(lambda: guest.state()[0] == libvirt.VIR_DOMAIN_RUNNING, "the guest runs again")
    os.close(reader)
    guest.destroy()


def test_console_without_a_saved_definition(daemon):
    """The file that tells the console's pty is torn: the new daemon asks QEMU."""
    connection = daemon.connect()
    connection.defineXML(guest_xml("torn", daemon, boot=True)).create()
    with Console(daemon, "torn") as console:
        console.read_until(READY, BOOTED)
    daemon.kill()
    (found,) = (daemon.root / "run").rglob("live.xml")
    found.write_text("<domain")
    daemon.start()
    wait_until(lambda: "/dev/pts" in daemon.virsh("ttyconsole", "torn"), "the pty is known again")
    with Console(daemon, "torn", SHARE) as console:
        console.read_until(READY, 5)
        say(console, "found-again")
    daemon.virsh("destroy", "torn")


def test_crash_is_dumped_by_itself(daemon, events_connection):
    """on_crash coredump-destroy: a kernel that panics leaves a core in the directory of automatic dumps."""
    events = Events(events_connection)
    xml = guest_xml("panicky", daemon, boot=True, devices="<panic model='isa'/>",
        extra="<on_crash>coredump-destroy</on_crash>")
    domain = events_connection.defineXML(xml)
    domain.create()
    with Console(daemon, "panicky") as console:
        console.read_until(READY, BOOTED)
        console.type("echo c >/proc/sysrq-trigger")
        events.wait("panicky", libvirt.VIR_DOMAIN_EVENT_CRASHED)
        events.wait("panicky", libvirt.VIR_DOMAIN_EVENT_STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_CRASHED)
        console.wait_end()
    assert domain.state() == [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED]
    (core,) = (daemon.root / "state/qemu/dump").iterdir()
    assert core.name.startswith("panicky-") and core.read_bytes()[:4] == b"\x7fELF"
    events.close()


# Displays

DISPLAY = "<graphics type='vnc' autoport='yes' listen='127.0.0.1'/><video><model type='vga'/></video>"


def test_open_graphics_brings_a_display_client(daemon, events_connection):
    seen = Events(events_connection, libvirt.VIR_DOMAIN_EVENT_ID_GRAPHICS)
    domain = events_connection.createXML(guest_xml("shown", memory_mib=32, devices=DISPLAY))
    given = os.fdopen(domain.openGraphicsFD(0, libvirt.VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH), "rb", buffering=0)
    assert given.read(12).startswith(b"RFB 003.")
    seen.wait("shown", libvirt.VIR_DOMAIN_EVENT_GRAPHICS_CONNECT)
    ours, theirs = socket.socketpair()
    domain.openGraphics(0, theirs.fileno(), 0)
    theirs.close()
    assert ours.recv(12).startswith(b"RFB 003.")
    given.close()
    seen.wait("shown", libvirt.VIR_DOMAIN_EVENT_GRAPHICS_DISCONNECT)
    with pytest.raises(libvirt.libvirtError, match="index 3"):
        domain.openGraphicsFD(3, 0)
    ours.close()
    domain.destroy()
    seen.close()


# Channels


def test_channels(daemon):
    connection = daemon.connect()
    channel = "<channel type='{}'><target type='virtio' name='{}'/></channel>"
    domain = connection.createXML(guest_xml("channels", memory_mib=32, devices=channel.format("unix", "org.example.a")
        + channel.format("pty", "org.example.b") + channel.format("unix", "org.qemu.guest_agent.0")))
    for name in ("org.example.a", "org.example.b", "channel1", None):
        stream = connection.newStream()
        domain.openChannel(name, stream, 0)
        stream.send(b"to nobody")
        stream.finish()
    with pytest.raises(libvirt.libvirtError, match="guest agent"):
        domain.openChannel("org.qemu.guest_agent.0", connection.newStream(), 0)
    with pytest.raises(libvirt.libvirtError, match="org.example.c"):
        domain.openChannel("org.example.c", connection.newStream(), 0)
    domain.destroy()


# Looking in


def test_memory_peek(booted):
    connection = booted.connect()
    domain = connection.lookupByName("booted")
    entry = domain.memoryPeek(0xFFFF0, 16, libvirt.VIR_MEMORY_PHYSICAL)  # where the processor starts
    assert entry[0] == 0xEA and b"/" in entry  # a far jump, then the firmware's date
    assert len(domain.memoryPeek(0, 1 << 20, libvirt.VIR_MEMORY_PHYSICAL)) == 1 << 20
    with pytest.raises(libvirt.libvirtError, match="physical"):
        domain.memoryPeek(0, 16, 0)
    connection.close()


def test_block_peek(daemon):
    connection = daemon.connect()
    image = daemon.directory / "disk.raw"
    image.write_bytes(bytes(range(256)) * 16)
    domain = connection.defineXML(guest_xml("peeked", memory_mib=32, devices=f"<disk type='file' device='disk'>"
        f"<driver name='qemu' type='raw'/><source file='{image}'/><target dev='vda' bus='virtio'/></disk>"))
    assert domain.blockPeek("vda", 255, 3) == b"\xff\x00\x01"
    assert domain.blockPeek(str(image), 0, 4096) == image.read_bytes()
    for where, message in (("vdb", "vdb"), ("vda", "ends before")):
        with pytest.raises(libvirt.libvirtError, match=message):
            domain.blockPeek(where, 4090, 16)
