# SPDX-License-Identifier: Apache-2.0
"""An ordinary user's own daemon: qemu:///session, without any privilege, beside a system one."""
import os
import pwd
import signal
import subprocess

import pytest

from daemons import BUILD, PATIENCE, Failed, Lodged, wait_until
from guests import guest_xml

pytestmark = pytest.mark.lodge
USER = "nobody"


class Session(Lodged):
    """lodged as an ordinary user, found by stock clients through XDG_RUNTIME_DIR alone."""

    name = "lodged of a user"

    def __init__(self):
        super().__init__()
        self.user = pwd.getpwnam(USER)
        self.home = self.directory / "home"
        self.run_dir = self.directory / "xdg"
        for folder in (self.home, self.run_dir):
            folder.mkdir(mode=0o700)
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)
        self.as_user = {"HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.run_dir), "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_CACHE_HOME": str(self.home / "cache"), "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_DATA_HOME": str(self.home / "data")}
        self.environment.update(self.as_user)

    def drop(self):
        return ["setpriv", f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}", "--clear-groups", "--no-new-privs",
            "--bounding-set=-all", "--inh-caps=-all"]

    def command(self):
        # The build tree may lie where this user cannot look; what it needs is copied.
        programs = self.directory / "bin"
        if not programs.exists():
            programs.mkdir(mode=0o755)
            for path in (BUILD / "src/daemon/lodged", BUILD / "src/qemu/launch/lodge-launch"):
                copy = programs / path.name
                copy.write_bytes(path.read_bytes())
                copy.chmod(0o755)
            self.environment["LODGE_LIBEXECDIR"] = str(programs)
        return [*self.drop(), str(programs / "lodged"), *self.arguments]

    @property
    def socket(self):
        return self.run_dir / "libvirt/libvirt-sock"

    @property
    def guests_dir(self):
        return self.run_dir / "lodge/qemu"

    @property
    def uri(self):
        return "qemu:///session"

    def run(self, *command, environment=None, **more):
        return super().run(*self.drop(), *command, environment={**self.as_user, **(environment or {})}, **more)

    def leftovers(self):
        run = self.run_dir
        left = [path for path in run.rglob("*") if not path.is_dir() and path.name not in ("lodged.pid", "autostarted")]
        return [f"left behind: {path}" for path in left]


@pytest.fixture
def session():
    if os.geteuid() != 0:
        pytest.skip("needs root, to become somebody else")
    daemon = Session()
    try:
        daemon.start()
        yield daemon
    finally:
        wrong = daemon.close()
    assert not wrong, "\n".join(wrong)


def test_life_in_a_session(session):
    path = session.home / "g.xml"
    path.write_text(guest_xml("mine", devices="<interface type='user'/><graphics type='vnc' autoport='yes'/>"))
    path.chmod(0o644)
    assert session.virsh("uri").strip() == "qemu:///session"
    session.virsh("define", path)
    session.virsh("start", "mine")
    (pid,) = session.guest_pids()
    assert os.stat(f"/proc/{pid}").st_uid == session.user.pw_uid
    assert session.virsh("domstate", "mine").strip() == "running"
    assert "cpu.time" in session.virsh("domstats", "mine")
    session.virsh("suspend", "mine")
    session.virsh("resume", "mine")
    session.virsh("destroy", "mine")
    session.virsh("undefine", "mine")


def test_guests_of_a_session_outlive_its_daemon(session):
    path = session.home / "g.xml"
    path.write_text(guest_xml("kept"))
    path.chmod(0o644)
    session.virsh("create", path)
    pids = session.guest_pids()
    session.kill()
    assert pids and session.guest_pids() == pids
    session.start()
    assert session.virsh("domstate", "kept").strip() == "running"
    session.virsh("destroy", "kept")


def test_what_a_session_may_not_do_is_named(session):
    path = session.home / "g.xml"
    path.write_text(guest_xml("bridged", devices="<interface type='bridge'><source bridge='no-such-br'/></interface>"))
    path.chmod(0o644)
    session.virsh("define", path)
    with pytest.raises(Exception, match="bridge|tap|permi|privilege"):
        session.virsh("start", "bridged")
    assert not session.guest_pids()
    session.virsh("undefine", "bridged")


def test_two_daemons_do_not_share_a_directory(daemon):
    """The second one says who is there and leaves the first alone."""
    with daemon.log.open("ab") as log:
        second = subprocess.Popen(daemon.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={**os.environ, **daemon.environment})
        assert second.wait(PATIENCE) != 0
    assert str(daemon.process.pid) in daemon.log_text() or "lodged.pid" in daemon.log_text()
    assert daemon.virsh("list") is not None


def test_signals(daemon):
    """SIGHUP reloads the configuration and disturbs nobody; SIGTERM ends with status 0 and takes the sockets away."""
    connection = daemon.connect()
    os.kill(daemon.process.pid, signal.SIGHUP)
    assert connection.getType() == "QEMU"
    connection.close()
    path = daemon.socket
    assert daemon.stop() == 0
    wait_until(lambda: not path.exists(), "the socket is taken away")
    daemon.start()


def test_limits_without_control_groups(session):
    """What only a control group holds is refused by name; nodes that QEMU binds its memory to are not."""
    def create(head):
        path = session.home / "limited.xml"
        path.write_text(guest_xml("limited", head=head, console=False))
        path.chmod(0o644)
        session.virsh("create", path, "--paused")

    for head, element in (("<memtune><hard_limit unit='MiB'>900</hard_limit></memtune>", "<memtune><hard_limit>"),
            ("<cputune><quota>50000</quota></cputune>", "<cputune><quota>"),
            ("<numatune><memory mode='restrictive' nodeset='0'/></numatune>", "<numatune><memory nodeset>")):
        with pytest.raises(Failed, match=f"{element} is not available in session mode"):
            create(head)
    create("<numatune><memory mode='strict' nodeset='0'/></numatune>")
    session.virsh("destroy", "limited")
