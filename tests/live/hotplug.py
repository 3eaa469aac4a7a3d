# SPDX-License-Identifier: Apache-2.0
"""A booted guest whose kernel is asked, over its console, which devices it sees."""
import re

from daemons import wait_until
from guests import Console, guest_xml

# Free ports: on q35 a device can be plugged into one of these only, and none can be added while the guest runs.
ROOT_PORTS = "".join(f"<controller type='pci' index='{index}' model='pcie-root-port'/>" for index in range(1, 15))


class Shell:
    """The shell on a guest's serial console."""

    def __init__(self, daemon, name):
        self.console = Console(daemon, name)
        self.console.read_until(b"/ #")
        self.count = 0

    def run(self, command):
        """What the command writes."""
        self.count += 1
        mark = f"done-{self.count}"
        before = len(self.console.text)
        self.console.type(f"{command}; echo; echo do''ne-{self.count}")
        text = self.console.read_until(mark.encode() + b"\r\n")[before:].decode(errors="replace")
        return text[text.index("\n") + 1 : text.rindex(mark)].replace("\r", "")

    def until(self, command, pattern, there=True):
        """Asks until the answer has (or no longer has) the pattern."""
        wait_until(lambda: bool(re.search(pattern, self.run(command))) == there, f"{command}: {pattern} {'comes' if there else 'goes'}")

    def close(self):
        self.console.close()


class Booted:
    def __init__(self, daemon, name, **options):
        self.daemon, self.name = daemon, name
        path = daemon.directory / f"{name}.xml"
        path.write_text(guest_xml(name, daemon, boot=True, memory_mib=192, **options))
        daemon.virsh("define", path)
        daemon.virsh("start", name)
        self.shell = Shell(daemon, name)

    def device(self, verb, xml, *options):
        """attach-device, detach-device, update-device."""
        path = self.daemon.directory / "device.xml"
        path.write_text(xml)
        return self.daemon.virsh(f"{verb}-device", self.name, path, *options)

    def xml(self, *options):
        return self.daemon.virsh("dumpxml", self.name, *options)

    def qmp(self, command, **arguments):
        import json
        text = json.dumps({"execute": command, **({"arguments": arguments} if arguments else {})})
        return json.loads(self.daemon.virsh("qemu-monitor-command", self.name, text))["return"]

    def held(self):
        """What QEMU has open or made for devices: names that must be the same after a device has come and gone."""
        nodes = sorted(node["node-name"] for node in self.qmp("query-named-block-nodes"))
        sets = sorted(fd["opaque"] for one in self.qmp("query-fdsets") for fd in one["fds"] if "opaque" in fd)
        chardevs = sorted(one["label"] for one in self.qmp("query-chardev"))
        objects = sorted(one["name"] for one in self.qmp("qom-list", path="/objects"))
        devices = sorted(one["name"] for one in self.qmp("qom-list", path="/machine/peripheral"))
        return nodes, sets, chardevs, objects, devices

    def close(self):
        self.shell.close()
        self.daemon.virsh("destroy", self.name)
        self.daemon.virsh("undefine", self.name)


def image(daemon, name, mib=8):
    """A raw image that QEMU's user cannot open by itself."""
    path = daemon.directory / name
    with path.open("wb") as file:
        file.truncate(mib << 20)
    path.chmod(0o600)
    return path
