"""What a check says: where, which rule, why it hurts, and the fix."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .document import Node
from .pipeline import Pipeline
from .transforms import Transform


@dataclass(frozen=True)
class Finding:
    """Something in a config that goes wrong without an error message.

    Attributes:
        file: Name of the file, as a person knows it.
        line: Where it stands there, counted from 1.
        rule: Name of the rule.
        id: Of the entry, such as ``train::preprocessing::transforms::3``.
        what: What stands there.
        why: Why that hurts.
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
    """What a rule reports: a node of the config, and the sentences.

    Attributes:
        node: Where it stands.
        what: What stands there.
        why: Why that hurts.
        fix: What to write instead.
        used: Where it is used, if it is right elsewhere; a comment there silences it too.
    """

    node: Node
    what: str
    why: str
    fix: str
    used: Node | None = None


def fault(step: Transform, what: str, why: str, fix: str, used: Node | None = None) -> Fault:
    """Report a step of a pipeline; see :py:class:`Fault`."""
    return Fault(step.component.node, what, why, fix, used)


@dataclass(frozen=True)
class Rule:
    """A kind of fault.

    Attributes:
        name: As it stands in findings and in ``# check: ignore[...]``.
        summary: What it looks for, in one line.
        look: Finds the faults of a pipeline.
    """

    name: str
    summary: str
    look: Callable[[Pipeline], Iterator[Fault]]
