# SPDX-License-Identifier: Apache-2.0
"""What becomes of a guest that powers off, resets, panics or sleeps: each action of a definition, and the verbs that cause it."""
import time

import libvirt
import pytest

from bare import PANIC, POWER_OFF, RESET, SUSPEND, BareConsole, bare_xml
from daemons import Failed, wait_until
from guests import Console, EventLoop, Events, guest_xml

AGENT = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"


@pytest.fixture
def bare(shared):
    """Starts bare guests by name; takes them away again."""
    connection = shared.connect()
    guests = []

    def start(name, extra="", devices="", persistent=True):
        xml = bare_xml(name, shared, extra=extra, devices="<panic model='isa'/>" + devices)
        domain = connection.defineXML(xml) if persistent else connection.createXML(xml)
        if persistent:
            domain.create()
            guests.append(domain)
        console = BareConsole(shared, name)
        guests.append(console)
        console.wait_up()
        return domain, console

    yield start
    for guest in reversed(guests):
        if isinstance(guest, BareConsole):
            guest.close()
            continue
        if guest.isActive():
            guest.destroy()
        guest.undefine()
    connection.close()


def number(daemon, name):
    """Asked anew: a client's object keeps the number that it was made with."""
    return daemon.virsh("domid", name).strip()


def reason(daemon, name):
    return daemon.virsh("domstate", name, "--reason").strip()


# What ends as "running (…)" was booted again by the same QEMU. libvirt's documentation names the two actions that are
# treated as another; its QEMU driver refuses them altogether.
@pytest.mark.parametrize("cause, action, order, end", [
    ("on_poweroff", "destroy", POWER_OFF, "shut off (shutdown)"),
    ("on_poweroff", "restart", POWER_OFF, "running (booted)"),
    pytest.param("on_poweroff", "preserve", POWER_OFF, "paused (shutting down)", marks=pytest.mark.lodge),
    pytest.param("on_poweroff", "rename-restart", POWER_OFF, "running (booted)", marks=pytest.mark.lodge),
    ("on_reboot", "restart", RESET, "running (booted)"),
    ("on_reboot", "destroy", RESET, "shut off (shutdown)"),
    pytest.param("on_reboot", "preserve", RESET, "shut off (shutdown)", marks=pytest.mark.lodge),
    ("on_crash", "destroy", PANIC, "shut off (crashed)"),
    ("on_crash", "restart", PANIC, "running (crashed)"),
    ("on_crash", "preserve", PANIC, "crashed (panicked)"),
    pytest.param("on_crash", "rename-restart", PANIC, "running (crashed)", marks=pytest.mark.lodge),
])
def test_action(bare, shared, cause, action, order, end):
    name = f"{cause}-{action}"
    domain, console = bare(name, extra=f"<{cause}>{action}</{cause}>")
    before = number(shared, name)
    console.order(order)
    if end.startswith("running"):
        console.wait_up_again()
        assert number(shared, name) == before
    wait_until(lambda: reason(shared, name) == end, f"{name} is {end}, not {reason(shared, name)}")


@pytest.mark.lodge
def test_crash_is_dumped_before_the_restart(bare, shared):
    domain, console = bare("dumped", extra="<on_crash>coredump-restart</on_crash>")
    console.order(PANIC)
    console.wait_up_again()
    (core,) = (shared.root / "state/qemu/dump").iterdir()
    assert core.name.startswith("dumped-") and core.read_bytes()[:4] == b"\x7fELF"


def test_crashed_transient_guest_is_restarted(bare, shared):
    domain, console = bare("brief", extra="<on_crash>restart</on_crash>", persistent=False)
    console.order(PANIC)
    console.wait_up_again()
    assert not domain.isPersistent()
    domain.destroy()
    with pytest.raises(libvirt.libvirtError, match="not found|no domain"):
        shared.connect().lookupByName("brief")


@pytest.mark.parametrize("mode", [["--mode", "acpi"], []])
def test_reboot_by_the_power_button(bare, shared, mode):
    """The guest switches itself off; the same run of QEMU then boots it again, and says so."""
    EventLoop.start()
    domain, console = bare(f"button{len(mode)}")
    connection = shared.connect()
    events, reboots = Events(connection), Events(connection, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT)
    before = number(shared, domain.name())
    shared.virsh("reboot", domain.name(), *mode)
    console.wait_up_again()
    wait_until(lambda: reason(shared, domain.name()) == "running (booted)", "it is said to run")
    assert number(shared, domain.name()) == before
    reboots.wait(domain.name())
    assert not events.seen, "to clients it is a reboot, no stop and no start"
    # One press is one reboot: the next time it goes off it stays off.
    console.order(POWER_OFF)
    events.wait(domain.name(), libvirt.VIR_DOMAIN_EVENT_STOPPED, libvirt.VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN)
    assert not domain.isActive()
    events.close()
    reboots.close()
    connection.close()


def test_sleep_and_wakeup(bare, shared):
    domain, console = bare("sleeper")
    with pytest.raises(Failed, match="not suspended|unable to wake|Unable to wake"):
        shared.virsh("dompmwakeup", "sleeper")
    console.order(SUSPEND)
    wait_until(lambda: reason(shared, "sleeper").startswith("pmsuspended"), "it sleeps")
    with pytest.raises(Failed):
        shared.virsh("resume", "sleeper")
    shared.virsh("dompmwakeup", "sleeper")
    wait_until(lambda: reason(shared, "sleeper") == "running (event wakeup)", "it is awake")
    console.wait_up_again()  # it has no resume vector: the firmware boots it


def test_linux_with_an_agent(shared):
    """One boot of Linux: its clock is set, it sleeps and goes on where it was, and reboots when its agent is asked to."""
    EventLoop.start()
    connection = shared.connect()
    domain = connection.createXML(guest_xml("linux", shared, boot=True, devices=AGENT))
    before = number(shared, "linux")
    with Console(shared, "linux") as console:
        console.read_until(b"/ #")
        wait_until(lambda: "state='connected'" in domain.XMLDesc(), "the agent is seen")
        shared.virsh("domtime", "linux", "--time", "1000000000")
        told = int(shared.virsh("domtime", "linux").split()[1])
        assert 1000000000 <= told < 1000000060
        shared.virsh("domtime", "linux", "--now")
        assert abs(int(shared.virsh("domtime", "linux").split()[1]) - time.time()) < 60
        shared.virsh("domtime", "linux", "--sync")
        console.type("mark=before-the-sleep; echo mem >/sys/power/state; echo woke-$mark")
        wait_until(lambda: reason(shared, "linux").startswith("pmsuspended"), "it sleeps")
        shared.virsh("dompmwakeup", "linux")
        console.read_until(b"woke-before-the-sleep\r")
        assert reason(shared, "linux") == "running (event wakeup)"
        reboots = Events(connection, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT)
        shared.virsh("reboot", "linux", "--mode", "agent")
        reboots.wait("linux")
        assert number(shared, "linux") == before
        reboots.close()
    domain.destroy()
    connection.close()
