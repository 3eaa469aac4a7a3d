# SPDX-License-Identifier: Apache-2.0
"""A bare client of the wire protocol, for what no library lets one send: frames, XDR, errors, malformed bytes."""
import socket
import struct

from daemons import PATIENCE

REMOTE = 0x20008086
KEEPALIVE = 0x6B656570
CALL, REPLY, EVENT, STREAM = 0, 1, 2, 3
OK, ERROR, CONTINUE = 0, 1, 2
CONNECT_OPEN, AUTH_LIST = 1, 66


class WireError(Exception):
    """An error reply: .code is VIR_ERR_*, str() its message."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Dropped(Exception):
    """The daemon closed the connection."""


def string(text):
    data = text.encode()
    return struct.pack(">I", len(data)) + data + b"\0" * (-len(data) % 4)


def optional(data):
    return struct.pack(">I", 0) if data is None else struct.pack(">I", 1) + data


def frame(program, procedure, payload, serial=1, kind=CALL, status=OK, version=1, length=None):
    total = 28 + len(payload) if length is None else length
    return struct.pack(">IIIIIII", total & 0xFFFFFFFF, program, version, procedure, kind, serial, status) + payload


class Wire:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self.serial = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Dropped() from error

    def receive_exactly(self, size):
        data = b""
        while len(data) < size:
            try:
                part = self.socket.recv(size - len(data))
            except ConnectionError as error:
                raise Dropped() from error
            if not part:
                raise Dropped()
            data += part
        return data

    def receive(self):
        """(program, procedure, type, serial, status, payload) of the next message."""
        (length,) = struct.unpack(">I", self.receive_exactly(4))
        assert 28 <= length <= 32 << 20, f"daemon sent length {length}"
        program, _, procedure, kind, serial, status = struct.unpack(">IIIIII", self.receive_exactly(24))
        return program, procedure, kind, serial, status, self.receive_exactly(length - 28)

    def reply(self, serial):
        """The reply to one call; events and keepalive in between are passed over."""
        while True:
            program, _, kind, answered, status, payload = self.receive()
            if kind in (REPLY, 5) and answered == serial:
                return status, payload

    def call(self, program, procedure, payload):
        self.serial += 1
        self.send(frame(program, procedure, payload, self.serial))
        status, payload = self.reply(self.serial)
        if status == ERROR:
            raise WireError(*self.parse_error(payload))
        return payload

    @staticmethod
    def parse_error(payload):
        code, _, present = struct.unpack(">iiI", payload[:12])
        message = ""
        if present:
            (length,) = struct.unpack(">I", payload[12:16])
            message = payload[16 : 16 + length].decode(errors="replace")
        return code, message

    def call_error(self, program, procedure, payload):
        """The error code of a call's reply, 0 if it succeeded."""
        try:
            self.call(program, procedure, payload)
            return 0
        except WireError as error:
            return error.code

    def open(self, readonly=False, name="qemu:///system"):
        self.call(REMOTE, AUTH_LIST, b"")
        self.call(REMOTE, CONNECT_OPEN, optional(string(name)) + struct.pack(">I", int(readonly)))

    def ping(self):
        """A keepalive ping; returns when its pong is here."""
        self.send(frame(KEEPALIVE, 1, b"", serial=0, kind=EVENT))
        while True:
            program, procedure, *_ = self.receive()
            if program == KEEPALIVE and procedure == 2:
                return
