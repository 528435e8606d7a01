#!/usr/bin/env python3
"""Whether every public name of the package `runtime_gym` has a declared type, by `pyright --verifytypes`.

The package itself must be complete. The adapters' classes have bases of libraries that are not installed beside it, so that their types
are unknown here; what an adapter declares itself must be complete all the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PACKAGE = "runtime_gym"
OF_A_BASE = ("Type of base class", "Type of metaclass", "Type of parameter", "Type of variable")
"""How pyright begins what it says of types that come from a base class."""


def main() -> int:
    """Prints the names that lack a type; the exit status says whether there are any."""
    # pyright looks for the package where the first Python of the path has it.
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "pyright", "--verifytypes", PACKAGE, "--ignoreexternal", "--outputjson"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    found = json.loads(done.stdout)["typeCompleteness"]
    exported = [symbol for symbol in found["symbols"] if symbol["isExported"]]
    adapters = tuple(f"{module['name']}." for module in found["modules"] if module["name"] != PACKAGE)
    lacking = [
        symbol for symbol in exported if not symbol["isTypeKnown"] and not (symbol["name"].startswith(adapters) and is_of_a_base(symbol))
    ]
    for symbol in lacking:
        print(symbol["name"], *(one["message"] for one in symbol["diagnostics"]), sep="\n  ")
    own = [symbol for symbol in exported if not symbol["name"].startswith(adapters)]
    if not own:
        print(f"pyright does not find {PACKAGE}: {done.stdout}")
        return 1
    print(f"types: {len(own)} public names of {PACKAGE}, {len(exported) - len(own)} of its adapters, {len(lacking)} without a type")
    return 1 if lacking else 0


def is_of_a_base(symbol: dict[str, Any]) -> bool:
    """Whether the type is unknown only because that of a base class is."""
    return not symbol["isTypeAmbiguous"] and all(one["message"].startswith(OF_A_BASE) for one in symbol["diagnostics"])


if __name__ == "__main__":
    sys.exit(main())
