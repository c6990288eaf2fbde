"""Merge several files into one config as MONAI does (``monai.bundle.utils.merge_kv``)."""

import copy
from collections.abc import Sequence

from scanfill.errors import UsageError

from .document import Document, Node

SEPARATOR = "::"


def split_id(name: str) -> list[str]:
    """Split ``train#trainer::max_epochs`` into its steps."""
    return name.replace("#", SEPARATOR).split(SEPARATOR)


def merge(documents: Sequence[Document]) -> Node:
    """Merge documents, later ones over earlier ones.

    An entry replaces the earlier entry as a whole; an id such as ``train#trainer#max_epochs`` replaces only the nested
    entry, and an id with a leading ``+`` extends dictionaries and lists.

    Returns:
        A new tree, whose nodes record the file they come from.

    Raises:
        UsageError: ``+`` is used on values that cannot be joined.
    """
    root = Node({}, documents[0].file, 1, 1)
    for document in documents:
        for name, value in document.root.value.items():
            _set(root, name, copy.deepcopy(value))
    return root


def _set(root: Node, name: str, value: Node) -> None:
    *parents, last = split_id(name.removeprefix("+"))
    node = root
    for step in parents:
        inner = node.child(step)
        if inner is None or not isinstance(inner.value, dict | list):
            inner = Node({}, value.file, value.line, value.end)  # MONAI would fail here: the file is an overlay
            _put(node, step, inner)
        node = inner
    there = node.child(last)
    if not name.startswith("+") or there is None:
        _put(node, last, value)
    elif isinstance(there.value, dict) and isinstance(value.value, dict):
        there.value.update(value.value)
    elif isinstance(there.value, list) and isinstance(value.value, list):
        there.value.extend(value.value)
    else:
        msg = f"{value.file}, line {value.line}: {name} joins a {type(value.value).__name__} with the "
        msg += f"{type(there.value).__name__} of {there.file}, line {there.line}; join only lists or dictionaries."
        raise UsageError(msg)


def _put(node: Node, step: str, value: Node) -> None:
    if isinstance(node.value, list):
        if not (step.isdigit() and int(step) < len(node.value)):
            msg = f"{value.file}, line {value.line}: there is no entry {step} in the list of {node.file}, "
            msg += f"line {node.line}, which has {len(node.value)}."
            raise UsageError(msg)
        node.value[int(step)] = value
    else:
        node.value[step] = value
