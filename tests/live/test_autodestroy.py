# SPDX-License-Identifier: Apache-2.0
"""Guests that live as long as the connection that started them."""
import libvirt
import pytest

from daemons import wait_until
from guests import guest_xml

pytestmark = pytest.mark.lodge
AUTODESTROY = libvirt.VIR_DOMAIN_START_AUTODESTROY


def active(daemon):
    connection = daemon.connect()
    found = {domain.name() for domain in connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)}
    connection.close()
    return found


def test_guests_end_with_their_connection(daemon):
    connection, other = daemon.connect(), daemon.connect()
    connection.createXML(guest_xml("mine", memory_mib=32), AUTODESTROY)
    connection.createXML(guest_xml("free", memory_mib=32))
    other.createXML(guest_xml("theirs", memory_mib=32), AUTODESTROY)
    connection.close()
    wait_until(lambda: active(daemon) == {"free", "theirs"}, "the guest ends with its connection")
    other.lookupByName("theirs").destroy()
    other.lookupByName("free").destroy()


def test_a_later_run_is_not_meant(daemon):
    connection, other = daemon.connect(), daemon.connect()
    domain = connection.defineXML(guest_xml("again", memory_mib=32))
    domain.createWithFlags(AUTODESTROY)
    domain.destroy()
    other.lookupByName("again").create()
    connection.close()
    other.defineXML(guest_xml("fence", memory_mib=32)).create()  # whatever the closing had caused would be done by now
    assert active(daemon) == {"again", "fence"}
    for name in ("again", "fence"):
        other.lookupByName(name).destroy()


def test_guests_outlive_a_daemon_that_is_stopped(daemon):
    connection = daemon.connect()
    connection.createXML(guest_xml("kept", memory_mib=32), AUTODESTROY)
    daemon.stop()
    daemon.start()
    assert active(daemon) == {"kept"}
    daemon.virsh("destroy", "kept")
