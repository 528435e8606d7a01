#!/usr/bin/env python3
"""Checks what rustfmt and clippy do not: files of a crate must not import each other in a circle, a module is
`name.rs` and never `mod.rs`, and a `use` declaration names one module.

Imports are read as text: `use` declarations and paths that begin with `crate::`, `self::` or `super::`. A name that a
module re-exports counts as an import of the file that declares it. Prints every circle; exits with 1 if there is one.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# One concept: the guest's calls, the fuel they cost, and the state they change.
ALLOWED = [{"abi", "fuel", "state"}]


def modules(source):
    """Module path, as a tuple, to file, of a crate's source folder."""
    found = {}
    for file in sorted(source.rglob("*.rs")):
        path = file.relative_to(source).with_suffix("").parts
        found[() if path in [("lib",), ("main",)] else path] = file
    return found


def leaves(tree, prefix=()):
    """Every path that a `use` tree names, as (path, name it gets)."""
    tree = tree.strip()
    head, brace, rest = tree.partition("{")
    if not brace:
        path, _, alias = tree.partition(" as ")
        path = prefix + tuple(part for part in path.split("::") if part)
        if path and path[-1] == "self":
            path = path[:-1]
        yield path, alias.strip() or (path[-1] if path else "")
        return
    prefix += tuple(part for part in head.split("::") if part)
    depth, start, inner = 0, 0, rest.rstrip()[:-1]
    for at, letter in enumerate(inner + ","):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            if inner[start:at].strip():
                yield from leaves(inner[start:at], prefix)
            start = at + 1


def absolute(path, module, known):
    """A path as seen from the crate's root; None if it leads out of the crate."""
    if path[0] == "crate":
        return path[1:]
    if path[0] == "self":
        return module + path[1:]
    up = 0
    while up < len(path) and path[up] == "super":
        up += 1
    if up:
        return module[: len(module) - up] + path[up:]
    return module + path if module + path[:1] in known else None


USE = re.compile(r"^\s*(pub(?:\([^)]*\))?\s+)?use\s+([\w:{},*\s]+);", re.M)
PATH = re.compile(r"(?<![\w:])(?:crate|self|super)(?:::\w+)+")


def without_tests(text):
    """The text up to its test module, without comments."""
    return re.sub(r"//.*", "", re.split(r"^#\[cfg\(test\)\]\s*\n\s*mod ", text, flags=re.M)[0])


def edges(source):
    """File to the files that it imports, and why."""
    known = modules(source)
    texts = {module: without_tests(file.read_text()) for module, file in known.items()}
    exports = {}
    for module, text in texts.items():
        for visibility, tree in USE.findall(text):
            if visibility:
                for path, name in leaves(tree):
                    target = absolute(path, module, known)
                    if target is not None:
                        exports[module + (name,)] = target

    def declared_in(path):
        seen = set()
        while path not in seen:
            seen.add(path)
            for length in range(len(path), 0, -1):
                if path[:length] in exports and path[:length] not in known:
                    path = exports[path[:length]] + path[length:]
                    break
        for length in range(len(path), -1, -1):
            if path[:length] in known:
                return path[:length]

    found = {module: {} for module in known}
    for module, text in texts.items():
        paths = [path for visibility, tree in USE.findall(text) if not visibility for path, _ in leaves(tree)]
        paths += [tuple(match.split("::")) for match in PATH.findall(USE.sub("", text))]
        for path in paths:
            target = path and absolute(path, module, known)
            file = declared_in(target) if target else None
            # The crate's root holds what belongs to no file, such as the version.
            if file not in (None, (), module):
                found[module].setdefault(file, "::".join(path))
    return found


def circles(found):
    """Strongly connected components of more than one file (Tarjan)."""
    index, low, stack, order, result = {}, {}, [], [0], []

    def visit(node):
        index[node] = low[node] = order[0]
        order[0] += 1
        stack.append(node)
        for other in found[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = stack[stack.index(node):]
            del stack[stack.index(node):]
            if len(component) > 1:
                result.append(component)

    for node in found:
        if node not in index:
            visit(node)
    return result


def main():
    problems = []
    crates = sorted(file.parent for file in ROOT.glob("**/Cargo.toml") if "target" not in file.parts)
    for crate in crates:
        source = crate / "src"
        if not source.is_dir():
            continue
        name = crate.relative_to(ROOT)
        found = edges(source)
        for circle in circles(found):
            if {"::".join(module) for module in circle} in ALLOWED:
                continue
            arrows = [
                f"    {'/'.join(one)} -> {'/'.join(other)}: {path}"
                for one in circle for other, path in found[one].items() if other in circle
            ]
            problems.append("\n".join([f"{name}: these files import each other in a circle:", *arrows]))
        for file in source.rglob("mod.rs"):
            problems.append(f"{file.relative_to(ROOT)}: call it {file.parent.name}.rs, beside its folder")
    for file in ROOT.glob("**/*.rs"):
        parts = file.relative_to(ROOT).parts
        if parts[0] in ("target", "runs") or parts[0].startswith("."):
            continue
        for _, tree in USE.findall(re.sub(r"//.*", "", file.read_text())):
            if tree.count("{") > 1:
                problems.append(f"{file.relative_to(ROOT)}: one `use` a module, not use {' '.join(tree.split())}")
    print("\n".join(problems) or "imports: no circles", file=sys.stderr if problems else sys.stdout)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
