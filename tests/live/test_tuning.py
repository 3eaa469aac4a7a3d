# SPDX-License-Identifier: Apache-2.0
"""What is tuned on a running guest, as virsh prints it, the kernel's files hold it and QEMU says it."""
import os
import re
from pathlib import Path

import libvirt
import pytest

from daemons import Failed
from guests import guest_xml

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="control groups and counters are root's")


def start(daemon, name, **more):
    """A paused guest, defined."""
    connection = daemon.connect()
    domain = connection.defineXML(guest_xml(name, console=False, **more))
    domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    connection.close()


def pid_of(daemon, name):
    marks = (f"-{name}\0".encode(), f"guest={name},".encode())
    for pid in daemon.guest_pids():
        if any(mark in Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes() for mark in marks):
            return pid
    raise AssertionError(f"no QEMU of {name}")


def table(text):
    """virsh's "name : value" lines."""
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines()) if value}


def stats(daemon, name, *groups):
    return dict(line.strip().split("=", 1) for line in daemon.virsh("domstats", "--raw", *groups, name).splitlines() if "=" in line)


def test_perf_events(shared):
    start(shared, "perf", extra="<perf><event name='page_faults' enabled='yes'/><event name='cpu_clock' enabled='no'/></perf>")
    shown = table(shared.run("virsh", "-c", shared.uri, "perf", "perf"))  # it prints nothing with -q
    assert len(shown) == 22
    assert [name for name, state in shown.items() if state == "enabled"] == ["page_faults"]
    assert list(stats(shared, "perf", "--perf")) == ["perf.page_faults"]
    shared.virsh("perf", "perf", "--enable", "task_clock,context_switches", "--disable", "page_faults", "--live", "--config")
    shared.virsh("resume", "perf")
    counted = stats(shared, "perf", "--perf")
    assert list(counted) == ["perf.task_clock", "perf.context_switches"]
    assert int(counted["perf.task_clock"]) > 0
    for flag in ("--inactive", "--security-info"):
        xml = shared.virsh("dumpxml", "perf", flag)
        assert re.findall(r"<event name='(\w+)' enabled='(\w+)'/>", xml) == [("cpu_clock", "no"), ("task_clock", "yes"),
            ("page_faults", "no"), ("context_switches", "yes")]
    with pytest.raises(Failed, match="cmt"):
        shared.virsh("perf", "perf", "--enable", "cmt", "--live")
    assert "cmt" not in stats(shared, "perf", "--perf")
    shared.virsh("destroy", "perf")
    with pytest.raises(Failed, match="mbmt"):
        shared.virsh("perf", "perf", "--enable", "mbmt", "--config")
        shared.virsh("start", "perf")
    shared.virsh("undefine", "perf")


@pytest.mark.lodge
def test_perf_events_are_counted_again_by_the_next_daemon(daemon):
    start(daemon, "again", extra="<perf><event name='task_clock' enabled='yes'/></perf>")
    daemon.kill()
    daemon.start()
    assert "perf.task_clock" in stats(daemon, "again", "--perf")
    daemon.virsh("destroy", "again")


@pytest.mark.skipif(not os.access("/dev/kvm", os.R_OK | os.W_OK), reason="only KVM keeps these counters")
def test_counters_of_kvm(shared):
    start(shared, "kvm", kind="kvm", vcpus=2)
    vm = stats(shared, "kvm", "--vm")
    assert vm and all(re.fullmatch(r"vm\.\w+\.(cur|sum|max)", name) for name in vm)
    vcpu = stats(shared, "kvm", "--vcpu")
    assert {"vcpu.0.exits.sum", "vcpu.1.exits.sum", "vcpu.0.guest_mode.cur"} <= set(vcpu)
    assert not any("hist" in name for name in vcpu)
    shared.virsh("destroy", "kvm")
    assert stats(shared, "kvm", "--vm") == {}
    shared.virsh("undefine", "kvm")
    start(shared, "tcg")
    assert stats(shared, "tcg", "--vm") == {}
    shared.virsh("destroy", "tcg")
    shared.virsh("undefine", "tcg")
