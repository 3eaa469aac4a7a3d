# SPDX-License-Identifier: Apache-2.0
"""Stock virsh through every verb of the foundation, on one daemon; the guests have firmware only unless they must answer."""
import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from daemons import BUILD, Failed, wait_until
from guests import Console, guest_xml

HOST_VERBS = {
    "version": r"Using API: QEMU 9\.0\.0|API: QEMU",
    "hostname": r"\S+",
    "uri": r"qemu\S*:///system",
    "nodeinfo": r"CPU\(s\):\s+\d+",
    "nodecpustats": r"user\s*:\s*\d+",
    "nodecpustats --percent": r"usage:\s+[\d.]+%",
    "nodememstats": r"total\s*:\s*\d+ KiB",
    "nodecpumap": r"CPUs present:\s+\d+",
    "freecell --all": r"\d+ KiB",
    "capabilities": r"<capabilities>(.|\n)*<arch>x86_64</arch>(.|\n)*<guest>",
    "domcapabilities --virttype qemu": r"<domain>qemu</domain>",
    "domcapabilities --virttype qemu --machine pc": r"<machine>pc-i440fx",
    "maxvcpus --type qemu": r"\d+",
    "cpu-models x86_64": r"qemu64",
}


def define(daemon, name, **options):
    """Defines a guest; returns the path of its XML."""
    path = daemon.directory / f"{name}.xml"
    path.write_text(guest_xml(name, daemon, **options))
    daemon.virsh("define", path)
    return path


def state(daemon, name):
    return daemon.virsh("domstate", name).strip()


@pytest.fixture(scope="module")
def idle(shared):
    """A persistent guest that runs without an operating system, with one of each usual device."""
    disk = shared.directory / "idle.img"
    disk.touch()
    disk.chmod(0o666)
    with disk.open("r+b") as file:
        file.truncate(1 << 20)
    devices = f"""<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{disk}'/>
      <target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
    <interface type='user'><mac address='52:54:00:12:34:56'/><model type='virtio'/></interface>
    <graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1'/>
    <video><model type='vga'/></video>"""
    define(shared, "idle", vcpus=2, max_vcpus=4, devices=devices, head="<iothreads>1</iothreads>")
    shared.virsh("start", "idle")
    yield "idle"
    shared.virsh("destroy", "idle")
    shared.virsh("undefine", "idle")


@pytest.fixture(scope="module")
def booted(shared):
    """A transient guest with Debian's kernel up and its shell waiting."""
    path = shared.directory / "booted.xml"
    path.write_text(guest_xml("booted", shared, boot=True, memory_mib=256, max_vcpus=3))
    shared.virsh("create", path)
    with Console(shared, "booted") as console:
        console.read_until(b"/ #")
    yield "booted"
    shared.virsh("destroy", "booted")


@pytest.mark.parametrize("verb", HOST_VERBS)
def test_host(shared, verb):
    assert re.search(HOST_VERBS[verb], shared.virsh(*verb.split()))


def test_host_connection(shared):
    assert "libvirt" in shared.virsh("version")
    with pytest.raises(Failed, match="Failed to connect socket to"):
        shared.run("virsh", "-q", "-c", "qemu+unix:///system?socket=/tmp/lg-nothing-here", "list")


def test_life_of_a_persistent_guest(shared):
    virsh = shared.virsh
    path = define(shared, "life")
    assert state(shared, "life") == "shut off"
    assert re.search(r"- +life +shut off", virsh("list", "--all"))
    assert "life" not in virsh("list")
    virsh("start", "life", "--paused")
    assert state(shared, "life") == "paused"
    assert virsh("domstate", "life", "--reason").strip() in ("paused (user)", "paused (starting up)")
    virsh("resume", "life")
    assert virsh("domstate", "life", "--reason").strip() in ("running (unpaused)", "running (booted)")
    virsh("suspend", "life")
    assert virsh("domstate", "life", "--reason").strip() == "paused (user)"
    virsh("resume", "life")
    virsh("reset", "life")
    virsh("inject-nmi", "life")
    virsh("send-key", "life", "--codeset", "linux", "--holdtime", "10", "KEY_LEFTCTRL", "KEY_C")
    with pytest.raises(Failed, match="already (active|running)"):
        virsh("start", "life")
    with pytest.raises(Failed):
        virsh("undefine", "no-such-guest")
    virsh("destroy", "life", "--graceful")
    assert virsh("domstate", "life", "--reason").strip() == "shut off (destroyed)"
    with pytest.raises(Failed, match="not running"):
        virsh("destroy", "life")
    virsh("start", "life", "--force-boot")
    virsh("undefine", "life")  # running: becomes transient
    assert "life" in virsh("list", "--transient", "--name")
    virsh("destroy", "life")
    assert "life" not in virsh("list", "--all", "--name")
    virsh("define", path, "--validate")
    virsh("undefine", "life")


