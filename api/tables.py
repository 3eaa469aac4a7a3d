# SPDX-License-Identifier: Apache-2.0
"""Reads and checks procedures.tsv and types.tsv. Everything that is generated from them goes through load()."""
import os
import re
from dataclasses import dataclass, field

SCALARS = {  # name: (C type, XdrKind, bytes on the wire)
    "i8": ("int8_t", "XDR_I8", 4), "u8": ("uint8_t", "XDR_U8", 4), "i16": ("int16_t", "XDR_I16", 4),
    "u16": ("uint16_t", "XDR_U16", 4), "i32": ("int32_t", "XDR_I32", 4), "u32": ("uint32_t", "XDR_U32", 4),
    "i64": ("int64_t", "XDR_I64", 8), "u64": ("uint64_t", "XDR_U64", 8), "f64": ("double", "XDR_F64", 8),
    "string": ("char *", "XDR_STRING", 4), "uuid": ("Uuid", "XDR_UUID", 16),
    "bytes": ("WireBytes", "XDR_BYTES", 4), "typed_param_value": ("WireTypedValue", "XDR_TYPED_VALUE", 8),
}
PROGRAMS = {"remote": 0x20008086, "qemu": 0x20008087, "admin": 0x06900690, "own": 0x4c6f6467}
# Types that name an object; the first of them in a call's arguments is what the call is about.
SUBJECTS = {"domain", "network", "network_port", "nwfilter", "nwfilter_binding", "interface", "storage_pool",
            "storage_vol", "node_device", "secret", "server", "client"}


class TableError(Exception):
    pass


def pascal(name):
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


@dataclass
class Field:
    name: str
    shape: str  # plain, optional, list, array
    type: str   # of one element
    limit: int  # most elements of a list, elements of an array, most bytes


@dataclass
class Struct:
    c_name: str
    name: str
    fields: list
    doc: str
    min_wire: int = 0


@dataclass
class Rule:
    object: str
    permission: str
    is_filter: bool = False
    test: str = "ALWAYS"
    field: str = ""
    constant: str = "0"


@dataclass
class Runs:
    where: str         # loop, domain, worker, agent; - of events
    agent: Rule = None # the test of the arguments that sends the call to the agent's mailbox instead


@dataclass
class Procedure:
    program: str
    number: int
    name: str
    kind: str
    rules: list
    args: Struct
    ret: Struct
    runs: Runs
    handler: str
    doc: str
    subject: list = field(default_factory=list)  # path of fields to the object the call is about
    subject_type: str = ""

    @property
    def full_name(self):
        return self.name if self.program == "remote" else f"{self.program}_{self.name}"

    @property
    def c_id(self):
        return "PROC_" + self.full_name.upper()


class Api:
    def __init__(self):
        self.types = {}
        self.procedures = []


def rows(path, width):
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            cells = line.rstrip("\n").split("\t")
            if len(cells) != width:
                raise TableError(f"{path}:{number}: {len(cells)} columns instead of {width}")
            if number > 1:
                yield f"{path}:{number}", cells


def parse_field(where, text, types):
    match = re.fullmatch(r"([a-z][a-z0-9_]*):(.+)", text)
    if not match:
        raise TableError(f"{where}: '{text}' is not NAME:TYPE")
    name, kind = match.groups()
    for pattern, shape in ((r"\[(\w+)\]<=(\d+)", "list"), (r"\[(\w+);(\d+)\]", "array"), (r"(bytes)<=(\d+)", "plain"),
                           (r"(\w+)()\?", "optional"), (r"(\w+)()", "plain")):
        found = re.fullmatch(pattern, kind)
        if found:
            break
    else:
        raise TableError(f"{where}: unknown form of type '{kind}'")
    element = found.group(1)
    if element not in SCALARS and element not in types:
        raise TableError(f"{where}: unknown type '{element}'")
    return Field(name, shape, element, int(found.group(2) or 0))


def parse_struct(where, c_name, name, text, doc, types):
    if text == "-":
        return None
    struct = Struct(c_name, name, [parse_field(where, part, types) for part in text.split(" ")], doc)
    struct.min_wire = sum(field_min_wire(item, types) for item in struct.fields)
    return struct


def field_min_wire(item, types):
    if item.shape in ("list", "optional"):
        return 4
    one = SCALARS[item.type][2] if item.type in SCALARS else types[item.type].min_wire
    return one * (item.limit if item.shape == "array" else 1)


