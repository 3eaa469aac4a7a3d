# SPDX-License-Identifier: Apache-2.0
"""python3-libvirt with its event loop: callbacks, streams, close callbacks, typed parameters, errors."""
import re
import threading

import libvirt
import pytest

from daemons import PATIENCE, wait_until
from guests import READY, Console, Events, guest_xml


def test_connection(connection):
    assert connection.getType() == "QEMU"
    assert connection.getLibVersion() >= 9000000 and connection.getVersion() >= 7002000
    assert connection.isAlive() and connection.getHostname() and connection.getURI()
    assert connection.getInfo()[0] == "x86_64"
    assert "<capabilities>" in connection.getCapabilities()
    assert connection.getMaxVcpus("qemu") >= 1
    assert connection.getFreeMemory() > 0 and connection.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS)["total"] > 0
    assert "user" in connection.getCPUStats(libvirt.VIR_NODE_CPU_STATS_ALL_CPUS)
    assert connection.listAllDomains() == [] and connection.numOfDomains() == 0


def test_lifecycle_events(daemon, events_connection):
    events = Events(events_connection)
    domain = events_connection.defineXML(guest_xml("seen"))
    events.wait("seen", libvirt.VIR_DOMAIN_EVENT_DEFINED, libvirt.VIR_DOMAIN_EVENT_DEFINED_ADDED)
    domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    events.wait("seen", libvirt.VIR_DOMAIN_EVENT_STARTED, libvirt.VIR_DOMAIN_EVENT_STARTED_BOOTED)
    domain.resume()
    events.wait("seen", libvirt.VIR_DOMAIN_EVENT_RESUMED)
    domain.suspend()
    events.wait("seen", libvirt.VIR_DOMAIN_EVENT_SUSPENDED, libvirt.VIR_DOMAIN_EVENT_SUSPENDED_PAUSED)
    domain.destroy()
    events.wait("seen", libvirt.VIR_DOMAIN_EVENT_STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_DESTROYED)
    domain.undefine()
    events.wait("seen", libvirt.VIR_DOMAIN_EVENT_UNDEFINED)
    before = len(events.seen)
    events.close()
    other = daemon.connect()
    other.defineXML(guest_xml("unseen")).undefine()
    other.close()
    events_connection.getHostname()
    assert len(events.seen) == before


def test_events_of_one_guest_only(events_connection):
    one = events_connection.defineXML(guest_xml("one"))
    two = events_connection.defineXML(guest_xml("two"))
    heard, done = [], threading.Event()

    def listen(connection, domain, event, detail, name):
        heard.append((domain.name(), event, name))
        if event == libvirt.VIR_DOMAIN_EVENT_STOPPED:
            done.set()

    callback = events_connection.domainEventRegisterAny(one, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, listen, "opaque")
    for domain in (two, one):
        domain.create()
        domain.destroy()
    assert done.wait(PATIENCE)
    assert {name for name, _, _ in heard} == {"one"} and {opaque for _, _, opaque in heard} == {"opaque"}
    events_connection.domainEventDeregisterAny(callback)
    one.undefine()
    two.undefine()


def test_many_kinds_of_callbacks(events_connection):
    """Every kind that a client can ask for is accepted and can be given back."""
    ignore = lambda *_: None  # noqa: E731
    kinds = [value for name, value in vars(libvirt).items() if name.startswith("VIR_DOMAIN_EVENT_ID_") and name[20:] != "LAST"]
    assert len(kinds) > 20
    for kind in kinds:
        events_connection.domainEventDeregisterAny(events_connection.domainEventRegisterAny(None, kind, ignore, None))


def test_reboot_event(daemon, events_connection):
    events = Events(events_connection, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT)
    domain = events_connection.createXML(guest_xml("turn", daemon, boot=True))
    with Console(daemon, "turn") as console:
        console.read_until(b"/ #")
        console.type("reboot -f")
        events.wait("turn")
    domain.destroy()


