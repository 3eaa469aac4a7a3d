#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the model against what Debian 12's libvirtd 9.0 answered to small definitions of ours.

Usage: observed.py CANONICAL OBSERVED.tsv
Each line: the error code (0: accepted), whether we differ on purpose ("differs", else "-"), and the definition as
MACHINE|ELEMENTS OF <domain>|DEVICES, where "!" behind the machine stands for type='kvm'. What is accepted must also come
to rest: defined again (which may sort controllers, as with libvirtd) it is given back unchanged from then on.
"""

import os
import re
import subprocess
import sys
import tempfile


def document(number, line):
    machine, elements, devices = line.split('|', 2)
    kind = 'kvm' if machine.endswith('!') else 'qemu'
    machine = machine.rstrip('!') or 'pc'
    memory = '' if '<memory' in re.sub('<memory(Backing|tune)', '', elements) else '<memory>1048576</memory>'
    firmware = '' if '<os' in elements else f"<os><type arch='x86_64' machine='{machine}'>hvm</type></os>"
    return (f"<domain type='{kind}'><name>g{number}</name><uuid>c7a5fdbd-edaf-9455-926a-{number:012x}</uuid>"
            f'{memory}{elements}{firmware}<devices>{devices}</devices></domain>')


def define(program, folder, documents):
    """[(error code or 0, text)] in the order of @documents."""
    paths = []
    for number, text in enumerate(documents):
        paths.append(os.path.join(folder, f'{number}.xml'))
        with open(paths[-1], 'w', encoding='utf-8') as file:
            file.write(text)
    feed = ''.join(path + '\n' for path in paths).encode()
    parts = subprocess.run([program], input=feed, stdout=subprocess.PIPE, check=True).stdout.decode().split('\0')
    return [(int(parts[i + 1]), parts[i + 2]) for i in range(0, len(parts) - 2, 3)]


def main():
    program, path = sys.argv[1:]
    with open(path, encoding='utf-8') as file:
        rows = [line.rstrip('\n').split('\t') for line in file if not line.startswith('#')]
    problems = []
    with tempfile.TemporaryDirectory(prefix='lodge-') as folder:
        first = define(program, folder, [document(number, row[2]) for number, row in enumerate(rows)])
        for (code, differs, line), (found, text) in zip(rows, first):
            if (found == int(code)) == (differs == 'differs'):
                problems.append(f'expected {code}{" not" if differs == "differs" else ""}, found {found}: {line}: {text[:100]}')
        accepted = define(program, folder, [text for code, text in first if code == 0])
        accepted = [text for code, text in accepted]
        for before, (code, after) in zip(accepted, define(program, folder, accepted)):
            if before != after:
                problems.append(f'not given back unchanged ({code}): {before}')
    print('1..1')
    for problem in problems:
        print('#', problem)
    print(f'{"not ok" if problems else "ok"} 1 - {len(rows)} small definitions')
    sys.exit(bool(problems))


if __name__ == '__main__':
    main()