def test_transient_guest(shared):
    path = shared.directory / "transient.xml"
    path.write_text(guest_xml("transient"))
    shared.virsh("create", path, "--paused")
    assert state(shared, "transient") == "paused"
    shared.virsh("destroy", "transient")
    with pytest.raises(Failed, match="failed to get domain 'transient'"):
        shared.virsh("domstate", "transient")


def test_autodestroy(shared):
    define(shared, "autodestroy")
    shared.virsh("start autodestroy --autodestroy; domstate autodestroy")
    wait_until(lambda: state(shared, "autodestroy") == "shut off", "autodestroy ends the guest with its client")
    shared.virsh("undefine", "autodestroy")


def test_names_and_lists(shared):
    virsh = shared.virsh
    define(shared, "names")
    identity = virsh("domuuid", "names").strip()
    assert virsh("domname", identity).strip() == "names"
    virsh("domrename", "names", "renamed")
    assert virsh("domuuid", "renamed").strip() == identity
    assert "renamed" in virsh("list", "--inactive", "--name").split()
    assert identity in virsh("list", "--all", "--uuid").split()
    virsh("desc", "renamed", "--config", "--title", "A title")
    virsh("desc", "renamed", "--config", "What it is for")
    assert virsh("desc", "renamed", "--title").strip() == "A title"
    assert virsh("desc", "renamed").strip() == "What it is for"
    assert "A title" in virsh("list", "--all", "--title")
    virsh("metadata", "renamed", "http://example.org/x", "--key", "x", "--set", "<note>kept</note>", "--config")
    assert "kept" in virsh("metadata", "renamed", "http://example.org/x")
    virsh("metadata", "renamed", "http://example.org/x", "--remove", "--config")
    with pytest.raises(Failed):
        virsh("metadata", "renamed", "http://example.org/x")
    virsh("autostart", "renamed")
    assert "renamed" in virsh("list", "--all", "--autostart", "--name").split()
    assert re.search(r"Autostart:\s+enable", virsh("dominfo", "renamed"))
    virsh("autostart", "renamed", "--disable")
    assert "renamed" in virsh("list", "--all", "--no-autostart", "--name").split()
    virsh("start", "renamed")
    number = virsh("domid", "renamed").strip()
    assert number.isdigit() and virsh("domname", number).strip() == "renamed"
    assert number in virsh("list", "--id").split()
    assert "renamed" in virsh("list", "--state-running", "--name").split()
    assert "renamed" in virsh("list", "--persistent", "--name").split()
    virsh("destroy", "renamed")
    assert virsh("domid", "renamed").strip() == "-"
    virsh("undefine", "renamed")


def test_edit(shared):
    define(shared, "edited")
    shared.virsh("edit", "edited", environment={"EDITOR": "sed -i s/131072/262144/"})
    assert "262144</memory>" in shared.virsh("dumpxml", "edited")
    # A definition that is dumped defines itself again, to the letter.
    before = shared.virsh("dumpxml", "edited", "--security-info")
    path = shared.directory / "edited-again.xml"
    path.write_text(before)
    shared.virsh("define", path)
    assert shared.virsh("dumpxml", "edited", "--security-info") == before
    shared.virsh("undefine", "edited")


def test_bad_definitions_are_named(shared):
    path = shared.directory / "bad.xml"
    for text, message in (
        ("<domain", "XML|parse|Tag"),
        ("<domain type='qemu'><memory>1</memory></domain>", "name|os"),
        (guest_xml("bad").replace("type='qemu'", "type='nonsense'"), "nonsense|domain type"),
        (guest_xml("bad").replace("<memory unit='MiB'>128</memory>", ""), "[Mm]emory"),
        (guest_xml("a/b"), "'/'|name"),
    ):
        path.write_text(text)
        with pytest.raises(Failed, match=message):
            shared.virsh("define", path)


