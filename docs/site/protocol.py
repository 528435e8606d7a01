"""Pages of the protocols, from the comments in their `.proto` files.

They are read from what protoc makes of the files, so that a page has every field, and no other.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import grpc_tools
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

MESSAGES, ENUMS, SERVICES, SYNTAX = 4, 5, 6, 12
FIELDS, VALUES, METHODS = 2, 2, 2
"""Numbers of the fields of descriptors, of which the paths of comments are made."""

Place: TypeAlias = tuple[int, ...]
"""Where a declaration is in its file."""


def page(root: Path, file: str) -> str:
    """The page of a file, whose path and those of its imports begin at the root."""
    return Page(compiled(root, file)).text()


def compiled(root: Path, file: str) -> FileDescriptorProto:
    """The descriptor of a file, with its comments."""
    with tempfile.NamedTemporaryFile() as out:
        well_known = Path(grpc_tools.__file__).with_name("_proto")
        options = ["--include_source_info", f"--descriptor_set_out={out.name}"]
        if protoc.main(["protoc", f"-I{root}", f"-I{well_known}", *options, file]):
            sys.exit(f"protoc does not take {file}")
        return FileDescriptorSet.FromString(Path(out.name).read_bytes()).file[0]


class Page:
    """The page of one file."""

    def __init__(self, file: FileDescriptorProto) -> None:
        """Reads the comments."""
        self._file = file
        self._comments = {tuple(place.path): place for place in file.source_code_info.location}
        self._names = {one.name for one in (*file.message_type, *file.enum_type, *(m for s in file.service for m in s.method))}

    def text(self) -> str:
        """The page in Markdown."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        file = self._file
        yield f"# {file.package}\n"
        yield self._prose((SYNTAX,)) + "\n"
        for at, service in enumerate(file.service):
            yield f"## {service.name}\n"
            for index, method in enumerate(service.method):
                yield f"### {method.name} {{#{method.name}}}\n"
                asked = "stream of " * method.client_streaming + self._link(method.input_type)
                answered = "stream of " * method.server_streaming + self._link(method.output_type)
                yield f"{asked} → {answered}\n"
                yield self._prose((SERVICES, at, METHODS, index)) + "\n"
        declared = [((MESSAGES, at), one) for at, one in enumerate(file.message_type)]
        declared += [((ENUMS, at), one) for at, one in enumerate(file.enum_type)]
        yield "## Types of several calls\n"
        for path, one in sorted(declared, key=lambda pair: tuple(self._comments[pair[0]].span)):
            # Lines of dashes with a title part the file.
            for note in self._comments[path].leading_detached_comments:
                title = note.strip(" -\n").capitalize()
                yield f"## {title}\n"
            yield f"### {one.name} {{#{one.name}}}\n"
            yield self._prose(path) + "\n"
            yield from self._values(path, one) if path[0] == ENUMS else self._fields(path, one)

    def _fields(self, path: Place, message: Any) -> Iterator[str]:  # noqa: ANN401
        if not message.field:
            return
        yield "| Field | Type | Meaning |\n|---|---|---|"
        entries = {one.name: one for one in message.nested_type if one.options.map_entry}
        for index, field in enumerate(message.field):
            entry = entries.get(field.type_name.rpartition(".")[2])
            if entry:
                kind = f"map of {self._type(entry.field[0])} to {self._type(entry.field[1])}"
            else:
                kind = ("repeated " if field.label == FieldDescriptorProto.LABEL_REPEATED else "") + self._type(field)
            choice = ""
            if field.proto3_optional:
                kind = f"optional {kind}"
            elif field.HasField("oneof_index"):
                choice = f"(one of `{message.oneof_decl[field.oneof_index].name}`) "
            yield f"| `{field.name}` | {kind} | {choice}{self._cell((*path, FIELDS, index))} |"
        yield ""

    def _values(self, path: Place, enum: Any) -> Iterator[str]:  # noqa: ANN401
        yield "| Value | Meaning |\n|---|---|"
        for index, value in enumerate(enum.value):
            yield f"| `{value.name}` | {self._cell((*path, VALUES, index))} |"
        yield ""

    def _type(self, field: FieldDescriptorProto) -> str:
        return self._link(field.type_name) if field.type_name else FieldDescriptorProto.Type.Name(field.type)[5:].lower()

    def _link(self, name: str) -> str:
        package, _, short = name.rpartition(".")
        return f"[{short}](#{short})" if package == f".{self._file.package}" else f"`{name.lstrip('.')}`"

    def _cell(self, path: Place) -> str:
        return " ".join(self._prose(path).split()).replace("|", "\\|")

    def _prose(self, path: Place) -> str:
        """A comment as Markdown, with links to what it names."""
        place = self._comments.get(path)
        text = re.sub(r"(?m)^ ", "", place.leading_comments) if place else ""
        text = re.sub(r"([\\\[\]<*_])", r"\\\1", text)
        text = re.sub(r"(`[^`]*`)", lambda code: re.sub(r"\\(.)", r"\1", code[0]), text)
        # The rules, R1 and so on, as a list.
        text = re.sub(r"(?m)^ +(R\d+\.) ", r"- **\1** ", text)
        text = re.sub(r"(?m)^ +(\d+\.) ", r"\1 ", text)
        return re.sub(r"(?<![\w.`])[A-Z][A-Za-z]+\b(?!`)", self._named, text).strip()

    def _named(self, word: re.Match[str]) -> str:
        return f"[{word[0]}](#{word[0]})" if word[0] in self._names else word[0]
