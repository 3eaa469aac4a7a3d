# SPDX-License-Identifier: Apache-2.0
"""The command lodge on real guests: the same answers as virsh, JSON, the console, events, editing, the shell, Chinese."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from daemons import BUILD, PATIENCE, REPOSITORY, Failed, process_alive, wait_until
from guests import guest_xml

pytestmark = pytest.mark.lodge

CATALOGUE = {"LODGE_LOCALEDIR": str(BUILD / "po"), "LC_ALL": "C.UTF-8", "LANGUAGE": "zh_CN"}

# Verbs whose text is virsh's, blank lines aside, while nothing changes between the two.
SAME = """
list
list --all
list --all --title
list --all --name
list --all --uuid
list --all --id
list --inactive
list --state-shutoff
list --all --managed-save
domstate one --reason
domstate off --reason
domid one
domid off
domuuid one
domblklist one
domblklist one --details
domblklist off --inactive
domiflist one
domdisplay one
vncdisplay one
ttyconsole one
vcpucount one
vcpucount off
vcpucount one --maximum
vcpucount one --live --active
vcpupin one
vcpupin one 0
emulatorpin one
iothreadinfo one
schedinfo one
memtune one
memtune off
blkiotune one
blkiotune off --config
numatune one
blkdeviotune one vda
perf one
perf off
domblkinfo one vda
domblkinfo one vda --human
domblkinfo one --all
domblkerror one
domcontrol one
desc one
desc one --title
nodeinfo
nodecpumap
nodecpumap --pretty
hostname
uri
maxvcpus
cpu-models x86_64
event --list
capabilities
domcapabilities --virttype qemu
dumpxml one
dumpxml off --inactive --security-info
dumpxml one --xpath //disk/target
dumpxml one --xpath //disk --wrap
dumpxml one --xpath //disk/target/@dev
domstats off
qemu-monitor-command one --hmp info version
qemu-monitor-command one --return-value {"execute":"query-kvm"}
echo --shell a b
echo --split a,b,,c d,
node-memory-tune
allocpages 2M 0 --add
domjobinfo one
domjobinfo one --rawstats
domjobinfo one --completed
""".strip().splitlines()

# Verbs whose errors are virsh's, too (virsh then says no more than the first line).
SAME_ERRORS = ["start one", "dominfo nobody", "resume one", "domrename one two", "metadata one http://x", "setmem one abc",
               "shutdown one --mode bogus", "define /nowhere/at/all.xml", "vcpupin one 0 4000", "schedinfo one --weight 3",
               "schedinfo one --cap 0", "memtune one --min-guarantee 5", "numatune one --mode bogus",
               "blkdeviotune one vdz", "domiftune one vnet77", "domiftune one x --inbound 1,2,3,4,5",
               "domiftune one x --outbound ,2", "perf one --enable bogus", "domhostname one --source bogus", "guestvcpus one 0", "guestvcpus one --enable",
               "domfsthaw one /", "set-user-sshkeys one root", "set-user-sshkeys one root --remove", "echo --split --xml a",
               "domdirtyrate-calc one --mode bogus", "domdirtyrate-calc one --seconds 61", "allocpages 3 1 --all",
               "allocpages 2M 1 --all --cellno 0", "node-memory-tune --shm-pages-to-scan -1", "domjobabort one --postcopy",
               "domjobinfo one --keep-completed"]


@pytest.fixture(scope="module")
def guests(shared):
    """A running guest "one" without a system in it, and "off"."""
    devices = """<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='DISK'/>
      <target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
    <interface type='user'><mac address='52:54:00:12:34:57'/><model type='virtio'/></interface>
    <graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1'/><video><model type='vga'/></video>"""
    for name in ("one", "off"):
        disk = shared.directory / f"{name}.img"
        disk.touch()
        disk.chmod(0o666)
        os.truncate(disk, 1 << 20)
    for name, head in (("one", "<title>A title</title><description>Words</description><iothreads>1</iothreads>"), ("off", "")):
        path = shared.directory / f"{name}.xml"
        path.write_text(guest_xml(name, shared, vcpus=1, max_vcpus=3, head=head,
            devices=devices.replace("DISK", str(shared.directory / f"{name}.img"))))
        assert f"Domain '{name}' defined from" in shared.lodge("define", path)
    assert "Domain 'one' started" in shared.lodge("start", "one")
    yield shared
    shared.lodge("destroy", "one")
    shared.lodge("undefine", "one")
    shared.lodge("undefine", "off")


def lines(text):
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def words(verb):
    return verb.split() if "{" not in verb else verb.split(" ", 3)


