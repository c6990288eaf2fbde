"""Find the chains of transforms in a config, their roles, and the engines that use them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from .config import Component, Config
from .document import Node
from .expression import UNKNOWN, Items, Unknown
from .merge import split_id
from .transforms import CONTAINERS, KNOWN, Transform, base_name

Role = Literal["training", "evaluation", "postprocessing"]
Branches = tuple[tuple["Component", int], ...]
LOADERS: dict[str, Role] = {"train_data_loader": "training", "val_data_loader": "evaluation"}
"""Arguments of MONAI's engines, and of engines derived from them."""


SYNTHETIC = re.compile(r"(?:^|[-_.])synthetic(?:[-_.]|$)", re.IGNORECASE)
"""Words in the names of synthetic images, in scanfill and most other tools."""


def named_synthetic(path: Path) -> bool:
    """Return whether a file's name marks it as synthetic."""
    return SYNTHETIC.search(path.name) is not None


@dataclass(eq=False)
class Chain:
    """Transforms that are applied one after the other.

    Attributes:
        name: Id of the ``Compose``, or of the list.
        steps: The transforms, with nested ``Compose`` flattened.
        complete: Whether these are all steps.
        roles: What the chain is used for; empty if unknown.
        engines: Engines whose images it prepares.
        uses: Role -> id of the dataset that uses it in this role.
    """

    name: str
    steps: list[Transform]
    complete: bool
    roles: set[Role] = field(default_factory=set)
    engines: list[Engine] = field(default_factory=list)
    uses: dict[Role, str] = field(default_factory=dict)


@dataclass(eq=False)
class Engine:
    """A trainer or evaluator.

    Attributes:
        name: Its id.
        component: The component that describes it.
        role: Whether it trains.
        postprocessing: Transforms of the predictions; None if unknown.
    """

    name: str
    component: Component
    role: Role
    postprocessing: Chain | None

    @property
    def label_key(self) -> Any:
        """Key of the ground truth in a batch: a name, None if there is none, or ``UNKNOWN``."""
        prepare = self.component.argument("prepare_batch")
        if prepare is None:
            return "label"
        made = self.component.component("prepare_batch")
        if made is None:
            return UNKNOWN
        if made.has("label_key"):
            return made.argument("label_key")
        return "label" if made.name.startswith("PrepareBatch") else UNKNOWN

    @property
    def inverts(self) -> bool | None:
        """Whether predictions are resampled to the grid of the file before evaluation; None if unknown."""
        if any("Invert" in name for name in self._handler_names()):
            return True
        if not self.component.has("postprocessing"):
            return False
        if self.postprocessing is None:
            return None
        if any("Invert" in step.base for step in self.postprocessing.steps):
            return True
        return False if self.postprocessing.complete else None

    def _handler_names(self) -> Iterator[str]:
        for argument in ("val_handlers", "train_handlers"):
            handlers = self.component.argument(argument)
            for handler in handlers if isinstance(handlers, Items) else ():
                made = self.component.config.as_component(handler)
                yield made.name if made else ""


