# SPDX-License-Identifier: Apache-2.0
"""A staged installation is complete, and its parts fit."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("LODGE_BUILD", ROOT / "build"))
EXPECTED = """
usr/sbin/lodged
usr/bin/lodge
usr/libexec/lodge/lodge-launch
usr/lib/*/liblodge.so.0
usr/lib/*/liblodge.so
usr/lib/*/pkgconfig/lodge.pc
usr/include/lodge/lodge.h
usr/share/man/man1/lodge.1
usr/share/man/man5/lodged.conf.5
usr/share/man/man8/lodged.8
usr/share/bash-completion/completions/lodge
usr/share/locale/zh_CN/LC_MESSAGES/lodge.mo
etc/lodge/lodged.conf
usr/lib/systemd/system/lodged.service
usr/lib/systemd/system/lodged.socket
usr/lib/systemd/system/lodged-ro.socket
usr/lib/systemd/system/lodged-admin.socket
usr/lib/systemd/system/lodged-tcp.socket
usr/lib/sysusers.d/lodge.conf
usr/lib/tmpfiles.d/lodge.conf
""".split()


@pytest.fixture
def tmp_path():
    """Not pytest's own: that one stays behind, and is too long for a socket's path."""
    with tempfile.TemporaryDirectory(prefix="lg-") as directory:
        yield Path(directory)


@pytest.fixture(scope="module")
def staged():
    directory = Path(tempfile.mkdtemp(prefix="lg-"))
    # -o: what is built already is not built again.
    subprocess.run(["make", "-s", "-C", str(ROOT), "-o", "all", "install", f"BUILD={BUILD}", f"DESTDIR={directory}"], check=True,
        stdout=subprocess.DEVNULL)
    yield directory
    shutil.rmtree(directory)


@pytest.mark.parametrize("pattern", EXPECTED)
def test_is_installed(staged, pattern):
    found = list(staged.glob(pattern))
    assert len(found) == 1 and found[0].stat().st_size > 0


def test_nothing_from_the_build_tree(staged):
    """No program looks for its parts where it was built, or names that place at all; debugging symbols stay there."""
    programs = [staged / name for name in ("usr/sbin/lodged", "usr/bin/lodge", "usr/libexec/lodge/lodge-launch")]
    for path in [*programs, *staged.glob("usr/lib/*/liblodge.so.0")]:
        text = path.read_bytes()
        assert str(ROOT).encode() not in text and str(BUILD).encode() not in text and b".debug_info" not in text, path
        dynamic = subprocess.run(["readelf", "-d", str(path)], capture_output=True, text=True, check=True).stdout
        assert "RPATH" not in dynamic and "RUNPATH" not in dynamic, path


def test_units_run_what_is_installed(staged):
    for unit in (staged / "usr/lib/systemd/system").iterdir():
        text = unit.read_text()
        assert "@" not in re.sub(r"^#.*$", "", text, flags=re.M), unit
        for program in re.findall(r"^ExecStart=(\S+)", text, re.M):
            assert (staged / program.lstrip("/")).exists(), program


def run_lodged(staged, tmp_path, config):
    """lodged with this configuration, for one second without clients; (exit status, what it said)."""
    done = subprocess.run([str(staged / "usr/sbin/lodged"), "--root", str(tmp_path / "r"), "--config", str(config), "--timeout", "1"],
        capture_output=True, text=True, timeout=30)
    return done.returncode, done.stderr


def test_default_configuration_is_accepted(staged, tmp_path):
    status, said = run_lodged(staged, tmp_path, staged / "etc/lodge/lodged.conf")
    assert status == 0 and "conf" not in said, said


def test_every_key_of_it_may_be_set(staged, tmp_path):
    """The presets that the file shows are values that the daemon takes."""
    text = (staged / "etc/lodge/lodged.conf").read_text()
    active = re.sub(r'^#(\w+ = )(?!"?$|""|\[\])', r"\1", text, flags=re.M)
    assert active.count("\n") == text.count("\n") and len(re.findall(r"^\w+ = ", active, re.M)) > 25
    config = tmp_path / "all.conf"
    config.write_text(active)
    status, said = run_lodged(staged, tmp_path, config)
    assert status == 0, said


def test_bad_configuration_names_file_and_line(staged, tmp_path):
    config = tmp_path / "bad.conf"
    config.write_text('# one\n\nlisten_tpc = 1\n')
    status, said = run_lodged(staged, tmp_path, config)
    assert status != 0 and "bad.conf:3:" in said and "listen_tcp" in said


def test_library_links_by_pkg_config(staged, tmp_path):
    environment = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(staged),
        "PKG_CONFIG_PATH": ":".join(map(str, staged.glob("usr/lib/*/pkgconfig")))}
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "lodge"], capture_output=True, text=True, check=True,
        env=environment).stdout
    # The sysroot is put before GLib's paths too, which are not staged.
    words = [word if Path(re.sub("^-[IL]", "", word)).exists() else word.replace(str(staged), "") for word in flags.split()]
    (example,) = (ROOT / "examples").glob("list-guests.c")
    program = tmp_path / "example"
    (library,) = staged.glob("usr/lib/*/liblodge.so.0")
    subprocess.run(["gcc", "-o", str(program), str(example), *words], check=True)
    loaded = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True,
        env={**os.environ, "LD_LIBRARY_PATH": str(library.parent)}).stdout
    assert str(library) in loaded


@pytest.mark.skipif(not shutil.which("groff"), reason="no groff here")
@pytest.mark.parametrize("page", ["man1/lodge.1", "man5/lodged.conf.5", "man8/lodged.8"])
def test_man_page_formats(staged, page):
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", "-K", "utf8", str(staged / "usr/share/man" / page)], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
