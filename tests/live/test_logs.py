# SPDX-License-Identifier: Apache-2.0
"""The log of a guest: what is in it, that it stays small while the guest runs, and that it goes when it is told to."""
import os

import pytest

from bare import bare_xml
from daemons import wait_until

pytestmark = pytest.mark.lodge
MIB = 1 << 20


@pytest.fixture
def guest(shared):
    domain = shared.connect().defineXML(bare_xml("logged", shared))
    domain.create()
    yield domain
    if domain.isActive():
        domain.destroy()
    domain.undefine()


def logs(daemon):
    return {path.name: path for path in (daemon.root / "log/qemu").glob("logged.log*")}


def test_log_of_a_running_guest_stays_small(shared, guest):
    """It is rotated under QEMU's feet: what QEMU says before and after is there, and nothing else between."""
    log = logs(shared)["logged.log"]
    assert "qemu-system-x86_64" in log.read_text()
    (pid,) = shared.guest_pids()
    said = os.open(f"/proc/{pid}/fd/2", os.O_WRONLY | os.O_APPEND)  # what QEMU writes to when it complains
    try:
        for round in range(5):
            os.write(said, b"".join(b"%07d\n" % number for number in range(3 * MIB // 8)))
            wait_until(lambda: log.stat().st_size < MIB, "the log is emptied")
        assert set(logs(shared)) == {"logged.log", "logged.log.1", "logged.log.2", "logged.log.3"}
        for name, path in logs(shared).items():
            assert path.stat().st_size <= 2 * MIB and path.stat().st_mode & 0o777 == 0o600, name
        assert logs(shared)["logged.log.1"].read_text().endswith("%07d\n" % (3 * MIB // 8 - 1)), "the end is what is kept"
        os.write(said, b"after\n")
    finally:
        os.close(said)
    # QEMU's own words, by its own descriptor: a second log of it would leave a hole before them.
    shared.virsh("qemu-monitor-command", "logged", "--hmp", "log in_asm")
    shared.virsh("reset", "logged")
    wait_until(lambda: b"IN:" in log.read_bytes(), "QEMU writes to its log")
    shared.virsh("qemu-monitor-command", "logged", "--hmp", "log none")
    text = log.read_bytes()
    assert b"\0" not in text and text.startswith(b"after\n")
    guest.destroy()
    assert b"stopped, reason: destroyed" in log.read_bytes()


def test_destroy_removes_the_logs(shared, guest):
    shared.virsh("destroy", "logged")
    assert "logged.log" in logs(shared)
    guest.create()
    (shared.root / "log/qemu/logged.log.1").touch()
    (shared.root / "log/qemu/loggedtoo.log").touch()
    shared.virsh("destroy", "logged", "--remove-logs")
    assert not logs(shared) and (shared.root / "log/qemu/loggedtoo.log").exists()
