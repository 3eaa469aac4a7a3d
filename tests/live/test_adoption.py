# SPDX-License-Identifier: Apache-2.0
"""Guests outlive the daemon: it is killed or stopped with guests up, and the next one takes them all back."""
import os
import signal
import time

import libvirt
import pytest

from daemons import wait_until
from guests import Console, guest_xml
from test_scale import qemu_of

pytestmark = pytest.mark.lodge


def states(daemon):
    connection = daemon.connect()
    found = {domain.name(): tuple(domain.state()) for domain in connection.listAllDomains()}
    connection.close()
    return found


def test_killed_daemon_takes_its_guests_back(daemon):
    connection = daemon.connect()
    for name in ("kept", "paused"):
        connection.defineXML(guest_xml(name, memory_mib=32)).create()
    connection.lookupByName("paused").suspend()
    transient = connection.createXML(guest_xml("transient", memory_mib=32))
    before = {domain.name(): (domain.ID(), domain.UUIDString(), domain.XMLDesc()) for domain in connection.listAllDomains()}
    pids = daemon.guest_pids()
    assert transient.isActive() and len(pids) == 3
    daemon.kill()
    assert daemon.guest_pids() == pids
    daemon.start()
    connection = daemon.connect()
    after = {domain.name(): (domain.ID(), domain.UUIDString(), domain.XMLDesc()) for domain in connection.listAllDomains()}
    assert after == before
    assert states(daemon)["paused"][0] == libvirt.VIR_DOMAIN_PAUSED
    connection.lookupByName("paused").resume()  # the monitor is connected, not only remembered
    assert states(daemon)["paused"][0] == libvirt.VIR_DOMAIN_RUNNING
    assert not connection.lookupByName("transient").isPersistent()
    for domain in connection.listAllDomains():
        domain.destroy()
    assert set(states(daemon)) == {"kept", "paused"}
    assert connection.createXML(guest_xml("new", memory_mib=32)).ID() > max(number for number, _, _ in before.values())
    connection.lookupByName("new").destroy()
    connection.close()


def test_stopped_daemon_leaves_guests_running(daemon):
    connection = daemon.connect()
    connection.createXML(guest_xml("stays", memory_mib=32))
    pids = daemon.guest_pids()
    assert daemon.stop() == 0
    assert daemon.guest_pids() == pids
    daemon.start()
    connection = daemon.connect()
    assert states(daemon)["stays"][0] == libvirt.VIR_DOMAIN_RUNNING
    connection.lookupByName("stays").destroy()
    connection.close()


def test_guest_that_died_meanwhile(daemon):
    """Reported as what it was: not destroyed by anybody, not shut down by itself."""
    connection = daemon.connect()
    connection.defineXML(guest_xml("died", memory_mib=32)).create()
    connection.createXML(guest_xml("died-transient", memory_mib=32))
    daemon.kill()
    for pid in daemon.guest_pids():
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not daemon.guest_pids(), "QEMU is dead")
    daemon.start()
    found = states(daemon)
    assert set(found) == {"died"}
    assert found["died"] in [(libvirt.VIR_DOMAIN_SHUTOFF, reason) for reason in (
        libvirt.VIR_DOMAIN_SHUTOFF_CRASHED, libvirt.VIR_DOMAIN_SHUTOFF_FAILED, libvirt.VIR_DOMAIN_SHUTOFF_DAEMON)]
    connection = daemon.connect()
    connection.lookupByName("died").create()  # nothing of the dead one is in the way
    connection.lookupByName("died").destroy()
    connection.close()


def test_guest_that_shut_down_meanwhile(daemon):
    connection = daemon.connect()
    connection.defineXML(guest_xml("slept", daemon, boot=True)).create()
    with Console(daemon, "slept") as console:
        console.read_until(b"/ #")
        console.type("sleep 2; poweroff -f")
        time.sleep(0.3)  # the line has to reach the guest before the daemon goes
        daemon.kill()
    wait_until(lambda: shut_down_or_gone(daemon), "the guest has switched itself off")
    daemon.start()
    wait_until(lambda: states(daemon)["slept"][0] == libvirt.VIR_DOMAIN_SHUTOFF, "the next daemon ends what is left")
    assert states(daemon)["slept"][1] in (libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED)
    assert not daemon.guest_pids()


def shut_down_or_gone(daemon):
    """QEMU runs with -no-shutdown: after poweroff its vCPU thread uses no time any more."""
    pids = daemon.guest_pids()
    if not pids:
        return True
    (pid,) = pids
    used = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[11:13]
    time.sleep(0.6)
    return pid not in daemon.guest_pids() or open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[11:13] == used


