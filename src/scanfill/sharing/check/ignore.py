"""Faults that somebody looked at and left, with a reason: a comment in the config; in JSON, a ``_desc_``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scanfill.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from .document import Document, Node

WORDS = re.compile(r"check:\s*ignore\s*(?:\[(?P<rules>[^\]]*)\])?\s*(?P<reason>[^\"]*)")
COMMENT = re.compile(rf"#\s*{WORDS.pattern}")
ONLY_COMMENT = re.compile(r"\s*#")
SHORTEST = 8
"""Letters that a reason has at least, without "because"."""


class Ignored:
    """What the comments of some files silence.

    Args:
        documents: The files.
        known: Names of the rules.

    Raises:
        UsageError: A comment names a rule that does not exist, none, or no reason.
    """

    def __init__(self, documents: Sequence[Document], known: Collection[str]) -> None:
        self.lines = {document.file: document.lines for document in documents}
        self.rules: dict[tuple[str, int], set[str]] = {}
        for document in documents:
            for number, line in enumerate(document.lines, start=1):
                if found := (COMMENT.search(line) or ('"_desc_"' in line and WORDS.search(line)) or None):
                    where = f"{document.file}, line {number}"
                    self.rules[document.file, number] = _rules_of(found, where, known)

    def covers(self, node: Node, rule: str) -> bool:
        """Whether a comment silences this rule here: in the lines of the entry, or right above it."""
        return any(rule in self.rules.get((node.file, line), ()) for line in self._lines_of(node))

    def _lines_of(self, node: Node) -> Iterator[int]:
        yield from range(node.line, node.end + 1)
        above, lines = node.line - 1, self.lines.get(node.file, [])
        while above and ONLY_COMMENT.match(lines[above - 1]):
            yield above
            above -= 1


def _rules_of(found: re.Match[str], where: str, known: Collection[str]) -> set[str]:
    rules = {name.strip() for name in (found["rules"] or "").split(",") if name.strip()}
    choices = f"there are {', '.join(known)}."
    if not rules:
        msg = f"{where}: the comment names no rule to ignore: write `# check: ignore[RULE] because ...`; {choices}"
        raise UsageError(msg)
    check_names(rules, known, where)
    reason = found["reason"].strip().removeprefix("because").strip()
    if len(reason) < SHORTEST:
        msg = f"{where}: {', '.join(sorted(rules))} is ignored without a reason: "
        msg += "write `# check: ignore[RULE] because ...`, for whoever reads it next."
        raise UsageError(msg)
    return rules


def check_names(rules: Collection[str], known: Collection[str], where: str) -> None:
    """Refuse names of rules that do not exist.

    Raises:
        UsageError: Naming the first of them, and those that exist.
    """
    wrong = sorted(set(rules) - set(known))
    if wrong:
        msg = f"{where}: there is no rule {wrong[0]!r} to ignore; there are {', '.join(known)}."
        raise UsageError(msg)
