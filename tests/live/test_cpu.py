# SPDX-License-Identifier: Apache-2.0
"""CPUs compared and combined, as QEMU itself describes its models, and what a guest's CPU turned out to be."""
import json
import re

import pytest

from daemons import Failed
from guests import guest_xml


def cpu_file(shared, text):
    path = shared.directory / "cpu.xml"
    path.write_text(text)
    return path


def test_own_descriptions_are_identical(shared):
    """What the daemon says of the host and of each accelerator, it recognises."""
    path = cpu_file(shared, shared.virsh("capabilities"))
    assert "identical to host CPU" in shared.virsh("cpu-compare", path)
    path = cpu_file(shared, shared.virsh("domcapabilities", "--virttype", "qemu"))
    assert "identical to the CPU provided by hypervisor" in shared.virsh("hypervisor-cpu-compare", path, "--virttype", "qemu")


@pytest.mark.parametrize("cpu, answer", [
    ("<cpu><model>Nehalem</model></cpu>", "superset"),
    ("<cpu mode='host-model'/>", "superset"),
    ("<cpu><model>EPYC</model><feature policy='forbid' name='avx2'/></cpu>", "Host CPU provides forbidden features: avx2"),
    ("<cpu><model>qemu64</model><feature name='avx512f'/></cpu>", "Host CPU does not provide required features: avx512f"),
    ("<cpu><arch>i686</arch><model>Penryn</model><vendor>Intel</vendor></cpu>",
     "host CPU vendor does not match required CPU vendor Intel"),
    ("<cpu><model>NoSuch</model></cpu>", "Unknown CPU model NoSuch"),
    ("<cpu><model>core2duo</model><feature name='nosuch'/></cpu>", "Unknown CPU feature nosuch"),
])
def test_compare(shared, cpu, answer):
    path = cpu_file(shared, cpu)
    words = ("hypervisor-cpu-compare", path, "--virttype", "qemu", "--error")
    try:
        said = shared.virsh(*words)
    except Failed as failed:
        said = failed.error
    assert answer in said


def test_lodge_compares_as_virsh(shared):
    path = cpu_file(shared, "<cpu><model>Nehalem</model></cpu>")
    words = ("hypervisor-cpu-compare", path, "--virttype", "qemu")
    if hasattr(shared, "lodge"):
        assert shared.lodge(*words).strip() == shared.virsh(*words).strip()
        assert json.loads(shared.lodge(*words, "--json")) == {"result": "superset"}


def test_baseline(shared):
    path = cpu_file(shared, "<cpu><model>Penryn</model></cpu><cpu><model>Nehalem</model></cpu>")
    plain = shared.virsh("hypervisor-cpu-baseline", path, "--virttype", "qemu")
    assert plain.strip() == "<cpu mode='custom' match='exact'>\n  <model fallback='forbid'>Penryn</model>\n</cpu>"
    expanded = shared.virsh("hypervisor-cpu-baseline", path, "--virttype", "qemu", "--features")
    names = re.findall(r"<feature policy='require' name='(.*?)'/>", expanded)
    assert names == sorted(names) and {"sse4.1", "cx16", "lm"} <= set(names)
    path = cpu_file(shared, "<cpu><arch>x86_64</arch><model>Penryn</model><vendor>Intel</vendor></cpu>"
                            "<cpu><arch>x86_64</arch><model>EPYC</model><vendor>AMD</vendor></cpu>")
    with pytest.raises(Failed, match="CPU vendors do not match"):
        shared.virsh("cpu-baseline", path)
    path = cpu_file(shared, "<cpu><model>Penryn</model></cpu>")
    with pytest.raises(Failed, match="Missing CPU architecture"):
        shared.virsh("cpu-baseline", path)


def start_with(shared, name, cpu):
    """Defines and starts a guest paused under TCG; the <cpu> of its live XML, or what the start said."""
    path = shared.directory / f"{name}.xml"
    path.write_text(guest_xml(name, shared, memory_mib=16, extra=cpu, console=False, balloon=False))
    shared.virsh("define", path)
    try:
        shared.virsh("start", name, "--paused")
        return re.search(r"<cpu\b[^>]*/>|<cpu\b.*?</cpu>", shared.virsh("dumpxml", name), re.DOTALL)[0]
    except Failed as failed:
        return failed.error
    finally:
        if shared.virsh("domstate", name).strip() != "shut off":
            shared.virsh("destroy", name)
        shared.virsh("undefine", name)


@pytest.mark.parametrize("cpu, wanted", [
    ("<cpu mode='custom' match='exact'><model>Nehalem</model></cpu>",
     "<cpu mode='custom' match='exact' check='full'>|<model fallback='forbid'>Nehalem</model>|"
     "<feature policy='require' name='hypervisor'/>|</cpu>"),
    ("<cpu mode='custom' match='exact'><model>Nehalem</model><feature policy='disable' name='sse2'/>"
     "<feature policy='require' name='mmx'/><feature policy='optional' name='avx'/>"
     "<feature policy='optional' name='avx512f'/></cpu>",
     "<cpu mode='custom' match='exact' check='full'>|<model fallback='forbid'>Nehalem</model>|"
     "<feature policy='disable' name='sse2'/>|<feature policy='require' name='mmx'/>|<feature policy='require' name='avx'/>|"
     "<feature policy='disable' name='avx512f'/>|<feature policy='require' name='hypervisor'/>|</cpu>"),
    ("<cpu mode='custom' match='exact' check='full'><model>Nehalem</model></cpu>",
     "guest CPU doesn't match specification: extra features: hypervisor"),
    ("<cpu mode='custom' match='exact' check='full'><model>Nehalem</model><feature name='hypervisor'/></cpu>",
     "<model fallback='forbid'>Nehalem</model>"),
    ("<cpu mode='custom' match='exact' check='full'><model>kvm64</model><feature policy='forbid' name='avx'/>"
     "<feature policy='require' name='avx512f'/></cpu>",
     "guest CPU doesn't match specification: extra features: hypervisor, missing features: avx512f"),
    ("<cpu mode='custom' match='exact' check='partial'><model>kvm64</model><feature policy='forbid' name='avx'/></cpu>",
     "the CPU is incompatible with host CPU: Host CPU provides forbidden features: avx"),
    ("<cpu mode='custom' match='exact' check='partial'><model>kvm64</model><feature policy='require' name='avx512f'/></cpu>",
     "the CPU is incompatible with host CPU: Host CPU does not provide required features: avx512f"),
    ("<cpu mode='custom' match='exact' check='partial'><model>kvm64</model><vendor>Intel</vendor></cpu>",
     "the CPU is incompatible with host CPU: host CPU vendor does not match required CPU vendor Intel"),
    ("<cpu mode='maximum'/>", "<cpu mode='maximum' check='none'/>"),
])
def test_cpu_of_a_guest(shared, cpu, wanted):
    """As libvirtd 9.0 has it: the live XML says what QEMU made of the CPU; what was asked for in vain fails the start."""
    said = start_with(shared, "cpu", cpu)
    assert wanted in re.sub(r"\n\s*", "|", said)


def test_host_model_of_a_guest(shared):
    """It becomes the model that it means here, with every feature beyond it."""
    said = start_with(shared, "cpu", "<cpu mode='host-model'/>")
    assert said.startswith("<cpu mode='custom' match='exact' check='full'>")
    assert re.search(r"<model fallback='forbid'>[\w-]+</model>", said) and "<vendor>" in said
