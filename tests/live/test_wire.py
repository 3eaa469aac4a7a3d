# SPDX-License-Identifier: Apache-2.0
"""Malformed and unusual messages: each gets an error or loses its client, and everyone else is served on."""
import os
import random
import struct

import pytest

from daemons import resident_kib
from guests import guest_xml
from wire import CALL, ERROR, EVENT, KEEPALIVE, REMOTE, REPLY, STREAM, Dropped, Wire, WireError, frame, optional, string

pytestmark = pytest.mark.lodge
GET_VERSION, LOOKUP_BY_NAME, DEFINE_XML = 4, 23, 350
MALFORMED = {
    "length zero": frame(REMOTE, GET_VERSION, b"", length=0),
    "length below the header": frame(REMOTE, GET_VERSION, b"", length=27),
    "length above 32 MiB": frame(REMOTE, GET_VERSION, b"", length=(32 << 20) + 1),
    "length negative": frame(REMOTE, GET_VERSION, b"", length=-1),
    "unknown program": frame(0x12345678, 1, b""),
    "wrong version": frame(REMOTE, GET_VERSION, b"", version=9),
    "unknown procedure": frame(REMOTE, 99999, b""),
    "procedure zero": frame(REMOTE, 0, b""),
    "unknown type": frame(REMOTE, GET_VERSION, b"", kind=77),
    "reply from a client": frame(REMOTE, GET_VERSION, b"", kind=REPLY),
    "event from a client": frame(REMOTE, GET_VERSION, b"", kind=EVENT),
    "unknown status": frame(REMOTE, GET_VERSION, b"", status=55),
    "call with status error": frame(REMOTE, GET_VERSION, b"", status=ERROR),
    "string without end": frame(REMOTE, LOOKUP_BY_NAME, struct.pack(">I", 100) + b"abc"),
    "string of 4 GiB": frame(REMOTE, LOOKUP_BY_NAME, struct.pack(">I", 0xFFFFFFFF)),
    "string above 4 MiB": frame(REMOTE, LOOKUP_BY_NAME, struct.pack(">I", (4 << 20) + 1) + b"a" * ((4 << 20) + 4)),
    "string with a zero byte": frame(REMOTE, LOOKUP_BY_NAME, string("a\0b")),
    "string not UTF-8": frame(REMOTE, LOOKUP_BY_NAME, struct.pack(">I", 4) + b"\xff\xfe\xfd\xfc"),
    "padding not zero": frame(REMOTE, LOOKUP_BY_NAME, struct.pack(">I", 1) + b"axxx"),
    "arguments missing": frame(REMOTE, DEFINE_XML, b""),
    "arguments too many": frame(REMOTE, GET_VERSION, b"\0" * 64),
    "huge count of a list": frame(REMOTE, 344, struct.pack(">II", 0x7FFFFFFF, 0)),  # connect_get_all_domain_stats
    "stream data for no stream": frame(REMOTE, 201, b"data", kind=STREAM, status=2),
    "abort of no stream": frame(REMOTE, 201, b"", kind=STREAM, status=ERROR),
    "descriptors announced, none sent": frame(REMOTE, GET_VERSION, struct.pack(">I", 33), kind=4),
}


@pytest.fixture
def daemon_serves(shared):
    """After each test here another client is served as if nothing had been."""
    yield shared
    with Wire(shared.socket) as other:
        other.open()
        other.ping()


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("opened", [True, False], ids=["opened", "fresh"])
def test_malformed(daemon_serves, name, opened):
    with Wire(daemon_serves.socket) as wire:
        if opened:
            wire.open()
        try:
            wire.send(MALFORMED[name])
            wire.ping()  # an error reply may come first; what counts is that there is no silence
        except Dropped:
            pass


def test_every_error_names_its_call(shared):
    with Wire(shared.socket) as wire:
        wire.open()
        with pytest.raises(WireError, match="nobody"):
            wire.call(REMOTE, LOOKUP_BY_NAME, string("nobody"))


def test_unanswered_program_says_no_support(shared):
    with Wire(shared.socket) as wire:
        wire.open()
        with pytest.raises(WireError):
            wire.call(REMOTE, 99999, b"")


