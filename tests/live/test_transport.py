# SPDX-License-Identifier: Apache-2.0
"""How clients reach the daemon, and how it starts, reloads and ends: sockets, TCP, activation, configuration, administration."""
import os
import signal
import socket
import stat
import struct
import subprocess
import time

import libvirt
import pytest

from daemons import PATIENCE, Failed, Lodged, process_alive, wait_until
from wire import EVENT, REMOTE, Dropped, Wire, WireError, frame, optional, string

pytestmark = pytest.mark.lodge
SUPPORTS_FEATURE, REGISTER_CLOSE, CLOSED = 60, 360, 362


@pytest.fixture
def configured():
    """A daemon that starts with a configuration: configured(text, *options)."""
    made = []

    def start(text, *options, wait=True):
        daemon = Lodged()
        made.append(daemon)
        config = daemon.directory / "lodged.conf"
        config.write_text(text)
        daemon.arguments = ["--config", str(config), *options]
        return daemon.start(wait=wait)

    yield start
    wrong = [text for daemon in made for text in daemon.close()]
    assert not wrong, "\n".join(wrong)


def refused(configured, text, *options):
    """What the daemon says when it does not start."""
    daemon = configured(text, *options, wait=False)
    assert daemon.process.wait(PATIENCE) == 1
    daemon.process = None
    return daemon.log_text()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# -- unix sockets

def test_modes(shared):
    run = shared.root / "run"
    modes = {name: stat.S_IMODE((run / name).stat().st_mode) for name in os.listdir(run) if name.endswith(("-sock", "-ro"))}
    assert modes == {"libvirt-sock": 0o770, "libvirt-sock-ro": 0o777, "libvirt-admin-sock": 0o700}


def test_modular_names_when_asked(configured):
    daemon = configured("modular_sockets = 1\n")
    for name in ("virtqemud-sock", "virtqemud-sock-ro", "virtnetworkd-sock", "virtstoraged-sock"):
        with Wire(daemon.root / "run" / name) as wire:
            wire.open()


def test_configured_directory_and_modes(configured, tmp_path):
    directory = tmp_path / "s"
    daemon = configured(f'unix_sock_dir = "{directory}"\nunix_sock_rw_perms = "0700"\n', wait=False)
    wait_until((directory / "libvirt-sock").exists, "the socket in its configured directory")
    with Wire(directory / "libvirt-sock") as wire:
        wire.open()
    assert stat.S_IMODE((directory / "libvirt-sock").stat().st_mode) == 0o700
    assert not daemon.socket.exists()


def test_second_daemon_is_refused(shared):
    second = subprocess.run(shared.command(), capture_output=True, text=True, env={**os.environ, **shared.environment},
        timeout=PATIENCE)
    assert second.returncode == 1
    assert str(shared.process.pid) in second.stderr and "already runs" in second.stderr
    shared.connect().close()


def test_restart_after_kill_takes_the_stale_socket(configured):
    daemon = configured("")
    daemon.kill()
    assert daemon.socket.exists()
    daemon.start()
    daemon.connect().close()


# -- TCP

def test_tcp_is_off_by_default(shared):
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True).stdout
    assert f"pid={shared.process.pid}," not in listening


@pytest.mark.parametrize("options", [(), ("--listen",)], ids=["listen_tcp", "--listen"])
def test_tcp(configured, options):
    port = free_port()
    switch = "" if options else "listen_tcp = 1\n"
    configured(f'{switch}tcp_port = "{port}"\nlisten_addr = "127.0.0.1"\nauth_tcp = "none"\n', *options)
    connection = libvirt.open(f"qemu+tcp://127.0.0.1:{port}/system")
    assert connection.getLibVersion() == 9000000
    assert not connection.isSecure()
    connection.close()


def test_tcp_needs_explicit_trust(configured):
    said = refused(configured, f'listen_tcp = 1\ntcp_port = "{free_port()}"\nlisten_addr = "127.0.0.1"\n')
    assert 'auth_tcp = "none"' in said


def test_tcp_port_in_use(configured):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = refused(configured,
            f'listen_tcp = 1\ntcp_port = "{taken.getsockname()[1]}"\nlisten_addr = "127.0.0.1"\nauth_tcp = "none"\n')
    assert "Address already in use" in said


# -- socket activation

