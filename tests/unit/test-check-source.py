#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Proves every rule of tools/check-source.py on examples, in TAP."""
import importlib.util
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE / "check-source"


def load_checker():
    spec = importlib.util.spec_from_file_location("check_source", HERE.parents[1] / "tools/check-source.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_source"] = module
    spec.loader.exec_module(module)
    return module


checker = load_checker()


def found_in(tree, rule):
    """FILE:LINE: RULE of everything found; missing READMEs count only where they are the rule under test."""
    return [
        f"{finding.path}:{finding.line}: {finding.rule}"
        for finding in checker.Tree(tree).findings()
        if finding.rule != "folder-readme" or rule in ("folder-readme", None)
    ]


def example_of_length(rule, directory):
    """A tree with a unit of exactly the allowed length and one that is a line longer."""
    folder = Path(directory) / "src/base"
    folder.mkdir(parents=True)
    head = "/* SPDX-License-Identifier: Apache-2.0 */\n"
    for name, extra in (("a.c", 0), ("b.c", 1)):
        if rule == "file-length":
            text = head + "int x;\n" * (checker.MAX_FILE_LINES - 1 + extra)
        else:
            body = "    x++;\n" * (checker.MAX_FUNCTION_LINES - 2 + extra)
            text = head + "int f(int x)\n{\n" + body + "}\n"
        (folder / name).write_text(text)
    line = checker.MAX_FILE_LINES + 1 if rule == "file-length" else 3
    return [f"src/base/b.c:{line}: {rule}"]


def main():
    rules = list(checker.FILE_RULES) + list(checker.FOLDER_RULES)
    print(f"TAP version 13\n1..{len(rules) + 1}")
    failed = 0
    for number, rule in enumerate([None, *rules], 1):
        with tempfile.TemporaryDirectory() as directory:
            if rule in ("file-length", "function-length"):
                tree, expected = directory, example_of_length(rule, directory)
            else:
                tree = EXAMPLES / ("good" if rule is None else f"bad/{rule}")
                expected = (tree / "expected").read_text().splitlines()
            found = found_in(tree, rule)
        same = sorted(found) == sorted(expected)
        failed += not same
        print(f"{'ok' if same else 'not ok'} {number} - {rule or 'good tree'}")
        for line in sorted(set(found) ^ set(expected)) if not same else []:
            print(f"# {'unexpected' if line in found else 'not found'}: {line}")
    return 1 if failed else 0


sys.exit(main())
