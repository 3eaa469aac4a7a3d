# SPDX-License-Identifier: Apache-2.0
"""What is tuned on a running guest, as virsh prints it, the kernel's files hold it and QEMU says it."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import libvirt
import pytest

from daemons import Failed, wait_until
from guests import Events, guest_xml

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="control groups and counters are root's")


def start(daemon, name, **more):
    """A paused guest, defined."""
    connection = daemon.connect()
    domain = connection.defineXML(guest_xml(name, console=False, **more))
    domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    connection.close()


def pid_of(daemon, name):
    marks = (f"-{name}\0".encode(), f"guest={name},".encode())
    for pid in daemon.guest_pids():
        if any(mark in Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes() for mark in marks):
            return pid
    raise AssertionError(f"no QEMU of {name}")


def table(text):
    """virsh's "name : value" lines."""
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines()) if value}


def stats(daemon, name, *groups):
    return dict(line.strip().split("=", 1) for line in daemon.virsh("domstats", "--raw", *groups, name).splitlines() if "=" in line)


def test_perf_events(shared):
    start(shared, "perf", extra="<perf><event name='page_faults' enabled='yes'/><event name='cpu_clock' enabled='no'/></perf>")
    shown = table(shared.run("virsh", "-c", shared.uri, "perf", "perf"))  # it prints nothing with -q
    assert len(shown) == 22
    assert [name for name, state in shown.items() if state == "enabled"] == ["page_faults"]
    assert list(stats(shared, "perf", "--perf")) == ["perf.page_faults"]
    shared.virsh("perf", "perf", "--enable", "task_clock,context_switches", "--disable", "page_faults", "--live", "--config")
    shared.virsh("resume", "perf")
    counted = stats(shared, "perf", "--perf")
    assert list(counted) == ["perf.task_clock", "perf.context_switches"]
    assert int(counted["perf.task_clock"]) > 0
    for flag in ("--inactive", "--security-info"):
        xml = shared.virsh("dumpxml", "perf", flag)
        assert re.findall(r"<event name='(\w+)' enabled='(\w+)'/>", xml) == [("cpu_clock", "no"), ("task_clock", "yes"),
            ("page_faults", "no"), ("context_switches", "yes")]
    with pytest.raises(Failed, match="cmt"):
        shared.virsh("perf", "perf", "--enable", "cmt", "--live")
    assert "cmt" not in stats(shared, "perf", "--perf")
    shared.virsh("destroy", "perf")
    with pytest.raises(Failed, match="mbmt"):
        shared.virsh("perf", "perf", "--enable", "mbmt", "--config")
        shared.virsh("start", "perf")
    shared.virsh("undefine", "perf")


@pytest.mark.lodge
def test_perf_events_are_counted_again_by_the_next_daemon(daemon):
    start(daemon, "again", extra="<perf><event name='task_clock' enabled='yes'/></perf>")
    daemon.kill()
    daemon.start()
    wait_until(lambda: "perf.task_clock" in stats(daemon, "again", "--perf"), "the guest is found and counted again")
    daemon.virsh("destroy", "again")


@pytest.mark.skipif(not os.access("/dev/kvm", os.R_OK | os.W_OK), reason="only KVM keeps these counters")
def test_counters_of_kvm(shared):
    start(shared, "kvm", kind="kvm", vcpus=2)
    vm = stats(shared, "kvm", "--vm")
    assert vm and all(re.fullmatch(r"vm\.\w+\.(cur|sum|max)", name) for name in vm)
    vcpu = stats(shared, "kvm", "--vcpu")
    assert {"vcpu.0.exits.sum", "vcpu.1.exits.sum", "vcpu.0.guest_mode.cur"} <= set(vcpu)
    assert not any("hist" in name for name in vcpu)
    shared.virsh("destroy", "kvm")
    assert stats(shared, "kvm", "--vm") == {}
    shared.virsh("undefine", "kvm")
    start(shared, "tcg")
    assert stats(shared, "tcg", "--vm") == {}
    shared.virsh("destroy", "tcg")
    shared.virsh("undefine", "tcg")