def test_reboot_is_no_pause(daemon, events_connection):
    """Behind the power button the guest shuts down and is reset: clients see it run all the time, as it was started."""
    events, reboots = Events(events_connection), Events(events_connection, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT)
    domain = events_connection.createXML(guest_xml("turn", daemon, boot=True))
    with Console(daemon, "turn") as console:
        console.read_until(READY)
        del events.seen[:], reboots.seen[:]
        console.text = b""
        domain.reboot(libvirt.VIR_DOMAIN_REBOOT_ACPI_POWER_BTN)
        console.read_until(READY)
    reboots.wait("turn")
    assert domain.state() == [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED] and events.seen == []
    domain.destroy()
    if daemon.name == "lodged":
        log = next(daemon.root.rglob("turn.log")).read_text()
        assert re.search(r"stopped, reason: destroyed$", log, re.M)


def test_tunable_events(events_connection):
    """A live change of a tunable is told to all who listen."""
    heard, done = [], threading.Event()

    def listen(connection, domain, parameters, opaque):
        heard.append(parameters)
        done.set()

    domain = events_connection.createXML(guest_xml("tuned"))
    events_connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_TUNABLE, listen, None)
    domain.pinVcpu(0, (True,) + (False,) * (events_connection.getInfo()[2] - 1))
    assert done.wait(PATIENCE) and "cputune.vcpupin0" in heard[0]
    domain.destroy()


def test_close_callback(daemon, events_connection):
    closed = threading.Event()
    reasons = []
    events_connection.registerCloseCallback(lambda connection, reason, opaque: (reasons.append(reason), closed.set()), None)
    events_connection.setKeepAlive(5, 3)
    assert events_connection.isAlive()
    daemon.stop()
    assert closed.wait(PATIENCE)
    assert reasons == [libvirt.VIR_CONNECT_CLOSE_REASON_EOF] and not events_connection.isAlive()
    daemon.start()


def test_states_and_info(connection):
    domain = connection.defineXML(guest_xml("info", vcpus=2))
    assert domain.state() == [libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_UNKNOWN]
    assert not domain.isActive() and domain.isPersistent() and not domain.isUpdated()
    domain.create()
    assert domain.isActive() and domain.ID() > 0
    state, maximum, memory, processors, cpu_time = domain.info()
    assert (state, maximum, memory, processors) == (libvirt.VIR_DOMAIN_RUNNING, 131072, 131072, 2)
    wait_until(lambda: domain.info()[4] > 0, "cpu time is counted")
    assert connection.lookupByID(domain.ID()).UUIDString() == domain.UUIDString()
    assert connection.lookupByUUIDString(domain.UUIDString()).name() == "info"
    assert connection.listDomainsID() == [domain.ID()] and connection.numOfDefinedDomains() == 0
    assert domain.OSType() == "hvm" and domain.maxMemory() == 131072 and domain.maxVcpus() == 2
    domain.destroy()
    assert connection.listDefinedDomains() == ["info"]
    domain.undefine()
    with pytest.raises(libvirt.libvirtError) as caught:
        domain.create()
    assert caught.value.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN
    assert caught.value.get_error_domain() in (libvirt.VIR_FROM_QEMU, libvirt.VIR_FROM_DOMAIN)


def test_errors_have_codes(connection):
    running = connection.createXML(guest_xml("errors"))
    for call, code in (
        (lambda: connection.lookupByName("nobody"), libvirt.VIR_ERR_NO_DOMAIN),
        (lambda: connection.lookupByID(4711), libvirt.VIR_ERR_NO_DOMAIN),
        (lambda: connection.defineXML("<domain/>"), None),
        (lambda: connection.defineXML("nonsense"), libvirt.VIR_ERR_XML_DETAIL),
        (lambda: running.create(), libvirt.VIR_ERR_OPERATION_INVALID),
        (lambda: running.setAutostart(1), libvirt.VIR_ERR_OPERATION_INVALID),
        (lambda: running.setVcpusFlags(64, libvirt.VIR_DOMAIN_AFFECT_LIVE), None),
        (lambda: running.setMemory(1 << 40), libvirt.VIR_ERR_INVALID_ARG),
        (lambda: running.blockStats("vdz"), libvirt.VIR_ERR_INVALID_ARG),
        (lambda: running.interfaceStats("nothing0"), libvirt.VIR_ERR_INVALID_ARG),
        (lambda: running.XMLDesc(1 << 30), None),
    ):
        with pytest.raises(libvirt.libvirtError) as caught:
            call()
        assert code is None or caught.value.get_error_code() == code, str(caught.value)
    running.destroy()


