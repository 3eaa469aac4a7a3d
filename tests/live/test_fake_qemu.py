# SPDX-License-Identifier: Apache-2.0
"""QEMU dies after each command of the start: a clean error, and nothing left of it."""
import os
import shutil
from pathlib import Path

import libvirt
import pytest

from daemons import InNamespace, Lodged, processes_naming, wait_until
from guests import guest_xml
from test_tuning import left_behind

pytestmark = pytest.mark.lodge
FAKE = Path(__file__).resolve().parents[1] / "fake-qemu/fake-qemu"
ROOT = os.geteuid() == 0  # may make taps and control groups
FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")


def faked_xml():
    """A guest with one of each thing that a start makes outside QEMU, as far as this host has it."""
    head = "<iothreads>1</iothreads><cputune><vcpupin vcpu='0' cpuset='0'/>{}</cputune>".format("<shares>2000</shares>" if ROOT else "")
    devices = "<graphics type='vnc' autoport='yes' passwd='x' listen='127.0.0.1'/><interface type='user'/>"
    if ROOT:
        devices += "<interface type='ethernet'><mac address='52:54:00:00:00:09'/><target dev='faketap'/><model type='virtio'/></interface>"
    if shutil.which("swtpm"):
        devices += "<tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm>"
    xml = guest_xml("faked", memory_mib=32, vcpus=2, head=head, devices=devices)
    if FIRMWARE.exists():
        vars_file = str(FIRMWARE).replace("CODE", "VARS")
        xml = xml.replace("</os>", f"<loader readonly='yes' type='pflash'>{FIRMWARE}</loader><nvram template='{vars_file}'/></os>")
    return xml


class Fake:
    """The stand-in, where QEMU's user can run it, and a guest that uses it."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.folder = daemon.directory / "fake"
        self.folder.mkdir(mode=0o755)
        self.program = self.folder / "qemu-system-x86_64"
        shutil.copyfile(FAKE, self.program)
        self.program.chmod(0o755)
        self.log = self.folder / "commands"
        self.connection = daemon.connect()
        # The variable makes the folder part of the definition: QEMU sees, and may write, nothing else.
        xml = (faked_xml().replace("/usr/bin/qemu-system-x86_64", str(self.program))
               .replace("<domain ", "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' ", 1)
               .replace("</domain>", f"<qemu:commandline><qemu:env name='FAKE_FOLDER' value='{self.folder}'/>"
                                     "</qemu:commandline></domain>"))
        self.domain = self.connection.defineXML(xml)
        self.before = None

    def plan(self, action, number):
        (self.folder / "plan").write_text(f"{action} {number}\n")
        self.log.write_text("")
        self.log.chmod(0o666)

    def things(self):
        """All that a start makes: what stands in the directories of run state and state (logs and caches may grow), links,
        control groups, and processes of the guest."""
        found = {str(path) for folder in ("run", "state") for path in (self.daemon.root / folder).rglob("*")}
        if ROOT:
            found |= {"link " + line.split(": ")[1] for line in self.daemon.ip("-o", "link").splitlines()}
            found |= {"group " + path for path in left_behind(self.daemon)}
        running = processes_naming(str(self.daemon.directory))
        return found | {"process " + line for pid, line in running.items() if self.daemon.process.pid != pid}

    def start(self):
        self.domain.create()

    def commands(self):
        return self.log.read_text().split()

    def expect_clean_failure(self, what):
        with pytest.raises(libvirt.libvirtError) as caught:
            self.start()
        message = str(caught.value)
        assert "faked" in message or "QEMU" in message, f"{what}: {message}"
        wait_until(lambda: not any(thing.startswith("process") for thing in self.things() - self.before), f"{what}: no process is left")
        assert not self.domain.isActive() and self.domain.state()[0] == libvirt.VIR_DOMAIN_SHUTOFF, what
        assert self.things() == self.before, f"{what}: left: {self.things() ^ self.before}"
        return message


@pytest.fixture(scope="module")
def fake():
    daemon = InNamespace() if ROOT else Lodged()
    try:
        fake = Fake(daemon.start())
        fake.plan("none", 0)
        fake.start()  # also shows which commands a start consists of
        fake.started_with, fake.made = fake.commands(), fake.things()
        fake.domain.destroy()
        wait_until(lambda: not daemon.guest_pids() and not any("swtpm " in thing for thing in fake.things()), "the first one ends")
        fake.before = fake.things()
        yield fake
    finally:
        wrong = daemon.close()
    assert not wrong, "\n".join(wrong)


def test_start_consists_of_commands(fake):
    assert "qmp_capabilities" == fake.started_with[0] and "cont" in fake.started_with


def test_what_a_start_makes_is_seen(fake):
    """So that what is left of it would be."""
    kinds = {"monitor.sock": True, "link faketap": ROOT, "swtpm socket": shutil.which("swtpm"), "_VARS": FIRMWARE.exists(),
        "group ": ROOT and Path("/sys/fs/cgroup/cpu/cpu.shares").exists()}
    for kind, expected in kinds.items():
        assert bool(expected) == any(kind in thing for thing in fake.made), (kind, sorted(fake.made))


def test_death_on_each_command(fake):
    for number in range(len(fake.started_with) + 1):
        name = fake.started_with[number - 1] if number else "the greeting"
        if name == "cont" or "cont" in fake.started_with[: max(number - 1, 0)]:
            continue  # it runs by then: below
        fake.plan("die", number)
        fake.expect_clean_failure(f"death on {name} ({number})")


def test_death_after_each_answer(fake):
    for number in range(1, fake.started_with.index("cont") + 1):
        fake.plan("after", number)
        fake.expect_clean_failure(f"death after {fake.started_with[number - 1]} ({number})")


def test_death_on_cont(fake):
    """The start may fail, or succeed and the guest crash at once; afterwards it is off and nothing is left."""
    fake.plan("die", fake.started_with.index("cont") + 1)
    try:
        fake.start()
    except libvirt.libvirtError:
        pass
    wait_until(lambda: not fake.domain.isActive(), "the guest is known to be dead")
    wait_until(lambda: fake.things() == fake.before, "its files are gone")


def test_qemu_that_refuses_says_why(fake):
    fake.plan("exit", 0)
    assert "could not get what I need: No such device" in fake.expect_clean_failure("refusal")


def test_garbage_from_the_monitor(fake):
    fake.plan("garbage", 2)
    fake.expect_clean_failure("garbage")


def test_it_still_starts(fake):
    fake.plan("none", 0)
    fake.start()
    assert fake.domain.isActive()
    fake.domain.destroy()
    wait_until(lambda: fake.things() == fake.before, "its files are gone")