def groups_of(pid):
    """{controller: directory} of a process (version 1, or version 2's one directory under every name)."""
    found = {}
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            found[name] = Path("/sys/fs/cgroup", name) / path.lstrip("/")
    return found


V1 = Path("/sys/fs/cgroup/cpu/cpu.shares").parent.is_dir() and Path("/sys/fs/cgroup/memory").is_dir()
on_v1 = pytest.mark.skipif(not V1, reason="reads the files of version 1")


def left_behind(daemon):
    return [str(path) for path in Path("/sys/fs/cgroup").glob("*/machine/lodge-*")
        if path.name.endswith(f".{root_mark(daemon)}")]


def root_mark(daemon):
    """As GLib hashes the daemon's root."""
    value = 5381
    for byte in str(daemon.root).encode():
        value = (value * 33 + byte) & 0xFFFFFFFF
    return f"{value:08x}"


@on_v1
@pytest.mark.lodge
def test_limits_hold_from_the_start_and_nothing_is_left(shared):
    head = """<blkiotune><weight>300</weight></blkiotune>
      <memtune><hard_limit unit='MiB'>900</hard_limit><soft_limit unit='MiB'>800</soft_limit>
      <swap_hard_limit unit='MiB'>1000</swap_hard_limit></memtune>
      <cputune><shares>2048</shares><period>50000</period><quota>25000</quota><global_period>100000</global_period>
      <global_quota>150000</global_quota><emulator_period>20000</emulator_period><emulator_quota>10000</emulator_quota></cputune>
      <numatune><memory mode='strict' nodeset='0'/></numatune>"""
    start(shared, "held", head=head, vcpus=2)
    groups = groups_of(pid_of(shared, "held"))
    guest = {name: path.parent if path.name == "emulator" else path for name, path in groups.items()}
    read = lambda controller, file: (guest[controller] / file).read_text().strip()
    assert read("memory", "memory.limit_in_bytes") == str(900 << 20)
    assert read("memory", "memory.soft_limit_in_bytes") == str(800 << 20)
    assert read("memory", "memory.memsw.limit_in_bytes") == str(1000 << 20)
    assert read("cpu", "cpu.shares") == "2048"
    assert read("cpu", "cpu.cfs_quota_us") == "150000"
    assert read("cpu", "vcpu1/cpu.cfs_period_us") == "50000" and read("cpu", "vcpu0/cpu.cfs_quota_us") == "25000"
    assert read("cpu", "emulator/cpu.cfs_quota_us") == "10000"
    assert read("cpuset", "cpuset.mems") == "0"
    assert read("blkio", "blkio.bfq.weight") == "300"
    for vcpu in (0, 1):
        assert len(read("cpu", f"vcpu{vcpu}/tasks").split()) == 1
    assert table(shared.virsh("memtune", "held"))["hard_limit"] == str(900 * 1024)
    assert table(shared.virsh("schedinfo", "held"))["vcpu_quota"] == "25000"
    shared.virsh("destroy", "held")
    assert not left_behind(shared)
    shared.virsh("undefine", "held")


@pytest.mark.lodge
@pytest.mark.parametrize("head, named", [
    ("<memtune><hard_limit unit='KiB'>4</hard_limit></memtune>", "killed by signal 9"),
    ("<blkiotune><device><path>/dev/none</path><weight>300</weight></device></blkiotune>", "<blkiotune><device><weight>"),
    ("<numatune><memory mode='strict' nodeset='63'/></numatune>", "<numatune><memory nodeset>"),
    ("<cputune><cachetune vcpus='0'><cache id='0' level='3' type='both' size='1' unit='MiB'/></cachetune></cputune>", "<cachetune>"),
    ("<cputune><memorytune vcpus='0'><node id='0' bandwidth='50'/></memorytune></cputune>", "<memorytune>"),
    ("<resource><partition>/nobody/made/this</partition></resource>", "<resource><partition>"),
])
def test_a_limit_that_cannot_be_fails_the_start_by_name(shared, head, named):
    kind = "kvm" if "<cputune>" in head else "qemu"  # resctrl is for those only
    if kind == "kvm" and not os.access("/dev/kvm", os.R_OK | os.W_OK):
        pytest.skip("no KVM")
    with pytest.raises(libvirt.libvirtError, match=re.escape(named)):
        start(shared, "cannot", head=head, kind=kind)
    shared.connect().lookupByName("cannot").undefine()
    assert not left_behind(shared) and not shared.guest_pids()


