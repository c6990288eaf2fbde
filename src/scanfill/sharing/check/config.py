"""A merged config: resolve ids, references and macros without instantiating anything."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scanfill.errors import UsageError

from .document import Arguments, Document, Node, read_file
from .expression import REFERENCE, UNKNOWN, Items, Unknown, read_expression
from .merge import SEPARATOR, merge, split_id

WHOLE_REFERENCE = re.compile(r"@(\w*(?:::\w*)*)")
MOST_ASKED = 100_000  # values; a bundle's config has some thousands
LONGEST = 60  # seconds; a bundle's config takes one
RELATIVE = re.compile(rf"([@%])((?:{SEPARATOR})+)")
MACRO_FILE = re.compile(rf"%(?P<path>.*\.(?:json|yaml|yml))(?:{SEPARATOR}(?P<id>.*))?$", re.IGNORECASE)


@dataclass(eq=False)
class Component:
    """An object that a config describes by ``_target_`` and arguments.

    Attributes:
        node: Its node in the config.
        config: The config that it is part of.
        target: The target as written.
    """

    node: Node
    config: Config
    target: str

    @property
    def name(self) -> str:
        """Last part of the target: ``Spacingd`` for ``monai.transforms.Spacingd``."""
        return self.target.rsplit(".", 1)[-1]

    def has(self, argument: str) -> bool:
        """Whether the argument is given."""
        return argument in self.node.value

    def argument(self, name: str, default: Any = None) -> Any:
        """Return the value of an argument, as resolved by :py:meth:`Config.value`.

        Returns:
            ``default`` if it is not given; ``UNKNOWN`` if it may be given, as in ``Spacingd(keys, **more)``.
        """
        if self.has(name):
            return self.config.value(self.node.value[name])
        given = self.node.value
        return UNKNOWN if isinstance(given, Arguments) and not given.complete else default

    def component(self, name: str) -> Component | None:
        """Return an argument that is a component; None if it is something else or not given."""
        return self.config.as_component(self.argument(name))


@dataclass(eq=False)
class Config:
    """Files merged into one config.

    Attributes:
        documents: The files, in the order in which they are merged.
        metadata: Metadata of the bundle, if there is one.
        folders: Folders that paths in the config may be relative to: the working folder, the bundle, that of the files.
        included: Files of macros such as ``%common.yaml::network``.
        trees: The included files as configs, by path; each is read once, although they may refer to each other.
        path: Path of this file, if a macro includes it.
    """

    documents: Sequence[Document]
    metadata: dict[str, Any] = field(default_factory=dict)
    folders: Sequence[Path] = ()
    included: list[Document] = field(default_factory=list)
    trees: dict[str, Config] = field(default_factory=dict)
    path: str = ""

    def __post_init__(self) -> None:
        self.root = merge(self.documents)
        if self.path:
            self.trees[self.path] = self
        self._busy: set[int] = set()
        self._asked = 0
        self._since = time.monotonic()
        self._names: dict[int, str] = {}
        for name, node in self.walk():
            self._names[id(node)] = name
            self._open_include(node)

    def walk(self, start: Node | None = None, name: str = "") -> Iterator[tuple[str, Node]]:
        """Yield every node with its id, parents first."""
        node = self.root if start is None else start
        yield name, node
        for key, child in node.children():
            yield from self.walk(child, f"{name}{SEPARATOR}{key}" if name else str(key))

    def name_of(self, node: Node) -> str:
        """Return the id of a node; empty for a node from an expression or an include."""
        return self._names.get(id(node), "")

    def components(self) -> Iterator[tuple[str, Component]]:
        """Yield every component, described by ``_target_`` or by a call in an expression, with its id."""
        for name, node in self.walk():
            found = self.as_component(node)
            if found:
                yield name, found
            elif isinstance(node.value, str) and node.value.startswith("$"):
                yield from ((name, call) for call in self._calls(self.value(node)))

    def _calls(self, value: Any) -> Iterator[Component]:
        """Yield the components created in an expression, not those that it only refers to."""
        if isinstance(value, Items):
            for item in value:
                yield from self._calls(item)
        elif isinstance(value, Node) and id(value) not in self._names:
            found = self.as_component(value)
            if found:
                yield found
            for entry in value.value.values():
                yield from self._calls(self.value(entry))

    def as_component(self, value: Any) -> Component | None:
        """Return a value as a component; None if it is something else, or disabled."""
        if not isinstance(value, Node) or not isinstance(value.value, dict) or "_target_" not in value.value:
            return None
        target = self.value(value.value["_target_"])
        if not isinstance(target, str) or self._is_disabled(value.value.get("_disabled_")):
            return None
        return Component(value, self, target)

    def _is_disabled(self, node: Node | None) -> bool:
        """Return the same as ``monai.bundle.ConfigComponent.is_disabled``."""
        value = None if node is None else self.value(node)
        if isinstance(value, Unknown):
            return False
        return value.strip().lower() == "true" if isinstance(value, str) else bool(value)

    def get(self, name: str) -> Node | None:
        """Return the node of an id; None if there is none."""
        node: Node | None = self.root
        for step in split_id(name):
            if node is not None and isinstance(node.value, str):  # an id inside an entry that is itself a reference
                value = self.value(node)
                node = value if isinstance(value, Node) else None
            node = None if node is None else node.child(step)
        return node

    def look_up(self, name: str) -> Any:
        """Return the value of an id; ``UNKNOWN`` if there is none."""
        node = self.get(name)
        return UNKNOWN if node is None else self.value(node)

    def value(self, node: Node) -> Any:
        """Return the value of a node, resolving references, macros and simple expressions.

        Returns:
            A scalar, :py:class:`.Items` for a list, a :py:class:`.Node` for a dictionary, or ``UNKNOWN``.
        """
        self._asked += 1
        if self._asked > MOST_ASKED:
            msg = f"{node.file}, line {node.line}: following references led to more than {MOST_ASKED} values. "
            msg += "Do not nest lists that refer to another list several times: write the values out."
            raise UsageError(msg)
        if not self._busy:
            self._since = time.monotonic()
        elif time.monotonic() > self._since + LONGEST:
            msg = f"{node.file}, line {node.line}: checking takes more than {LONGEST} s. Check a smaller config."
            raise UsageError(msg)
        if id(node) in self._busy:  # refers to itself: MONAI will report it
            return UNKNOWN
        self._busy.add(id(node))
        try:
            if isinstance(node.value, dict):
                return node
            if isinstance(node.value, list):
                complete = getattr(node.value, "complete", True)
                return Items([self.value(item) for item in node.value], complete=complete)
            return self._of_text(node) if isinstance(node.value, str) else node.value
        finally:
            self._busy.discard(id(node))

    def _of_text(self, node: Node) -> Any:
        text = self._absolute(node)
        if text.startswith("$"):
            return read_expression(text[1:], node, self.look_up)
        if whole := WHOLE_REFERENCE.fullmatch(text):
            return self.look_up(whole[1])
        if included := MACRO_FILE.fullmatch(text):
            other = self.trees[included["path"]]
            return other.look_up(included["id"]) if included["id"] else other.root
        return self.look_up(text[1:]) if text.startswith("%") else node.value

    def _absolute(self, node: Node) -> str:
        """Return the text with ``#`` as ``::`` and, in a reference or expression, relative ids made absolute."""
        if not node.value.startswith(("@", "%", "$")):
            return str(node.value)
        text, steps = node.value.replace("#", SEPARATOR), self.name_of(node).split(SEPARATOR)

        def absolute(match: re.Match[str]) -> str:
            up = len(match[2]) // len(SEPARATOR)
            return match[1] + "".join(f"{step}{SEPARATOR}" for step in steps[: max(len(steps) - up, 0)])

        return RELATIVE.sub(absolute, text)

    def references(self, node: Node) -> Iterator[Node]:
        """Yield the nodes that the text of a node refers to, by a reference, an expression or a macro."""
        if not isinstance(node.value, str) or not node.value.startswith(("@", "%", "$")):
            return
        text = self._absolute(node)
        if included := MACRO_FILE.fullmatch(text):
            config = self.trees[included["path"]]
            names = [included["id"] or ""]
        else:
            config = self
            whole = WHOLE_REFERENCE.fullmatch(text)
            names = REFERENCE.findall(text) if text.startswith("$") else [whole[1]] if whole else []
            names += [text[1:]] if text.startswith("%") else []
        found = (config.get(name) if name else config.root for name in names)
        yield from (other for other in found if other is not None)

    def _open_include(self, node: Node) -> None:
        """Read the file of a macro such as ``%common.yaml::network``.

        Raises:
            UsageError: The file does not exist.
        """
        found = MACRO_FILE.fullmatch(node.value.replace("#", SEPARATOR)) if isinstance(node.value, str) else None
        if found is None or found["path"] in self.trees:
            return
        folders = [*self.folders, Path()]
        places = [folder / found["path"] for folder in folders]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            looked = ", ".join(dict.fromkeys(str(place) for place in places))
            msg = f"{node.file}, line {node.line}: includes {found['path']!r}, which is missing (looked for {looked}). "
            msg += "MONAI opens it from the working folder: add the file, or correct the path."
            raise UsageError(msg)
        document = read_file(path, str(path))
        self.included.append(document)
        Config([document], self.metadata, self.folders, self.included, self.trees, found["path"])

    def names(self, value: Any) -> Items:
        """Flatten keys: a name, or names in lists; incomplete if some are not known."""
        if isinstance(value, str):
            return Items([value])
        if not isinstance(value, Items):
            return Items(complete=value is None)
        flat = Items(complete=value.complete)
        for item in value:
            inner = self.names(item)
            flat.extend(inner)
            flat.complete &= inner.complete and not isinstance(item, Unknown | type(None))
        return flat
