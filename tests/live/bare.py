# SPDX-License-Identifier: Apache-2.0
"""Guests that run bare-guest.S, an operating system of one sector: media to boot it from, and the guests' XML."""
import os
import struct
import subprocess
from functools import cache
from pathlib import Path

from guests import Console, guest_xml

UP = b"LODGE-BARE-UP"
PANIC, POWER_OFF, RESET, SUSPEND = "\1", "\2", "\3", "\4"
FLOPPY_BYTES = 1440 * 1024


@cache
def program():
    """The sector, assembled."""
    source = Path(__file__).with_name("bare-guest.S")
    made = subprocess.run(["sh", "-c", 'd=$(mktemp -d) && as --32 -o $d/o "$0" && ld -m elf_i386 -Ttext 0 --oformat binary -o $d/b $d/o'
        ' && cat $d/b; s=$?; rm -r "$d"; exit $s', source], check=True, capture_output=True).stdout
    assert len(made) == 512, len(made)
    return made


def cdrom():
    """An ISO 9660 image with no files, which boots by El Torito without emulation."""
    sector = lambda data: data.ljust(2048, b"\0")
    boot = b"\0CD001\1EL TORITO SPECIFICATION".ljust(0x47, b"\0") + struct.pack("<I", 19)
    validation = bytearray(struct.pack("<BBH24sHBB", 1, 0, 0, b"", 0, 0x55, 0xaa))
    struct.pack_into("<H", validation, 28, -sum(struct.unpack("<16H", validation)) & 0xffff)
    entry = struct.pack("<BBHBBHI", 0x88, 0, 0, 0, 0, 4, 20)
    sectors = [sector(b"\1CD001\1"), sector(boot), sector(b"\xffCD001\1"), sector(bytes(validation) + entry), sector(program())]
    return bytes(16 * 2048) + b"".join(sectors)


def medium(daemon, name, kind="disk"):
    """Writes an image: "disk", "floppy" or "cdrom". Its path. Nobody but root may read it: the daemon opens it."""
    path = daemon.directory / name
    path.write_bytes(cdrom() if kind == "cdrom" else program().ljust(FLOPPY_BYTES if kind == "floppy" else 1 << 20, b"\0"))
    path.chmod(0o600)
    return path


def bare_xml(name, daemon, devices="", image=None, **more):
    """A guest of 32 MiB that boots from a disk and has its console on a pty."""
    disk = f"""<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{image or medium(daemon, f"{name}.img")}'/>
      <target dev='vda' bus='virtio'/></disk>"""
    return guest_xml(name, daemon, memory_mib=32, devices=disk + devices, **more)


class BareConsole(Console):
    """Its console: waits until it is up, tells it what to do."""

    def wait_up(self):
        return self.read_until(UP)

    def wait_up_again(self, times=2):
        with self.changed:
            assert self.changed.wait_for(lambda: self.text.count(UP) >= times, 30), f"not up {times} times: {self.text}"

    def order(self, character):
        self.stream.send(character.encode())


def loop_device(path):
    """A block device with the file's content, or None where there are none (losetup: permission). Free it with losetup -d."""
    done = subprocess.run(["losetup", "-f", "--show", os.fspath(path)], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None
