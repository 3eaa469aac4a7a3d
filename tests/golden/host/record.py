#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Records what the capabilities of a host are made from: record.py NAME writes NAME.tree beside this script.

A line is PATH, a tab and the file's text with "\\n" and "\\\\" escaped. /cpuid holds the leaves of the CPUID instruction
(module cpuid): LEAF SUBLEAF EAX EBX ECX EDX in hexadecimal. Run the tests with LODGE_GOLDEN_UPDATE=1 to write NAME.xml.
"""
import glob
import os
import struct
import sys

PATTERNS = """
/proc/cpuinfo /proc/meminfo /etc/machine-id /sys/class/dmi/id/product_uuid /sys/power/state /sys/power/disk
/sys/devices/system/cpu/present /sys/devices/system/cpu/online /sys/devices/system/node/online
/sys/devices/system/cpu/cpu[0-9]*/topology/physical_package_id /sys/devices/system/cpu/cpu[0-9]*/topology/die_id
/sys/devices/system/cpu/cpu[0-9]*/topology/core_id /sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list
/sys/devices/system/cpu/cpu[0-9]*/cache/index*/id /sys/devices/system/cpu/cpu[0-9]*/cache/index*/level
/sys/devices/system/cpu/cpu[0-9]*/cache/index*/type /sys/devices/system/cpu/cpu[0-9]*/cache/index*/size
/sys/devices/system/cpu/cpu[0-9]*/cache/index*/shared_cpu_list
/sys/devices/system/node/node[0-9]*/cpulist /sys/devices/system/node/node[0-9]*/distance
/sys/devices/system/node/node[0-9]*/meminfo /sys/devices/system/node/node[0-9]*/hugepages/*/nr_hugepages
/sys/kernel/mm/hugepages/*/nr_hugepages /sys/kernel/iommu_groups/*/type
""".split()
LEAVES = [(0, 0), (1, 0), (6, 0), (7, 0), (7, 1), (0xD, 1), (0x80000001, 0), (0x80000007, 0), (0x80000008, 0),
          (0x8000000A, 0)]


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def read_cpuid():
    lines = []
    try:
        with open("/dev/cpu/0/cpuid", "rb", buffering=0) as file:
            for leaf, subleaf in LEAVES:
                registers = os.pread(file.fileno(), 16, leaf | subleaf << 32)
                lines.append("%x %x " % (leaf, subleaf) + " ".join("%08x" % word for word in struct.unpack("<4I", registers)))
    except OSError:
        return None
    return "\n".join(lines) + "\n"


def main():
    name = sys.argv[1]
    texts = {path: read(path) for pattern in PATTERNS for path in glob.glob(pattern)}
    texts["/cpuid"] = read_cpuid()
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".tree"), "w", encoding="utf-8") as out:
        for path in sorted(texts):
            if texts[path] is not None:
                out.write(path + "\t" + texts[path].replace("\\", "\\\\").replace("\n", "\\n") + "\n")


main()
