# SPDX-License-Identifier: Apache-2.0
"""Stock virt-install 4.1: importing a disk, booting a kernel, with and without waiting at the console."""
import pytest

from daemons import Failed, wait_until
from guests import Console


def virt_install(daemon, name, *options, **more):
    return daemon.run("virt-install", "--connect", daemon.uri, "--name", name, "--memory", "128", "--vcpus", "1",
        "--virt-type", "qemu", "--osinfo", "detect=on,require=off", "--network", "none", *options, **more)


@pytest.fixture
def disk(shared, request):
    path = shared.directory / f"{request.node.name[:20].replace('[', '-')}.qcow2"
    shared.run("qemu-img", "create", "-q", "-f", "qcow2", path, "64M")
    path.chmod(0o666)
    return path


def finish(daemon, name):
    daemon.virsh("destroy", name)
    daemon.virsh("undefine", name)


def test_import(shared, disk):
    virt_install(shared, "imported", "--import", "--disk", f"path={disk},format=qcow2,bus=virtio", "--graphics", "vnc",
        "--noautoconsole", "--quiet")
    assert shared.virsh("domstate", "imported").strip() == "running"
    xml = shared.virsh("dumpxml", "imported", "--inactive")
    assert str(disk) in xml and "<graphics type='vnc'" in xml
    finish(shared, "imported")


def test_import_headless(shared, disk):
    virt_install(shared, "headless", "--import", "--disk", f"path={disk}", "--graphics", "none", "--noautoconsole")
    assert "<graphics" not in shared.virsh("dumpxml", "headless")
    finish(shared, "headless")


def test_boot_kernel_and_wait_at_the_console(shared):
    """The kernel switches off by itself; virt-install follows its console until then and returns."""
    arguments = f"kernel={shared.kernel},initrd={shared.initrd},kernel_args='console=ttyS0 quiet lodge.then=poweroff'"
    output = virt_install(shared, "kernel", "--boot", arguments, "--disk", "none", "--graphics", "none", "--import", "--quiet",
        "--noreboot", timeout=120)
    assert "Traceback" not in output
    wait_until(lambda: shared.virsh("domstate", "kernel").strip() == "shut off", "the guest has switched itself off")
    shared.virsh("undefine", "kernel")


def test_boot_kernel_noautoconsole(shared):
    arguments = f"kernel={shared.kernel},initrd={shared.initrd},kernel_args='console=ttyS0 quiet'"
    virt_install(shared, "kernel2", "--boot", arguments, "--disk", "none", "--graphics", "none", "--import", "--noautoconsole")
    with Console(shared, "kernel2") as console:
        if shared.name == "lodged":
            console.read_until(b"LODGE-GUEST-READY")
        console.type("")
        console.read_until(b"/ #")
    finish(shared, "kernel2")


def test_the_usual_options(shared, disk):
    """What tutorials write on the command line, in one guest."""
    virt_install(shared, "usual", "--import", "--disk", f"path={disk},bus=virtio,cache=none,io=native", "--vcpus", "2,maxvcpus=4",
        "--memory", "128,maxmemory=256", "--graphics", "vnc,listen=127.0.0.1,password=secret,keymap=de", "--autostart",
        "--channel", "unix,target_type=virtio,name=org.qemu.guest_agent.0", "--rng", "/dev/urandom", "--video", "vga",
        "--check", "all=off", "--noautoconsole")
    xml = shared.virsh("dumpxml", "usual", "--inactive", "--security-info")
    for part in ("current='2'>4</vcpu>", "passwd='secret'", "keymap='de'", "org.qemu.guest_agent.0", "<rng model='virtio'>",
            "262144</memory>", "cache='none'"):
        assert part in xml, part
    assert "usual" in shared.virsh("list", "--autostart", "--all", "--name")
    finish(shared, "usual")


def test_a_taken_name_is_refused(shared, disk):
    virt_install(shared, "taken", "--import", "--disk", f"path={disk}", "--graphics", "none", "--noautoconsole")
    with pytest.raises(Failed, match="taken"):
        virt_install(shared, "taken", "--import", "--disk", f"path={disk}", "--graphics", "none", "--noautoconsole")
    finish(shared, "taken")


def test_print_xml_defines(shared, disk):
    xml = virt_install(shared, "printed", "--import", "--disk", f"path={disk}", "--graphics", "vnc", "--print-xml", "--dry-run")
    path = shared.directory / "printed.xml"
    path.write_text(xml)
    shared.virsh("define", path)
    shared.virsh("undefine", "printed")
