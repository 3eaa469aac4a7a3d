#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the command lines of DIR/*.xml against DIR/*.args, and starts QEMU with those this machine can start.

Usage: args.py ARGS DIR [--update]        ARGS is the program built from args.c; --update writes the files anew.
Every definition is a test; paths below /golden/ are files that the test makes in a directory of its own.
"""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

QEMU = "/usr/bin/qemu-system-x86_64"
FOREIGN = re.compile(r'"fds?":|vfio|usb-host|vhost|/run/guest/|/dev/(golden|hugepages|tpm)|/memory/|"(nbd|gluster|rbd|ssh|nfs)"|-tpmdev|-accel kvm|-spice|\[::1\]')
IMAGE = re.compile(r'"filename":"(/golden/[^"]*)".*"node-name":"(lodge-[^"]*)-storage"')
USUAL = re.compile(r"terminating on|char device redirected to")
OTHER_FILE = re.compile(r"(?:-kernel|-initrd) (/golden/\S+)")


def build(program, capabilities, paths):
    """{path: (error code or 0, text)}"""
    feed = "".join(f"{path}\n" for path in paths)
    done = subprocess.run([program, capabilities], input=feed.encode(), stdout=subprocess.PIPE, check=True)
    parts = done.stdout.decode().split("\0")
    return {pathlib.Path(parts[i]): (int(parts[i + 1]), parts[i + 2]) for i in range(0, len(parts) - 2, 3)}


def make_files(text, folder):
    """What the guest would find on the host."""
    for name, node in IMAGE.findall(text):
        path = folder / pathlib.Path(name).name
        line = next(line for line in text.splitlines() if f'"node-name":"{node}-format"' in line)
        image_format = json.loads(line.partition(" ")[2])["driver"]
        subprocess.run(["qemu-img", "create", "-q", "-f", image_format, path, "1M"], check=True)
        if "pflash1" in node:
            shutil.copy("/usr/share/OVMF/OVMF_VARS_4M.fd", path)
    kernels = sorted(pathlib.Path("/boot").glob("vmlinuz*"))
    for name in OTHER_FILE.findall(text):
        shutil.copy(kernels[0] if kernels and "vmlinuz" in name else "/etc/hostname", folder / pathlib.Path(name).name)
    os.mkfifo(folder / "pipe")
    return bool(kernels) or not OTHER_FILE.search(text)


def split(text):
    """The arguments from the lines "-option value"."""
    arguments = []
    for line in text.splitlines():
        option, blank, value = line.partition(" ")
        arguments += [option, value] if line.startswith("-") and blank else [line]
    return arguments


def start(text, folder):
    """Starts QEMU paused, asks it something, ends it. Gives what it complained of."""
    path = folder / "monitor.sock"
    arguments = split(text.replace("/golden/", f"{folder}/").replace("/golden", str(folder)))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        arguments = [a.replace("id=charmonitor,fd=3", f"id=charmonitor,fd={listener.fileno()}") for a in arguments]
        qemu = subprocess.Popen([QEMU] + arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, pass_fds=[listener.fileno()])
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(path))
    try:
        with client, client.makefile("rw") as monitor:
            monitor.readline()
            for command in ("qmp_capabilities", "query-status", "quit"):
                monitor.write(json.dumps({"execute": command}) + "\n")
                monitor.flush()
                monitor.readline()
    except OSError:
        pass  # what it said before it died tells more
    try:
        said = qemu.communicate(timeout=30)[0].decode(errors="replace")
    finally:
        qemu.kill()
    said = "\n".join(line for line in said.splitlines() if not USUAL.search(line))
    return said or ("" if qemu.returncode == 0 else f"ended with status {qemu.returncode}")


def try_start(text):
    """'' if it starts, 'skip …' or what is wrong."""
    if not os.access(QEMU, os.X_OK) or not shutil.which("qemu-img"):
        return "skip no QEMU"
    if "OVMF" in text and not os.path.exists("/usr/share/OVMF/OVMF_CODE_4M.fd"):
        return "skip no OVMF"
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lodge-args-", dir="/tmp"))
    try:
        return start(text, folder) if make_files(text, folder) else "skip no kernel in /boot"
    finally:
        shutil.rmtree(folder)
        pathlib.Path("/dev/shm/lodge-golden-shmem").unlink(missing_ok=True)


def main():
    program, folder, update = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), "--update" in sys.argv
    paths = sorted(folder.glob("*.xml"))
    results = build(program, folder / "qemu-7.2.json", paths)
    print(f"1..{2 * len(paths)}")
    for number, path in enumerate(paths, 1):
        code, text = results[path]
        expected = path.with_suffix(".args")
        text = f"error {code}: {text}\n" if code else text
        if update:
            expected.write_text(text)
        same = expected.exists() and expected.read_text() == text
        print("ok" if same else "not ok", 2 * number - 1, f"- {path.stem}: arguments")
        if not same:
            expected_lines = set(expected.read_text().splitlines()) if expected.exists() else set()
            for line in sorted(expected_lines ^ set(text.splitlines())):
                print("#", "expected" if line in expected_lines else "got", line)
        if code or FOREIGN.search(text):
            print("ok", 2 * number, f"- {path.stem}: starts # SKIP needs what this host may lack")
            continue
        wrong = try_start(text)
        if wrong.startswith("skip"):
            print("ok", 2 * number, f"- {path.stem}: starts # SKIP {wrong[5:]}")
            continue
        print("not ok" if wrong else "ok", 2 * number, f"- {path.stem}: starts")
        for line in wrong.splitlines():
            print("#", line)


if __name__ == "__main__":
    main()
