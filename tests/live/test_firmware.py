# SPDX-License-Identifier: Apache-2.0
"""UEFI guests: where the variables come from, that they are kept, and what may happen to them with the definition."""
import os
import re

import pytest

from daemons import Failed
from guests import guest_xml

CODE, VARS = "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"
MARK = b"LODGE-MARK"


def efi_xml(daemon, kind, path):
    """automatic: the daemon chooses. explicit: program and template are named."""
    xml = guest_xml(f"efi-{kind}", daemon, memory_mib=64)
    if kind == "automatic":
        return xml.replace("<os>", "<os firmware='efi'>")
    return xml.replace("</os>", f"<loader readonly='yes' type='pflash'>{CODE}</loader><nvram template='{VARS}'>{path}</nvram></os>")


@pytest.mark.parametrize("kind", ["automatic", "explicit"])
def test_nvram(shared, kind):
    name = f"efi-{kind}"
    xml = shared.directory / f"{name}.xml"
    xml.write_text(efi_xml(shared, kind, shared.directory / "own_VARS.fd"))
    shared.virsh("define", xml)
    shared.virsh("start", name, "--paused")
    (path,) = re.findall(r"<nvram[^>]*>([^<]+)</nvram>", shared.virsh("dumpxml", name))
    assert "OVMF_CODE" in shared.virsh("dumpxml", name)
    size = os.path.getsize(path)
    shared.virsh("destroy", name)
    with open(path, "r+b") as file:  # behind the variables, where nobody looks
        file.seek(-len(MARK), os.SEEK_END)
        file.write(MARK)
    shared.virsh("start", name, "--paused")
    shared.virsh("destroy", name)
    assert open(path, "rb").read().endswith(MARK), "kept from run to run"
    shared.virsh("start", name, "--paused", "--reset-nvram")
    shared.virsh("destroy", name)
    text = open(path, "rb").read()
    assert not text.endswith(MARK) and len(text) == size, "made anew from the template"

    with pytest.raises(Failed, match="nvram"):
        shared.virsh("undefine", name)
    shared.virsh("undefine", name, "--keep-nvram")
    assert os.path.exists(path)
    shared.virsh("define", xml)
    shared.virsh("start", name, "--paused")
    shared.virsh("destroy", name)
    with pytest.raises(Failed):
        shared.virsh("undefine", name, "--nvram", "--keep-nvram")
    shared.virsh("undefine", name, "--nvram")
    assert not os.path.exists(path)
