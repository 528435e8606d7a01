#!/usr/bin/env python3
"""Makes stubs of the CUDA libraries that PyTorch's CUDA build needs when it is imported, where they are missing. They hold
every symbol that it looks for; each call of one fails. So PyTorch imports without the real ones, and computes on the CPU.

    cuda_stubs.py SITE_PACKAGES

Needs a C compiler and binutils.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

# Folders, below `nvidia`, where PyTorch looks for a library; the others are in `cu13`.
FOLDERS = {
    "libcudnn.so.9": "cudnn",
    "libnccl.so.2": "nccl",
    "libnvshmem_host.so.3": "nvshmem",
    "libcusparseLt.so.0": "cusparselt",
}
# Which library a symbol without a version belongs to, by its first letters.
PREFIXES = {
    "cudnn": "libcudnn.so.9",
    "nccl": "libnccl.so.2",
    "cusparseLt": "libcusparseLt.so.0",
    "cuFile": "libcufile.so.0",
    "nvshmem": "libnvshmem_host.so.3",
    "cupti": "libcupti.so.13",
    "cu": "libcuda.so.1",
}
# Functions that give a text, and those that write a number where their argument points.
TEXTS = r"(cuda|cudnn|nccl|nvrtc|cublas|cusparse)Get(LastError|Error(String|Name)|StatusString)"
NUMBERS = ["cudaGetDeviceCount", "cudaRuntimeGetVersion", "cudaDriverGetVersion", "cudaGetDevice"]
NO_DEVICE = 100  # cudaErrorNoDevice


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def symbols(library):
    """Names that a library needs, with their versions, and names that it defines."""
    needs, defines = {}, set()
    for line in run("nm", "-D", library).splitlines():
        *_, kind, symbol = line.split() if len(line.split()) > 1 else ("", "")
        name, _, version = symbol.replace("@@", "@").partition("@")
        if kind == "U":
            needs[name] = version
        elif kind not in ("w", "v", ""):
            defines.add(name)
    return needs, defines


def function(name):
    if re.fullmatch(TEXTS, name):
        return f'const char *{name}(void) {{ return "no CUDA on this machine"; }}\n'
    if name in NUMBERS:
        return f"int {name}(int *number) {{ if (number) *number = 0; return {NO_DEVICE}; }}\n"
    return f"long {name}(void) {{ return {NO_DEVICE}; }}\n"


def main():
    packages = Path(sys.argv[1])
    libraries = sorted((packages / "torch/lib").glob("*.so*"))
    needed, needs, defines = set(), {}, set()
    for library in libraries:
        needed |= set(re.findall(r"NEEDED.*\[(.*?)\]", run("readelf", "-d", library)))
        its_needs, its_defines = symbols(library)
        needs |= its_needs
        defines |= its_defines
    known = run("ldconfig", "-p") + " ".join(library.name + " " for library in libraries)
    missing = sorted(name for name in needed if f"{name} " not in known and not name.startswith("ld-linux"))
    stubs = {name: {} for name in missing}
    for name, version in needs.items():
        if name in defines:
            continue
        # A library's symbols carry its name as their version, or none.
        library = version if version in stubs else None
        if version.startswith("NVSHMEM"):
            library = "libnvshmem_host.so.3"
        elif not version:
            library = next((found for prefix, found in PREFIXES.items() if name.startswith(prefix)), None)
        if library in stubs:
            stubs[library][name] = version
    for library, functions in stubs.items():
        folder = packages / "nvidia" / FOLDERS.get(library, "cu13") / "lib"
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as work:
            source, versions = Path(work, "stub.c"), Path(work, "stub.map")
            source.write_text("".join(map(function, sorted(functions))))
            command = ["cc", "-shared", "-fPIC", "-w", "-O1", "-s", f"-Wl,-soname,{library}", "-o", folder / library, source]
            version = next(filter(None, functions.values()), None)
            if version:
                versions.write_text(f"{version} {{ global: *; }};\n")
                command.append(f"-Wl,--version-script={versions}")
            subprocess.run(command, check=True)


main()
