#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Lists the fields of the XML tables that no code outside src/model ever touches: knobs that would be accepted and not applied.

usage: tools/unread-fields.py BUILD_DIR [--list]

The compiler itself is asked, so that a field 'name' of one struct is not taken for that of another: every field of the
generated structs is marked deprecated with its own name, and what it warns of in a pass over src/{qemu,vm,net,storage,host,daemon}
is what is touched. Without --list the result is held against tests/unit/unread-fields.txt, which gives a reason for each such
field; exit status 1 and a line for each that is missing there, or that is there and touched by now.
"""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Not vm-hotplug-* and vm-plan*: they compare what cannot change live; what they do apply, a start applies too.
READERS = ("qemu", "vm", "net", "storage", "host", "daemon")
STRUCT = re.compile(r"^struct (\w+) \{$")
FIELD = re.compile(r"^    (?:[\w]+ +\**|[\w ]+ \**)(\w+)((?:\[[^\]]*\])?)(?: : \d+)?;")
WARNING = re.compile(r"unread:(\w+\.\w+)")


def mark(header):
    """The header with every field marked, and the fields' names in its order."""
    lines, names, struct = [], [], None
    for line in header.splitlines():
        start = STRUCT.match(line)
        if start:
            struct = start[1]
        elif line.startswith("}"):
            struct = None
        field = struct and FIELD.match(line)
        if field:
            name = f"{struct}.{field[1]}"
            names.append(name)
            at = line.index(";")
            line = f'{line[:at]} __attribute__((deprecated("unread:{name}"))){line[at:]}'
        elif struct and not start and line.strip():
            sys.exit(f"tools/unread-fields.py: cannot read the field '{line.strip()}' of {struct}")
        lines.append(line)
    return "\n".join(lines) + "\n", names


def base_names(names):
    """Field → the field of the table it belongs to: x_set says whether x was given, n_x counts the list x."""
    known = set(names)
    result = {}
    for name in names:
        struct, field = name.split(".")
        owner = name
        if field.endswith("_set") and f"{struct}.{field[:-4]}" in known:
            owner = f"{struct}.{field[:-4]}"
        elif field.startswith("n_") and f"{struct}.{field[2:]}" in known:
            owner = f"{struct}.{field[2:]}"
        result[name] = owner
    return result


def touched_by(entry, include):
    """What one source file touches. Its own command, with the marked header found first and nothing written."""
    words = shlex.split(entry["command"])
    if words and words[0].endswith("ccache"):
        words = words[1:]
    command, skip = [words[0], "-I", include], False
    for word in words[1:]:
        if skip or word in ("-MD", "-Werror", "-c") or word.startswith(("-W", "-O", "-g", "-fdiagnostics")):
            skip = False
        elif word in ("-MQ", "-MF", "-o"):
            skip = True
        else:
            command.append(word)
    command += ["-fsyntax-only", "-Wdeprecated-declarations"]
    done = subprocess.run(command, cwd=entry["directory"], capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        sys.exit(f"tools/unread-fields.py: {entry['file']}:\n{done.stderr[:2000]}")
    return set(WARNING.findall(done.stderr))


def unread_fields(build):
    marked, names = mark((build / "model/domain-types.h").read_text())
    entries = [entry for entry in json.loads((build / "compile_commands.json").read_text())
               if re.match(rf".*src/({'|'.join(READERS)})/(?!vm-hotplug|vm-plan)[\w-]+\.c$", entry["file"])]
    owner = base_names(names)
    touched = set()
    with tempfile.TemporaryDirectory() as include:
        (Path(include) / "model").mkdir()
        (Path(include) / "model/domain-types.h").write_text(marked)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for found in pool.map(lambda entry: touched_by(entry, include), entries):
                touched |= {owner.get(name, name) for name in found}
    if not touched:
        sys.exit("tools/unread-fields.py: the compiler reported no field at all; is it GCC or clang?")
    return [name for name in dict.fromkeys(owner.values()) if name not in touched]


def reviewed(path):
    """Field or "Struct.*" → reason, of lines "Struct.field  reason"."""
    rows = {}
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition(" ")
            rows[name] = reason.strip()
    return rows


def main():
    build = Path(sys.argv[1])
    unread = unread_fields(build)
    if "--list" in sys.argv:
        print("\n".join(unread))
        return 0
    known = reviewed(ROOT / "tests/unit/unread-fields.txt")
    struct_of = {name: f"{name.split('.')[0]}.*" for name in unread}
    problems = [f"{name}: no code applies it: apply it, refuse it (src/vm/vm-refuse.c), or say in "
                "tests/unit/unread-fields.txt why nothing has to" for name in unread
                if not known.get(name) and not known.get(struct_of[name])]
    problems += [f"{name}: is applied by now: take it off tests/unit/unread-fields.txt" for name in known
                 if name not in unread and name not in struct_of.values()]
    print("\n".join(problems) or f"{len(unread)} fields need no code, each with its reason")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
