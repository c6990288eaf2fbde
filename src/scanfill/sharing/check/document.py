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
LARGEST = 300_000
"""Maximum bytes of a config, which PyYAML reads in about 5 s; the longest of a bundle has 20,000."""
TOO_DEEP = f"it has more than {DEEPEST} levels of nesting"
TOO_MANY = f"it has more than {MOST} values"
MERGE = "tag:yaml.org,2002:merge"
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
        repeated: Entries that a later entry of the same dictionary and name replaces: name, entry, its replacement.
    """

    file: str
    root: Node
    lines: list[str] = field(default_factory=list)
    repeated: list[Repeated] = field(default_factory=list)


Repeated = tuple[str, Node, Node]


def read_file(path: Path, name: str) -> Document:
    """Read a config file.

    Raises:
        UsageError: The file is too large or not text; see also :py:func:`read_document`.
    """
    if (size := path.stat().st_size) > LARGEST:
        msg = f"{name} is too large for a config ({size / 1e6:.1f} MB; the limit is {LARGEST / 1e6:g} MB): keep lists "
        msg += "of cases and other data in files of their own."
        raise UsageError(msg)
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
    repeated: list[Repeated] = []
    reader = _read_json if file.lower().endswith(".json") else _read_yaml
    root = reader(file, text, repeated)
    if not isinstance(root.value, dict):
        kind = "empty" if root.value is None else f"a {type(root.value).__name__}"
        msg = f"{file} is not a MONAI config: it is {kind}, not a mapping of ids, such as `network_def: ...`."
        raise UsageError(msg)
    return Document(file, root, text.splitlines(), repeated)


def _refuse(file: str, kind: str, place: tuple[int, int], problem: str) -> UsageError:
    line, column = place
    return UsageError(f"{file}, line {line}, column {column}: this is not {kind}: {problem}. Correct it there.")


def _read_yaml(file: str, text: str, repeated: list[Repeated]) -> Node:
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        return Node(None, file, 1, 1) if node is None else _YamlReader(loader, file, repeated).read(node)
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

    def __init__(self, loader: yaml.SafeLoader, file: str, repeated: list[Repeated]) -> None:
        self.loader, self.file, self.repeated, self.count = loader, file, repeated, 0
        self.sizes: dict[int, int] = {}
        self.own: dict[int, set[int]] = {}

    def read(self, node: yaml.Node, depth: int = 0) -> Node:
        self.count += 1
        line = node.start_mark.line + 1
        if depth > DEEPEST or self.count > MOST:
            raise self._refuse(node, TOO_DEEP if depth > DEEPEST else TOO_MANY)
        if not isinstance(node, yaml.ScalarNode) and node.tag not in yaml.SafeLoader.yaml_constructors:
            raise self._refuse(node, f"it has the tag {node.tag!r}, which neither MONAI nor this check runs", "YAML")
        if isinstance(node, yaml.MappingNode):
            entries = self._entries(node, depth)
            return Node(entries, self.file, line, _end(node, entries.values()))
        if isinstance(node, yaml.SequenceNode):
            items = [self.read(value, depth + 1) for value in node.value]
            return Node(items, self.file, line, _end(node, items))
        end = node.end_mark.line + (node.end_mark.column > 0 or node.end_mark.line == node.start_mark.line)
        return Node(self._scalar(node), self.file, line, end)

    def _entries(self, node: yaml.MappingNode, depth: int) -> dict[str, Node]:
        own = self.own.setdefault(id(node), {id(key) for key, _ in node.value})  # flattening adds others
        if self._merged_size(node) > MOST:
            raise self._refuse(node, TOO_MANY)
        self.loader.flatten_mapping(node)  # `<<: *anchor`
        entries: dict[str, Node] = {}
        stated = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._refuse(key, "a list or a mapping cannot be the name of an entry", "YAML")
            inner = self.read(value, depth + 1)
            inner.line = key.start_mark.line + 1
            name = str(self.loader.construct_object(key))
            if id(key) in own and name in stated:
                self.repeated.append((name, entries[name], inner))
            stated |= {name} if id(key) in own else set()
            entries[name] = inner
        return entries

    def _merged_size(self, node: yaml.Node) -> int:
        """Return the number of entries of a mapping, including those that `<<` adds from others."""
        if id(node) not in self.sizes:
            self.sizes[id(node)] = MOST + 1  # for a mapping that contains itself
            self.sizes[id(node)] = sum(
                sum(map(self._merged_size, value.value if isinstance(value, yaml.SequenceNode) else [value]))
                if key.tag == MERGE
                else 1
                for key, value in (node.value if isinstance(node, yaml.MappingNode) else ())
            )
        return self.sizes[id(node)]

    def _refuse(self, node: yaml.Node, problem: str, kind: str = "a config") -> UsageError:
        return _refuse(self.file, kind, (node.start_mark.line + 1, node.start_mark.column + 1), problem)

    def _scalar(self, node: yaml.Node) -> Any:
        try:
            return self.loader.construct_object(node)
        except ValueError as error:  # a date that does not exist
            raise self._refuse(node, str(error), "YAML") from error


def _end(node: yaml.CollectionNode, children: Iterable[Node]) -> int:
    """Return the last line of a collection; in block style, PyYAML's end mark is where the next entry begins."""
    own: int = node.end_mark.line + 1 if node.flow_style else node.start_mark.line + 1
    return max([own, *(child.end for child in children)])


def _read_json(file: str, text: str, repeated: list[Repeated]) -> Node:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise _refuse(file, "JSON", (error.lineno, error.colno), error.msg) from error
    except ValueError as error:  # a number of thousands of digits
        raise _refuse(file, "JSON", (1, 1), str(error).partition(";")[0]) from error
    except RecursionError as error:
        raise _refuse(file, "a config", (1, 1), TOO_DEEP) from error
    tokens, line, place = [], 1, 0
    for match in JSON_TOKEN.finditer(text):
        line, place = line + text.count("\n", place, match.start(1)), match.start(1)
        tokens.append((match[1], line))
    return _from_json(tokens[::-1], file, repeated)


def _from_json(tokens: list[tuple[str, int]], file: str, repeated: list[Repeated], depth: int = 0) -> Node:
    """Take one value from the end of ``tokens``, which are valid JSON in reverse order."""
    text, line = tokens.pop()
    if depth > DEEPEST:
        raise _refuse(file, "a config", (line, 1), TOO_DEEP)
    if text == "{":
        entries: dict[str, Node] = {}
        while tokens[-1][0] != "}":
            key, key_line = tokens.pop()
            if key != ",":
                tokens.pop()  # the colon
                value = _from_json(tokens, file, repeated, depth + 1)
                value.line, name = key_line, json.loads(key)
                repeated += [(name, entries[name], value)] if name in entries else []
                entries[name] = value
        return Node(entries, file, line, tokens.pop()[1])
    if text == "[":
        items = []
        while tokens[-1][0] != "]":
            if tokens[-1][0] == ",":
                tokens.pop()
            items.append(_from_json(tokens, file, repeated, depth + 1))
        return Node(items, file, line, tokens.pop()[1])
    return Node(json.loads(text), file, line, line)
