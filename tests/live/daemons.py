# SPDX-License-Identifier: Apache-2.0
"""Private daemons for tests and bench: Lodge's, and libvirtd shut into a mount namespace so that the system's is untouched."""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import libvirt

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("LODGE_BUILD", REPOSITORY / "build"))
GUEST = Path(os.environ.get("LODGE_GUEST", BUILD / "guest"))
# Everything here is slower with sanitizers and on a shared machine; a deadline is for what hangs.
PATIENCE = float(os.environ.get("LODGE_PATIENCE", "30"))

libvirt.registerErrorHandler(lambda *_: None, None)


def wait_until(condition, what, seconds=PATIENCE):
    """Returns the first true result of condition(); for what no event tells. AssertionError after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)


def process_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def processes_naming(text):
    """{pid: command line} of the live processes that name text in their command line or work in a directory that does:
    QEMU is told all its paths relative to the guest's run directory."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = os.readlink(entry / "cwd")
        except OSError:
            continue
        if line and (text in line or text in where) and process_alive(int(entry.name)):
            found[int(entry.name)] = line
    return found


def resident_kib(pid):
    return int(re.search(r"^VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)[1])


class Failed(Exception):
    """A client program that ended with an error: str() is what it wrote on stderr."""

    def __init__(self, command, status, output, error):
        super().__init__(f"{' '.join(map(str, command))}: status {status}: {error.strip() or output.strip()}")
        self.status, self.output, self.error = status, output, error


class Daemon:
    """One private daemon in a directory of its own under /tmp; a context manager that takes everything away again."""

    name = "?"

    def __init__(self, binaries=BUILD):
        self.binaries = Path(binaries)
        self.directory = Path(tempfile.mkdtemp(prefix="lg-"))
        self.directory.chmod(0o755)  # QEMU's user must reach what lies in it
        self.root = self.directory / "r"
        self.process = None
        self.log = self.directory / "daemon.log"
        self.arguments = []
        self.environment = {}
        self._images()

    def _images(self):
        """The guest's kernel and initramfs where QEMU's user can read them."""
        for name in ("vmlinuz", "initrd"):
            if (GUEST / name).exists():
                shutil.copyfile(GUEST / name, self.directory / name)
                (self.directory / name).chmod(0o644)
        self.kernel, self.initrd = self.directory / "vmlinuz", self.directory / "initrd"

    # -- for the kinds of daemon to fill in
    def command(self):
        raise NotImplementedError

    @property
    def socket(self):
        raise NotImplementedError

    @property
    def socket_ro(self):
        return Path(f"{self.socket}-ro")

    # -- life
    def start(self, wait=True):
        assert self.process is None
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.environment})
        if wait:
            self.wait_ready()
        return self

    def accepts(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(self.socket))
                return True
            except OSError:
                assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}:\n{self.log_text()}"
                return False

    def wait_ready(self):
        wait_until(self.accepts, f"{self.name} accepts connections; its log:\n{self.log_text()}")

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self):
        """Asks it to end; returns its exit status. Guests go on."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        self.process = None
        return status

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process = None

    def guest_pids(self):
        """Processes of guests of this daemon, by its directory in their command line or environment."""
        mine = {self.process.pid} if self.process else set()
        return {pid for pid, line in processes_naming(str(self.directory)).items()
            if pid not in mine and re.search(r"qemu|lodge-launch", line.split()[0])} | self._by_environment()

    def _by_environment(self):
        mark = f"LODGE_RUN_DIR={self.directory}".encode()
        found = set()
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in path.read_bytes():
                    found.add(int(path.parent.name))
            except OSError:
                pass  # it has ended meanwhile
        return found

    def kill_guests(self):
        for pid in self.guest_pids():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.guest_pids(), "guests end after SIGKILL")

    def close(self):
        """Takes all away. Returns the list of what should not have been there (empty: all is well)."""
        wrong = []
        if self.process and self.process.poll() is not None:
            wrong.append(f"{self.name} had ended with {self.process.returncode}")
            self.process = None
        if self.guest_pids():  # of a test that failed, or whose guests are not its business
            self.kill_guests()
            self.settle()
        if self.process:
            try:
                status = self.stop()
                if status != 0:
                    wrong.append(f"{self.name} ended with status {status}")
            except subprocess.TimeoutExpired:
                wrong.append(f"{self.name} did not end on SIGTERM")
                self.kill()
        for pid, line in processes_naming(str(self.directory)).items():
            wrong.append(f"left process {pid}: {line}")
            os.kill(pid, signal.SIGKILL)
        wrong += self.leftovers()
        log = self.log_text()
        found = re.search(r"(ERROR: (Address|Leak)Sanitizer|runtime error:|WARNING: ThreadSanitizer)", log)
        if found:
            wrong.append(f"sanitizer:\n{log[found.start():][:8000]}")
        elif wrong:
            wrong.append(f"log of {self.name}:\n{log[-4000:]}")
        shutil.rmtree(self.directory, ignore_errors=True)
        return wrong

    def settle(self):
        """Gives the daemon the time to notice that its guests have died."""

    def leftovers(self):
        """Complaints about files that must not be there once all guests and the daemon have ended."""
        return []

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        wrong = self.close()
        assert kind or not wrong, "\n".join(wrong)

    # -- clients
    @property
    def uri(self):
        return f"qemu+unix:///system?socket={self.socket}"

    @property
    def uri_ro(self):
        return f"qemu+unix:///system?socket={self.socket_ro}"

    def connect(self, readonly=False):
        return libvirt.openReadOnly(self.uri_ro) if readonly else libvirt.open(self.uri)

    def run(self, *command, timeout=PATIENCE * 2, text_in=None, environment=None):
        """Runs a client program in the daemon's directory; its stdout. Failed if it fails."""
        words = [str(word) for word in command]
        done = subprocess.run(words, capture_output=True, timeout=timeout, cwd=self.directory, input=(text_in or "").encode(),
            env={**os.environ, "LC_ALL": "C.UTF-8", "ASAN_OPTIONS": "detect_leaks=0", **(environment or {})})
        output, error = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        if done.returncode:
            raise Failed(words, done.returncode, output, error)
        return output

    def virsh(self, *arguments, readonly=False, **more):
        options = ["-r"] if readonly else []
        return self.run("virsh", "-q", *options, "-c", self.uri_ro if readonly else self.uri, *arguments, **more)