@pytest.mark.parametrize("verb", SAME)
def test_same_as_virsh(guests, verb):
    virsh = guests.run("virsh", "-c", guests.uri, *words(verb))
    assert lines(guests.lodge(*words(verb))) == lines(virsh)


@pytest.mark.parametrize("verb", SAME_ERRORS)
def test_same_failure(guests, verb):
    with pytest.raises(Failed):
        guests.run("virsh", "-c", guests.uri, *verb.split())
    with pytest.raises(Failed) as failed:
        guests.lodge(*verb.split())
    assert failed.value.status > 0 and failed.value.error.startswith("error: ")


@pytest.mark.parametrize("verb, status", [("start nobody", 6), ("start one", 7), ("list --bogus", 2), ("nonsense", 2),
                                          ("define /nowhere", 1), ("start", 2)])
def test_exit_status(guests, verb, status):
    with pytest.raises(Failed) as failed:
        guests.lodge(*verb.split())
    assert failed.value.status == status


JSON = {
    "list --all": lambda a: {d["name"]: d["state"] for d in a["domains"]} == {"one": "running", "off": "shut off"},
    "dominfo one": lambda a: a["state"] == "running" and a["persistent"] is True and a["vcpus"] == 1,
    "dominfo off": lambda a: a["id"] is None and a["autostart"] is False,
    "domblklist one": lambda a: [d["target"] for d in a["disks"]] == ["vda", "sda"] and a["disks"][1]["source"] is None,
    "vcpuinfo one": lambda a: a["vcpus"][0]["vcpu"] == 0,
    "vcpupin one": lambda a: len(a["pins"]) == 3,
    "domstats one --block": lambda a: a["domains"][0]["stats"]["block.count"] == 2,
    "nodeinfo": lambda a: a["cpus"] >= 1 and a["memory_kib"] > 1000,
    "hostname": lambda a: isinstance(a["hostname"], str),
    "dumpxml one": lambda a: a["xml"].startswith("<domain"),
    "domstate off --reason": lambda a: a["state"] == "shut off",
    "freecell --all": lambda a: a["total_kib"] > 0,
    "nodecpustats": lambda a: a["idle"] > 0,
    "iothreadinfo one": lambda a: a["iothreads"][0]["id"] == 1,
    "help start": lambda a: a["name"] == "start",
    "domdisplay one --all": lambda a: a["displays"][0].startswith("vnc://127.0.0.1:"),
    'qemu-monitor-command one {"execute":"query-kvm"}': lambda a: a["result"]["return"]["enabled"] is False,
}


@pytest.mark.parametrize("verb", JSON)
def test_json(guests, verb):
    assert JSON[verb](json.loads(guests.lodge("--json", *verb.split(" ", 2))))
    assert JSON[verb](json.loads(guests.lodge(*verb.split(" ", 2), "--json", environment=CATALOGUE))), "translated"


def test_json_error(guests):
    with pytest.raises(Failed) as failed:
        guests.lodge("--json", "start", "nobody")
    assert json.loads(failed.value.error)["error"] == "no-domain"


def test_cure_of_what_qemu_says(guests):
    """A disk that another guest writes to is named as the user knows it, with what to do."""
    path = guests.directory / "second.xml"
    path.write_text(guest_xml("second", guests, devices=f"""<disk type='file' device='disk'><driver name='qemu' type='raw'/>
      <source file='{guests.directory}/one.img'/><target dev='vda' bus='virtio'/></disk>"""))
    with pytest.raises(Failed) as failed:
        guests.lodge("create", path)
    assert f"[{guests.directory}/one.img]" in failed.value.error and "<shareable/>" in failed.value.error


def test_stopped_daemon(tmp_path):
    done = subprocess.run([BUILD / "src/cli/lodge", "-c", f"qemu+unix:///system?socket={tmp_path}/sock", "list"],
        capture_output=True, text=True)
    assert done.returncode == 4 and f"nothing listens on {tmp_path}/sock" in done.stderr


