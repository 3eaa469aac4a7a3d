#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the source to the project's own rules. Prints FILE:LINE: RULE: what is wrong, what to do; exit status 1 if anything.

usage: tools/check-source.py [--tree DIR]     (default: the tree this script stands in)

Each rule has a bad example in tests/unit/check-source/bad/RULE/ that proves that it bites; RULES at the end lists them.
"""
import re
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

# Lines of a file and of a function. The first is what everything keeps to, the second holds for tests, whose cases stand in a
# row, and for what LONGER names, each with its reason.
FILE_LINES = (500, 1000)
FUNCTION_LINES = (60, 100)
LONGER = {
    "src/qemu/qemu-caps-probe.c": "one question after the other to one QEMU",
}

# What must not be called, and what to call instead.
BANNED_CALLS = {
    "strcpy": "g_strdup or g_strlcpy",
    "strcat": "g_strconcat or GString",
    "strncat": "g_strconcat or GString",
    "sprintf": "g_snprintf or g_strdup_printf",
    "vsprintf": "g_vsnprintf",
    "gets": "g_data_input_stream_read_line",
    "strtok": "g_strsplit",
    "atoi": "g_ascii_string_to_signed, which reports bad input",
    "atol": "g_ascii_string_to_signed, which reports bad input",
    "atof": "g_ascii_strtod",
    "system": "g_spawn_async: no shell",
    "popen": "g_spawn_async: no shell",
    "g_spawn_command_line_sync": "g_spawn_sync with an argument list: no shell quoting",
    "alloca": "g_malloc",
    "g_alloca": "g_malloc",
    "fork": "g_spawn_async: a threaded daemon never forks without exec",
    "vfork": "g_spawn_async: a threaded daemon never forks without exec",
    "sleep": "a poll with a deadline on what is waited for",
    "usleep": "a poll with a deadline on what is waited for",
    "nanosleep": "a poll with a deadline on what is waited for",
    "g_usleep": "a poll with a deadline on what is waited for",
    "tmpnam": "g_mkstemp",
    "mktemp": "g_mkstemp",
    "getenv": "an argument: the environment is read in main() and base/paths.c only",
    "g_getenv": "an argument: the environment is read in main() and base/paths.c only",
}
# Where a banned call is right: path -> calls. One reason each.
CALLS_ALLOWED = {
    "src/base/paths.c": {"getenv", "g_getenv"},  # XDG directories
    "src/base/log.c": {"getenv", "g_getenv"},  # whether stderr is systemd's journal
    "src/daemon/main.c": {"getenv", "g_getenv", "fork"},  # socket activation; --daemon, before there is a thread
    "src/qemu/qemu-process.c": {"g_getenv"},  # lodge-launch in the build tree
    "src/cli/i18n.c": {"g_getenv"},  # the locale, before anything else
    "src/lib/uri.c": {"g_getenv"},  # the default URI
    "src/cli/main.c": {"getenv", "g_getenv"},  # the default URI, the editor, the terminal
}
# Headers of an upper layer that any layer may see: only forward declarations stand in them.
HEADERS_FOR_ALL = {"daemon/daemon.h"}
# Layers that run in the client: they stand after the daemon's in meson.build and still must not see them.
CLIENT_LAYERS = {"lib", "cli"}
DAEMON_LAYERS = {"daemon", "vm", "qemu", "net", "storage", "secret"}

# Folders of test data: their files are input, not source.
DATA_FOLDERS = re.compile(r"(^|/)(corpus|golden|check-source|transcripts|cases)/")
CODE_SUFFIXES = {".c", ".h", ".py", ".sh", ".build", ".in"}

Finding = namedtuple("Finding", "path line rule text")


class Source:
    """One file: its lines, and for C the same lines with comments and strings blanked out."""

    def __init__(self, tree, path):
        self.path = path
        self.text = (tree / path).read_text(errors="replace")
        self.lines = self.text.split("\n")
        if self.lines[-1] == "":
            self.lines.pop()
        self.is_c = path.endswith((".c", ".h"))
        self.is_code = Path(path).suffix in CODE_SUFFIXES or self.text.startswith("#!") or Path(path).name == "Makefile"
        self.code = blank_comments_and_strings(self.text).split("\n") if self.is_c else []
        self.layer = path.split("/")[1] if re.match(r"src/[^/]+/", path) else None


def blank_comments_and_strings(text):
    """The text with every comment and literal replaced by blanks, so that what is left is code, on the same lines."""
    pattern = r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"

    def blank(match):
        # An included header's name stays: the include rules read it.
        line_start = text.rfind("\n", 0, match.start()) + 1
        if text[line_start : match.start()].lstrip().startswith("#include"):
            return match[0]
        return re.sub(r"[^\n]", " ", match[0])

    return re.sub(pattern, blank, text, flags=re.S)


def limit_of(source, limits):
    """The limit that holds for the file."""
    return limits[source.path in LONGER or source.path.startswith("tests/")]


def check_file_length(source, tree):
    limit = limit_of(source, FILE_LINES)
    if source.is_code and len(source.lines) > limit:
        yield len(source.lines), f"{len(source.lines)} lines; split it, at most {limit}"


def check_function_length(source, tree):
    """clang-format has put every function's braces into the first column."""
    limit, start = limit_of(source, FUNCTION_LINES), None
    for number, line in enumerate(source.code, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start:
            length = number - start + 1
            if length > limit:
                yield start, f"function of {length} lines; split it, at most {limit}"
            start = None


def check_banned_call(source, tree):
    if not source.path.startswith("src/"):
        return
    allowed = CALLS_ALLOWED.get(source.path, set())
    for number, line in enumerate(source.code, 1):
        for name in re.findall(r"(?<![\w.>])(\w+)\s*\(", line):
            if name in BANNED_CALLS and name not in allowed:
                yield number, f"{name}(); use {BANNED_CALLS[name]}"


def check_goto(source, tree):
    for number, line in enumerate(source.code, 1):
        if re.search(r"\bgoto\b", line):
            yield number, "goto; let g_autoptr and friends clean up"


def check_include_direction(source, tree):
    if not source.layer or source.layer not in tree.layers:
        return
    below = set(tree.layers[: tree.layers.index(source.layer) + 1])
    if source.layer in CLIENT_LAYERS:
        below -= DAEMON_LAYERS
    for number, line in enumerate(source.code, 1):
        match = re.match(r'\s*#\s*include\s+"([^"/]+)/[^"]+"', line)
        if not match or match[1] not in tree.layers or match[1] in below:
            continue
        if re.search(r'"([^"]+)"', line)[1] in HEADERS_FOR_ALL and source.layer not in CLIENT_LAYERS:
            continue
        yield number, f"src/{source.layer} must not see src/{match[1]} (order of layers: meson.build)"


def check_include_form(source, tree):
    if not source.layer:
        return
    for number, line in enumerate(source.code, 1):
        match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if match and (match[1].startswith(".") or (tree.root / source.path).parent.joinpath(match[1]).exists()):
            yield number, f'name headers from src/: "{source.layer}/{Path(match[1]).name}"'


def check_unfinished(source, tree):
    if not source.is_code:
        return
    for number, line in enumerate(source.lines, 1):
        match = re.search(r"\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b", line)
        if match:
            yield number, f"{match[1]}; do it, or open an issue for it"


def check_dead_code(source, tree):
    """Comments inside functions that are statements, and #if 0. (A header may show an example.)"""
    for number, line in enumerate(source.code, 1):
        if re.match(r"\s*#\s*if\s+0\b", line):
            yield number, "#if 0; delete it, git remembers"
    if not source.is_c:
        return
    statement = re.compile(r"^(?:[\w.>*\[\]\s-]+=[^=].*;|return\b[^;]*;|[\w>.-]+\s*\(.*\);|(?:if|while|for) \(.*\{?)$")
    for match in re.finditer(r"(?<=[ ])/\*(.*?)\*/|(?<=[ ])//([^\n]*)", source.text, re.S):
        for offset, line in enumerate((match[1] or match[2] or "").split("\n")):
            line = line.strip().lstrip("*/ ").strip()
            if statement.match(line) and line.endswith((";", "{")):
                yield source.text.count("\n", 0, match.start()) + 1 + offset, "code in a comment; delete it, git remembers"


def check_licence(source, tree):
    if source.is_code and not any("SPDX-License-Identifier: Apache-2.0" in line for line in source.lines[:3]):
        yield 1, "no SPDX-License-Identifier: Apache-2.0 in the first lines"


def check_header_guard(source, tree):
    if source.path.endswith(".h") and "#pragma once" not in source.lines:
        yield 1, "no #pragma once"


def check_file_name(source, tree):
    """A file is named for what it does."""
    if not source.layer or not source.path.endswith(".c"):
        return
    name = Path(source.path).stem
    if re.fullmatch(r"utils?|common|misc|helpers?", name):
        yield 1, f"{name}.c says nothing about what is in it"


def check_whitespace(source, tree):
    if not source.is_code:
        return
    for number, line in enumerate(source.lines, 1):
        if line != line.rstrip():
            yield number, "blanks at the end of the line"
        if source.is_c and "\t" in line:
            yield number, "tab; use four blanks"


def check_folder_readme(tree):
    """Each folder has a README.md of what lives here and how to add to it."""
    folders = {str(Path(path).parent) for path in tree.paths if not DATA_FOLDERS.search(path)}
    for folder in sorted(folders):
        if not folder.startswith(".ci") and f"{folder}/README.md".removeprefix("./") not in tree.paths:
            yield f"{folder}/README.md", "missing: what lives here, who may call it, to add an X edit these files"


def check_unit_test_built(tree):
    """A test program that no meson.build names is never run."""
    builds = {path: (tree / path).read_text() for path in tree.paths if re.fullmatch(r"tests/(.+/)?meson\.build", path)}
    for path in sorted(tree.paths):
        name = re.fullmatch(r"tests/unit/test-([\w-]+)\.c", path)
        if not name:
            continue
        row = re.compile(rf"^  '{re.escape(name[1])}': \[", re.M)
        if not row.search(builds.get("tests/unit/meson.build", "")) and not any(f"test-{name[1]}.c'" in text for text in builds.values()):
            yield path, "no meson.build builds it; add its row to tests/unit/meson.build"


FILE_RULES = {
    "file-length": check_file_length,
    "function-length": check_function_length,
    "banned-call": check_banned_call,
    "goto": check_goto,
    "include-direction": check_include_direction,
    "include-form": check_include_form,
    "unfinished": check_unfinished,
    "dead-code": check_dead_code,
    "licence": check_licence,
    "header-guard": check_header_guard,
    "file-name": check_file_name,
    "whitespace": check_whitespace,
}
# Over the whole tree.
TREE_RULES = {"folder-readme": check_folder_readme, "unit-test-built": check_unit_test_built}


class Tree:
    def __init__(self, root):
        self.root = Path(root)
        self.paths = set(self.list_files())
        self.layers = self.read_layers()

    def list_files(self):
        command = ["git", "-C", str(self.root), "ls-files", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, capture_output=True, text=True)
        if listed.returncode == 0 and (self.root / ".git").exists():
            return [path for path in listed.stdout.splitlines() if (self.root / path).is_file()]
        return [str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()]

    def read_layers(self):
        """Folders of src/ from the lowest up, as the top meson.build descends into them."""
        build = self.root / "meson.build"
        if not build.exists():
            build = Path(__file__).resolve().parent.parent / "meson.build"
        return re.findall(r"^subdir\('src/([\w-]+)'\)", build.read_text(), re.M)

    def __truediv__(self, path):
        return self.root / path

    def findings(self):
        for path in sorted(self.paths):
            suffix = Path(path).suffix
            if DATA_FOLDERS.search(path) or suffix in {".xml", ".po", ".pot", ".tsv", ".json", ".md"}:
                continue
            source = Source(self, path)
            for rule, check in FILE_RULES.items():
                for line, text in check(source, self):
                    yield Finding(path, line, rule, text)
        for rule, check in TREE_RULES.items():
            for path, text in check(self):
                yield Finding(path, 1, rule, text)


def main(arguments):
    root = Path(__file__).resolve().parent.parent
    if len(arguments) == 2 and arguments[0] == "--tree":
        root = Path(arguments[1])
    elif arguments:
        sys.exit(__doc__)
    findings = list(Tree(root).findings())
    for finding in findings:
        print(f"{finding.path}:{finding.line}: {finding.rule}: {finding.text}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
