# SPDX-License-Identifier: Apache-2.0
"""One round of measurements of one subject: {figure: [values]}, times in ms. The same code for every daemon."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import libvirt

from daemons import GUEST, Libvirtd, Lodged, resident_kib, wait_until
from guests import EventLoop, Events, guest_xml

QEMU = "/usr/bin/qemu-system-x86_64"
STARTS = 8
CLIENTS = 4
STARTS_EACH = 5
RUNNING = 24
DEFINED = 300
REPEAT = 40


def timed(work):
    """(milliseconds, what work returned)"""
    started = time.perf_counter()
    result = work()
    return (time.perf_counter() - started) * 1000, result


def small(name):
    """A small paused q35 guest: what "start" and "destroy" are measured with."""
    return guest_xml(name, memory_mib=64, console=False, balloon=False)


# -- bare QEMU

def bare_start(directory):
    """QEMU from exec to its monitor's greeting; (ms, process)."""
    path = os.path.join(directory, "qmp")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        started = time.perf_counter()
        process = subprocess.Popen([QEMU, "-S", "-machine", "q35", "-accel", "tcg", "-m", "64", "-nodefaults", "-no-user-config",
            "-display", "none", "-chardev", f"socket,id=m,fd={listener.fileno()},server=on,wait=off", "-mon", "chardev=m,mode=control"],
            pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            with client.makefile("rb") as lines:
                assert "QMP" in json.loads(lines.readline())
        took = (time.perf_counter() - started) * 1000
    os.unlink(path)
    return took, process


def bare_boot():
    """Debian's kernel from exec of QEMU until it has switched itself off."""
    took, _ = timed(lambda: subprocess.run([QEMU, "-machine", "q35", "-accel", "tcg", "-cpu", "qemu64", "-m", "128", "-nodefaults",
        "-no-user-config", "-display", "none", "-serial", "null", "-kernel", str(GUEST / "vmlinuz"), "-initrd", str(GUEST / "initrd"),
        "-append", "console=ttyS0 quiet panic=-1 lodge.then=poweroff"], check=True, stdin=subprocess.DEVNULL))
    return took


def bare_qemu():
    found = {"start": [], "destroy": [], "boot to poweroff": [bare_boot()]}
    with tempfile.TemporaryDirectory(prefix="lg-") as directory:
        for _ in range(STARTS):
            took, process = bare_start(directory)
            found["start"].append(took)
            process.send_signal(signal.SIGKILL)
            found["destroy"].append(timed(process.wait)[0])
    return found


# -- a daemon

def end_all(domains):
    """Ends guests side by side: libvirtd takes more than a second for each, and that is measured elsewhere."""
    threads = [threading.Thread(target=domain.destroy) for domain in domains]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measure_small_calls(daemon, connection, found):
    """Definitions and looking at them, one at a time. Also what a definition costs in memory."""
    before = resident_kib(daemon.process.pid)
    for number in range(DEFINED):
        took, _ = timed(lambda number=number: connection.defineXML(small(f"bench{number}")))
        found["define"].append(took)
    found["resident, a definition"] = [(resident_kib(daemon.process.pid) - before) / DEFINED]
    for number in range(REPEAT):
        took, domain = timed(lambda number=number: connection.lookupByName(f"bench{number}"))
        found["lookup"].append(took)
        found["dumpxml"].append(timed(domain.XMLDesc)[0])
        found["list of 300"].append(timed(connection.listAllDomains)[0])

        def connect():
            daemon.connect().close()

        found["connect"].append(timed(connect)[0])
    for number in range(DEFINED):
        domain = connection.lookupByName(f"bench{number}")
        found["undefine"].append(timed(domain.undefine)[0])


def measure_starts(connection, found):
    domain = connection.defineXML(small("bench"))
    for _ in range(STARTS):
        found["start"].append(timed(lambda: domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED))[0])
        found["destroy"].append(timed(domain.destroy)[0])
    domain.undefine()


def measure_parallel_starts(daemon, found):
    """Starts per second when CLIENTS connections start guests at the same time."""
    connections = [daemon.connect() for _ in range(CLIENTS)]
    domains = [[connections[client].defineXML(small(f"bench{client}-{number}")) for number in range(STARTS_EACH)]
        for client in range(CLIENTS)]

    def start_all(client):
        for domain in domains[client]:
            domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)

    threads = [threading.Thread(target=start_all, args=(client,)) for client in range(CLIENTS)]

    def run():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    took, _ = timed(run)
    found["starts by 4 clients"].append(CLIENTS * STARTS_EACH * 1000 / took)
    end_all(sum(domains, []))
    for domain in sum(domains, []):
        domain.undefine()
    for connection in connections:
        connection.close()


def measure_statistics(connection, found):
    domains = [connection.createXML(small(f"bench{number}"), 0) for number in range(RUNNING)]
    for _ in range(5):
        took, stats = timed(connection.getAllDomainStats)
        assert len(stats) == RUNNING
        found["statistics of 24 running"].append(took)
    end_all(domains)


def measure_boot(daemon, found):
    """From the call that starts the guest until the event that it has stopped."""
    EventLoop.start()
    connection = daemon.connect()
    events = Events(connection)
    xml = guest_xml("bench", daemon, memory_mib=128, boot=True, then="poweroff", balloon=False)
    xml = xml.replace("<serial type='pty'>", "<serial type='null'>").replace("<console type='pty'>", "<console type='null'>")

    def boot():
        connection.createXML(xml, 0)
        events.wait("bench", libvirt.VIR_DOMAIN_EVENT_STOPPED)

    found["boot to poweroff"].append(timed(boot)[0])
    events.close()
    connection.close()


def measure_ready(daemon, found):
    """From exec until a client is connected; the cache of QEMU's capabilities is warm by then."""
    for _ in range(3):
        daemon.stop()

        def start():
            daemon.start(wait=False)
            return wait_until(lambda: try_connect(daemon), "the daemon answers")

        took, connection = timed(start)
        found["ready, warm cache"].append(took)
        connection.close()


def try_connect(daemon):
    if not daemon.socket.exists():
        return None
    try:
        return daemon.connect()
    except libvirt.libvirtError:
        return None


FIGURES_OF_A_DAEMON = ("start", "destroy", "starts by 4 clients", "boot to poweroff", "connect", "define", "lookup", "dumpxml",
    "list of 300", "undefine", "statistics of 24 running", "ready, warm cache", "resident, idle")


def daemon(kind):
    """One round with a fresh daemon of this kind."""
    found = {figure: [] for figure in FIGURES_OF_A_DAEMON}
    served = kind()
    try:
        served.start()
        connection = served.connect()
        connection.createXML(small("warm"), libvirt.VIR_DOMAIN_START_PAUSED).destroy()  # probes QEMU once
        connection.close()
        measure_ready(served, found)
        connection = served.connect()
        found["resident, idle"].append(resident_kib(served.process.pid) / 1024)
        measure_small_calls(served, connection, found)
        for work in (measure_starts, measure_statistics):
            work(connection, found)
        connection.close()
        measure_parallel_starts(served, found)
        measure_boot(served, found)
    finally:
        for line in served.close():
            print(line, file=sys.stderr)
    return found