def test_life(guests):
    """Each verb that changes something, and that it did."""
    lodge = guests.lodge
    lodge("suspend", "one")
    assert lodge("domstate", "one", "--reason").split("\n")[0] == "paused (user)"
    lodge("resume", "one")
    lodge("setvcpus", "one", "2", "--live")
    assert lodge("vcpucount", "one", "--live", "--active").strip() == "2"
    lodge("setvcpus", "one", "1", "--config")
    lodge("setmem", "one", "100M", "--config")
    assert json.loads(lodge("dominfo", "one", "--json"))["max_memory_kib"] == 128 * 1024
    lodge("vcpupin", "one", "0", "0", "--live")
    lodge("emulatorpin", "one", "r")
    lodge("iothreadadd", "one", "7")
    assert " 7 " in lodge("iothreadinfo", "one")
    lodge("iothreaddel", "one", "7")
    lodge("autostart", "off")
    assert "off" in lodge("list", "--all", "--autostart", "--name")
    lodge("autostart", "off", "--disable")
    lodge("domrename", "off", "away")
    lodge("domrename", "away", "off")
    lodge("desc", "off", "--title", "New", "title")
    assert lodge("desc", "off", "--title").strip() == "New title"
    lodge("metadata", "one", "http://example.org", "--key", "k", "--set", "<a/>", "--live")
    assert "<a" in lodge("metadata", "one", "http://example.org")
    lodge("send-key", "one", "KEY_LEFTCTRL", "KEY_LEFTALT", "KEY_DELETE")
    lodge("inject-nmi", "one")
    lodge("reset", "one")
    lodge("destroy", "one", "--graceful")
    assert lodge("domstate", "one", "--reason").split("\n")[0] == "shut off (destroyed)"
    lodge("start", "one", "--paused")
    assert lodge("domstate", "one").strip() == "paused"
    lodge("resume", "one")


def test_screenshot_and_dump(guests):
    picture, core = guests.directory / "shot", guests.directory / "core"
    assert f"Screenshot saved to {picture}" in guests.lodge("screenshot", "one", picture)
    assert picture.read_bytes()[:4] in (b"\x89PNG", b"P6\n7", b"P6\n1", b"P6\n6")
    guests.lodge("dump", "one", core, "--memory-only", "--verbose")
    assert core.read_bytes()[:4] == b"\x7fELF"
    core.unlink()


def test_edit(guests):
    """The editor's first try is refused; what it then writes counts."""
    editor = guests.directory / "editor.sh"
    editor.write_text("#!/bin/sh\nsed -i 's,<on_crash>.*</on_crash>,<on_crash>restart</on_crash>,' \"$1\"\n")
    editor.chmod(0o755)
    assert "edited" in guests.lodge("edit", "off", environment={"VISUAL": str(editor)})
    assert "<on_crash>restart</on_crash>" in guests.lodge("dumpxml", "off")
    assert "not changed" in guests.lodge("edit", "off", environment={"VISUAL": "true"})
    editor.write_text("#!/bin/sh\necho '<broken' >\"$1\"\n")
    with pytest.raises(Failed) as failed:
        guests.lodge("edit", "off", environment={"VISUAL": str(editor)})
    assert "left as it is" in failed.value.error


def test_events(guests):
    watcher = subprocess.Popen([BUILD / "src/cli/lodge", "-c", guests.uri, "--json", "event", "--event", "lifecycle", "--loop",
        "--timeout", "60"], stdout=subprocess.PIPE, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    try:
        seen = []
        deadline = time.monotonic() + PATIENCE
        # It says nothing when it begins to listen: ask for events until the first one is heard.
        while not select.select([watcher.stdout], [], [], 0.2)[0]:
            assert time.monotonic() < deadline, "no event"
            guests.lodge("suspend", "one")
            guests.lodge("resume", "one")
        seen.append(json.loads(watcher.stdout.readline()))
        assert seen[0]["event"] == "lifecycle" and seen[0]["domain"] == "one"
        assert seen[0]["kind"] in ("Suspended", "Resumed")
    finally:
        watcher.kill()
        watcher.wait()
        watcher.stdout.close()


class Terminal:
    """The command on a terminal of its own."""

    def __init__(self, daemon, *arguments, environment=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm", "ASAN_OPTIONS": "detect_leaks=0", "XDG_CACHE_HOME": str(daemon.directory / "cache"),
                **(environment or {})})
            program = str(daemon.binaries / "src/cli/lodge")
            os.execv(program, [program, "-c", daemon.uri, *map(str, arguments)])
        self.text = b""

    def type(self, data):
        os.write(self.fd, data)

    def read_until(self, marker, seconds=PATIENCE * 2):
        deadline = time.monotonic() + seconds
        start = len(self.text)
        while not re.search(marker, self.text[start:]):
            assert time.monotonic() < deadline, f"no {marker} but {self.text[-2000:]}"
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.fd, 65536)
                except OSError:
                    assert re.search(marker, self.text[start:]), f"ended without {marker}: {self.text[-2000:]}"
        return self.text[start:]

    def end(self):
        """Its exit status."""
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_validate(guests):
    """What validate says without a daemon, the daemon says with --validate; without it, it leaves out what it does not know."""
    path = guests.directory / "wrong.xml"
    path.write_text(guest_xml("wrong", guests, console=False, devices="""
        <disk type='file' devise='cdrom'><source file='/x'/><target dev='vda'/></disk>
        <watchdog model='itco'/>"""))
    with pytest.raises(Failed) as failed:
        guests.run(guests.binaries / "src/cli/lodge", "validate", path)
    assert failed.value.status == 2 and "2 problems" in failed.value.error
    texts = re.findall(r"wrong\.xml:(\d+):(\d+): (.*)", failed.value.output)
    assert [text for _, _, text in texts] == ["<disk>: attribute 'devise' is unknown here; did you mean 'device'?",
                                             "<watchdog model='itco'>: use 'i6300esb' or 'ib700'"]
    for client in ("lodge", "virsh"):
        with pytest.raises(Failed) as failed:
            getattr(guests, client)("define", path, "--validate")
        for line, column, text in texts:
            assert f"line {line}, column {column}: {text}" in failed.value.error
    path.write_text(path.read_text().replace("itco", "i6300esb"))
    guests.lodge("define", path)
    guests.lodge("undefine", "wrong")


