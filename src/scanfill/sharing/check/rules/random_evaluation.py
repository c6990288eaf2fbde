"""Random transforms in validation or inference."""

from collections.abc import Iterator

from scanfill.sharing.check.finding import Fault, Rule, fault
from scanfill.sharing.check.pipeline import Pipeline


def look(pipeline: Pipeline) -> Iterator[Fault]:
    """Find random transforms in the preprocessing for validation or inference."""
    for chain in pipeline.preparing("evaluation"):
        shared = (
            " The trainer uses the same chain: give the evaluator a separate one." if "training" in chain.roles else ""
        )
        place = chain.uses.get("evaluation", chain.name)
        for step in chain.steps:
            if step.random:
                name = step.name
                what = f"{name} is random, in the preprocessing for validation or inference ({place})."
                why = "Scores vary from epoch to epoch, the best epoch is selected by luck, and predictions are random."
                fix = f"Use {name} only in training; crop and window deterministically here.{shared}"
                yield fault(step, what, why, fix, used=pipeline.config.get(place))


RULE = Rule("random-evaluation", "a random transform in validation or inference", look)