@on_v1
@pytest.mark.lodge
def test_limits_of_a_running_guest(shared):
    start(shared, "run", vcpus=1)
    groups = groups_of(pid_of(shared, "run"))
    shared.virsh("memtune", "run", "--hard-limit", "700M", "--swap-hard-limit", "800M", "--live", "--config")
    assert (groups["memory"] / "memory.limit_in_bytes").read_text().strip() == str(700 << 20)
    assert (groups["memory"] / "memory.memsw.limit_in_bytes").read_text().strip() == str(800 << 20)
    shared.virsh("memtune", "run", "--hard-limit", "600M", "--swap-hard-limit", "600M", "--live")
    shared.virsh("memtune", "run", "--hard-limit", "900M", "--swap-hard-limit", "900M", "--live")
    assert table(shared.virsh("memtune", "run")) == {"hard_limit": "921600", "soft_limit": "unlimited", "swap_hard_limit": "921600"}
    assert table(shared.virsh("memtune", "run", "--config"))["hard_limit"] == str(700 << 10)
    with pytest.raises(Failed, match="lower than or equal to swap_hard_limit"):
        shared.virsh("memtune", "run", "--swap-hard-limit", "1M", "--live")
    shared.virsh("blkiotune", "run", "--weight", "700", "--live")
    assert (groups["blkio"] / "blkio.bfq.weight").read_text().strip() == "700"
    shared.virsh("numatune", "run", "--nodeset", "0", "--live")
    assert table(shared.virsh("numatune", "run")) == {"numa_mode": "strict", "numa_nodeset": "0"}
    with pytest.raises(Failed, match="numatune mode for running domain"):
        shared.virsh("numatune", "run", "--mode", "interleave", "--live")
    shared.virsh("schedinfo", "run", "--live", "--set", "vcpu_quota=50000", "--set", "cpu_shares=512")
    assert (groups["cpu"] / "vcpu0/cpu.cfs_quota_us").read_text().strip() == "50000"
    with pytest.raises(Failed, match="not supported"):
        shared.virsh("memtune", "run", "--min-guarantee", "5")
    assert re.search(r"CPU0:\n\s+cpu_time", shared.virsh("cpu-stats", "run"))
    shared.virsh("destroy", "run")
    shared.virsh("undefine", "run")
    assert not left_behind(shared)


@on_v1
@pytest.mark.lodge
def test_the_next_daemon_knows_the_group(daemon):
    start(daemon, "kept", head="<memtune><hard_limit unit='MiB'>900</hard_limit></memtune>")
    daemon.kill()
    daemon.start()
    daemon.virsh("memtune", "kept", "--hard-limit", "800M", "--live")
    group = groups_of(pid_of(daemon, "kept"))["memory"]
    assert (group / "memory.limit_in_bytes").read_text().strip() == str(800 << 20)
    daemon.kill()
    daemon.kill_guests()
    daemon.start()
    assert not left_behind(daemon)


def test_config_of_what_is_off(shared):
    shared.connect().defineXML(guest_xml("off", console=False))
    assert table(shared.virsh("memtune", "off"))["hard_limit"] == "unlimited"
    assert table(shared.virsh("blkiotune", "off"))["weight"] == "0"
    shared.virsh("blkiotune", "off", "--device-read-iops-sec", "/dev/vda,100,/dev/vdb,5", "--device-weights", "/dev/vda,500", "--config")
    shared.virsh("blkiotune", "off", "--device-read-iops-sec", "/dev/vdb,7", "--config")
    shown = table(shared.virsh("blkiotune", "off", "--config"))
    assert shown["device_read_iops_sec"] == "/dev/vda,100,/dev/vdb,7" and shown["device_weight"] == "/dev/vda,500"
    with pytest.raises(Failed, match="invalid value '' for parameter 'device_read_iops_sec' of device '/dev/vda'"):
        shared.virsh("blkiotune", "off", "--device-read-iops-sec", "/dev/vda,", "--config")
    with pytest.raises(Failed, match="nodeset for NUMA memory tuning must be set"):
        shared.virsh("numatune", "off", "--mode", "strict", "--config")
    shared.virsh("numatune", "off", "--mode", "preferred", "--nodeset", "0-1", "--config")
    assert table(shared.virsh("numatune", "off")) == {"numa_mode": "preferred", "numa_nodeset": "0-1"}
    assert "<memory mode='preferred' nodeset='0-1'/>" in shared.virsh("dumpxml", "off")
    shared.virsh("undefine", "off")


