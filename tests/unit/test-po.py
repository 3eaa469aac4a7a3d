#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The catalogues know every message of the command and its library, in TAP. (That each is translated, tests/run asks msgfmt.)"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def listed():
    lines = (ROOT / "po/POTFILES").read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def marked():
    """Files of the command, and of what it links, that hold a message."""
    files = [path for folder in ("base", "cli", "host", "lib") for path in (ROOT / "src" / folder).glob("*.c")]
    return {str(path.relative_to(ROOT)) for path in files if re.search(r'\b[NP]?_\("', path.read_text())}


def message_ids(path):
    """The messages of a catalogue, as msgcat writes them."""
    text = subprocess.run(["msgcat", "--no-wrap", "--no-location", path], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^msgid (.*(?:\n\".*)*)", text, re.M)) - {'""'}


def fresh():
    with tempfile.TemporaryDirectory() as directory:
        pot = Path(directory) / "lodge.pot"
        subprocess.run(["xgettext", "--from-code=UTF-8", "-k_", "-kN_", "-kP_:1,2", "-o", pot, *sorted(listed())], cwd=ROOT, check=True)
        return message_ids(pot)


def check(number, name, wrong):
    print(f"{'not ok' if wrong else 'ok'} {number} {name}")
    for line in sorted(wrong):
        print(f"# {line}")
    return not wrong


def main():
    catalogues = sorted((ROOT / "po").glob("*.po"))
    print(f"1..{1 + len(catalogues)}")
    good = check(1, "POTFILES lists the files with messages", marked() - listed() | {path for path in listed() if not (ROOT / path).exists()})
    messages = fresh()
    for number, path in enumerate(catalogues, 2):
        good &= check(number, f"{path.name} has exactly the messages of the source", messages ^ message_ids(path))
    return 0 if good else 1


sys.exit(main())