def test_shell(guests):
    """The interactive shell: completion of verbs, options and guests, colour, errors, history."""
    terminal = Terminal(guests)
    terminal.read_until(rb"lodge # ")
    terminal.type(b"dominf\ton\t\r")
    terminal.read_until(rb"State: +running")
    terminal.type(b"list --al\t\r")
    terminal.read_until(rb"\x1b\[32mrunning\x1b\[0m")
    terminal.type(b"strat one\r")
    terminal.read_until(rb"did you mean 'start'")
    terminal.type(b"domstate 'off'; echo 'two words'\r")
    assert b"shut off" in terminal.read_until(rb"two words\r")
    terminal.type(b"quit\r")
    assert terminal.end() == 0
    assert "list --all" in (guests.directory / "cache/lodge/history").read_text().replace("\\040", " ")


def test_console(shared):
    """Start with --console, see the boot, type, leave with Ctrl-], come back and see what was there."""
    path = shared.directory / "talk.xml"
    path.write_text(guest_xml("talk", shared, boot=True, memory_mib=256))
    shared.lodge("define", path)
    terminal = Terminal(shared, "start", "talk", "--console")
    terminal.read_until(rb"Escape character is \^\]")
    terminal.read_until(rb"/ #", PATIENCE * 4)
    terminal.type(b"echo $((6*7))\r")
    terminal.read_until(rb"42")
    terminal.type(b"\x1d")
    assert terminal.end() == 0
    # Piped, as in a script: the scrollback, then until the guest has gone.
    terminal = Terminal(shared, "console", "talk")
    terminal.read_until(rb"42")
    terminal.type(b"poweroff -f\r")
    assert terminal.end() == 0
    wait_until(lambda: "shut off" in shared.lodge("domstate", "talk"), "the guest is off")
    shared.lodge("undefine", "talk")


def test_chinese(guests):
    text = guests.lodge("list", "--all", environment=CATALOGUE)
    assert re.search(r"^ Id   名称   状态$", text, re.M) and "运行中" in text and "关闭" in text
    assert "域 'off' 已开始" in guests.lodge("start", "off", environment=CATALOGUE)
    assert "域 'off' 已销毁" in guests.lodge("destroy", "off", environment=CATALOGUE)
    with pytest.raises(Failed) as failed:
        guests.lodge("start", "one", environment=CATALOGUE)
    assert "错误：" in failed.value.error


def test_wide_table(guests):
    """A Chinese name does not shift the columns behind it."""
    path = guests.directory / "wide.xml"
    path.write_text(guest_xml("网站", guests))
    guests.lodge("define", path)
    rows = guests.lodge("list", "--all").splitlines()
    row = next(line for line in rows if "网站" in line)
    other = next(line for line in rows if " off " in line)
    assert row.index("shut off") + 2 == other.index("shut off")
    guests.lodge("undefine", "网站")


def test_completion(guests):
    """bash's, by the script that is installed."""
    script = REPOSITORY / "packaging/completion/lodge"
    complete = lambda line: guests.run("bash", "-c", f'PATH={BUILD}/src/cli:$PATH; . {script}; COMP_LINE="{line}"; '
        'COMP_POINT=${#COMP_LINE}; _lodge; printf "%s\\n" "${COMPREPLY[@]}"', environment={"LODGE_URI": guests.uri}).split()
    assert complete("lodge domst") == ["domstate", "domstats"]
    assert sorted(complete("lodge domstate ")) == ["off", "one"]
    assert complete("lodge start ") == ["off"]
    assert complete("lodge domblkinfo one v") == ["vda"]
    assert complete("lodge start --domain=o") == ["off"]