def parse_runs(where, text, kind, args):
    """loop, worker, domain, agent, or one of the first three with |agent:FLAG… or |agent::FIELD:VALUE"""
    base, _, condition = text.partition("|")
    if base not in (("-",) if kind == "event" else ("loop", "domain", "worker", "agent")):
        raise TableError(f"{where}: {kind} cannot run '{text}'")
    if not condition:
        return Runs(base)
    name, _, test = condition.partition(":")
    if name != "agent" or base == "agent":
        raise TableError(f"{where}: '{text}' is not RUNS|agent:FLAG")
    return Runs(base, parse_rule(where, f"domain:agent:{test}", args))


def parse_rule(where, text, args):
    """OBJECT:PERMISSION[:[!]FLAG|FLAG…] or OBJECT:PERMISSION::FIELD:VALUE or filter:OBJECT:PERMISSION"""
    parts = text.split(":")
    if parts[0] == "filter":
        return Rule(parts[1], parts[2], is_filter=True)
    rule = Rule(parts[0], parts[1])
    if len(parts) == 3:
        rule.test = "NONE_SET" if parts[2].startswith("!") else "ANY_SET"
        rule.field, rule.constant = "flags", parts[2].lstrip("!")
    elif len(parts) == 5 and parts[2] == "":
        rule.test, rule.field, rule.constant = "EQUALS", parts[3], parts[4]
    elif len(parts) != 2:
        raise TableError(f"{where}: unknown form of permission '{text}'")
    if rule.field and not any(f.name == rule.field and f.type == "u32" for f in (args.fields if args else [])):
        raise TableError(f"{where}: permission '{text}' needs an argument {rule.field}:u32")
    return rule


def find_subject(struct, types):
    """The path to the first object among the fields, looking one level into snapshots, event messages …"""
    for item in struct.fields if struct else []:
        if item.shape != "plain" or item.type in SCALARS:
            continue
        if item.type in SUBJECTS:
            return [item.name], item.type
        inner = types[item.type].fields
        for nested in inner:
            if nested.shape == "plain" and nested.type in SUBJECTS:
                return [item.name, nested.name], nested.type
    return [], ""


def parse_procedure(where, cells, api):
    program, number, name, kind, permission, args, result, runs, handler, doc = cells
    if program not in PROGRAMS:
        raise TableError(f"{where}: unknown program '{program}'")
    if kind not in ("call", "call+download", "call+upload", "event"):
        raise TableError(f"{where}: unknown kind '{kind}'")
    prefix = pascal(name) if program == "remote" else pascal(program) + pascal(name)
    label = f"{program}.{name}"
    args_name = prefix + ("Msg" if kind == "event" else "Args")
    args_struct = parse_struct(where, args_name, label, args, doc, api.types)
    ret_struct = parse_struct(where, prefix + "Ret", label, result, doc, api.types)
    rules = [] if permission == "none" else [parse_rule(where, p, args_struct) for p in permission.split(" ")]
    procedure = Procedure(program, int(number), name, kind, rules, args_struct, ret_struct,
        parse_runs(where, runs, kind, args_struct), handler, doc)
    procedure.subject, procedure.subject_type = find_subject(args_struct, api.types)
    if ("domain" in runs or "agent" in runs) and procedure.subject_type != "domain":
        raise TableError(f"{where}: runs in a mailbox of a domain, but its arguments name no domain")
    if not doc.endswith((".", "…")):
        raise TableError(f"{where}: the documentation must be a sentence")
    return procedure


def load(directory):
    api = Api()
    for where, (name, fields, doc) in rows(os.path.join(directory, "types.tsv"), 3):
        if name in api.types:
            raise TableError(f"{where}: type '{name}' stands twice")
        api.types[name] = parse_struct(where, "Wire" + pascal(name), name, fields, doc, api.types)
    seen = set()
    for where, cells in rows(os.path.join(directory, "procedures.tsv"), 10):
        procedure = parse_procedure(where, cells, api)
        for key in ((procedure.program, procedure.number), procedure.full_name):
            if key in seen:
                raise TableError(f"{where}: {key} stands twice")
            seen.add(key)
        api.procedures.append(procedure)
    return api


def declaration(item, base):
    """A field of the C type @base in a struct, without the semicolon."""
    base = base if base.endswith("*") else base + " "
    if item.shape == "array":
        return f"{base}{item.name}[{item.limit}]"
    if item.shape == "list":
        return f"uint32_t n_{item.name};\n    {base}*{item.name}"
    if item.shape == "optional" and item.type != "string":
        return f"{base}*{item.name}"
    return f"{base}{item.name}"


def struct_lines(struct, name, base_type):
    """The struct as C; base_type(field) gives the type of one element."""
    fields = [f"    {declaration(item, base_type(item))};" for item in struct.fields]
    return ["typedef struct {", *fields, f"}} {name};"]


def write_if_changed(path, text):
    """Leaves the file alone when it says so already: a new handler must not compile everything that includes a type."""
    try:
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return
    except OSError:
        pass
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
