#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds what `lodge validate` says of DIR/*.xml against DIR/*.txt, and its verdict on a corpus against define's.

Usage: validate.py LODGE CANONICAL DIR CORPUS [--update]     CANONICAL is the program built from canonical.c
"""
import json
import pathlib
import subprocess
import sys


def validate(lodge, path, *options):
    done = subprocess.run([lodge, "validate", *options, path.name], cwd=path.parent, capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout


def verdicts(canonical, paths):
    """{path: whether define accepts it}"""
    feed = "".join(f"{path}\n" for path in paths)
    parts = subprocess.run([canonical], input=feed.encode(), stdout=subprocess.PIPE, check=True).stdout.decode().split("\0")
    return {pathlib.Path(parts[i]): parts[i + 1] == "0" for i in range(0, len(parts) - 2, 3)}


def disagreements(lodge, canonical, corpus):
    """Documents that define accepts and validate faults, or the other way round; what define leaves out aside."""
    paths = sorted(path for path in corpus.glob("*.xml") if "." not in path.stem)
    for path, accepted in verdicts(canonical, paths).items():
        status, text = validate(lodge, path, "--json")
        problems = json.loads(text)["problems"]
        faults = [problem for problem in problems if problem["code"] != "xml-schema"]
        if status not in (0, 2) or bool(status) != bool(problems):
            yield f"{path.name}: exit status {status}"
        if accepted == bool(faults):
            yield f"{path.name}: define {'accepts' if accepted else 'refuses'} it, validate says {faults}"


def report(number, name, failure):
    print(f"{'not ok' if failure else 'ok'} {number} {name}")
    for line in (failure or "").splitlines():
        print("# " + line)


def main():
    update = "--update" in sys.argv
    lodge, canonical, folder, corpus = (pathlib.Path(word).resolve() for word in sys.argv[1:5])
    documents = sorted(folder.glob("*.xml"))
    print(f"1..{len(documents) + 1}")
    for number, path in enumerate(documents, 1):
        _, text = validate(lodge, path)
        expected = path.with_suffix(".txt")
        if update:
            expected.write_text(text)
        wanted = expected.read_text() if expected.exists() else ""
        report(number, path.stem, None if text == wanted else f"expected:\n{wanted}\ngot:\n{text}")
    if not corpus.is_dir():
        print(f"ok {len(documents) + 1} corpus # SKIP no corpus at {corpus}")
        return
    report(len(documents) + 1, "corpus", "\n".join(disagreements(lodge, canonical, corpus)))


main()