class Pipeline:
    """A config as the rules see it.

    Args:
        config: The merged config.
        is_synthetic: Returns whether a file is synthetic; by default, only its name is considered.
    """

    def __init__(self, config: Config, is_synthetic: Callable[[Path], bool] | None = None) -> None:
        self.config = config
        self.is_synthetic = is_synthetic or named_synthetic
        self._busy: set[int] = set()
        self._endless: set[int] = set()
        self.components = list(config.components())
        self.engines = list(self._find_engines())

    @cached_property
    def chains(self) -> list[Chain]:
        """All chains of transforms, each once."""
        found: dict[tuple[Any, ...], Chain] = {}
        for engine in self.engines:
            chain = self._chain_of_loader(engine)
            if chain:
                kept = _keep(found, chain)
                kept.roles.add(engine.role)
                kept.engines.append(engine)
                kept.uses.setdefault(engine.role, chain.name)
            if engine.postprocessing:
                _keep(found, engine.postprocessing).roles.add("postprocessing")
        for name, component in self.components:
            if component.has("transform") and not component.name.startswith("Invert"):
                self._keep_named(found, self.chain(component.argument("transform"), name))
        for name, component in self.components:
            if base_name(component.name) in CONTAINERS:
                self._keep_named(found, self.chain(component.node, name))
        for name, node in self.config.walk():
            if isinstance(node.value, list) and self._holds_transforms(node):
                self._keep_named(found, self.chain(self.config.value(node), name))
        return list(found.values())

    def preparing(self, *roles: Role) -> list[Chain]:
        """Return the chains that prepare images, for one of ``roles`` if any are given."""
        chains = [chain for chain in self.chains if "postprocessing" not in chain.roles]
        return [chain for chain in chains if chain.roles & set(roles)] if roles else chains

    def is_preparation(self, step: Transform) -> bool:
        """Return whether a step is applied to every image, also in evaluation, so that it is not augmentation."""
        if step.random or step.chosen:
            return False
        return all(
            any(other.base == step.base and not other.chosen for other in chain.steps)
            for chain in self.preparing("evaluation")
        )

    def chain(self, value: Any, name: str) -> Chain:
        """Read a ``Compose``, a transform or a list of them as one chain."""
        steps, complete = self._flatten(value)
        made = [Transform(component, place, branches) for place, (component, branches) in enumerate(steps)]
        return Chain(name, made, complete)

    def _flatten(self, value: Any, branches: Branches = ()) -> tuple[list[tuple[Component, Branches]], bool]:
        if isinstance(value, Items):
            return self._flatten_all(value, [branches] * len(value))
        component = self.config.as_component(value)
        if component is None:
            return [], not isinstance(value, Unknown)
        name = base_name(component.name)
        if name not in CONTAINERS:
            return [(component, branches)], True
        if id(component.node) in self._busy | self._endless:  # it contains itself: MONAI will report it
            self._endless.add(id(component.node))
            return [], False
        self._busy.add(id(component.node))
        inner = component.argument("transforms")
        if name == "Compose" or not isinstance(inner, Items):
            steps, complete = self._flatten(inner, branches)
        else:
            drawn = name != "MoveWithBoxes"
            within = [(*branches, (component, place)) if drawn else branches for place in range(len(inner))]
            steps, complete = self._flatten_all(inner, within)
        self._busy.discard(id(component.node))
        return ([] if name == "Compose" else [(component, branches)]) + steps, complete

    def _flatten_all(self, items: Items, branches: list[Branches]) -> tuple[list[tuple[Component, Branches]], bool]:
        parts = [self._flatten(item, within) for item, within in zip(items, branches, strict=True)]
        return [step for part, _ in parts for step in part], items.complete and all(whole for _, whole in parts)

    def _find_engines(self) -> Iterator[Engine]:
        for name, component in self.components:
            for argument, role in LOADERS.items():
                if component.has(argument):
                    after = component.argument("postprocessing")
                    made = (
                        None
                        if after is None or isinstance(after, Unknown)
                        else self.chain(after, f"{name}::postprocessing")
                    )
                    yield Engine(name, component, role, made)

    def _chain_of_loader(self, engine: Engine) -> Chain | None:
        """Follow an engine's loader to its dataset and return the dataset's transforms."""
        argument = next(name for name, role in LOADERS.items() if role == engine.role)
        loader = engine.component.component(argument)
        dataset = loader.component("dataset") if loader else None
        if dataset is None or not dataset.has("transform"):
            return None
        return self.chain(dataset.argument("transform"), self.config.name_of(dataset.node))

    def _holds_transforms(self, node: Node) -> bool:
        made = [self.config.as_component(item) for item in node.value]
        return bool(made) and all(component and base_name(component.name) in KNOWN for component in made)

    def _keep_named(self, found: dict[tuple[Any, ...], Chain], chain: Chain) -> None:
        """Keep a chain that no known engine uses, in the role given by its id, unless it is part of another chain."""
        if not chain.steps or chain.steps[0].base == chain.steps[-1].base == "Invert":
            return
        used = {_identity(step) for kept in found.values() for step in kept.steps}
        if all(_identity(step) in used for step in chain.steps):
            return
        _keep(found, chain).roles |= self._role_by_name(chain.name)

    def _role_by_name(self, name: str) -> set[Role]:
        steps = [step.lower() for step in split_id(name)]
        if any("post" in step for step in steps):
            return {"postprocessing"}
        if any(step.startswith("train") for step in steps):
            return {"training"}
        judged = [step for step in steps[:2] if step.startswith(("val", "test", "evaluat", "infer"))]
        if any("augment" not in step for step in judged):  # as in `test_time_augmentation`
            return {"evaluation"}
        trains = any(engine.role == "training" for engine in self.engines)
        only_judges = bool(self.engines) and not trains and steps[0] in ("preprocessing", "dataset")
        return {"evaluation"} if only_judges else set()


def _identity(step: Transform) -> tuple[str, int, str]:
    """Return an identifier of a step; a step in an expression is recreated each time the expression is read."""
    node = step.component.node
    return node.file, id(node) if step.component.config.name_of(node) else node.line, step.component.target


def _keep(found: dict[tuple[Any, ...], Chain], chain: Chain) -> Chain:
    return found.setdefault(tuple(_identity(step) for step in chain.steps), chain)