def test_dumpxml(shared, idle):
    live = ElementTree.fromstring(shared.virsh("dumpxml", idle))
    inactive = ElementTree.fromstring(shared.virsh("dumpxml", idle, "--inactive"))
    assert live.get("id") and not inactive.get("id")
    assert live.find("devices/graphics").get("port") != "-1"
    assert inactive.find("devices/graphics").get("port") == "-1"
    assert live.find("devices/console").get("tty").startswith("/dev/pts/")
    assert "<domain" in shared.virsh("dumpxml", idle, "--migratable")
    assert "<domain" in shared.virsh("dumpxml", idle, "--update-cpu")


def test_information(shared, idle):
    virsh = shared.virsh
    info = virsh("dominfo", idle)
    assert re.search(r"State:\s+running", info) and re.search(r"CPU\(s\):\s+2", info) and re.search(r"Persistent:\s+yes", info)
    assert re.search(r"vda\s+\S+idle\.img", virsh("domblklist", idle))
    assert re.search(r"file\s+disk\s+vda", virsh("domblklist", idle, "--details"))
    assert re.search(r"Capacity:\s+1048576", virsh("domblkinfo", idle, "vda"))
    assert "rd_req" in virsh("domblkstat", idle, "vda")
    assert "number of read operations" in virsh("domblkstat", idle, "vda", "--human")
    assert "52:54:00:12:34:56" in virsh("domiflist", idle)
    assert re.search(r"vnc://127\.0\.0\.1:\d+", virsh("domdisplay", idle))
    assert re.search(r"127\.0\.0\.1:\d+", virsh("vncdisplay", idle))
    assert virsh("ttyconsole", idle).startswith("/dev/pts/")
    assert virsh("domcontrol", idle).strip() == "ok"
    assert "No errors found" in virsh("domblkerror", idle)
    assert "Job type" in virsh("domjobinfo", idle)


def test_statistics(shared, idle):
    stats = shared.virsh("domstats", idle)
    for key in ("state.state=1", "cpu.time=", "balloon.maximum=131072", "vcpu.current=2", "vcpu.maximum=4", "block.count=",
                "block.0.name=vda", "net.count=1"):
        assert key in stats, key
    for group, key in (("state", "state.reason="), ("cpu-total", "cpu.user="), ("balloon", "balloon.current="),
            ("vcpu", "vcpu.0.time="), ("interface", "net.count=1"), ("block", "block.0.rd.reqs="), ("iothread", "iothread.count=1")):
        found = shared.virsh("domstats", f"--{group}", idle)
        assert key in found, (group, found)
    assert "block.0.path=" in shared.virsh("domstats", "--block", "--backing", "--list-running")
    assert "cpu_time" in shared.virsh("cpu-stats", idle, "--total")
    assert "actual" in shared.virsh("dommemstat", idle)


def test_processors(shared, idle):
    virsh = shared.virsh
    assert virsh("vcpucount", idle, "--live", "--current").strip() == "2"
    assert virsh("vcpucount", idle, "--maximum", "--config").strip() == "4"
    assert len(re.findall(r"VCPU:", virsh("vcpuinfo", idle))) == 2
    virsh("setvcpus", idle, "3", "--live")
    assert virsh("vcpucount", idle, "--live", "--current").strip() == "3"
    virsh("setvcpus", idle, "1", "--config")
    assert virsh("vcpucount", idle, "--config", "--current").strip() == "1"
    with pytest.raises(Failed):
        virsh("setvcpus", idle, "9", "--live")
    virsh("vcpupin", idle, "0", "0", "--live")
    assert virsh("vcpupin", idle, "--live").splitlines()[0].split() == ["0", "0"]
    virsh("vcpupin", idle, "1", "0", "--config")
    assert "cpuset='0'" in virsh("dumpxml", idle, "--inactive")
    virsh("emulatorpin", idle, "0", "--live")
    assert virsh("emulatorpin", idle).split()[-1] == "0"
    assert virsh("iothreadinfo", idle).split()[0] == "1"
    virsh("iothreadpin", idle, "1", "0", "--live")
    assert virsh("iothreadinfo", idle).split() == ["1", "0"]
    assert "Scheduler" in virsh("schedinfo", idle)


def test_maximum_of_an_inactive_guest(shared):
    define(shared, "sizes", vcpus=2, max_vcpus=4)
    shared.virsh("setvcpus", "sizes", "6", "--maximum", "--config")
    assert shared.virsh("vcpucount", "sizes", "--maximum", "--config").strip() == "6"
    shared.virsh("setmaxmem", "sizes", "256M", "--config")
    assert "262144</memory>" in shared.virsh("dumpxml", "sizes")
    shared.virsh("setmem", "sizes", "64M", "--config")
    assert "65536</currentMemory>" in shared.virsh("dumpxml", "sizes")
    shared.virsh("undefine", "sizes")


