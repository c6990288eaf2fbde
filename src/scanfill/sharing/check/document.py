"""Read a YAML or JSON config as a tree of nodes with line numbers, without running anything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from scanfill.errors import UsageError

DEEPEST = 100
MOST = 200_000
"""Maximum levels and values of a config; nested anchors can turn a few lines into billions of values."""
TOO_DEEP = f"it has more than {DEEPEST} levels of nesting"
JSON_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+)')


@dataclass(eq=False)
class Node:
    """A value of a config, and its position.

    Attributes:
        value: A dictionary or list of nodes, or a scalar.
        file: Name of the file, as shown to the user.
        line: First line, counted from 1; the line of its key if it has one.
        end: Last line; for a block of text, including the blank lines below it.
    """

    value: Any
    file: str
    line: int
    end: int

    def children(self) -> list[tuple[str, Node]]:
        """Return the entries of a dictionary or list with their names; none for a scalar."""
        if isinstance(self.value, dict):
            return list(self.value.items())
        return [(str(place), item) for place, item in enumerate(self.value)] if isinstance(self.value, list) else []

    def descendants(self) -> Iterator[Node]:
        """Yield this node and everything in it."""
        yield self
        for _, child in self.children():
            yield from child.descendants()

    def child(self, name: str) -> Node | None:
        """Return an entry of a dictionary or list; None if there is none."""
        if isinstance(self.value, dict):
            return self.value.get(name)
        if isinstance(self.value, list) and re.fullmatch(r"-?\d+", name) and -len(self.value) <= int(name):
            return self.value[int(name)] if int(name) < len(self.value) else None
        return None


class Arguments(dict[str, Node]):
    """The arguments of a call in an expression, by name.

    Attributes:
        complete: Whether these are all; false with ``**more``, or with a second positional argument.
    """

    complete = True


@dataclass(eq=False)
class Document:
    """A config file that was read.

    Attributes:
        file: Its name, as shown to the user.
        root: Its content, a dictionary.
        lines: Its text, by line.
    """

    file: str
    root: Node
    lines: list[str] = field(default_factory=list)


def read_file(path: Path, name: str) -> Document:
    """Read a config file.

    Raises:
        UsageError: The file is not text; see also :py:func:`read_document`.
    """
    try:
        return read_document(name, path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        msg = f"{name} is not text in UTF-8 (byte {error.start}): save it as UTF-8."
        raise UsageError(msg) from error


def read_document(file: str, text: str) -> Document:
    """Read YAML or JSON, depending on the file name.

    Raises:
        UsageError: The text is invalid (the message gives line and column), or its content is not a dictionary.
    """
    root = _read_json(file, text) if file.lower().endswith(".json") else _read_yaml(file, text)
    if not isinstance(root.value, dict):
        kind = "empty" if root.value is None else f"a {type(root.value).__name__}"
        msg = f"{file} is not a MONAI config: it is {kind}, not a mapping of ids, such as `network_def: ...`."
        raise UsageError(msg)
    return Document(file, root, text.splitlines())


def _refuse(file: str, kind: str, place: tuple[int, int], problem: str) -> UsageError:
    line, column = place
    return UsageError(f"{file}, line {line}, column {column}: this is not {kind}: {problem}. Correct it there.")


def _read_yaml(file: str, text: str) -> Node:
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        return Node(None, file, 1, 1) if node is None else _YamlReader(loader, file).read(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _refuse(file, "YAML", place, " ".join(filter(None, (error.context, error.problem)))) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = (before.count("\n") + 1, error.position - before.rfind("\n"))
        raise _refuse(file, "YAML", place, f"character {error.character!r}: {error.reason}") from error
    except RecursionError as error:
        raise _refuse(file, "a config", (1, 1), TOO_DEEP) from error


class _YamlReader:
    """Convert PyYAML's nodes, limiting the number of values that anchors can expand to."""

    def __init__(self, loader: yaml.SafeLoader, file: str) -> None:
        self.loader, self.file, self.count = loader, file, 0

    def read(self, node: yaml.Node, depth: int = 0) -> Node:
        self.count += 1
        line = node.start_mark.line + 1
        if depth > DEEPEST or self.count > MOST:
            problem = TOO_DEEP if depth > DEEPEST else f"it has more than {MOST} values"
            raise _refuse(self.file, "a config", (line, node.start_mark.column + 1), problem)
        if isinstance(node, yaml.MappingNode):
            self.loader.flatten_mapping(node)  # `<<: *anchor`
            entries = {}
            for key, value in node.value:
                inner = self.read(value, depth + 1)
                inner.line = key.start_mark.line + 1
                entries[str(self.loader.construct_object(key, deep=True))] = inner
            return Node(entries, self.file, line, _end(node, entries.values()))
        if isinstance(node, yaml.SequenceNode):
            items = [self.read(value, depth + 1) for value in node.value]
            return Node(items, self.file, line, _end(node, items))
        end = node.end_mark.line + (node.end_mark.column > 0 or node.end_mark.line == node.start_mark.line)
        return Node(self._scalar(node), self.file, line, end)

    def _scalar(self, node: yaml.Node) -> Any:
        try:
            return self.loader.construct_object(node)
        except ValueError as error:  # a date that does not exist
            place = (node.start_mark.line + 1, node.start_mark.column + 1)
            raise _refuse(self.file, "YAML", place, str(error)) from error


def _end(node: yaml.CollectionNode, children: Iterable[Node]) -> int:
    """Return the last line of a collection; in block style, PyYAML's end mark is where the next entry begins."""
    own: int = node.end_mark.line + 1 if node.flow_style else node.start_mark.line + 1
    return max([own, *(child.end for child in children)])


def _read_json(file: str, text: str) -> Node:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise _refuse(file, "JSON", (error.lineno, error.colno), error.msg) from error
    except RecursionError as error:
        raise _refuse(file, "a config", (1, 1), TOO_DEEP) from error
    tokens, line, place = [], 1, 0
    for match in JSON_TOKEN.finditer(text):
        line, place = line + text.count("\n", place, match.start(1)), match.start(1)
        tokens.append((match[1], line))
    return _from_json(tokens[::-1], file)


def _from_json(tokens: list[tuple[str, int]], file: str, depth: int = 0) -> Node:
    """Take one value from the end of ``tokens``, which are valid JSON in reverse order."""
    text, line = tokens.pop()
    if depth > DEEPEST:
        raise _refuse(file, "a config", (line, 1), TOO_DEEP)
    if text == "{":
        entries = {}
        while tokens[-1][0] != "}":
            key, key_line = tokens.pop()
            if key != ",":
                tokens.pop()  # the colon
                entries[json.loads(key)] = value = _from_json(tokens, file, depth + 1)
                value.line = key_line
        return Node(entries, file, line, tokens.pop()[1])
    if text == "[":
        items = []
        while tokens[-1][0] != "]":
            if tokens[-1][0] == ",":
                tokens.pop()
            items.append(_from_json(tokens, file, depth + 1))
        return Node(items, file, line, tokens.pop()[1])
    return Node(json.loads(text), file, line, line)
