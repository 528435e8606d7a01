"""An exception with those that caused it, and a group with its members, as the `traceback` module shows them."""

from gym_guest import failures

_MOST_LINKS = 20  # of one chain, the newest
_MOST_MEMBERS = 15  # of one group, the first; as the traceback module
_MOST_DEPTH = 10  # of groups in groups; as the traceback module
_MOST_LINES = 1_000
_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"

_cause = BaseException.__dict__["__cause__"].__get__
_context = BaseException.__dict__["__context__"].__get__
_hides_context = BaseException.__dict__["__suppress_context__"].__get__
_traceback = BaseException.__dict__["__traceback__"].__get__
_members = BaseExceptionGroup.__dict__["exceptions"].__get__


def text(error: BaseException) -> str:
    """The oldest exception first, each with the agent's own frames."""
    writer = _Writer()
    writer.chain(error)
    return failures.clean("\n".join(writer.lines))


class _Writer:
    """The lines so far, and how deep in groups the next one is."""

    def __init__(self) -> None:
        self.lines = []
        self.depth = 0
        self.open = False  # whether the innermost group's frame is still to be closed

    def emit(self, lines: list[str], margin: str = "|") -> None:
        prefix = "  " * self.depth + (margin + " " if self.depth else "")
        self.lines += [prefix + part for line in lines for part in line.split("\n")]

    def chain(self, error: BaseException) -> None:
        links, why = _links(error)
        if why is not None:
            self.emit(["[older exceptions are left out]"])
        for error, why in reversed(links):
            if why is not None:
                self.emit(["", why, ""])
            if len(self.lines) > _MOST_LINES:
                self.emit(["[more exceptions are left out]"])
                return
            if not issubclass(type(error), BaseExceptionGroup):
                self.one(error, "", "|")
            elif self.depth > _MOST_DEPTH:
                self.emit([f"... (max_group_depth is {_MOST_DEPTH})"])
            else:
                self.group(error)

    def one(self, error: BaseException, kind: str, margin: str) -> None:
        header, *rest = failures.lines(error)
        if _traceback(error) is not None:  # it has been raised
            self.emit([kind + header], margin)
        self.emit(rest)

    def group(self, error: BaseExceptionGroup) -> None:
        is_top = self.depth == 0
        self.depth += is_top
        self.one(error, "Exception Group ", "+" if is_top else "|")
        members = _members(error)
        more = len(members) - _MOST_MEMBERS
        titles = [str(number) for number in range(1, min(len(members), _MOST_MEMBERS) + 1)]
        titles += ["..."] * (more > 0)
        for at, title in enumerate(titles):
            self.open = at == len(titles) - 1
            self.lines.append(f"{'  ' * self.depth}{'  ' if at else '+-'}+---------------- {title} ----------------")
            self.depth += 1
            if at < _MOST_MEMBERS:
                self.chain(members[at])
            else:
                self.emit([f"and {more} more exception{'s' if more > 1 else ''}"])
            if at == len(titles) - 1 and self.open:
                self.lines.append("  " * self.depth + "+------------------------------------")
                self.open = False
            self.depth -= 1
        self.depth -= is_top


def _links(error: BaseException) -> tuple[list, str | None]:
    """The newest exceptions of a chain, each with how the next older one led to it; and how more did, if any."""
    links, seen = [], set()
    while len(links) < _MOST_LINKS:
        seen.add(id(error))
        older, why = _cause(error), _CAUSE
        if older is None:
            older, why = None if _hides_context(error) else _context(error), _CONTEXT
        if older is None or id(older) in seen:
            return [*links, (error, None)], None
        links.append((error, why))
        error = older
    return links, why
