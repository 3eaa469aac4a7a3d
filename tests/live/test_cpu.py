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
