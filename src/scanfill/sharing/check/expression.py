"""Read a ``$`` expression as a syntax tree and resolve what is certain, without evaluating it."""

import ast
import math
import operator
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .document import Arguments, Node

REFERENCE = re.compile(r"@(\w*(?:::\w*)*)")
OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
RETURN_THEMSELVES = ("to", "cuda", "cpu", "eval", "train", "float", "half", "apply", "set_random_state")
"""Methods of networks and transforms that return the object itself."""
LARGEST = 10_000  # maximum length of a list from an expression, such as `[0] * 10**9`


class Unknown:
    """A value that is only known when the config runs."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


class Items(list[Any]):
    """A list, some of whose items may be unknown.

    Attributes:
        complete: Whether these are all of them.
    """

    def __init__(self, items: Iterable[Any] = (), *, complete: bool = True) -> None:
        super().__init__(items)
        self.complete = complete


def read_expression(text: str, place: Node, look_up: Callable[[str], Any]) -> Any:
    """Return the value of an expression.

    Args:
        text: The expression without its ``$``; relative ids resolved, and ``#`` written as ``::``.
        place: Its node; calls in it become nodes at the same position.
        look_up: Returns the value of an id.

    Returns:
        A scalar, :py:class:`Items`, a :py:class:`Node` for a component (a call as ``_target_`` with its arguments) or a
        dictionary, or :py:data:`UNKNOWN`.
    """
    try:
        tree = ast.parse(REFERENCE.sub(r"__id__('\1')", text).strip(), mode="eval")
    except (SyntaxError, ValueError):  # an import, which MONAI allows, or a mistake, which it will report
        return UNKNOWN
    except (RecursionError, MemoryError):  # thousands of brackets: not written by hand
        return UNKNOWN
    try:
        return _Reader(place, look_up, {}).read(tree.body)
    except RecursionError:
        return UNKNOWN


def dotted_name(node: ast.expr) -> str:
    """Return the name of a function as written, such as ``monai.losses.DiceLoss``; empty if it is not a name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *parts[::-1]]) if isinstance(node, ast.Name) else ""


def as_node(value: Any, place: Node) -> Node:
    """Wrap a value as a node of the config at ``place``."""
    if isinstance(value, Node):
        return value
    if isinstance(value, Items):
        value = Items((as_node(item, place) for item in value), complete=value.complete)
    return Node(value, place.file, place.line, place.end)