class Lodged(Daemon):
    name = "lodged"

    def __init__(self, binaries=BUILD):
        super().__init__(binaries)
        # lodge-launch is found in the build directory.
        self.environment = {"LODGE_LIBEXECDIR": str(self.binaries / "src/qemu/launch")}

    def command(self):
        return [str(self.binaries / "src/daemon/lodged"), "--root", str(self.root), *self.arguments]

    @property
    def socket(self):
        return self.root / "run/libvirt-sock"

    def lodge(self, *arguments, **more):
        """Lodge's own command."""
        return self.run(self.binaries / "src/cli/lodge", "-c", self.uri, *arguments, **more)

    @property
    def guests_dir(self):
        """Where the daemon keeps the run state of its guests."""
        return self.root / "run/qemu"

    def settle(self):
        deadline = time.monotonic() + 10
        while self.process and any(self.guests_dir.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.02)

    def leftovers(self):
        run = self.root / "run"
        left = [path for path in run.rglob("*") if not path.is_dir()] if run.exists() else []
        return [f"left behind: {path}" for path in left if path.name not in ("lodged.pid", "autostarted")]


class InNamespace(Lodged):
    """A daemon with a network of its own, in which it may make bridges and taps. Needs root."""

    def command(self):
        return ["unshare", "-n", *super().command()]

    def ip(self, *words):
        return subprocess.run(["nsenter", "-t", str(self.process.pid), "-n", "ip", *words], check=True, capture_output=True, text=True).stdout


class Libvirtd(Daemon):
    """The system's libvirtd with every directory it would use hidden under empty ones of ours. Needs root."""

    name = "libvirtd"
    HIDDEN = ("/etc/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt", "/run/libvirt")

    def command(self):
        config = self.directory / "libvirtd.conf"
        config.write_text(f'unix_sock_dir = "{self.directory}"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\n'
            'max_clients = 200\nmax_workers = 20\n')
        # Directories of ours, not tmpfs: what libvirtd writes must cost what it costs on the disk.
        mounts = "; ".join(f"mkdir -p {path} {self.directory}/hidden{path}; mount --bind {self.directory}/hidden{path} {path}"
            for path in self.HIDDEN)
        # QEMU's log goes to a file directly: no virtlogd is needed.
        settings = 'mkdir -p /etc/libvirt/qemu; echo \'stdio_handler = "file"\' >/etc/libvirt/qemu.conf'
        script = f"{mounts}; {settings}; exec libvirtd --config {config} --pid-file {self.directory}/libvirtd.pid"
        return ["unshare", "-m", "--propagation", "private", "sh", "-c", script]

    @property
    def socket(self):
        return self.directory / "libvirt-sock"

    def guest_pids(self):
        """libvirtd's QEMU names none of our directories, but it runs in our mount namespace."""
        if not self.process:
            return set()
        own = os.readlink(f"/proc/{self.process.pid}/ns/mnt")
        return {pid for pid in processes_naming("qemu-system") if self._namespace(pid) == own} | super().guest_pids()

    @staticmethod
    def _namespace(pid):
        try:
            return os.readlink(f"/proc/{pid}/ns/mnt")
        except OSError:
            return None


def make_daemon():
    """The daemon under test: Lodge's, or with LODGE_TEST_DAEMON=libvirtd that one, which tests the tests."""
    return Libvirtd() if os.environ.get("LODGE_TEST_DAEMON") == "libvirtd" else Lodged()
