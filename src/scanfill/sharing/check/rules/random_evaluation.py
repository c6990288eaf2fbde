"""Transforms that draw at random where a network is judged or used."""

from collections.abc import Iterator

from scanfill.sharing.check.finding import Fault, Rule, fault
from scanfill.sharing.check.pipeline import Pipeline


def look(pipeline: Pipeline) -> Iterator[Fault]:
    """Find random transforms in what prepares images for validation or inference."""
    for chain in pipeline.preparing("evaluation"):
        shared = (
            " The trainer uses the same chain: give the evaluator one of its own." if "training" in chain.roles else ""
        )
        place = chain.uses.get("evaluation", chain.name)
        for step in chain.steps:
            if step.random:
                name = step.name
                what = f"{name} draws at random in what prepares images for validation or inference ({place})."
                why = (
                    "Scores change from epoch to epoch, the best one is the luckiest, and patients get chance results."
                )
                fix = f"Leave {name} to the training, or crop and window deterministically.{shared}"
                yield fault(step, what, why, fix, used=pipeline.config.get(place))


RULE = Rule("random-evaluation", "a random transform in validation or inference", look)
