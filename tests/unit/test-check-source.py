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
    """FILE:LINE: RULE of everything found; what a whole tree lacks counts only where that is the rule under test."""
    return [
        f"{finding.path}:{finding.line}: {finding.rule}"
        for finding in checker.Tree(tree).findings()
        if finding.rule not in checker.TREE_RULES or rule in (finding.rule, None)
    ]


def example_of_length(rule, directory):
    """Each limit in a file of exactly the allowed length and in one that is a line longer."""
    limits = checker.FILE_LINES if rule == "file-length" else checker.FUNCTION_LINES
    assert limits in ((500, 1000), (60, 100)), "CONTRIBUTING.md says them, too"
    expected = []
    for folder, limit in zip(("src/base", "tests/live"), limits):
        (Path(directory) / folder).mkdir(parents=True)
        for name, length in (("a.c", limit), ("b.c", limit + 1)):
            head = "/* SPDX-License-Identifier: Apache-2.0 */\n"
            text = head + "int x;\n" * (length - 1)
            if rule == "function-length":
                text = head + "int f(int x)\n{\n" + "    x++;\n" * (length - 2) + "}\n"
            (Path(directory) / folder / name).write_text(text)
        expected.append(f"{folder}/b.c:{limit + 1 if rule == 'file-length' else 3}: {rule}")
    return expected


def main():
    rules = list(checker.FILE_RULES) + list(checker.TREE_RULES)
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