def test_socket_activation(tmp_path):
    """Sockets made by another process, as systemd does it; their files are its own and stay."""
    listening = []
    for name in ("libvirt-sock", "libvirt-sock-ro"):
        made = socket.socket(socket.AF_UNIX)
        made.bind(str(tmp_path / name))
        made.listen()
        listening.append(made)
    daemon = Lodged()
    # The descriptors must be 3 and 4 and LISTEN_PID the daemon's own, so a shell stands in for systemd.
    moved = [os.dup2(made.fileno(), 20 + number) for number, made in enumerate(listening)]
    command = f'exec env LISTEN_PID=$$ LISTEN_FDS=2 {" ".join(daemon.command())} 3<&20 4<&21'
    daemon.process = subprocess.Popen(["bash", "-c", command], pass_fds=moved, env={**os.environ, **daemon.environment},
        stderr=daemon.log.open("ab"))
    try:
        with Wire(tmp_path / "libvirt-sock") as wire:
            wire.open()
            assert wire.call_error(REMOTE, 11, b"") != 29  # define: malformed, but not forbidden
        with Wire(tmp_path / "libvirt-sock-ro") as wire:
            wire.open()
            assert wire.call_error(REMOTE, 11, string("<domain/>")) == 29
        assert not daemon.socket.exists()
    finally:
        wrong = daemon.close()
        for made in listening:
            made.close()
        for number in moved:
            os.close(number)
    assert not wrong, "\n".join(wrong)
    assert (tmp_path / "libvirt-sock").exists()


# -- configuration

def test_config_error_names_file_line_and_key(configured):
    said = refused(configured, "# first\nmax_client = 5\n")
    assert "lodged.conf:2: unknown key 'max_client'; did you mean 'max_clients'?" in said


def test_reload(configured):
    daemon = configured("max_clients = 100\n")
    config = daemon.directory / "lodged.conf"
    admin = f"libvirtd:///system?socket={daemon.root}/run/libvirt-admin-sock"

    def limit():
        return int(daemon.run("virt-admin", "-c", admin, "srv-clients-info", "libvirtd").split()[2])

    assert limit() == 100
    config.write_text("max_clients = 77\n")
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: limit() == 77, "the new limit holds")
    config.write_text("max_clients = oops\n")
    daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "lodged.conf:1" in daemon.log_text(), "the error is logged")
    assert limit() == 77


# -- life

def test_daemon_option_returns_when_ready(tmp_path):
    daemon = Lodged()
    done = subprocess.run([*daemon.command(), "--daemon", "--pid-file", str(tmp_path / "pid")], timeout=PATIENCE,
        env={**os.environ, **daemon.environment}, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    pid = int((tmp_path / "pid").read_text())
    with Wire(daemon.socket) as wire:
        wire.open()
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not process_alive(pid), "the daemon ends")
    assert not daemon.close()


