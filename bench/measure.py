# SPDX-License-Identifier: Apache-2.0
"""One round of measurements: times in ms, memory in KiB or MiB. The same code for every daemon."""
import collections
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
REPEAT = 200
BLOCK = 20  # calls of one daemon before the other's turn


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
    """QEMU from exec until its monitor has answered a command: it greets while the machine is still being built; (ms, process)."""
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
                client.sendall(b'{"execute":"qmp_capabilities"}')
                assert "return" in json.loads(lines.readline())
        took = (time.perf_counter() - started) * 1000
    os.unlink(path)
    return took, process


def bare_boot():
    """Debian's kernel from exec of QEMU until it has switched itself off."""
    took, _ = timed(lambda: subprocess.run([QEMU, "-machine", "q35", "-accel", "tcg", "-cpu", "qemu64", "-m", "128", "-nodefaults",
        "-no-user-config", "-display", "none", "-serial", "null", "-kernel", str(GUEST / "vmlinuz"), "-initrd", str(GUEST / "initrd"),
        "-append", "console=ttyS0 quiet panic=-1 lodge.then=poweroff"], check=True, stdin=subprocess.DEVNULL))
    return took


# -- a daemon

def end_all(domains):
    """Ends guests side by side: libvirtd takes more than a second for each, and that is measured elsewhere."""
    threads = [threading.Thread(target=domain.destroy) for domain in domains]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measure_small_calls(subjects):
    """Definitions and looking at them, the daemons taking turns in blocks. Also what a definition costs in memory."""
    for subject in subjects:
        subject.connection.defineXML(small("first")).undefine()  # what is loaded once is not a definition's
        subject.before = resident_kib(subject.daemon.process.pid)
    in_turn(subjects, DEFINED, lambda subject, number:
        subject.time("define", lambda: subject.connection.defineXML(small(f"bench{number}"))))
    for subject in subjects:
        grown = resident_kib(subject.daemon.process.pid) - subject.before
        subject.found["resident, a definition"].append(grown / DEFINED)
    in_turn(subjects, REPEAT, lambda subject, number:
        subject.time("lookup", lambda: subject.connection.lookupByName(f"bench{number}")))
    in_turn(subjects, REPEAT, lambda subject, number:
        subject.time("dumpxml", subject.connection.lookupByName(f"bench{number}").XMLDesc))
    in_turn(subjects, REPEAT, lambda subject, number: subject.time("list of 300", subject.connection.listAllDomains))
    in_turn(subjects, REPEAT, lambda subject, number: subject.time("connect", lambda: subject.daemon.connect().close()))
    in_turn(subjects, DEFINED, lambda subject, number:
        subject.time("undefine", subject.connection.lookupByName(f"bench{number}").undefine))


def in_turn(subjects, times, work):
    """work(subject, number) for each number below times; a block of numbers with one subject, then with the next."""
    for first in range(0, times, BLOCK):
        for subject in subjects:
            for number in range(first, min(first + BLOCK, times)):
                work(subject, number)


def measure_starts(subjects, bare):
    """One guest after the other, of QEMU itself and of each daemon in turn."""
    domains = [subject.connection.defineXML(small("bench")) for subject in subjects]
    with tempfile.TemporaryDirectory(prefix="lg-") as directory:
        for _ in range(STARTS):
            took, process = bare_start(directory)
            bare["start"].append(took)
            process.send_signal(signal.SIGKILL)
            bare["destroy"].append(timed(process.wait)[0])
            for subject, domain in zip(subjects, domains):
                subject.time("start", lambda: domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED))
                subject.time("destroy", domain.destroy)
    for domain in domains:
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


class Subject:
    """A daemon that is measured, a connection to it, and what was found."""

    def __init__(self, kind):
        self.found = collections.defaultdict(list)
        self.daemon = kind()
        self.connection = None

    def time(self, figure, work):
        took, result = timed(work)
        self.found[figure].append(took)
        return result

    def start(self):
        self.daemon.start()
        connection = self.daemon.connect()
        connection.createXML(small("warm"), libvirt.VIR_DOMAIN_START_PAUSED).destroy()  # probes QEMU once
        connection.close()
        measure_ready(self.daemon, self.found)
        self.connection = self.daemon.connect()
        self.found["resident, idle"].append(resident_kib(self.daemon.process.pid) / 1024)

    def close(self):
        if self.connection:
            self.connection.close()
        for line in self.daemon.close():
            print(line, file=sys.stderr)


def measure_round(kinds):
    """One round with fresh daemons, which take turns in all that is short: {subject: {figure: [values]}}."""
    bare = {"start": [], "destroy": [], "boot to poweroff": []}
    subjects = [Subject(kind) for kind in kinds]
    try:
        for subject in subjects:
            subject.start()
        measure_small_calls(subjects)
        measure_starts(subjects, bare)
        for subject in subjects:
            measure_statistics(subject.connection, subject.found)
        for subject in subjects:
            measure_parallel_starts(subject.daemon, subject.found)
        bare["boot to poweroff"].append(bare_boot())
        for subject in subjects:
            measure_boot(subject.daemon, subject.found)
    finally:
        for subject in subjects:
            subject.close()
    return {"bare QEMU": bare, **{subject.daemon.name: subject.found for subject in subjects}}
