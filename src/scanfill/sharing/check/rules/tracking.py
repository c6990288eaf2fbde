"""Handlers that MONAI's ``--tracking`` would delete."""

from collections.abc import Iterator

from scanfill.sharing.check.expression import Items, Unknown
from scanfill.sharing.check.finding import Fault, Rule
from scanfill.sharing.check.pipeline import Pipeline

PATCHED = {
    "train#trainer": ("train#handlers", "train_handlers"),
    "validate#evaluator": ("validate#handlers", "val_handlers"),
    "evaluator": ("handlers", "val_handlers"),
}
"""Engines that ``--tracking`` changes, the list that it extends, and the argument that it sets if there is none.
MONAI 1.6.1: ``monai.bundle.utils.DEFAULT_HANDLERS_ID``, ``ConfigWorkflow.patch_bundle_tracking``."""


def look(pipeline: Pipeline) -> Iterator[Fault]:
    """Find engines whose handlers ``monai.bundle run --tracking`` would replace, or where it would fail."""
    config = pipeline.config
    for engine, (handlers, argument) in PATCHED.items():
        node, listed = config.get(engine), config.get(handlers)
        given = node.child(argument) if node is not None and isinstance(node.value, dict) else None
        if node is None or given is None:
            continue
        name = handlers.replace("#", "::")
        if listed is None or listed.value is None:
            value = config.value(given)
            if isinstance(value, Unknown) or (isinstance(value, Items) and (value or not value.complete)):
                what = f"`{argument}` of {engine} is not defined as `{name}`."
                why = "`--tracking mlflow` looks for that id and, if there is none, replaces the whole list: "
                why += "checkpoints, validation and schedule silently disappear."
                yield Fault(given, what, why, f'Define the list as `{name}` and write `{argument}: "@{name}"`.')
        elif not isinstance(listed.value, list):
            what = f"`{name}` is not a list but {listed.value!r}."
            why = "`--tracking mlflow` appends its handler to it, and fails with an AttributeError."
            yield Fault(listed, what, why, f"Write `{name}` as a list, and join the lists in `{argument}`.")


RULE = Rule("tracking-handlers", "handlers that `--tracking` would delete", look)
