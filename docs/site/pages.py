"""Makes the folder of pages that the site is built from: `pages.py OUT`.

A page of the repository keeps its links, whether they lead to another page or to a file, which is then a part of the site.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import protocol

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "docs/site/zensical.toml"

DOCUMENTS = {f"docs/{path}": path.lower() for path in (str(file.relative_to(ROOT / "docs")) for file in ROOT.glob("docs/**/*.md"))} | {
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "agent_configs/README.md": "agent_configs.md",
    "deploy/README.md": "deploy.md",
    "experiments/README.md": "experiments.md",
    "task_configs/README.md": "task_configs.md",
    "train_configs/README.md": "train_configs.md",
    "typescript/README.md": "typescript.md",
}
"""Where each document of the repository is in the site."""

PROTOCOLS = {
    "proto/runtime_gym/env/v1/env.proto": "reference/env.md",
    "proto/runtime_gym/inference/v1/inference.proto": "reference/inference.md",
}
"""The pages that are made of protocols."""

LINK = re.compile(r"^```.*?^```|\[([^\]]*)\]\((?![a-z]+:)([^)#\s]+)(#[^)]*)?\)", re.DOTALL | re.MULTILINE)
"""A link to a file; or a block of code, which has none."""


def page(source: str, out: Path) -> str:
    """The text of a document, with the links of its page. The files that it links to are copied."""
    here = PurePosixPath(DOCUMENTS[source]).parent

    def moved(link: re.Match[str]) -> str:
        text, target, anchor = link.groups()
        if target is None:
            return link[0]
        path = os.path.normpath(Path(source).parent / target)
        to = DOCUMENTS.get(path) or DOCUMENTS.get(f"{path}/README.md") or PROTOCOLS.get(path)
        if to is None and (ROOT / path).is_dir():
            return text
        if to is None:
            if not (ROOT / path).is_file():
                sys.exit(f"{source} links to {target}, which is not there")
            to = f"files/{path}"
            copy(ROOT / path, out / to)
        return f"[{text}]({os.path.relpath(to, here)}{anchor or ''})"

    return LINK.sub(moved, (ROOT / source).read_text())


def copy(file: Path, to: Path) -> None:
    """Makes a file a part of the site."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, to)


def listed_in(nav: str | list[Any] | dict[str, Any]) -> Iterator[str]:
    """The pages in a navigation."""
    match nav:
        case str():
            yield nav
        case list():
            yield from (page for part in nav for page in listed_in(part))
        case dict():
            yield from listed_in(list(nav.values()))


def main(out: Path) -> None:
    """Writes all pages."""
    shutil.rmtree(out, ignore_errors=True)
    copy(CONFIG, out.parent / CONFIG.name)
    copy(CONFIG.with_name("site.css"), out / "site.css")
    pages = {to: page(source, out) for source, to in DOCUMENTS.items()}
    pages |= {to: protocol.page(ROOT / "proto", file.removeprefix("proto/")) for file, to in PROTOCOLS.items()}
    listed = set(listed_in(tomllib.loads(CONFIG.read_text())["project"]["nav"]))
    for name in sorted(pages.keys() ^ listed):
        sys.exit(f"{name} is not in {CONFIG}" if name in pages else f"{CONFIG} lists {name}, which is not there")
    for to, text in pages.items():
        (out / to).parent.mkdir(parents=True, exist_ok=True)
        (out / to).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
