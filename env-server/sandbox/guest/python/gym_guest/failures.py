"""An exception as the agent sees it: its own frames, then the exception line.

The `traceback` module would add what an agent in another Python does not get (suggestions such as "Did you
mean"), and would run methods of the agent's classes unguarded.
"""

import linecache

from gym_guest.origin import is_own

FILE = "<string>"  # of a block that runs as a script

_FOLD_AFTER = 3  # as the traceback module does: then "[Previous line repeated ...]"

# Past classes and metaclasses that lie or raise.
_qualname = type.__dict__["__qualname__"].__get__
_name = type.__dict__["__name__"].__get__
_module = type.__dict__["__module__"].__get__
_traceback = BaseException.__dict__["__traceback__"].__get__


def type_name(error: BaseException) -> str:
    """The class's name, without its module."""
    return clean(_name(type(error)))


def text(error: BaseException) -> str:
    """The traceback of the agent's own frames and the exception line. Chained exceptions are left out."""
    return clean("\n".join(lines(error)))


def lines(error: BaseException) -> list[str]:
    """The traceback of the agent's own frames, the exception line and its notes."""
    frames = _frames(_traceback(error))
    return ["Traceback (most recent call last):", *frames, *exception_lines(error)]


def exception_lines(error: BaseException) -> list[str]:
    """The exception line, which shows the place of a syntax error, and the exception's notes."""
    if issubclass(type(error), SyntaxError):
        try:
            shown = _syntax_lines(error)
        except BaseException:  # noqa: BLE001  (the agent's code may have built it from anything)
            shown = [_exception_line(error, _message(error))]
    else:
        shown = [_exception_line(error, _message(error))]
    return shown + _notes(error)


def syntax_text(error: SyntaxError) -> str:
    """What does not compile has no traceback: the place, then the exception line."""
    return clean("\n".join(_syntax_lines(error)).lstrip())


def _frames(traceback) -> list[str]:
    lines = []
    last, repeats = None, 0
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if is_own(code.co_filename):
            frame = (code.co_filename, traceback.tb_lineno, code.co_name)
            if frame != last:
                _fold(lines, repeats)
                last, repeats = frame, 0
            repeats += 1
            if repeats <= _FOLD_AFTER:
                lines.append(f'  File "{frame[0]}", line {frame[1]}, in {frame[2]}')
                lines += _source(*frame[:2])
        traceback = traceback.tb_next
    _fold(lines, repeats)
    return lines


def _source(file: str, number: int | None) -> list[str]:
    """The line of a file; nothing where there is no such file."""
    if file == FILE:
        return []
    try:
        linecache.checkcache(file)
        line = linecache.getline(file, number)
    except BaseException:  # noqa: BLE001  (the agent's code may have broken it)
        return []
    line = line.strip() if type(line) is str else ""
    return [f"    {line}"] if line else []


def _fold(lines: list[str], repeats: int) -> None:
    more = repeats - _FOLD_AFTER
    if more > 0:
        lines.append(f"  [Previous line repeated {more} more time{'s' if more > 1 else ''}]")


def _exception_line(error: BaseException, message: str) -> str:
    name = _qualname(type(error))
    module = _module(type(error))
    if type(module) is not str:
        name = f"<unknown>.{name}"
    elif module not in ("__main__", "builtins"):
        name = f"{module}.{name}"
    return f"{name}: {message}" if message else name


def _message(error: BaseException) -> str:
    try:
        return "".join((str(error),))  # a plain string, even of a subclass
    except BaseException:  # noqa: BLE001
        return "<exception str() failed>"


def _notes(error: BaseException) -> list[str]:
    try:
        notes = error.__notes__
        return [note for note in notes if type(note) is str] if type(notes) is list else []
    except BaseException:  # noqa: BLE001  (most have no notes)
        return []


def _syntax_lines(error: SyntaxError) -> list[str]:
    lines = []
    if error.lineno is not None:
        lines.append(f'  File "{error.filename or FILE}", line {int(error.lineno)}')
    if error.text is not None:
        source = error.text.rstrip("\n")
        shown = source.lstrip(" \n\f")
        lines.append(f"    {shown}")
        indent = len(source) - len(shown)
        first = error.offset
        if first is not None and first > indent:
            last = error.end_offset or first
            if error.end_lineno is not None and error.end_lineno != error.lineno:
                last = len(source) + 1  # it goes on below: mark to the end of the line
            if last <= first:
                last = first + 1
            padding = "".join(c if c.isspace() else " " for c in shown[: first - 1 - indent])
            lines.append(f"    {padding}{'^' * (last - first)}")
    lines.append(_exception_line(error, error.msg or "<no detail available>"))
    return lines


def clean(shown: str) -> str:
    """Text that can be sent as UTF-8: a lone surrogate is shown as its escape."""
    return shown.encode("utf-8", "backslashreplace").decode()
