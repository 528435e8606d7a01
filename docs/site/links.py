"""Whether everything that the built site refers to is there, and all of the Python API is in it: `links.py SITE`.

zensical checks links between pages while it builds. This also finds pictures and files that are missing, and names that no page documents.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

PACKAGE = Path(__file__).parents[2] / "python/runtime_gym"


class Page(HTMLParser):
    """A page's anchors, and what it refers to."""

    def __init__(self, file: Path) -> None:
        """Reads a page."""
        super().__init__()
        self.file = file
        self.anchors: set[str] = set()
        self.references: list[str] = []
        self.unknown: list[str] = []
        self.feed(file.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes what an element says."""
        given = dict(attrs)
        self.anchors.update(value for name in ("id", "name") if (value := given.get(name)))
        self.references.extend(value for name in ("href", "src") if (value := given.get(name)))
        if tag == "autoref":
            self.unknown.append(given.get("identifier") or "")


def public() -> Iterator[str]:
    """The public names of the package, and its public modules."""
    for statement in ast.parse((PACKAGE / "__init__.py").read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
            yield from (f"runtime_gym.{name}" for name in ast.literal_eval(statement.value))
    yield from (f"runtime_gym.{file.stem}" for file in PACKAGE.glob("[a-z]*.py"))


def problems(site: Path) -> Iterator[str]:
    """What is wrong."""
    pages = {file.resolve(): Page(file) for file in site.rglob("*.html")}
    anchors = {anchor for page in pages.values() for anchor in page.anchors}
    yield from (f"no page documents {name}" for name in public() if name not in anchors)
    for page in pages.values():
        name = page.file.relative_to(site)
        yield from (f"{name}: no page documents {unknown}" for unknown in page.unknown)
        # Its addresses begin at the site's root, wherever that will be.
        if name.name != "404.html":
            yield from (f"{name}: there is no {one}" for one in page.references if not is_there(one, page, pages))


def is_there(reference: str, page: Page, pages: dict[Path, Page]) -> bool:
    """Whether a page's reference leads to something; that to another site does."""
    parts = urlsplit(reference)
    if parts.scheme or parts.netloc:
        return True
    target = (page.file.parent / unquote(parts.path)).resolve() if parts.path else page.file.resolve()
    target = target / "index.html" if target.is_dir() else target
    if target in pages and parts.fragment:
        return unquote(parts.fragment) in pages[target].anchors
    return target.exists()


if __name__ == "__main__":
    found = list(problems(Path(sys.argv[1])))
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))