def test_random_bytes(daemon_serves):
    """Seeded, so that a failure can be repeated: LODGE_SEED."""
    seed = int(os.environ.get("LODGE_SEED", "20261121"))
    source = random.Random(seed)
    for number in range(300):
        with Wire(daemon_serves.socket) as wire:
            wire.open()
            payload = source.randbytes(source.choice([0, 1, 4, 8, 20, 60, 300]))
            message = frame(source.choice([REMOTE, REMOTE, REMOTE, 0x20008087, KEEPALIVE]), source.randrange(0, 480), payload,
                kind=source.choice([CALL, CALL, CALL, CALL, STREAM, 4, 6]))
            try:
                wire.send(message)
                if source.random() < 0.3:
                    wire.ping()
            except Dropped:
                continue


def test_one_byte_at_a_time(daemon_serves):
    with Wire(daemon_serves.socket) as wire:
        wire.open()
        for byte in frame(REMOTE, GET_VERSION, b"", serial=7):
            wire.send(bytes([byte]))
        assert wire.reply(7)[0] == 0


def test_many_messages_in_one_packet(daemon_serves):
    with Wire(daemon_serves.socket) as wire:
        wire.open()
        wire.send(b"".join(frame(REMOTE, GET_VERSION, b"", serial=number) for number in range(10, 110)))
        serials = set()
        while len(serials) < 100:
            _, _, kind, serial, status, _ = wire.receive()
            assert kind == REPLY and status == 0
            serials.add(serial)
        assert serials == set(range(10, 110))


def test_keepalive_is_answered_beside_waiting_calls(daemon_serves):
    """More calls than a client's quota are under way; the ping does not queue behind them."""
    with Wire(daemon_serves.socket) as wire:
        wire.open()
        wire.send(b"".join(frame(REMOTE, GET_VERSION, b"", serial=number) for number in range(1000, 1200)))
        wire.ping()


def test_client_that_does_not_read(daemon_serves):
    """Its replies are not stored without bound."""
    connection = daemon_serves.connect()
    connection.defineXML(guest_xml("fat", extra="", head="<description>" + "x" * 100000 + "</description>"))
    dom = connection.lookupByName("fat")
    payload = string("fat") + dom.UUID() + struct.pack(">i", -1) + struct.pack(">I", 0)
    before = resident_kib(daemon_serves.process.pid)
    with Wire(daemon_serves.socket) as wire:
        wire.open()
        wire.socket.settimeout(2)
        try:
            for number in range(20000):
                wire.send(frame(REMOTE, 14, payload, serial=10 + number))  # domain_get_xml_desc
        except (Dropped, TimeoutError):
            pass
        growth = resident_kib(daemon_serves.process.pid) - before
    assert growth < 300 * 1024, f"the daemon grew by {growth} KiB for a client that does not read"
    dom.undefine()
    connection.close()


def test_xml_attacks(daemon_serves):
    """External entities, entity bombs, depth, size, encodings: rejected, quickly, with an error."""
    bomb = "<!DOCTYPE d [" + "".join(f"<!ENTITY e{n} \"{f'&e{n - 1};' * 10 if n else 'lol'}\">" for n in range(10)) + "]>"
    good = guest_xml("evil")
    bad = {
        "external entity": "<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" + good.replace("<name>evil", "<name>&x;"),
        "entity bomb": bomb + good.replace("<name>evil", "<name>&e9;"),
        "depth": good.replace("<features>", "<metadata>" + "<a>" * 5000 + "</a>" * 5000 + "</metadata><features>"),
        "not closed": good[:-5],
        "control character": good.replace("evil", "ev\x01il"),
    }
    with Wire(daemon_serves.socket) as wire:
        wire.open()
        for name, text in bad.items():
            with pytest.raises(WireError):
                wire.call(REMOTE, DEFINE_XML, string(text) + struct.pack(">I", 0))
            assert name  # shown by pytest on failure
        with pytest.raises(WireError):
            data = good.encode().replace(b"evil", b"ev\xff\xfeil")
            wire.call(REMOTE, DEFINE_XML, struct.pack(">I", len(data)) + data + b"\0" * (-len(data) % 4) + struct.pack(">I", 0))
        wire.call_error(REMOTE, 24, b"")
    assert optional(None) == b"\0\0\0\0"
