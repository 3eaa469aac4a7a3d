#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the model against documents and what libvirtd made of them: agreement, exactness, meaning.

Usage: corpus.py CANONICAL INPUTS EXPECTED FLOORS [--with OLD=NEW]... [--list] [--diff MEASURE [NAME]]
CANONICAL is the program built from canonical.c, the folder INPUTS has NAME.xml, the folder EXPECTED (often the same)
NAME.out.xml or NAME.reject, and FLOORS is a file with the percentages that may not be fallen short of. With --with, the
inputs for which the folder EXPECTED has something are taken with OLD replaced by NEW: documents of another host, on ours.
The last two options are for work on the model.
"""

import difflib
import pathlib
import re
import subprocess
import sys
import tempfile

SKIPPED = 77  # Meson's exit status for a test that could not run


def read(path):
    return path.read_text(encoding='utf-8', errors='replace')


def canonical(program, paths):
    """{path: (error code or 0, text)}"""
    feed = ''.join(f'{path}\n' for path in paths)
    done = subprocess.run([program], input=feed.encode(), stdout=subprocess.PIPE, check=True)
    parts = done.stdout.decode('utf-8', errors='replace').split('\0')
    return {parts[i]: (int(parts[i + 1]), parts[i + 2]) for i in range(0, len(parts) - 2, 3)}


def meaning(text, source, strict):
    """@text without what may differ: values made up by chance and, unless @strict, addresses and controllers."""
    if '<uuid>' not in re.sub(r'<metadata>.*</metadata>', '', source, flags=re.S):
        text = re.sub(r'<uuid>[^<]*</uuid>', '<uuid/>', text, count=1)
    if re.search(r'<genid\s*/>', source):
        text = re.sub(r'<genid>[^<]*</genid>', '<genid/>', text)
    if re.search(r"<uuid>\s*</uuid>|<uuid\s*/>", source):
        text = re.sub(r'<uuid>[^<]*</uuid>', '<uuid/>', text, count=1)
    given = source.lower()
    text = re.sub(r"<mac address='([^']*)'", lambda mac: mac[0] if mac[1] in given else "<mac address=''", text)
    if not strict:
        text = re.sub(r"\n {4}<controller [^>]*/>|\n {4}<controller .*?\n {4}</controller>", '', text, flags=re.S)
        text = re.sub(r"\n {6}<address [^>]*[^/]>.*?</address>", '', text, flags=re.S)
        text = re.sub(r"\n {6}<address [^>]*/>", '', text)
        text = re.sub(r"(\n {4}<(\w+)[^>/]*)>\n {4}</\2>", r'\1/>', text)
    return text


class Corpus:
    def __init__(self, program, folder, expected):
        self.expected = expected
        self.inputs = sorted(path for path in folder.glob('*.xml')
                             if not path.name.endswith(('.out.xml', '.canonical.xml')))
        self.exact = [p if p.exists() else o for p, o in
                      ((expected / f'{i.stem}.canonical.xml', expected / f'{i.stem}.out.xml') for i in self.inputs)
                      if p.exists() or o.exists()]
        self.found = canonical(program, self.inputs + self.exact)
        self.results = {'agreement': {}, 'code': {}, 'exactness': {}, 'meaning': {}, 'strict': {}}

    def judge(self):
        for path in self.inputs:
            name, (code, text) = path.stem, self.found[str(path)]
            expected, reject = self.expected / f'{name}.out.xml', self.expected / f'{name}.reject'
            if reject.exists():
                wanted = read(reject)
                self.results['agreement'][name] = None if code else ('rejected: ' + wanted, 'accepted\n')
                if code:
                    same = code == int(wanted.split(':')[0])
                    self.results['code'][name] = None if same else (wanted, f'{code}: {text}\n')
            elif expected.exists():
                self.results['agreement'][name] = ('accepted\n', f'{code}: {text}\n') if code else None
                for measure, strict in (('meaning', False), ('strict', True)):
                    source = read(path)
                    pair = meaning(read(expected), source, strict), text if code else meaning(text, source, strict)
                    self.results[measure][name] = None if pair[0] == pair[1] else pair
        for path in self.exact:
            code, text = self.found[str(path)]
            self.results['exactness'][path.name] = None if text == read(path) else (read(path), text)

    def percent(self, measure):
        results = self.results[measure]
        return 100 * sum(pair is None for pair in results.values()) / len(results)


def rewritten(folder, expected, replacements, target):
    """Copies into the folder target the inputs that expected knows, with every replacement made."""
    for path in folder.glob('*.xml'):
        if not list(expected.glob(f'{path.stem}.*')):
            continue
        text = read(path)
        for old, new in (replacement.split('=', 1) for replacement in replacements):
            text = text.replace(old, new)
        (target / path.name).write_text(text, encoding='utf-8')
    return target


def show(corpus, measure, name):
    for key, pair in corpus.results[measure].items():
        if pair and (not name or name == key):
            print('=====', key)
            sys.stdout.writelines(difflib.unified_diff(pair[0].splitlines(True), pair[1].splitlines(True),
                                                       'libvirtd', 'lodge', n=2))


def main():
    program, folder, expected, floors, *options = sys.argv[1:]
    folder, expected = pathlib.Path(folder), pathlib.Path(expected)
    if not folder.is_dir() or not expected.is_dir():
        print(f'1..0 # SKIP no corpus at {folder}')
        sys.exit(SKIPPED)
    replacements = []
    while options[:1] == ['--with']:
        replacements.append(options[1])
        options = options[2:]
    with tempfile.TemporaryDirectory() as target:
        if replacements:
            folder = rewritten(folder, expected, replacements, pathlib.Path(target))
        corpus = Corpus(program, folder, expected)
        corpus.judge()
    if options[:1] == ['--diff']:
        show(corpus, options[1], options[2] if len(options) > 2 else None)
        return
    if options[:1] == ['--list']:
        for measure, results in corpus.results.items():
            for name in sorted(key for key, pair in results.items() if pair):
                print(measure, name)
        return
    floor = dict(line.split() for line in read(pathlib.Path(floors)).splitlines() if not line.startswith('#'))
    judged = [measure for measure, results in corpus.results.items() if results]
    print(f'1..{len(judged)}')
    failed = 'agreement' not in judged
    for number, measure in enumerate(judged, 1):
        reached, wanted = corpus.percent(measure), float(floor[measure])
        ok = reached >= wanted
        failed |= not ok
        print(f'{"ok" if ok else "not ok"} {number} - {measure} {reached:.2f} % of {len(corpus.results[measure])} documents '
              f'(floor {wanted:.2f} %)')
    sys.exit(failed)


if __name__ == '__main__':
    main()
