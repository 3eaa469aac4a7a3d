# SPDX-License-Identifier: Apache-2.0
"""Guests for tests: their XML, and how to hear from them."""
import threading
import uuid
from xml.sax.saxutils import escape

import libvirt

from daemons import PATIENCE

READY = b"LODGE-GUEST-READY"


def guest_xml(name, daemon=None, memory_mib=128, vcpus=1, max_vcpus=None, boot=False, then=None, devices="", extra="", head="",
              console=True, balloon=True, machine="q35", kind="qemu", features="<acpi/><apic/>", append=""):
    """A small guest under TCG. boot: with Debian's kernel (to its shell, or what `then` says); else firmware only.

    head goes before <os>, extra before <devices>, devices into it.
    """
    current = f" current='{vcpus}'" if max_vcpus else ""
    system = f"<type arch='x86_64' machine='{machine}'>hvm</type>"
    if boot:
        line = "console=ttyS0 quiet panic=-1" + (f" lodge.then={then}" if then else "") + append
        system += f"<kernel>{daemon.kernel}</kernel><initrd>{daemon.initrd}</initrd><cmdline>{escape(line)}</cmdline>"
    tty = "<serial type='pty'><target port='0'/></serial><console type='pty'><target type='serial' port='0'/></console>"
    return f"""<domain type='{kind}'>
  <name>{escape(name)}</name>
  <uuid>{uuid.uuid4()}</uuid>
  <memory unit='MiB'>{memory_mib}</memory>
  <vcpu{current}>{max_vcpus or vcpus}</vcpu>
  {head}
  <os>{system}</os>
  <features>{features}</features>
  {extra}
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    {tty if console else ""}
    {devices}
    <memballoon model='{"virtio" if balloon else "none"}'/>
  </devices>
</domain>"""


class EventLoop:
    """libvirt's default event loop on a thread of its own, once for the process."""

    _thread = None

    @classmethod
    def start(cls):
        if cls._thread is None:
            libvirt.virEventRegisterDefaultImpl()
            cls._thread = threading.Thread(target=cls._run, daemon=True)
            cls._thread.start()

    @staticmethod
    def _run():
        while True:
            libvirt.virEventRunDefaultImpl()


class Events:
    """Collects the lifecycle events of a connection (made after EventLoop.start) and waits for one."""

    def __init__(self, connection, event_id=libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE):
        self.seen = []
        self.changed = threading.Condition()
        self.connection = connection
        self.callback = connection.domainEventRegisterAny(None, event_id, self._heard, None)

    def _heard(self, connection, domain, *details):
        with self.changed:
            self.seen.append((domain.name(), *details[:-1]))
            self.changed.notify_all()

    def wait(self, *wanted, seconds=PATIENCE):
        """Until an event that begins with these values: (name, event, detail …)."""
        with self.changed:
            found = self.changed.wait_for(lambda: any(event[: len(wanted)] == wanted for event in self.seen), seconds)
            assert found, f"no event {wanted} in {seconds} s; seen: {self.seen}"

    def close(self):
        self.connection.domainEventDeregisterAny(self.callback)


class Console:
    """A guest's console over a stream of its own connection, read by a thread of its own."""

    def __init__(self, daemon, name, flags=libvirt.VIR_DOMAIN_CONSOLE_FORCE, device=None):
        self.connection = daemon.connect()
        self.stream = self.connection.newStream()
        self.connection.lookupByName(name).openConsole(device, self.stream, flags)
        self.text = b""
        self.ended = False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        data = b" "
        while data:
            try:
                data = self.stream.recv(4096)
            except libvirt.libvirtError:
                data = b""
            with self.changed:
                self.text += data
                self.ended = not data
                self.changed.notify_all()

    def read_until(self, marker, seconds=PATIENCE * 2):
        with self.changed:
            self.changed.wait_for(lambda: marker in self.text or self.ended, seconds)
            assert marker in self.text, f"no {marker} on the console in {seconds} s, but: {self.text[-500:]}"
            return self.text

    def wait_end(self, seconds=PATIENCE):
        with self.changed:
            assert self.changed.wait_for(lambda: self.ended, seconds), "the console's stream did not end"

    def type(self, line):
        data = line.encode() + b"\n"
        while data:
            data = data[self.stream.send(data) :]

    def close(self):
        try:
            self.stream.abort()
        except libvirt.libvirtError:
            pass
        self.thread.join(PATIENCE)
        try:
            self.connection.close()
        except libvirt.libvirtError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
