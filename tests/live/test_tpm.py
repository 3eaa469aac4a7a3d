# SPDX-License-Identifier: Apache-2.0
"""A TPM by swtpm: the guest's kernel finds it, and its state outlives the run but not the definition."""
import shutil

import pytest

from daemons import processes_naming
from guests import Console, guest_xml

pytestmark = [pytest.mark.lodge, pytest.mark.skipif(not shutil.which("swtpm"), reason="swtpm is not installed")]


@pytest.mark.parametrize("model", ["tpm-tis", "tpm-crb"])
def test_guest_sees_its_tpm(daemon, connection, model):
    tpm = f"<tpm model='{model}'><backend type='emulator' version='2.0'/></tpm>"
    domain = connection.defineXML(guest_xml("tpm", daemon, boot=True, devices=tpm))
    domain.create()
    console = Console(daemon, "tpm")
    console.read_until(b"LODGE-GUEST-READY")
    console.type("ls /dev/tpm0 && echo version $(cat /sys/class/tpm/tpm0/tpm_version_major)")
    console.read_until(b"version 2")
    console.close()
    state = [path for path in (daemon.root / "state/qemu/swtpm" / domain.UUIDString()).rglob("*") if path.is_file()]
    assert state, "swtpm keeps no state"
    assert any("swtpm" in line for line in processes_naming(str(daemon.root)).values())
    domain.destroy()
    assert not any("swtpm" in line for line in processes_naming(str(daemon.root)).values())
    assert all(path.exists() for path in state)
    domain.undefine()
    assert not any(path.exists() for path in state)
