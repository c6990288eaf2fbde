"""A config file as a tree that knows its lines: YAML or JSON, read and never run."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from scanfill.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

JSON_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+)')


@dataclass(eq=False)
class Node:
    """A value of a config, and where it stands.

    Attributes:
        value: A dictionary or list of nodes, or a scalar.
        file: Name of the file, as a person knows it.
        line: Where it begins, counted from 1; that of its key where it has one.
        end: Its last line; of a block of text, with the blank lines below it.
    """

    value: Any
    file: str
    line: int
    end: int

    def children(self) -> list[tuple[str, Node]]:
        """Entries of a dictionary or list with their names; none of a scalar."""
        if isinstance(self.value, dict):
            return list(self.value.items())
        return [(str(place), item) for place, item in enumerate(self.value)] if isinstance(self.value, list) else []

    def child(self, name: str) -> Node | None:
        """Return an entry of a dictionary or list; None where there is none."""
        if isinstance(self.value, dict):
            found: Node | None = self.value.get(name)
            return found
        if isinstance(self.value, list) and re.fullmatch(r"-?\d+", name) and -len(self.value) <= int(name):
            return self.value[int(name)] if int(name) < len(self.value) else None
        return None


@dataclass(eq=False)
class Document:
    """A file that was read.

    Attributes:
        file: Its name, as a person knows it.
        root: Its content, a dictionary.
        lines: Its text.
    """

    file: str
    root: Node
    lines: list[str] = field(default_factory=list)


def read_document(file: str, text: str) -> Document:
    """Read YAML or JSON; which of them, the name says.

    Raises:
        UsageError: It is neither, with line and column; or its content is no dictionary.
    """
    root = _read_json(file, text) if file.lower().endswith(".json") else _read_yaml(file, text)
    if not isinstance(root.value, dict):
        kind = "empty" if root.value is None else f"a {type(root.value).__name__}"
        msg = f"{file} is no MONAI config: it is {kind}, not ids with their values, such as `network_def: ...`."
        raise UsageError(msg)
    return Document(file, root, text.splitlines())


def _refuse(file: str, kind: str, place: tuple[int, int], problem: str) -> UsageError:
    line, column = place
    return UsageError(f"{file}, line {line}, column {column}: this is not {kind}: {problem}. Mend it there.")


def _read_yaml(file: str, text: str) -> Node:
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        return Node(None, file, 1, 1) if node is None else _from_yaml(loader, node, file)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _refuse(file, "YAML", place, " ".join(filter(None, (error.context, error.problem)))) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = (before.count("\n") + 1, error.position - before.rfind("\n"))
        raise _refuse(file, "YAML", place, f"character {error.character!r}: {error.reason}") from error
    except (ValueError, RecursionError) as error:  # a date that does not exist, an anchor that holds itself
        raise _refuse(file, "YAML", (1, 1), str(error)) from error


def _from_yaml(loader: yaml.SafeLoader, node: yaml.Node, file: str) -> Node:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        loader.flatten_mapping(node)  # `<<: *anchor`
        entries = {}
        for key, value in node.value:
            inner = _from_yaml(loader, value, file)
            inner.line = key.start_mark.line + 1
            entries[str(loader.construct_object(key, deep=True))] = inner
        return Node(entries, file, line, _end(node, entries.values()))
    if isinstance(node, yaml.SequenceNode):
        items = [_from_yaml(loader, value, file) for value in node.value]
        return Node(items, file, line, _end(node, items))
    end = node.end_mark.line + (node.end_mark.column > 0 or node.end_mark.line == node.start_mark.line)
    return Node(loader.construct_object(node), file, line, end)


def _end(node: yaml.CollectionNode, children: Iterable[Node]) -> int:
    """Last line of a collection; in block style PyYAML's mark is where the next one begins."""
    own: int = node.end_mark.line + 1 if node.flow_style else node.start_mark.line + 1
    return max([own, *(child.end for child in children)])


def _read_json(file: str, text: str) -> Node:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise _refuse(file, "JSON", (error.lineno, error.colno), error.msg) from error
    tokens, line, place = [], 1, 0
    for match in JSON_TOKEN.finditer(text):
        line, place = line + text.count("\n", place, match.start(1)), match.start(1)
        tokens.append((match[1], line))
    return _from_json(tokens[::-1], file)


def _from_json(tokens: list[tuple[str, int]], file: str) -> Node:
    """Take one value from the end of ``tokens``, which are known to be JSON and stand in reverse."""
    text, line = tokens.pop()
    if text == "{":
        entries = {}
        while tokens[-1][0] != "}":
            key, key_line = tokens.pop()
            if key != ",":
                tokens.pop()  # the colon
                entries[json.loads(key)] = value = _from_json(tokens, file)
                value.line = key_line
        return Node(entries, file, line, tokens.pop()[1])
    if text == "[":
        items = []
        while tokens[-1][0] != "]":
            if tokens[-1][0] == ",":
                tokens.pop()
            items.append(_from_json(tokens, file))
        return Node(items, file, line, tokens.pop()[1])
    return Node(json.loads(text), file, line, line)
