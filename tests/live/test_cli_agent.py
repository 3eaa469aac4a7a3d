# SPDX-License-Identifier: Apache-2.0
"""The command lodge on a guest with an agent, which makes its facts up (tools/guest/agent), and with a finished dump."""
import json

import pytest

from daemons import PATIENCE, wait_until
from guests import guest_xml

pytestmark = pytest.mark.lodge

# Verbs whose text is virsh's, blank lines aside.
SAME = """
domhostname agent
domhostname agent --source agent
domfsinfo agent
domfsfreeze agent
domfsfreeze agent --mountpoint / /home
domfsthaw agent
domfstrim agent --minimum 4096
guestinfo agent
guestinfo agent --user --os --interface
guestinfo agent --disk --filesystem --timezone --hostname
guestvcpus agent
guestvcpus agent 2 --disable
guestvcpus agent --cpulist 2 --enable
guest-agent-timeout agent
guest-agent-timeout agent --timeout 600
set-user-password agent root secret --encrypted
domjobinfo agent --completed --keep-completed
domjobinfo agent --completed --keep-completed --anystats
domjobinfo agent --completed --keep-completed --rawstats
""".strip().splitlines()


def lines(text):
    return [line.rstrip() for line in text.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def agent(shared):
    """A daemon whose guest "agent" has Debian's kernel and an agent up, and was dumped."""
    path, core = shared.directory / "agent.xml", shared.directory / "agent.core"
    path.write_text(guest_xml("agent", shared, boot=True, max_vcpus=3,
        devices="<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"))
    shared.lodge("create", path)
    wait_until(lambda: "state='connected'" in shared.lodge("dumpxml", "agent"), "the agent is seen", PATIENCE * 2)
    shared.lodge("guest-agent-timeout", "agent", "--timeout", "600")  # a busy machine is no failure
    shared.lodge("dump", "agent", core, "--live")
    core.unlink()
    yield shared
    shared.lodge("destroy", "agent")


@pytest.mark.parametrize("verb", SAME)
def test_same_as_virsh(agent, verb):
    virsh = agent.run("virsh", "-c", agent.uri, *verb.split())
    assert lines(agent.lodge(*verb.split())) == lines(virsh)


JSON = {
    "domhostname agent": {"hostname": "lodge-guest"},
    "domfsfreeze agent": {"filesystems": 2},
    "domfsinfo agent": {"filesystems": [{"mountpoint": "/", "name": "vda1", "type": "ext4", "targets": []},
                                        {"mountpoint": "/run/lock", "name": "tmpfs", "type": "tmpfs", "targets": []}]},
    "guestinfo agent --timezone": {"timezone.name": "CET", "timezone.offset": 3600},
    "guestvcpus agent": {"vcpus": "0-2", "online": "0-1", "offlinable": "1-2"},
}


@pytest.mark.parametrize("verb", JSON)
def test_json(agent, verb):
    assert json.loads(agent.lodge(*verb.split(), "--json")) == JSON[verb]


def test_job_json(agent):
    job = json.loads(agent.lodge("domjobinfo", "agent", "--completed", "--keep-completed", "--json"))
    assert (job["type"], job["operation"], job["data_remaining"]) == ("Completed", "Dump", 0) and job["data_processed"] > 1 << 20


def test_ssh_keys(agent):
    keys = agent.directory / "keys"
    keys.write_text("ssh-ed25519 AAAA one\n\n  ssh-rsa BBBB two\n")
    read = lambda: json.loads(agent.lodge("get-user-sshkeys", "agent", "root", "--json"))["keys"]
    agent.lodge("set-user-sshkeys", "agent", "root", "--file", keys)
    assert read() == ["ssh-ed25519 AAAA one", "ssh-rsa BBBB two"]
    assert lines(agent.lodge("get-user-sshkeys", "agent", "root")) == read()
    agent.lodge("set-user-sshkeys", "agent", "root", "--remove", "--file", keys)
    assert read() == []
    agent.lodge("set-user-sshkeys", "agent", "root", "--file", keys)
    agent.lodge("set-user-sshkeys", "agent", "root", "--reset")
    assert read() == []


def test_dirty_rate(agent):
    assert "Start to calculate" in agent.lodge("domdirtyrate-calc", "agent", "--seconds", "1")
    wait_until(lambda: "dirtyrate.calc_status=2" in agent.lodge("domstats", "agent", "--dirtyrate"), "the rate is known")