def throttles(daemon, name):
    """{qdev: {limit: value}} as QEMU says it, what is 0 left out."""
    reply = json.loads(daemon.virsh("qemu-monitor-command", name, '{"execute":"query-block"}'))["return"]
    return {block["qdev"].removeprefix("/machine/peripheral/").split("/")[0]: {key: value for key, value in block["inserted"].items()
        if (key.startswith(("bps", "iops")) and value) or key == "group"} for block in reply if "inserted" in block}


def test_block_io_tune(shared):
    def disk(target, bus, iotune=""):
        path = shared.directory / f"{target}.img"
        path.write_bytes(b"\0" * (1 << 20))
        path.chmod(0o666)
        return (f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{path}'/>"
            f"<target dev='{target}' bus='{bus}'/>{iotune}</disk>")

    shared_tune = "<iotune><total_bytes_sec>1000000</total_bytes_sec><group_name>both</group_name></iotune>"
    start(shared, "io", devices=disk("vda", "virtio", shared_tune) + disk("vdb", "virtio", shared_tune)
        + disk("sda", "sata", "<iotune><read_iops_sec>50</read_iops_sec><read_iops_sec_max>100</read_iops_sec_max></iotune>"))
    assert throttles(shared, "io")["virtio-disk1"] == {"bps": 1000000, "group": "both"}
    assert throttles(shared, "io")["sata0-0-0"] == {"iops_rd": 50, "iops_rd_max": 100, "iops_rd_max_length": 1, "group": "sata0-0-0"}
    shown = table(shared.virsh("blkdeviotune", "io", "sda"))
    assert len(shown) == 20 and shown["read_iops_sec"] == "50" and shown["read_iops_sec_max_length"] == "1"
    # One member of a group speaks for all; the kind of limit that is given replaces what it had.
    shared.virsh("blkdeviotune", "io", "vdb", "--read-bytes-sec", "5000", "--write-bytes-sec", "6000", "--live", "--config")
    assert throttles(shared, "io")["virtio-disk0"] == {"bps_rd": 5000, "bps_wr": 6000, "group": "both"}
    xml = shared.virsh("dumpxml", "io")
    assert xml.count("<read_bytes_sec>5000<") == 2 and "<total_bytes_sec>" not in xml
    assert shared.virsh("dumpxml", "io", "--inactive").count("<write_bytes_sec>6000<") == 2
    shared.virsh("blkdeviotune", "io", "vda", "--total-iops-sec", "7", "--group-name", "own", "--live")
    assert throttles(shared, "io")["virtio-disk0"] == {"bps_rd": 5000, "bps_wr": 6000, "iops": 7, "group": "own"}
    assert throttles(shared, "io")["virtio-disk1"] == {"bps_rd": 5000, "bps_wr": 6000, "group": "both"}
    for options, why in ((["--read-iops-sec-max", "30"], "cannot be smaller"), (["--read-iops-sec", "0"], "cannot reset"),
            (["--total-bytes-sec", "10", "--read-bytes-sec", "5"], "cannot be set at the same time"),
            (["--read-bytes-sec", "2000000000000000"], "no more than 1000000000000000")):
        with pytest.raises(Failed, match=why):
            shared.virsh("blkdeviotune", "io", "sda", *options, "--live")
    with pytest.raises(Failed, match="'vdz'"):
        shared.virsh("blkdeviotune", "io", "vdz")
    assert throttles(shared, "io")["sata0-0-0"]["iops_rd"] == 50
    shared.virsh("destroy", "io")
    shared.virsh("undefine", "io")


