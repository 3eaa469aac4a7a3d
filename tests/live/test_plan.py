# SPDX-License-Identifier: Apache-2.0
"""plan and apply: what an edit of a guest changes live, at the next start or never, and doing just that."""
import json
import random
import os
import re

import pytest

from daemons import Failed
from guests import guest_xml

pytestmark = pytest.mark.lodge

USB_DISK = """<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='IMAGE'/>
  <target dev='sdx' bus='usb'/></disk>"""
RNG = "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"


@pytest.fixture
def guest(daemon):
    """A guest that runs, paused; gives a function that writes its definition with replacements."""
    image = daemon.directory / "plan.img"
    image.write_bytes(b"\0" * 1048576)
    image.chmod(0o666)
    ports = "".join(f"<controller type='pci' model='pcie-root-port' index='{n}'/>" for n in range(1, 10))
    path = daemon.directory / "plan.xml"
    path.write_text(guest_xml("plan", daemon, memory_mib=64, devices=ports + "<controller type='usb' model='qemu-xhci'/>"))
    daemon.virsh("define", path)
    daemon.virsh("start", "plan", "--paused")

    def edit(*replacements):
        text = daemon.virsh("dumpxml", "plan", "--inactive", "--security-info")
        for old, new in replacements:
            assert old in text, old
            text = text.replace(old, new.replace("IMAGE", str(image)), 1)
        path.write_text(text)
        return path

    yield edit
    daemon.virsh("destroy", "plan")
    daemon.virsh("undefine", "plan")


def plan(daemon, path, verb="plan"):
    return json.loads(daemon.lodge(verb, path, "--json"))


def steps(answer):
    return [(step["when"], step["action"], step["what"]) for step in answer["steps"]]


def test_nothing_changes(daemon, guest):
    path = guest()
    answer = plan(daemon, path)
    assert answer["steps"] == [] and answer["arguments_added"] == [] and answer["arguments_removed"] == []
    assert "Nothing changes." in daemon.lodge("plan", path)


def test_each_kind_of_change(daemon, guest):
    """Live ones with their QMP commands, the others with the reason, and QEMU's arguments of the next start."""
    path = guest(("</uuid>", "</uuid><title>A title</title>"), ("</devices>", USB_DISK + "</devices>"),
        ("<on_reboot>restart", "<on_reboot>destroy"), ("<apic/>", ""))
    answer = plan(daemon, path)
    assert steps(answer) == [("live", "set", "title"), ("live", "set", "on_reboot"), ("live", "attach", "disk 'sdx'"),
        ("start", "set", "features/apic"), ("start", "store", "definition")]
    commands = [json.loads(command)["execute"] for step in answer["steps"] for command in step["commands"]]
    assert commands == ["set-action", "blockdev-add", "blockdev-add", "device_add"]
    assert any("usb-storage" in line for line in answer["arguments_added"]) and not answer["arguments_removed"]
    text = daemon.lodge("plan", path)
    assert "Live, in this order:" in text and "At the next start:" in text and '"usb-storage"' in text
    assert plan(daemon, path) == answer, "planning has changed something"
    assert "sdx" not in daemon.virsh("dumpxml", "plan")


def test_apply(daemon, guest):
    path = guest(("</uuid>", "</uuid><title>A title</title>"), ("</devices>", USB_DISK + "</devices>"), ("<apic/>", ""))
    assert daemon.lodge("apply", path, "--dry-run") == daemon.lodge("plan", path)
    before = plan(daemon, path)
    answer = plan(daemon, path, "apply")
    assert steps(answer) == steps(before) and {step["state"] for step in answer["steps"]} == {"done"}
    live, config = daemon.virsh("dumpxml", "plan"), daemon.virsh("dumpxml", "plan", "--inactive")
    assert "A title" in live and "A title" in config and "'sdx'" in live and "'sdx'" in config
    assert "<apic/>" in live and "<apic/>" not in config
    assert "usb-storage" in daemon.virsh("qemu-monitor-command", "plan", "--hmp", "info qtree")
    assert plan(daemon, path)["steps"] == []
    # and away again: a USB device goes at once, running guest or not
    path.write_text(re.sub(r"<disk.*?</disk>", "", config, flags=re.DOTALL))
    assert ("live", "detach", "disk 'sdx'") in steps(plan(daemon, path))


def test_impossible(daemon, guest):
    path = guest(("<name>plan</name>", "<name>other</name>"), ("</uuid>", "</uuid><title>A title</title>"))
    assert ("never", "set", "name") in steps(plan(daemon, path))
    with pytest.raises(Failed, match="nothing was done"):
        daemon.lodge("apply", path)
    assert "A title" not in daemon.virsh("dumpxml", "plan")


def test_stops_at_the_first_failure(daemon, guest):
    """What was done and what was not is said; the definition is as it was."""
    missing = USB_DISK.replace("IMAGE", "/nowhere/at/all.img")
    path = guest(("</uuid>", "</uuid><title>A title</title>"), ("</devices>", missing + RNG + "</devices>"))
    with pytest.raises(Failed, match="/nowhere/at/all.img") as failed:
        daemon.lodge("apply", path, "--json")
    done = {step["what"]: step["state"] for step in json.loads(failed.value.output)["steps"]}
    assert done == {"title": "done", "disk 'sdx'": "failed", "rng": "to do", "definition": "to do"}
    assert "A title" in daemon.virsh("dumpxml", "plan") and "A title" not in daemon.virsh("dumpxml", "plan", "--inactive")


EDITS = [
    lambda text: re.sub(r"(<title>.*?</title>)?\n  <memory", lambda _: f"<title>t{random.randrange(9)}</title>\n  <memory", text, count=1),
    lambda text: re.sub(r"<on_crash>\w+", f"<on_crash>{random.choice(['destroy', 'restart', 'preserve'])}", text),
    lambda text: re.sub(r"<on_reboot>\w+", f"<on_reboot>{random.choice(['destroy', 'restart'])}", text),
    lambda text: re.sub(r"<currentMemory unit='KiB'>\d+", f"<currentMemory unit='KiB'>{random.randrange(16, 65) * 1024}", text),
    lambda text: text.replace("</devices>", RNG + "</devices>") if "<rng" not in text else text,
    lambda text: re.sub(r"<(vcpu[^>]*)>\d+<", f"<\\1>{random.randrange(1, 5)}<", text, count=1),
    lambda text: text.replace("<apic/>", "") if "<apic/>" in text else text.replace("<acpi/>", "<acpi/><apic/>"),
    lambda text: re.sub(r"<clock offset='\w+'", f"<clock offset='{random.choice(['utc', 'localtime'])}'", text),
]


def test_random_edits(daemon, guest):
    """After an apply the definition is what defining it afresh would make of it, and a second plan finds nothing."""
    seed = int(os.environ.get("LODGE_SEED", random.randrange(1 << 30)))
    random.seed(seed)
    for _ in range(int(os.environ.get("LODGE_ROUNDS", "8"))):
        path = guest()
        text = path.read_text()
        for edit in random.sample(EDITS, random.randrange(1, 4)):
            text = edit(text)
        path.write_text(text)
        answer = plan(daemon, path, "apply")
        assert all(step["state"] == "done" for step in answer["steps"]), f"LODGE_SEED={seed}: {answer}"
        applied = daemon.virsh("dumpxml", "plan", "--inactive")
        assert plan(daemon, path)["steps"] == [], f"LODGE_SEED={seed}"
        daemon.virsh("define", path)
        assert daemon.virsh("dumpxml", "plan", "--inactive") == applied, f"LODGE_SEED={seed}"
