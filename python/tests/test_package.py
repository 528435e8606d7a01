"""What the package is before anything is called."""

from __future__ import annotations

import subprocess
import sys

import runtime_gym as rg


def test_every_name_is_there_and_documented() -> None:
    for name in rg.__all__:
        thing = getattr(rg, name)
        assert thing.__doc__ or name == "Action", name


def test_the_import_loads_nothing_of_others() -> None:
    program = """
import sys
before = set(sys.modules)
import runtime_gym
loaded = {name.split(".")[0] for name in set(sys.modules) - before}
print(sorted(loaded - set(sys.stdlib_module_names) - {"runtime_gym"}))
"""
    said = subprocess.run([sys.executable, "-I", "-c", PATH + program], capture_output=True, text=True, check=True).stdout
    assert said == "[]\n"


PATH = f"import sys; sys.path[:0] = {sys.path!r}\n"