def test_monitor(shared, idle):
    virsh = shared.virsh
    assert "actual=128" in virsh("qemu-monitor-command", idle, "--hmp", "info balloon")
    answer = json.loads(virsh("qemu-monitor-command", idle, '{"execute":"query-name"}'))
    assert answer["return"]["name"] == idle or answer["return"]["name"].startswith("guest=")
    assert "return" in json.loads(virsh("qemu-monitor-command", idle, "--pretty", '{"execute":"query-status"}'))
    assert virsh("qemu-monitor-command", idle, "query-status", "--return-value")


def test_screenshot(shared, idle):
    path = shared.directory / "shot"
    shared.virsh("screenshot", idle, path)
    head = path.read_bytes()[:8]
    assert head.startswith((b"P6", b"\x89PNG"))


def test_dump(shared, idle):
    path = shared.directory / "core"
    shared.virsh("dump", idle, path, "--memory-only", "--live")
    assert path.read_bytes()[:4] == b"\x7fELF"
    assert state(shared, idle) == "running"
    path.unlink()


def test_power_management_needs_a_guest(shared, idle):
    with pytest.raises(Failed):
        shared.virsh("dompmwakeup", idle)


def test_the_rest_of_the_verbs(shared, idle):
    """Verbs that no other test of ours gives to stock virsh."""
    assert re.search(r"4 KiB: \d+|4KiB: \d+", shared.virsh("freepages", "--all"))
    try:
        assert "<sysinfo" in shared.virsh("sysinfo")
    except Failed as failed:  # a host without SMBIOS tables
        assert "SMBIOS" in str(failed) or "sysinfo" in str(failed)
    try:
        shared.virsh("domxml-to-native", "qemu-argv", "--domain", idle)
    except Failed as failed:
        assert "not supported" in str(failed)
    shared.virsh("iothreadset", idle, "1", "--poll-max-ns", "1000")
    assert "iothread.1.poll-max-ns=1000" in shared.virsh("domstats", idle, "--iothread")
    number = ElementTree.fromstring(shared.virsh("dumpxml", idle)).find("vcpus/vcpu[@enabled='no']").get("id")
    shared.virsh("setvcpu", idle, number, "--enable", "--live")
    assert ElementTree.fromstring(shared.virsh("dumpxml", idle)).find(f"vcpus/vcpu[@id='{number}']").get("enabled") == "yes"
    shared.virsh("set-lifecycle-action", idle, "crash", "preserve", "--live")
    assert ElementTree.fromstring(shared.virsh("dumpxml", idle)).findtext("on_crash") == "preserve"
    with pytest.raises(Failed, match="agent"):
        shared.virsh("dompmsuspend", idle, "mem")


def test_unknown_elements_are_named(shared):
    """What the daemon does not know is left out, and lodge's user hears of it."""
    path = shared.directory / "odd.xml"
    path.write_text(guest_xml("odd", extra="<wibble/>"))
    lines = shared.run("sh", "-c", f"'{BUILD}/src/cli/lodge' -c '{shared.uri}' define odd.xml 2>&1")
    assert "Domain 'odd' defined" in lines and "wibble" in lines
    assert "wibble" not in shared.virsh("dumpxml", "odd")
    shared.virsh("undefine", "odd")


