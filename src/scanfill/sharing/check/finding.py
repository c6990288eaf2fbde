"""Findings of a check: where, which rule, why it matters, and the fix."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .document import Node
from .pipeline import Pipeline
from .transforms import Transform


@dataclass(frozen=True)
class Finding:
    """A silent error in a config.

    Attributes:
        file: Name of the file, as shown to the user.
        line: Its line, counted from 1.
        rule: Name of the rule.
        id: Id of the entry, such as ``train::preprocessing::transforms::3``.
        what: What is wrong.
        why: Why it matters.
        fix: What to write instead.
        config: The files that were merged when it was found.
    """

    file: str
    line: int
    rule: str
    id: str
    what: str
    why: str
    fix: str
    config: str = ""


@dataclass(frozen=True)
class Fault:
    """A fault reported by a rule: a node of the config, and the explanation.

    Attributes:
        node: The node that is wrong.
        what: What is wrong.
        why: Why it matters.
        fix: What to write instead.
        used: Where it is used, if it is only wrong there; an ignore comment there silences it too.
    """

    node: Node
    what: str
    why: str
    fix: str
    used: Node | None = None


def fault(step: Transform, what: str, why: str, fix: str, used: Node | None = None) -> Fault:
    """Return a fault of a step of a pipeline; see :py:class:`Fault`."""
    return Fault(step.component.node, what, why, fix, used)


@dataclass(frozen=True)
class Rule:
    """A kind of fault.

    Attributes:
        name: Its name in findings and in ``# check: ignore[...]``.
        summary: What it looks for, in one line.
        look: Function that finds the faults of a pipeline.
    """

    name: str
    summary: str
    look: Callable[[Pipeline], Iterator[Fault]]