def test_tunable_events(daemon, events_connection):
    disk = f"<disk type='file' device='disk'><source file='{daemon.kernel}'/><target dev='vda' bus='virtio'/><readonly/></disk>"
    domain = events_connection.createXML(guest_xml("ev", console=False, devices=disk), libvirt.VIR_DOMAIN_START_PAUSED)
    events = Events(events_connection, libvirt.VIR_DOMAIN_EVENT_ID_TUNABLE)
    domain.setBlockIoTune("vda", {"read_iops_sec": 9}, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    events.wait("ev", {"blkdeviotune.disk": "vda", "blkdeviotune.read_iops_sec": 9})
    domain.setSchedulerParametersFlags({"cpu_shares": 512, "vcpu_quota": 5000}, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    events.wait("ev")
    wait_until(lambda: any("cputune.vcpu_quota" in values for _, values in events.seen) or any(
        "cputune.cpu_shares" in values for _, values in events.seen), "an event of the scheduler's")
    events.close()
    domain.destroy()


def tc(*words):
    return subprocess.run(["tc", *words], capture_output=True, text=True).stdout


@pytest.mark.lodge  # libvirtd 9 wants queueing disciplines that not every kernel has
@pytest.mark.skipif(not shutil.which("tc") or not os.path.exists("/dev/net/tun"), reason="needs tc and taps")
def test_bandwidth_of_an_interface(shared):
    def card(bandwidth):
        return ("<interface type='ethernet'><mac address='52:54:00:11:22:33'/><target dev='lgtune0'/>"
            f"<bandwidth>{bandwidth}</bandwidth><model type='virtio'/></interface>")

    start(shared, "net", devices=card("<inbound average='100' peak='200' burst='30'/>"))
    assert "rate 800Kbit ceil 1600Kbit burst 30Kb" in tc("class", "show", "dev", "lgtune0")
    shown = table(shared.virsh("domiftune", "net", "lgtune0"))
    assert shown["inbound.average"] == "100" and shown["inbound.peak"] == "200" and shown["outbound.average"] == "0"
    shared.virsh("domiftune", "net", "52:54:00:11:22:33", "--inbound", "300,400", "--live", "--config")
    assert "rate 2400Kbit ceil 3200Kbit" in tc("class", "show", "dev", "lgtune0")
    for flag in ("--security-info", "--inactive"):
        assert "<inbound average='300' peak='400'/>" in shared.virsh("dumpxml", "net", flag)
    try:
        shared.virsh("domiftune", "net", "lgtune0", "--outbound", "50", "--live")
        assert "rate 400Kbit" in tc("filter", "show", "dev", "lgtune0", "parent", "ffff:")
    except Failed as why:  # a kernel without policing: by name, and what was there stays
        assert "<bandwidth><outbound>" in str(why)
        assert "rate 2400Kbit" in tc("class", "show", "dev", "lgtune0")
    shared.virsh("domiftune", "net", "lgtune0", "--inbound", "0", "--live")
    assert "htb" not in tc("qdisc", "show", "dev", "lgtune0")
    with pytest.raises(Failed, match="'vnet77' is not a known interface"):
        shared.virsh("domiftune", "net", "vnet77")
    shared.virsh("destroy", "net")
    shared.virsh("undefine", "net")
    with pytest.raises(libvirt.libvirtError, match="<bandwidth><inbound floor>"):
        shared.connect().createXML(guest_xml("floor", console=False, devices=card("<inbound average='1' floor='1'/>")))
    user = "<interface type='user'><mac address='52:54:00:11:22:34'/></interface>"
    start(shared, "user", devices=user)
    with pytest.raises(Failed, match="interfaces of type 'user' is not implemented"):
        shared.virsh("domiftune", "user", "52:54:00:11:22:34", "--inbound", "5", "--live")
    shared.virsh("destroy", "user")
    shared.virsh("undefine", "user")
