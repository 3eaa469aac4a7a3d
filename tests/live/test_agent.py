# SPDX-License-Identifier: Apache-2.0
"""A guest agent that hangs, floods or lies: the guest goes on being managed. What an agent answers: test_virsh.py."""
import subprocess

import pytest

from daemons import PATIENCE, Failed, wait_until
from guests import READY, Console, guest_xml

CHANNEL = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"


def seen(daemon, state):
    wait_until(lambda: f"state='{state}'" in daemon.virsh("dumpxml", "g"), f"the agent is {state}")


def start_with(daemon, console_command):
    """A guest in which console_command ($port: the agent's device) has taken the agent's place. Its console."""
    daemon.connect().createXML(guest_xml("g", daemon, boot=True, vcpus=1, max_vcpus=2, devices=CHANNEL))
    console = Console(daemon, "g")
    console.read_until(READY)
    seen(daemon, "connected")
    console.type("killall agent; port=/dev/$(ls /sys/class/virtio-ports | head -1)")
    seen(daemon, "disconnected")
    console.type(console_command)
    seen(daemon, "connected")
    daemon.virsh("guest-agent-timeout", "g", "--timeout", "600")
    return console


@pytest.mark.lodge
def test_a_silent_agent_holds_up_nothing_else(daemon):
    with start_with(daemon, "(while :; do cat; usleep 100000; done) <>$port &") as console:
        waiting = [subprocess.Popen(["virsh", "-c", daemon.uri, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for command in (["setvcpus", "g", "1", "--guest"], ["shutdown", "g", "--mode", "agent"],
                ["reboot", "g", "--mode", "agent"], ["domtime", "g"], ["vcpucount", "g", "--guest"])]
        console.read_until(b"guest-sync-delimited")  # the first of them waits for the agent now
        for command in ("dumpxml", "domstate", "dominfo", "suspend", "resume", "vcpuinfo"):
            daemon.virsh(command, "g")
        daemon.virsh("setvcpus", "g", "2", "--live")
        assert [process.poll() for process in waiting] == [None] * len(waiting)
        daemon.virsh("destroy", "g")
        for process in waiting:  # of those that end guests one may say that it has done so
            process.communicate(timeout=PATIENCE)


@pytest.mark.lodge
def test_a_flood_ends_the_call_and_nothing_else(daemon):
    with start_with(daemon, "yes garbage >$port &"):
        for command in (["domtime", "g"], ["setvcpus", "g", "1", "--guest"]):
            with pytest.raises(Failed, match="nobody asked for"):
                daemon.virsh(*command)
        daemon.virsh("suspend", "g")
        assert daemon.virsh("domstate", "g").strip() == "paused"
        daemon.virsh("destroy", "g")