def test_missing_firmware_is_named(connection):
    xml = guest_xml("fw").replace("</type>", "</type><loader readonly='yes' type='pflash'>/none/such.fd</loader>", 1)
    with pytest.raises(libvirt.libvirtError, match="/none/such.fd.*No such file"):
        connection.createXML(xml)


def test_console_has_several_readers_and_history(daemon, connection):
    """Attaching after boot shows the boot; a second reader sees the same."""
    if daemon.name == "libvirtd":
        pytest.skip("libvirtd gives one reader what comes from now on")
    domain = connection.createXML(guest_xml("talk", daemon, boot=True))
    with Console(daemon, "talk", flags=0) as first:
        first.read_until(b"/ #")
        with Console(daemon, "talk", flags=0) as second:
            second.read_until(b"LODGE-GUEST-READY")
            first.type("echo $((40+2))x")
            first.read_until(b"42x")
            second.read_until(b"42x")
            domain.destroy()
            first.wait_end()
            second.wait_end()


def test_console_input_is_not_lost(daemon, connection):
    domain = connection.createXML(guest_xml("typed", daemon, boot=True))
    with Console(daemon, "typed") as console:
        console.read_until(b"/ #")
        console.type("stty -echo; wc -c <<EOF")
        for _ in range(40):
            console.type("x" * 49)
        console.type("EOF")
        console.read_until(b"2000")
    domain.destroy()


def test_screenshot_stream(connection):
    domain = connection.createXML(guest_xml("picture", devices="<video><model type='vga'/></video>"
        "<graphics type='vnc' autoport='yes'/>"))
    stream = connection.newStream()
    kind = domain.screenshot(stream, 0)
    data = bytearray()
    stream.recvAll(lambda _, chunk, buffer: buffer.extend(chunk), data)
    stream.finish()
    assert kind in ("image/x-portable-pixmap", "image/png") and data[:2] in (b"P6", b"\x89P") and len(data) > 100
    domain.destroy()


def test_aborted_stream_leaves_the_connection_usable(daemon, connection):
    domain = connection.createXML(guest_xml("abort", daemon))
    for _ in range(5):
        stream = connection.newStream()
        domain.openConsole(None, stream, libvirt.VIR_DOMAIN_CONSOLE_FORCE)
        stream.abort()
    assert domain.isActive()
    domain.destroy()


def test_bulk_statistics(connection):
    domains = [connection.createXML(guest_xml(f"bulk{number}")) for number in range(3)]
    stats = connection.getAllDomainStats()
    assert sorted(domain.name() for domain, _ in stats) == ["bulk0", "bulk1", "bulk2"]
    for _, record in stats:
        assert record["state.state"] == libvirt.VIR_DOMAIN_RUNNING and record["vcpu.maximum"] == 1
    some = connection.domainListGetStats(domains[:1], libvirt.VIR_DOMAIN_STATS_STATE)
    assert [domain.name() for domain, _ in some] == ["bulk0"] and set(some[0][1]) == {"state.state", "state.reason"}
    for domain in domains:
        domain.destroy()


def test_descriptor_passing(daemon, connection):
    """openGraphicsFD hands over one end of a socket to QEMU's VNC server."""
    domain = connection.createXML(guest_xml("vnc", devices="<graphics type='vnc' autoport='yes'/><video><model type='vga'/></video>"))
    import socket as sockets
    with sockets.socket(fileno=domain.openGraphicsFD(0)) as vnc:
        vnc.settimeout(PATIENCE)
        assert vnc.recv(12).startswith(b"RFB 003.")
    domain.destroy()


def test_guest_clock_and_agent_say_what_is_missing(connection):
    domain = connection.createXML(guest_xml("noagent"))
    for call in (domain.getTime, domain.fsInfo):
        with pytest.raises(libvirt.libvirtError) as caught:
            call()
        assert "agent" in str(caught.value)
    domain.destroy()