class _Reader:
    """Reader of one expression; syntax without a method here gives ``UNKNOWN``."""

    def __init__(self, place: Node, look_up: Callable[[str], Any], names: Mapping[str, Any]) -> None:
        self.place, self.look_up, self.names = place, look_up, names

    def read(self, node: ast.expr) -> Any:
        method = getattr(self, f"read_{type(node).__name__.lower()}", None)
        return UNKNOWN if method is None else method(node)

    def read_constant(self, node: ast.Constant) -> Any:
        return node.value

    def read_name(self, node: ast.Name) -> Any:
        return self.names.get(node.id, UNKNOWN)

    def read_attribute(self, node: ast.Attribute) -> Any:
        *owners, last = dotted_name(node).split(".")
        if last == "pi":
            return math.pi
        if owners and owners[-1].endswith(("Mode", "Keys")):  # GridSampleMode.NEAREST, CommonKeys.IMAGE and similar
            return last.lower().replace("_", "-")
        return UNKNOWN

    def read_list(self, node: ast.List | ast.Tuple) -> Any:
        complete, items = True, []
        for element in node.elts:
            value = self.read(element.value if isinstance(element, ast.Starred) else element)
            if isinstance(element, ast.Starred):
                complete &= isinstance(value, Items) and value.complete
                items += value if isinstance(value, Items) else []
            else:
                items.append(value)
        return Items(items, complete=complete)

    read_tuple = read_list

    def read_dict(self, node: ast.Dict) -> Any:
        entries = {
            str(key.value): as_node(self.read(value), self.place)
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant)
        }
        return Node(entries, self.place.file, self.place.line, self.place.end)

    def read_listcomp(self, node: ast.ListComp) -> Any:
        """Read ``[f(name) for name in names]`` if the names are known."""
        loop = node.generators[0]
        source = self.read(loop.iter)
        if (
            len(node.generators) > 1
            or loop.ifs
            or not isinstance(loop.target, ast.Name)
            or not isinstance(source, Items)
        ):
            return Items(complete=False)
        readers = (_Reader(self.place, self.look_up, {**self.names, loop.target.id: item}) for item in source)
        return Items((reader.read(node.elt) for reader in readers), complete=source.complete)

    def read_binop(self, node: ast.BinOp) -> Any:
        left, right = self.read(node.left), self.read(node.right)
        if isinstance(node.op, ast.Add) and (isinstance(left, Items) or isinstance(right, Items)):
            parts = [part if isinstance(part, Items) else Items(complete=False) for part in (left, right)]
            if sum(map(len, parts)) > LARGEST:
                return Items(complete=False)
            return Items([*parts[0], *parts[1]], complete=all(part.complete for part in parts))
        if isinstance(node.op, ast.Mult) and isinstance(left, Items) and (right is UNKNOWN or not left.complete):
            return Items(left, complete=False)  # [@label_key] * (@label_key is not None)
        if isinstance(node.op, ast.Mod) and isinstance(left, str):  # '%999999999d' % 1 would be too long
            return UNKNOWN
        return self._compute(node.op, left, right)

    def _compute(self, operation: ast.operator, left: Any, right: Any) -> Any:
        if type(operation) not in OPERATORS or not all(
            isinstance(side, str | int | float | Items) for side in (left, right)
        ):
            return UNKNOWN
        sizes = [len(side) if isinstance(side, str | Items) else abs(side) for side in (left, right)]
        repeats = isinstance(operation, ast.Mult) and not all(isinstance(side, int | float) for side in (left, right))
        if repeats and max(sizes[0], 1) * max(sizes[1], 1) > LARGEST:
            return UNKNOWN
        try:
            result = OPERATORS[type(operation)](left, right)
        except (TypeError, ValueError, ArithmeticError):
            return UNKNOWN
        return Items(result) if isinstance(result, list) else result

    def read_unaryop(self, node: ast.UnaryOp) -> Any:
        value = self.read(node.operand)
        if isinstance(node.op, ast.USub) and isinstance(value, int | float):
            return -value
        if isinstance(node.op, ast.Not) and (truth := _truth(value)) is not None:
            return not truth
        return UNKNOWN

    def read_boolop(self, node: ast.BoolOp) -> Any:
        """Read ``@other or @inferer``: the first operand that decides."""
        value: Any = UNKNOWN
        for operand in node.values:
            value = self.read(operand)
            truth = _truth(value)
            if truth is None:
                return UNKNOWN
            if truth == isinstance(node.op, ast.Or):
                return value
        return value

    def read_compare(self, node: ast.Compare) -> Any:
        """Read ``@label is None``, ``@kind == 'ct'``, ``@labels in (None, 'none')``; others give ``UNKNOWN``."""
        left, right = self.read(node.left), self.read(node.comparators[0])
        if len(node.ops) > 1 or isinstance(left, Unknown | Node) or isinstance(right, Unknown | Node):
            return UNKNOWN
        match node.ops[0]:
            case ast.Is() | ast.Eq():
                return left == right
            case ast.IsNot() | ast.NotEq():
                return left != right
            case ast.In() if isinstance(right, Items) and right.complete and UNKNOWN not in right:
                return left in right
        return UNKNOWN

    def read_ifexp(self, node: ast.IfExp) -> Any:
        """Return the branch that applies; if the condition is unknown, combine both."""
        truth = _truth(self.read(node.test))
        branches = [self.read(branch) for branch in (node.body, node.orelse)]
        if truth is not None:
            return branches[not truth]
        if all(isinstance(branch, Items) for branch in branches):
            return Items([*branches[0], *branches[1]], complete=False)
        return branches[0] if branches[0] == branches[1] else UNKNOWN

    def read_subscript(self, node: ast.Subscript) -> Any:
        value = self.read(node.value)
        if isinstance(node.slice, ast.Slice):
            ends = [
                None if end is None else self.read(end) for end in (node.slice.lower, node.slice.upper, node.slice.step)
            ]
            known = isinstance(value, Items) and all(end is None or isinstance(end, int) for end in ends)
            if not known or ends[2] == 0:
                return UNKNOWN
            return Items(value[slice(*ends)], complete=value.complete)
        index = self.read(node.slice)
        if isinstance(value, Items) and isinstance(index, int) and -len(value) <= index < len(value) and value.complete:
            return value[index]
        return UNKNOWN

    def read_call(self, node: ast.Call) -> Any:
        """Read an id, a built-in function of known values, or a component written as a call."""
        if isinstance(node.func, ast.Attribute) and node.func.attr in RETURN_THEMSELVES:
            return self.read(node.func.value)
        name = dotted_name(node.func)
        arguments = [self.read(argument) for argument in node.args if not isinstance(argument, ast.Starred)]
        if name == "__id__":
            return self.look_up(arguments[0]) if arguments and isinstance(arguments[0], str) else UNKNOWN
        if name in ("list", "tuple", "len", "int", "float", "str", "bool") and len(arguments) == 1:
            return _built_in(name, arguments[0])
        if name == "os.path.join" and arguments and all(isinstance(argument, str) for argument in arguments):
            return os.path.join(*arguments)  # noqa: PTH118  as in the config
        if not name:
            return UNKNOWN
        given = {keyword.arg: self.read(keyword.value) for keyword in node.keywords if keyword.arg}
        if arguments:
            given = {_first_argument(name): arguments[0], **given}
        entries = Arguments({key: as_node(value, self.place) for key, value in given.items()})
        entries["_target_"] = Node(name, self.place.file, self.place.line, self.place.end)
        entries.complete = len(node.args) < 2 and None not in (keyword.arg for keyword in node.keywords)
        return Node(entries, self.place.file, self.place.line, self.place.end)


def _truth(value: Any) -> bool | None:
    """Return whether a value is true; None if that is not known, as for the result of a component."""
    if isinstance(value, Unknown) or (isinstance(value, Items) and not value and not value.complete):
        return None
    if isinstance(value, Node):
        return None if "_target_" in value.value else bool(value.value)
    return bool(value)


def _built_in(name: str, value: Any) -> Any:
    if name in ("list", "tuple"):
        return value if isinstance(value, Items) else Items(complete=False)
    if name == "len":
        return len(value) if isinstance(value, str) or (isinstance(value, Items) and value.complete) else UNKNOWN
    if not isinstance(value, str | int | float):
        return UNKNOWN
    try:
        return {"int": int, "float": float, "str": str, "bool": bool}[name](value)
    except (ValueError, OverflowError):
        return UNKNOWN


def _first_argument(name: str) -> str:
    """Return the name of a call's first argument, for the calls that the rules need."""
    last = name.rsplit(".", 1)[-1]
    if last == "Compose":
        return "transforms"
    if last.endswith("Loader"):
        return "dataset"
    return "data" if last.endswith("Dataset") else "keys"
