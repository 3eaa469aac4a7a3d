# SPDX-License-Identifier: Apache-2.0
"""A read-only client may do what the table of procedures permits and nothing else: tried on every row, on the wire."""
import sys
from pathlib import Path
from struct import pack as struct_pack

import libvirt
import pytest

from wire import Wire, WireError, string

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "api"))
import tables  # noqa: E402

VIR_ERR_OPERATION_DENIED = 29
VIR_ERR_NO_SUPPORT = 3
API = tables.load(sys.path[0])
# What a client of the read-only socket may do: see that things exist, and look at them.
READING = {"getattr", "read", "search_domains", "search_interfaces", "search_networks", "search_node_devices", "search_nwfilters",
    "search_nwfilter_bindings", "search_secrets", "search_storage_pools", "search_storage_vols", "search_ports"}
OPENING = {"connect_open", "connect_close", "auth_list", "auth_sasl_init", "auth_sasl_start", "auth_sasl_step", "auth_polkit"}
CALLS = [row for row in API.procedures if row.kind.startswith("call") and row.program in ("remote", "qemu")
    and row.name not in OPENING]


def zeros(struct, **given):
    """Arguments of a call, all zero or as short as they may be, but the u32 that are given; strings have one character."""
    fields = struct.fields if struct else []
    return b"".join(struct_pack(">I", given[field.name]) if field.name in given else zero(field) for field in fields)


def zero(field):
    if field.shape in ("list", "optional"):
        return bytes(4)
    if field.type == "string":
        one = string("x")
    elif field.type == "typed_param_value":
        one = struct_pack(">ii", 1, 0)
    elif field.type in tables.SCALARS:
        one = bytes(tables.SCALARS[field.type][2])
    else:
        one = zeros(API.types[field.type])
    return one * (field.limit if field.shape == "array" else 1)


def reads_only(row):
    """Whether all that the row needs without any flag is permission to look."""
    return all(rule.is_filter or rule.test != "ALWAYS" or rule.permission in READING for rule in row.rules)


@pytest.mark.lodge
def test_every_call_of_a_reader(shared):
    """Each row with zeros for arguments: what needs more than looking is denied, and nothing else is."""
    wrong = []
    built = 0
    with Wire(shared.socket_ro) as wire:
        wire.open(readonly=True)
        for row in CALLS:
            error = wire.call_error(tables.PROGRAMS[row.program], row.number, zeros(row.args))
            if error == VIR_ERR_NO_SUPPORT:
                continue
            built += 1
            if reads_only(row) == (error == VIR_ERR_OPERATION_DENIED):
                needs = " ".join(f"{rule.object}:{rule.permission}" for rule in row.rules)
                wrong.append(f"{row.name} needs {needs or 'nothing'} and answered {error}")
        wire.ping()
    assert not wrong, "\n".join(wrong)
    assert built > 80


def forbidden_values():
    """(row, argument, value) for each value that turns a call for readers into one that needs more; many are flags."""
    for row in CALLS:
        for rule in row.rules if reads_only(row) else []:
            if rule.test in ("ANY_SET", "EQUALS") and rule.permission not in READING:
                for name in rule.constant.split("|"):
                    yield row, rule.field, int(name) if name.isdigit() else getattr(libvirt, name)


@pytest.mark.lodge
def test_every_flag_that_asks_for_more(shared):
    """A call that a reader may make is denied with each flag that the table wants more for, alone and among all others."""
    wrong, tried = [], set()
    with Wire(shared.socket_ro) as wire:
        wire.open(readonly=True)
        for row, field, value in forbidden_values():
            for flags in (value, 0xFFFFFFFF) if field == "flags" else (value,):
                error = wire.call_error(tables.PROGRAMS[row.program], row.number, zeros(row.args, **{field: flags}))
                if error not in (VIR_ERR_NO_SUPPORT, VIR_ERR_OPERATION_DENIED):
                    wrong.append(f"{row.name} with {field} 0x{flags:x} answered {error}")
                tried.add(row.name if error != VIR_ERR_NO_SUPPORT else "")
    assert not wrong, "\n".join(wrong)
    assert {"domain_get_xml_desc", "domain_get_vcpus_flags"} <= tried


@pytest.mark.lodge
def test_a_reader_on_the_full_socket(shared):
    """The flag of connect_open binds as much as the socket does."""
    with Wire(shared.socket) as wire:
        wire.open(readonly=True)
        (define,) = [row for row in CALLS if row.name == "domain_define_xml_flags"]
        assert wire.call_error(tables.PROGRAMS["remote"], define.number, zeros(define.args)) == VIR_ERR_OPERATION_DENIED


@pytest.mark.lodge
def test_every_call_has_an_answer(shared):
    """On the read-write socket every row answers zeros, and no arguments at all, with an error or a reply: never silence."""
    with Wire(shared.socket) as wire:
        wire.open()
        for row in CALLS:
            wire.call_error(tables.PROGRAMS[row.program], row.number, zeros(row.args))
            wire.call_error(tables.PROGRAMS[row.program], row.number, b"")
        wire.ping()


def test_stock_client_is_refused(shared):
    from daemons import Failed
    from guests import guest_xml
    path = shared.directory / "ro.xml"
    path.write_text(guest_xml("ro"))
    with pytest.raises(Failed, match="read only|read-only|denied|forbidden"):
        shared.virsh("define", path, readonly=True)
    shared.virsh("define", path)
    assert "<name>ro</name>" in shared.virsh("dumpxml", "ro", readonly=True)
    with pytest.raises(Failed, match="read only|read-only|denied|forbidden"):
        shared.virsh("dumpxml", "ro", "--security-info", readonly=True)
    for verb in ("start", "undefine"):
        with pytest.raises(Failed, match="read only|read-only|denied|forbidden"):
            shared.virsh(verb, "ro", readonly=True)
    shared.virsh("undefine", "ro")


@pytest.mark.lodge
def test_a_reader_learns_nothing_of_files(shared):
    """The daemon looks at images as root; what is there is for those who could use it."""
    connection = shared.connect(readonly=True)
    for path in ("/etc/shadow", "/nonexistent"):
        with pytest.raises(libvirt.libvirtError, match="no files"):
            connection.storageVolLookupByPath(path)
    connection.close()
    connection = shared.connect()
    volume = connection.storageVolLookupByPath(str(shared.kernel))
    assert volume.path() == str(shared.kernel) and volume.info()[1] == shared.kernel.stat().st_size
    assert "<format type='raw'/>" in volume.XMLDesc() and volume.storagePoolLookupByVolume().isActive()
    connection.close()


@pytest.mark.lodge
def test_before_opening_nothing_is_served(shared):
    with Wire(shared.socket) as wire:
        with pytest.raises(WireError):
            wire.call(tables.PROGRAMS["remote"], 4, b"")  # connect_get_version