def test_events(shared):
    define(shared, "noisy")
    assert "lifecycle" in shared.virsh("event", "--list")
    command = ["virsh", "-q", "-c", shared.uri, "event", "--domain", "noisy", "--event", "lifecycle", "--timeout", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listener:
        def heard():
            shared.virsh("start", "noisy", "--paused")
            shared.virsh("destroy", "noisy")
            return listener.poll() is not None

        wait_until(heard, "virsh event hears of a start or stop")
        assert re.search(r"event 'lifecycle' for domain '?noisy'?: (Started|Stopped|Resumed|Suspended)", listener.stdout.read())
    shared.virsh("undefine", "noisy")


def test_monitor_events(shared, idle):
    command = ["virsh", "-q", "-c", shared.uri, "qemu-monitor-event", idle, "--event", "STOP", "--timeout", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listener:
        def heard():
            shared.virsh("suspend", idle)
            shared.virsh("resume", idle)
            return listener.poll() is not None

        wait_until(heard, "virsh qemu-monitor-event hears of a stop")
        assert re.search(r"event STOP at \d+\.\d+ for domain '?idle'?", listener.stdout.read())


def test_console_of_booted_guest(shared, booted):
    with Console(shared, booted) as console:
        console.type("echo $((6*7))-is-it")
        console.read_until(b"42-is-it")


def test_hot_added_processor_is_seen_inside(shared, booted):
    with Console(shared, booted) as console:
        shared.virsh("setvcpus", booted, "2", "--live")
        console.read_until(b"LODGE-GUEST-CPUS 2")
        console.type("cat /sys/devices/system/cpu/online")
        console.read_until(b"0-1")
    if shared.name == "libvirtd":
        return  # it waits for DEVICE_DELETED, which QEMU 7.2 never sends for a vCPU under TCG
    shared.virsh("setvcpus", booted, "1", "--live")
    wait_until(lambda: shared.virsh("vcpucount", booted, "--live", "--current").strip() == "1", "the guest lets go of it")


def test_balloon(shared, booted):
    shared.virsh("setmem", booted, "192M", "--live")

    def actual():
        return int(re.search(r"actual (\d+)", shared.virsh("dommemstat", booted))[1])

    wait_until(lambda: actual() == 192 * 1024, "the guest gives memory back")
    shared.virsh("dommemstat", booted, "--period", "1", "--live")
    wait_until(lambda: "unused" in shared.virsh("dommemstat", booted), "the guest reports what it does not use")
    with pytest.raises(Failed):
        shared.virsh("setmem", booted, "512M", "--live")


@pytest.mark.parametrize("mode", ["acpi", "default"])
def test_shutdown(shared, mode):
    name = f"down-{mode}"
    define(shared, name, boot=True)
    shared.virsh("start", name)
    with Console(shared, name) as console:
        console.read_until(b"/ #")
        shared.virsh("shutdown", name, *(["--mode", mode] if mode != "default" else []))
        console.wait_end()
    wait_until(lambda: state(shared, name) == "shut off", "the guest is down")
    assert shared.virsh("domstate", name, "--reason").strip() == "shut off (shutdown)"
    shared.virsh("undefine", name)


def test_guest_agent(shared):
    """Time, host name and shutdown by way of the agent inside."""
    channel = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
    define(shared, "agent", boot=True, devices=channel)
    shared.virsh("start", "agent")
    with Console(shared, "agent") as console:
        console.read_until(b"/ #")
        wait_until(lambda: "state='connected'" in shared.virsh("dumpxml", "agent"), "the agent is seen")
        assert re.search(r"Time: \d{10}", shared.virsh("domtime", "agent"))
        assert "lodge-guest" in shared.virsh("domhostname", "agent", "--source", "agent")
        assert "return" in shared.virsh("qemu-agent-command", "agent", '{"execute":"guest-ping"}')
        with pytest.raises(Failed, match="guest-fsfreeze-status|not been found|not supported|disabled"):
            shared.virsh("qemu-agent-command", "agent", '{"execute":"guest-fsfreeze-status"}')
        shared.virsh("shutdown", "agent", "--mode", "agent")
        console.wait_end()
    wait_until(lambda: state(shared, "agent") == "shut off", "the guest is down")
    shared.virsh("undefine", "agent")


def test_reset_keeps_the_guest(shared):
    define(shared, "again", boot=True)
    shared.virsh("start", "again")
    number = shared.virsh("domid", "again")
    with Console(shared, "again") as console:
        console.read_until(b"/ #")
        shared.virsh("reset", "again")
        console.text = b""
        console.read_until(b"LODGE-GUEST-READY")
    assert shared.virsh("domid", "again") == number
    shared.virsh("destroy", "again")
    shared.virsh("undefine", "again")


@pytest.mark.parametrize("key, value, then, reasons", [
    ("on_poweroff", "destroy", "poweroff", ["shut off (shutdown)"]),
    ("on_reboot", "destroy", "reboot", ["shut off (shutdown)", "shut off (destroyed)"]),
    ("on_crash", "destroy", "panic", ["shut off (crashed)"]),
    ("on_crash", "preserve", "panic", ["crashed (panicked)"]),
])
def test_actions(shared, key, value, then, reasons):
    name = f"{key}-{value}"
    panic = "<panic model='isa'/>" if then == "panic" else ""
    define(shared, name, boot=True, then=then, extra=f"<{key}>{value}</{key}>", devices=panic)
    shared.virsh("start", name)
    wait_until(lambda: shared.virsh("domstate", name, "--reason").strip() in reasons, f"{name} ends as {reasons}")
    if value == "preserve":
        shared.virsh("destroy", name)
    shared.virsh("undefine", name)