def test_stopped_qemu_is_kept_and_comes_back(daemon):
    """A guest that cannot be reached at start is neither killed nor forgotten, delays nobody, and is taken back later."""
    connection = daemon.connect()
    connection.createXML(guest_xml("frozen", memory_mib=32))
    connection.createXML(guest_xml("lively", memory_mib=32))
    pid = qemu_of(daemon, "frozen")
    daemon.kill()
    os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    daemon.start()
    connection = daemon.connect()
    assert {domain.name() for domain in connection.listAllDomains()} == {"frozen", "lively"}
    assert time.monotonic() - started < 10
    wait_until(lambda: states(daemon)["lively"][0] == libvirt.VIR_DOMAIN_RUNNING, "the other guest is back")
    assert "frozen" in connection.lookupByName("frozen").XMLDesc()
    os.kill(pid, signal.SIGCONT)

    def reached():
        try:
            connection.lookupByName("frozen").suspend()
            return True
        except libvirt.libvirtError:
            return False

    wait_until(reached, "the guest is reached again after SIGCONT", 60)
    assert qemu_of(daemon, "frozen") == pid
    for domain in connection.listAllDomains():
        domain.destroy()
    connection.close()


def state_files(daemon, name):
    """Files of the run directory that describe this guest."""
    return [path for path in (daemon.root / "run").rglob("*") if path.is_file() and not path.is_socket() and
        (name in path.name or name in str(path.parent.name)) and path.suffix in (".xml", ".json", ".state", "")]


@pytest.mark.parametrize("tear", ["empty", "half", "garbage"])
def test_torn_state_file(daemon, tear):
    """Torn run state of one guest: the daemon starts, says so, serves the others, and the file is set aside, not deleted."""
    connection = daemon.connect()
    connection.defineXML(guest_xml("torn", memory_mib=32)).create()
    connection.createXML(guest_xml("whole", memory_mib=32))
    pid = qemu_of(daemon, "torn")
    daemon.kill()
    files = state_files(daemon, "torn")
    assert files, f"no state file of 'torn' below {daemon.root}/run"
    for path in files:
        data = path.read_bytes()
        path.write_bytes({"empty": b"", "half": data[: len(data) // 2], "garbage": b"\0\xff<" * 99}[tear])
    daemon.start()
    found = states(daemon)
    assert found["whole"][0] == libvirt.VIR_DOMAIN_RUNNING
    assert "torn" in found  # its definition stands in another file
    assert "torn" in daemon.log_text()
    # Its QEMU was not killed; if it could not be adopted, ending it is the administrator's decision.
    assert pid in daemon.guest_pids()
    connection = daemon.connect()
    connection.lookupByName("whole").destroy()
    connection.close()
    daemon.kill_guests()
    daemon.settle()
    for path in (daemon.root / "run").rglob("*torn*"):
        if not path.is_dir():
            path.unlink()


def test_torn_definition_is_set_aside(daemon):
    connection = daemon.connect()
    connection.defineXML(guest_xml("good"))
    connection.defineXML(guest_xml("broken"))
    daemon.stop()
    path = daemon.root / "etc/qemu/broken.xml"
    text = path.read_text()
    path.write_text(text[: len(text) // 2])
    daemon.start()
    assert set(states(daemon)) == {"good"}
    assert "broken" in daemon.log_text()
    kept = [other for other in path.parent.iterdir() if other.name.startswith("broken")]
    assert any(other.read_text() == text[: len(text) // 2] for other in kept)


def test_definitions_and_autostart_survive(daemon):
    connection = daemon.connect()
    domain = connection.defineXML(guest_xml("auto", memory_mib=32))
    domain.setAutostart(1)
    text = domain.XMLDesc()
    assert (daemon.root / "etc/qemu/autostart/auto.xml").is_symlink()
    daemon.stop()
    daemon.start()
    connection = daemon.connect()
    domain = connection.lookupByName("auto")
    assert domain.autostart() == 1 and domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE) == text
    if domain.isActive():
        domain.destroy()
    domain.undefine()
    assert not (daemon.root / "etc/qemu/autostart/auto.xml").is_symlink()
    connection.close()


def test_removed_definitions_do_not_come_back(daemon):
    """Undefined guests stay gone whenever the daemon is killed, and what is left of their files goes with the next start."""
    connection = daemon.connect()
    for name in ("gone", "stays"):
        connection.defineXML(guest_xml(name)).setAutostart(True)
    connection.lookupByName("gone").undefine()
    daemon.kill()
    (daemon.root / "etc/qemu/.removed-1-1").write_text("<domain/>")
    daemon.start()
    assert set(states(daemon)) == {"stays"}
    assert sorted(path.name for path in (daemon.root / "etc/qemu").iterdir()) == ["autostart", "stays.xml"]
    assert [path.name for path in (daemon.root / "etc/qemu/autostart").iterdir()] == ["stays.xml"]


def test_daemon_starts_quickly_with_many_definitions(daemon):
    connection = daemon.connect()
    for number in range(300):
        connection.defineXML(guest_xml(f"def{number}"))
    connection.close()
    daemon.stop()
    daemon.start()
    assert len(states(daemon)) == 300
