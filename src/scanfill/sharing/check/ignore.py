"""Ignore faults for a reason given in a comment in the config; in JSON, in a ``_desc_``."""

import re
from collections.abc import Collection, Iterator, Sequence

from scanfill.errors import UsageError

from .document import Document, Node

WORDS = re.compile(r"check:\s*ignore\s*(?:\[(?P<rules>[^\]]*)\])?\s*(?P<reason>[^\"]*)")
COMMENT = re.compile(rf"#\s*{WORDS.pattern}")
ONLY_COMMENT = re.compile(r"\s*#")
SHORTEST = 8
"""Minimum length of a reason in characters, without "because"."""
Silence = tuple[str, int, str]
"""File and line of a comment, and a rule it ignores."""


class Ignored:
    """The rules that comments in some files ignore.

    Args:
        documents: The files.
        known: Names of the rules.

    Attributes:
        stated: All ignored rules.
        used: Those that :py:meth:`covers` has found to silence something.

    Raises:
        UsageError: A comment names an unknown rule or no rule, or gives no reason.
    """

    def __init__(self, documents: Sequence[Document], known: Collection[str]) -> None:
        self.known = known
        self.lines = {document.file: document.lines for document in documents if not document.file.endswith(".json")}
        self.stated = {silence for document in documents for silence in self._stated(document)}
        self.used: set[Silence] = set()

    def covers(self, node: Node, rule: str) -> bool:
        """Return whether a rule is ignored here, by a comment in or right above the entry, or by its ``_desc_``."""
        near = (silence for line in self._lines_of(node) for silence in self._commented(node.file, line))
        found = {silence for silence in (*near, *self._described(node)) if silence[2] == rule}
        self.used |= found
        return bool(found)

    def _lines_of(self, node: Node) -> Iterator[int]:
        yield from range(node.line, node.end + 1)
        above, lines = node.line - 1, self.lines.get(node.file, [])
        while lines and above and ONLY_COMMENT.match(lines[above - 1]):
            yield above
            above -= 1

    def _stated(self, document: Document) -> Iterator[Silence]:
        for line in range(1, len(document.lines) + 1):
            yield from self._commented(document.file, line)
        for node in document.root.descendants():
            yield from self._described(node)

    def _commented(self, file: str, line: int) -> Iterator[Silence]:
        lines = self.lines.get(file, [])
        if line <= len(lines) and (found := COMMENT.search(lines[line - 1])):
            yield from self._named(found, file, line)

    def _described(self, node: Node) -> Iterator[Silence]:
        said = node.child("_desc_") if isinstance(node.value, dict) else None
        if said is not None and isinstance(said.value, str) and (found := WORDS.search(said.value)):
            yield from self._named(found, said.file, said.line)

    def _named(self, found: re.Match[str], file: str, line: int) -> Iterator[Silence]:
        yield from ((file, line, rule) for rule in _rules_of(found, f"{file}, line {line}", self.known))


def _rules_of(found: re.Match[str], where: str, known: Collection[str]) -> set[str]:
    rules = {name.strip() for name in (found["rules"] or "").split(",") if name.strip()}
    choices = f"the rules are {', '.join(known)}."
    if not rules:
        msg = f"{where}: the comment names no rule to ignore: write `# check: ignore[RULE] because ...`; {choices}"
        raise UsageError(msg)
    check_names(rules, known, where)
    reason = found["reason"].strip().removeprefix("because").strip()
    if len(reason) < SHORTEST:
        msg = f"{where}: {', '.join(sorted(rules))} is ignored without a reason: "
        msg += "write `# check: ignore[RULE] because ...`."
        raise UsageError(msg)
    return rules


def check_names(rules: Collection[str], known: Collection[str], where: str) -> None:
    """Check that all names are names of rules.

    Raises:
        UsageError: A rule does not exist; the message gives the first such name, and the rules that exist.
    """
    wrong = sorted(set(rules) - set(known))
    if wrong:
        msg = f"{where}: there is no rule {wrong[0]!r} to ignore; the rules are {', '.join(known)}."
        raise UsageError(msg)