def test_daemon_option_reports_failure(tmp_path):
    daemon = Lodged()
    (tmp_path / "c").write_text('unix_sock_group = "no-such-group"\n')
    done = subprocess.run([*daemon.command(), "--daemon", "--config", str(tmp_path / "c")], timeout=PATIENCE,
        env={**os.environ, **daemon.environment}, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "no-such-group" in done.stderr
    assert not daemon.close()


def test_timeout_ends_an_unneeded_daemon(configured):
    daemon = configured("", "--timeout", "1")
    connection = daemon.connect()
    time.sleep(2)
    assert connection.isAlive()
    connection.close()
    assert daemon.process.wait(PATIENCE) == 0
    daemon.process = None
    assert not daemon.socket.exists()


def test_version():
    done = subprocess.run([Lodged().command()[0], "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("lodged ")


def test_close_is_announced(configured):
    """A client that asked for it hears that the daemon, not the network, ended its connection."""
    daemon = configured("")
    with Wire(daemon.socket) as wire:
        wire.open()
        wire.call(REMOTE, REGISTER_CLOSE, b"")
        daemon.stop()
        program, procedure, kind, *_ = wire.receive()
        assert (program, procedure, kind) == (REMOTE, CLOSED, EVENT)
        with pytest.raises(Dropped):
            wire.receive()


# -- opening

@pytest.mark.parametrize("uri", ["xen:///system", "qemu:///bogus", "test:///default", "not a uri", "qemu://elsewhere/system"])
def test_wrong_uri(shared, uri):
    with Wire(shared.socket) as wire:
        wire.call(REMOTE, 66, b"")
        with pytest.raises(WireError, match="qemu:///|names the host"):
            wire.call(REMOTE, 1, optional(string(uri)) + struct.pack(">I", 0))
        wire.call(REMOTE, 1, optional(string("qemu:///system")) + struct.pack(">I", 0))


def test_order_of_opening(shared):
    with Wire(shared.socket) as wire:
        with pytest.raises(WireError, match="auth_list"):
            wire.call(REMOTE, 1, optional(None) + struct.pack(">I", 0))
        wire.call(REMOTE, 66, b"")
        with pytest.raises(WireError, match="connect_open"):
            wire.call(REMOTE, 51, b"")
        wire.call(REMOTE, 1, optional(None) + struct.pack(">I", 0))
        wire.call(REMOTE, 51, b"")


def test_features(shared):
    with Wire(shared.socket) as wire:
        wire.open()
        said = {number for number in range(0, 30) if wire.call(REMOTE, SUPPORTS_FEATURE, struct.pack(">i", number))[-1]}
    assert {8, 9, 10, 14, 15} <= said
    assert not {0, 1, 2, 5} & said


def test_reused_serial(shared):
    """A serial whose call still runs cannot be used again."""
    with Wire(shared.socket) as wire:
        wire.open()
        call = struct.pack(">7I", 28, REMOTE, 1, 4, 0, 9, 0)  # connect_get_version, in a worker
        wire.send(call + call)
        answers = [wire.receive()[4] for _ in range(2)]
        assert sorted(answers) in ([0, 1], [0, 0])  # the first may be done before the second is read


def test_quota_holds_back_neither_reads_nor_pings(configured):
    """With one working call allowed and the emulator being asked for the first time, 50 further calls wait; others do not."""
    daemon = configured("max_client_requests = 1\n")
    with Wire(daemon.socket) as wire:
        wire.open()
        for serial in range(100, 150):
            wire.send(frame(REMOTE, 4, b"", serial=serial))  # connect_get_version: a worker, slow at first
        wire.send(frame(REMOTE, 157, b"", serial=7))  # connect_get_lib_version: on the loop
        assert wire.receive()[3] == 7
        wire.ping()
        left = set(range(100, 150))
        while left:
            program, _, _, serial, status, _ = wire.receive()
            assert program == REMOTE and status == 0
            left.remove(serial)


def test_too_many_waiting_calls_are_refused(configured):
    daemon = configured("max_client_requests = 1\n")
    with Wire(daemon.socket) as wire:
        wire.open()
        wire.send(b"".join(frame(REMOTE, 4, b"", serial=serial) for serial in range(100, 1300)))
        statuses = [wire.receive()[4] for _ in range(1200)]
        assert 0 < statuses.count(1) < 200, statuses.count(1)
        wire.ping()


# -- administration

def test_administration(shared):
    admin = f"libvirtd:///system?socket={shared.root}/run/libvirt-admin-sock"

    def virt_admin(*words):
        return shared.run("virt-admin", "-c", admin, *words)

    assert "libvirtd" in virt_admin("srv-list")
    with Wire(shared.socket) as wire:
        wire.open(readonly=True)
        listed = [line.split()[0] for line in virt_admin("client-list", "libvirtd").splitlines()[2:] if line.strip()]
        details = virt_admin("client-info", "libvirtd", listed[-1])
        assert f"unix_process_id: {os.getpid()}" in details and "readonly       : yes" in details
        virt_admin("client-disconnect", "libvirtd", listed[-1])
        with pytest.raises(Dropped):
            wire.receive()
    with pytest.raises(Failed, match="no client"):
        virt_admin("client-info", "libvirtd", "99999")
    virt_admin("srv-clients-set", "libvirtd", "--max-clients", "50")
    assert "50" in virt_admin("srv-clients-info", "libvirtd")


def test_admin_calls_are_for_the_admin_socket_only(shared):
    with Wire(shared.socket) as wire:
        wire.open()
        assert wire.call_error(0x06900690, 4, struct.pack(">II", 1, 0)) == 39
    with Wire(shared.root / "run/libvirt-admin-sock") as wire:
        assert wire.call_error(REMOTE, 66, b"") == 39
