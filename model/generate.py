#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the XML field tables (*.model) into C: the structs, their enums and the row arrays of the engine.

Usage: generate.py header|rows OUTPUT TABLE…      The language of the tables: README.md beside this file.
"""

import re
import sys

SCALARS = {  # table word: (C type, alignment, engine name, hex digits)
    'present': ('bool', 1, 'PRESENT'),
    'yes': ('bool', 1, 'YES'),
    'yesno': ('Tri', 1, 'YESNO'),
    'onoff': ('Tri', 1, 'ONOFF'),
    'u32': ('uint32_t', 4, 'U32'),
    'i32': ('int32_t', 4, 'I32'),
    'u64': ('uint64_t', 8, 'U64'),
    'i64': ('int64_t', 8, 'I64'),
    'hex': ('uint32_t', 4, 'HEX'),
    'hex64': ('uint64_t', 8, 'HEX64'),
    'size': ('uint64_t', 8, 'SIZE'),
    'string': ('char *', 8, 'STRING'),
    'uuid': ('Uuid', 1, 'UUID'),
    'uuids': ('char *', 8, 'UUIDS'),
    'mac': ('MacAddress', 1, 'MAC'),
    'cpuset': ('char *', 8, 'CPUSET'),
    'raw': ('char *', 8, 'RAW'),
    'bcd': ('int32_t', 4, 'BCD'),
}
UNITS = {'B': 1, 'bytes': 1, 'KiB': 1024, 'MiB': 1024 ** 2}
FLAGS = {'required', 'keep', 'drop', 'active', 'secure', 'zero', 'notempty', 'ro', 'long', 'upper', 'single'}
FLAG_NAMES = {'drop': 'DROP_EMPTY', 'notempty': 'NOT_EMPTY', 'ro': 'READ_ONLY'}
CHANGES = {'live', 'start', 'never'}
NUMBERS = {'U32', 'I32', 'U64', 'I64', 'HEX', 'HEX64', 'SIZE', 'BCD'}
C_KEYWORDS = {'default', 'static', 'auto', 'register', 'int', 'double', 'signed', 'unsigned'}


class TableError(Exception):
    pass


def snake(name):
    return re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', name)


def constant(enum, word):
    return f'{snake(enum)}_{re.sub("[^A-Za-z0-9]+", "_", word)}'.upper()


class Enum:
    def __init__(self, name, words, doc):
        self.name, self.words, self.doc = name, words, doc


class Row:
    """One line of a struct: XML name, C field, type and options; groups have children."""

    def __init__(self, where):
        self.where = where
        self.kind = self.name = self.field = self.scalar = self.target = self.match = None
        self.width = 0
        self.flags, self.children = set(), []
        self.change, self.code = None, 'VIR_ERR_XML_ERROR'
        self.optional = False
        self.fallback = self.omit = self.min = self.max = self.when = self.units = None
        self.section = self.doc = ''
        self.used_rows = None


class Struct:
    """`struct X = Y` gives the C struct Y a second set of rows."""

    def __init__(self, name, doc, c_name):
        self.name, self.doc, self.c_name, self.rows = name, doc, c_name, []


class Tables:
    def __init__(self):
        self.enums, self.structs = {}, {}

    def read(self, path):
        with open(path, encoding='utf-8') as file:
            lines = file.read().split('\n')
        struct, stack, section, enum = None, [], '', None
        for number, line in enumerate(lines, 1):
            where = f'{path}:{number}'
            text, _, doc = line.partition(' | ')
            text, doc = text.rstrip(), doc.strip()
            if not text.strip() or text.lstrip().startswith('#'):
                continue
            indent = len(text) - len(text.lstrip(' '))
            words = text.split()
            if words[0] == 'section':
                section, stack = words[1], stack[:1]
            elif indent == 0:
                struct, enum, section = None, None, ''
                if words[0] == 'enum':
                    enum = Enum(words[1].rstrip(':'), words[2:], doc)
                    self.add(self.enums, enum, where)
                elif words[0] == 'struct':
                    struct = Struct(words[1], doc, words[3] if words[2:3] == ['='] else words[1])
                    stack = [(0, struct.rows)]
                    self.add(self.structs, struct, where)
                else:
                    raise TableError(f'{where}: expected "enum" or "struct"')
            elif enum:
                enum.words += words
            else:
                while stack[-1][0] >= indent:
                    stack.pop()
                row = self.parse_row(words, where)
                row.section, row.doc = section, doc
                stack[-1][1].append(row)
                stack.append((indent, row.children))

    @staticmethod
    def add(where_to, thing, where):
        if thing.name in where_to:
            raise TableError(f'{where}: {thing.name} is there already')
        where_to[thing.name] = thing

    def parse_row(self, words, where):
        row, head = Row(where), words[0]
        if head == 'use':
            row.kind = 'use'
            row.target, _, row.used_section = words[1].partition(':')
            if len(words) > 3 and words[2] == 'at':
                row.field = words[3]
                words = words[:2] + words[4:]
            self.parse_options(row, words[2:])
            return row
        head, _, match = head.partition('[')
        if match:
            match, _, rest = match.partition(']')
            row.match, head = match, head + rest
        if head.endswith(':'):
            row.kind, row.name = 'group', head[:-1]
            self.parse_options(row, words[1:])
            return row
        if len(words) < 3:
            raise TableError(f'{where}: expected NAME FIELD TYPE')
        row.field, kind = words[1], words[2]
        if kind[0] == '*':
            row.kind, row.name, row.target = 'struct', head, kind[1:]
        elif kind.startswith('[]'):
            row.kind, row.name, row.target = 'list', head, kind[2:]
        else:
            row.kind = {'@': 'attribute', '.': 'text', '-': 'hidden'}.get(head[0], 'leaf')
            row.name = head[1:] if row.kind == 'attribute' else head
            row.optional = kind.endswith('?')
            kind = kind.rstrip('?')
            found = re.fullmatch(r'hex(\d)', kind)
            if found:
                row.width, kind = int(found[1]), 'hex'
            row.scalar = kind
            if kind == 'cpuset':
                row.code = 'VIR_ERR_INVALID_ARG'
        self.parse_options(row, words[3:])
        return row

    @staticmethod
    def parse_options(row, words):
        for word in words:
            key, equals, value = word.partition('=')
            if word in FLAGS:
                row.flags.add(word)
            elif word in CHANGES:
                row.change = word
            elif equals and key == '':
                row.fallback = value
            elif key in ('omit', 'min', 'max', 'when', 'units'):
                setattr(row, key, value)
            elif key == 'code':
                row.code = value
            elif key == 'present':
                row.field, row.scalar = value, 'present'
            else:
                raise TableError(f'{row.where}: no option {word}')

    def expand(self, struct, prefix='', section=None):
        """The rows of @struct with every `use` put in place and leaves turned into group + text."""
        result = []
        for row in struct.rows:
            if section and row.section != section:
                continue
            result += self.expand_row(row, prefix)
        return result

    def expand_row(self, row, prefix):
        if row.kind == 'use':
            if row.target not in self.structs:
                raise TableError(f'{row.where}: no struct {row.target}')
            inner = prefix + (row.field + '.' if row.field else '')
            rows = self.expand(self.structs[row.target], inner, row.used_section)
            for used in rows:
                if row.when:
                    used.when = used.when or (prefix + row.when)
                if row.change and not used.change:
                    used.change = row.change
            return rows
        new = Row(row.where)
        new.__dict__.update(row.__dict__)
        new.flags = set(row.flags)
        if new.field:
            new.field = prefix + new.field
        if new.when:
            new.when = prefix + new.when
        if row.kind == 'leaf' and row.scalar == 'present':
            new.kind, new.children = 'group', []
        elif row.kind == 'leaf':
            text = Row(row.where)
            text.__dict__.update(new.__dict__)
            text.kind, text.name, text.when, text.match = 'text', None, None, None
            new.kind, new.field, new.scalar, new.children = 'group', None, None, [text]
            new.fallback = new.omit = new.min = new.max = new.units = None
            new.optional = False
            new.flags = row.flags & {'keep', 'active', 'secure', 'ro'}
            text.flags = row.flags - {'keep'}
        elif row.children:
            new.children = [inner for child in row.children for inner in self.expand_row(child, prefix)]
            for inner in self.flatten(new.children):
                inner.change = inner.change or row.change
        return [new]

    def flatten(self, rows):
        for row in rows:
            yield row
            yield from self.flatten(row.children)

    # C fields --------------------------------------------------------------------------------------------------

    def fields(self, struct):
        """[(name, C declaration, alignment, doc)] of the struct itself, embedded structs as one field."""
        found = {}

        def put(name, declaration, align, doc, where):
            if '.' in name:  # of an embedded struct
                return
            if name in found and found[name][1] != declaration:
                raise TableError(f'{where}: field {name} is both "{found[name][1]}" and "{declaration}"')
            found.setdefault(name, (name, declaration, align, doc))

        def walk(rows):
            for row in rows:
                if row.kind == 'use':
                    if row.field:
                        put(row.field, f'{row.target} {row.field}', 8, row.doc or self.structs[row.target].doc, row.where)
                    else:
                        walk(self.structs[row.target].rows)
                elif row.kind == 'struct':
                    put(row.field, f'{self.c_name(row.target)} *{row.field}', 8, row.doc, row.where)
                elif row.kind == 'list':
                    put(row.field, f'{self.c_name(row.target)} **{row.field}', 8, row.doc, row.where)
                    put('n_' + row.field, f'unsigned n_{row.field}', 4, '', row.where)
                elif row.scalar:
                    ctype, align = self.ctype(row)
                    put(row.field, f'{ctype}{"" if ctype.endswith("*") else " "}{row.field}', align, row.doc, row.where)
                    if row.optional:
                        put(row.field + '_set', f'bool {row.field}_set', 1, '', row.where)
                walk(row.children)

        walk(struct.rows)
        return sorted(found.values(), key=lambda field: -field[2])

    def c_name(self, name):
        return self.structs[name].c_name if name in self.structs else name

    def ctype(self, row):
        if row.scalar in SCALARS:
            return SCALARS[row.scalar][0], SCALARS[row.scalar][1]
        if row.scalar in self.enums:
            return row.scalar, 1
        raise TableError(f'{row.where}: no type {row.scalar}')

    def ordered_structs(self):
        done, result = set(), []

        def visit(struct, chain=()):
            if struct.name in done:
                return
            if struct.name in chain:
                raise TableError(f'struct {struct.name} contains itself')
            for row in self.flatten(struct.rows):
                if row.kind == 'use':
                    visit(self.structs[row.target], chain + (struct.name,))
            done.add(struct.name)
            result.append(struct)

        for struct in self.structs.values():
            visit(struct)
        return result

    def devices(self):
        """[(element, struct, list field)] of the lists under <devices> whose structs carry DomainDeviceInfo."""
        result = []
        for row in self.structs['Domain'].rows:
            if row.name != 'devices':
                continue
            for child in row.children:
                if child.kind == 'list':
                    has_info = any(inner.kind == 'use' and inner.field == 'info' for inner in
                                   self.flatten(self.structs[child.target].rows))
                    result.append((child.name, child.target, child.field, has_info))
        return result


def comment(doc):
    return f' /* {doc} */' if doc else ''


def write_header(tables, out):
    out.append('/* Generated by model/generate.py from the tables beside it: edit those. */\n#pragma once\n'
               '#include "base/uuid.h"\n#include "model/engine.h"\n')
    for enum in tables.enums.values():
        if enum.doc:
            out.append(f'/* {enum.doc} */')
        names = [constant(enum.name, 'unset') + ' = 0']
        names += [f'{constant(enum.name, word)}, /* {word} */' for word in enum.words]
        names[0] += ','
        names.append(constant(enum.name, 'count'))
        out.append('typedef enum __attribute__((packed)) {\n    ' + '\n    '.join(names) + f'\n}} {enum.name};')
        out.append(f'extern const ModelEnum model_enum_{snake(enum.name).lower()};\n')
    structs = tables.ordered_structs()
    for struct in structs:
        if struct.c_name == struct.name:
            out.append(f'typedef struct {struct.name} {struct.name};')
    for struct in structs:
        out.append('')
        if struct.c_name != struct.name:
            out.append(f'extern const ModelStruct model_{snake(struct.name).lower()}; /* {struct.doc} */')
            continue
        if struct.doc:
            out.append(f'/* {struct.doc} */')
        out.append(f'struct {struct.name} {{')
        for _, declaration, _, doc in tables.fields(struct):
            out.append(f'    {declaration};{comment(doc)}')
        out.append('};')
        out.append(f'extern const ModelStruct model_{snake(struct.name).lower()};')
    out.append('\n/* Every list under <devices>. */\ntypedef enum {')
    for _, _, field, _ in tables.devices():
        out.append(f'    DOMAIN_DEVICE_{field.upper()},')
    out.append('    DOMAIN_DEVICE_COUNT\n} DomainDeviceKind;')


class RowWriter:
    def __init__(self, tables, struct):
        self.tables, self.struct, self.owned = tables, struct, set()

    def value(self, row, text):
        if row.scalar in self.tables.enums:
            if text not in self.tables.enums[row.scalar].words:
                raise TableError(f'{row.where}: {row.scalar} has no word {text}')
            return constant(row.scalar, text)
        return {'yes': 'TRI_YES', 'on': 'TRI_YES', 'no': 'TRI_NO', 'off': 'TRI_NO'}.get(text, text)

    def write(self, rows, own=True):
        """The lines of rows. own: they are the struct's element's itself, not of a group that may be absent."""
        lines = []
        for row in rows:
            if own and 'required' in row.flags and row.scalar in SCALARS and SCALARS[row.scalar][2] in NUMBERS:
                row.flags.add('zero')  # what cannot be absent is not left out when it is 0
            inner = self.write(row.children, own=False) if row.children else []
            lines += [self.line(row, len(inner))] + inner
        return lines

    def line(self, row, span):
        part = [f'MODEL_{row.kind.upper()}']
        if row.name and row.kind not in ('hidden', 'text'):
            name = row.name[5:] if row.name.startswith('qemu:') else row.name
            part.append(f'.name = "{name}"')
            if name != row.name:
                row.flags.add('qemu_ns')
        flags = set(row.flags)
        for key, value in (('fallback', row.fallback), ('omit', row.omit)):
            if value is not None:
                part.append(f'.{key} = {self.value(row, value)}')
                flags.add('default' if key == 'fallback' else 'omit')
        if row.min is not None or row.max is not None:
            flags.add('range')
            part.append(f'.min = {row.min or 0}, .max = {row.max or "INT64_MAX"}')
        if row.field:
            self.field(row, part, flags)
        if row.scalar:
            self.scalar(row, part)
        if row.target:
            part.append(f'.detail = &model_{snake(row.target).lower()}')
        self.condition(row, part)
        if row.match:
            part.append(f'.match = "{row.match}"')
        if span:
            part.append(f'.span = {span}')
        if flags:
            part.append('.flags = ' + ' | '.join('MODEL_' + FLAG_NAMES.get(flag, flag.upper()) for flag in sorted(flags)))
        part.append(f'.change = MODEL_CHANGE_{(row.change or "start").upper()}')
        part.append(f'.code = {row.code}')
        if row.doc:
            part.append('.doc = ' + c_string(row.doc))
        return '    { .kind = ' + ', '.join(part) + ' },'

    def field(self, row, part, flags):
        part.append(f'.field = "{row.field}"')
        part.append(f'.offset = offsetof({self.struct.c_name}, {row.field})')
        if row.field not in self.owned:
            flags.add('owner')
            self.owned.add(row.field)
        head, _, last = row.field.rpartition('.')
        dot = '.' if head else ''
        second = f'{head}{dot}n_{last}' if row.kind == 'list' else f'{row.field}_set' if row.optional else None
        part.append(f'.set_offset = offsetof({self.struct.c_name}, {second})' if second else '.set_offset = MODEL_NO_OFFSET')

    def scalar(self, row, part):
        name = SCALARS[row.scalar][2] if row.scalar in SCALARS else 'ENUM'
        part.append(f'.scalar = MODEL_SCALAR_{name}')
        if name == 'ENUM':
            part.append(f'.detail = &model_enum_{snake(row.scalar).lower()}')
        if row.width:
            part.append(f'.width = {row.width}')
        if name == 'SIZE':
            kept, default, printed = (row.units or 'KiB,KiB,KiB').split(',')
            part.append(f'.scale = {UNITS[kept]}, .unit = "{default}", .unit_out = "{printed}"')

    def condition(self, row, part):
        if not row.when:
            part.append('.when_offset = MODEL_NO_OFFSET')
            return
        field, _, words = row.when.partition(':')
        enum = self.enum_of(field, row)
        masks = ' | '.join(f'UINT64_C(1) << {constant(enum, word)}' if word != '-' else '1' for word in words.split(','))
        part.append(f'.when_offset = offsetof({self.struct.c_name}, {field}), .when = {masks}')

    def enum_of(self, field, where):
        struct, path = self.struct, field.split('.')
        for step in path[:-1]:
            struct = self.tables.structs[next(declaration.split()[0] for name, declaration, _, _ in
                                              self.tables.fields(struct) if name == step)]
        for name, declaration, _, _ in self.tables.fields(struct):
            if name == path[-1] and declaration.split()[0] in self.tables.enums:
                return declaration.split()[0]
        raise TableError(f'{where.where}: when={field}: no such enum field in {self.struct.name}')


def c_string(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'


def write_rows(tables, out):
    out.append('/* Generated by model/generate.py from the tables beside it: edit those. */\n'
               '#include "model/domain-types.h"\n#include "model/device.h"\n#include <libvirt/virterror.h>\n#include <stddef.h>\n')
    for enum in tables.enums.values():
        name = snake(enum.name).lower()
        words = ', '.join(c_string(word) for word in enum.words)
        out.append(f'static const char *const words_{name}[] = {{ NULL, {words}, NULL }};')
        out.append(f'const ModelEnum model_enum_{name} = {{ "{enum.name}", words_{name}, G_N_ELEMENTS(words_{name}) - 1 }};')
    for struct in tables.ordered_structs():
        name = snake(struct.name).lower()
        lines = RowWriter(tables, struct).write(tables.expand(struct))
        out.append(f'\nstatic const ModelRow rows_{name}[] = {{')
        out += lines
        out.append('};')
        out.append(f'const ModelStruct model_{name} = {{ "{struct.name}", sizeof({struct.c_name}), '
                   f'G_N_ELEMENTS(rows_{name}), rows_{name} }};')
    out.append('\nconst DomainDeviceRow domain_device_rows[DOMAIN_DEVICE_COUNT] = {')
    for element, target, field, has_info in tables.devices():
        info = f'offsetof({tables.c_name(target)}, info)' if has_info else 'MODEL_NO_OFFSET'
        out.append(f'    [DOMAIN_DEVICE_{field.upper()}] = {{ "{element}", &model_{snake(target).lower()}, '
                   f'offsetof(Domain, {field}), offsetof(Domain, n_{field}), {info} }},')
    out.append('};')


def write_from_tables(write, output, paths):
    """Reads the tables and writes what write(tables, lines) makes of them; their errors end the program."""
    tables, out = Tables(), []
    try:
        for path in sorted(paths):
            tables.read(path)
        write(tables, out)
    except TableError as error:
        sys.exit(str(error))
    with open(output, 'w', encoding='utf-8') as file:
        file.write('\n'.join(out) + '\n')


def main():
    what, output, *paths = sys.argv[1:]
    write_from_tables({'header': write_header, 'rows': write_rows}[what], output, paths)


if __name__ == '__main__':
    main()