def test_doctor(guests):
    try:
        text = guests.lodge("doctor", "--json")
    except Failed as failed:
        text = failed.output
        assert failed.status == 1
    checks = {check["name"]: check for check in json.loads(text)["checks"]}
    assert checks["kvm-speed"]["status"] in ("ok", "warn", "fail")
    assert all(check["cure"] for check in checks.values() if check["status"] == "fail")
    assert checks["daemon"]["status"] == "ok" and str(guests.socket) in checks["daemon"]["detail"]


@pytest.mark.parametrize("how", ["environment", "option"])
def test_doctor_asks_the_daemon_of_the_connection(guests, how):
    uri = f"qemu+unix:///system?socket={guests.directory}/nobody"
    more = ["-c", uri] if how == "option" else []
    done = subprocess.run([BUILD / "src/cli/lodge", *more, "doctor", "--json"], capture_output=True, text=True,
        env={**os.environ, "LODGE_URI": uri})
    (check,) = (check for check in json.loads(done.stdout)["checks"] if check["name"] == "daemon")
    assert check["status"] == "warn" and f"{guests.directory}/nobody" in check["detail"] and check["cure"]


def test_doctor_does_not_judge_another_host():
    done = subprocess.run([BUILD / "src/cli/lodge", "-c", "qemu+ssh://elsewhere/system", "doctor"], capture_output=True, text=True)
    assert done.returncode == 2 and "run it on the host of the daemon" in done.stderr


def test_verbs_of_virsh_that_are_not_built(guests):
    """Each verb of stock virsh is lodge's too, or said to be missing: none is taken for a misspelt other."""
    name = re.compile(r"^ +([a-z][a-z0-9-]+) ", re.M)
    stock, own = set(name.findall(guests.run("virsh", "help"))), set(name.findall(guests.lodge("help")))
    missing = sorted(stock - own)
    assert len(stock) > 200 and "net-start" in missing
    done = subprocess.run([BUILD / "src/cli/lodge"], input="\n".join(missing), capture_output=True, text=True)
    said = re.findall(r"command '([a-z0-9-]+)' of virsh is not built yet", done.stderr)
    assert said == missing and "did you mean" not in done.stderr
    with pytest.raises(Failed) as failed:
        guests.lodge("net-start", "default")
    assert failed.value.status == 3


def test_example(guests):
    assert re.search(r"^ +-1 off$", guests.run(BUILD / "examples/example-list-guests", guests.uri), re.M)


def test_session(guests):
    """One's own daemon is started by the first command that needs it, and serves the next."""
    home = guests.directory / "home"
    environment = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run"), "LODGE_URI": "qemu:///session",
        "PATH": f"{BUILD}/src/daemon:{os.environ['PATH']}", **guests.environment}
    for name in ("config", "data", "state", "cache"):
        environment[f"XDG_{name.upper()}_HOME"] = str(home / name)
    (home / "run").mkdir(parents=True, mode=0o700)
    lodge = lambda *arguments: guests.run(BUILD / "src/cli/lodge", *arguments, environment=environment)
    try:
        path = guests.directory / "mine.xml"
        path.write_text(guest_xml("mine", guests))
        assert "Domain 'mine' defined" in lodge("define", path)
        assert lodge("list", "--all", "--name").split() == ["mine"]
    finally:
        pid = int((home / "run/lodge/lodged.pid").read_text())
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not process_alive(pid), "the session's daemon ends")


def test_every_verb_names_what_is_wrong(guests):
    """A wrong option and an unknown guest, to each verb that is built: a failure that names them, in JSON too."""
    verbs = re.findall(r"^ +([a-z][a-z0-9-]+) ", guests.lodge("help"), re.M)
    assert len(verbs) > 90
    run = lambda *words: subprocess.run([BUILD / "src/cli/lodge", "-c", guests.uri, *words], capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=PATIENCE)
    for verb in verbs:
        done = run(verb, "--no-such-option")
        assert done.returncode == 2 and "no-such-option" in done.stderr, f"{verb}: {done}"
        if "[--domain]" not in run("help", verb).stdout:
            continue
        done = run("--json", verb, "--domain", "nobody")
        assert done.returncode and json.loads(done.stderr.splitlines()[-1])["error"] in ("no-domain", "invalid-argument"), f"{verb}: {done}"
