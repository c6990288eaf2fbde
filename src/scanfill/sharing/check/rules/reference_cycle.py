"""Entries that refer to themselves, directly or through others, so that MONAI cannot resolve them."""

from collections.abc import Iterator

from scanfill.sharing.check.config import Config
from scanfill.sharing.check.finding import Fault, Rule
from scanfill.sharing.check.pipeline import Pipeline


def look(pipeline: Pipeline) -> Iterator[Fault]:
    """Find entries that refer to one another in a circle, directly or through others."""
    named = {id(node): (name, node) for config in _configs(pipeline.config) for name, node in config.walk()}
    order = {place: number for number, place in enumerate(named)}
    needs = _needs(pipeline.config)
    done: set[int] = set()
    for start in needs:
        if cycle := _cycle(start, needs, done):
            first = min(range(len(cycle)), key=lambda number: order[cycle[number]])
            cycle = cycle[first:] + cycle[:first]
            names = [named[place][0] or named[place][1].file for place in cycle]
            what = f"`{names[0]}` refers to itself: {' -> '.join([*names, names[0]])}."
            why = "None of these entries can be created before the others: MONAI stops with an error."
            yield Fault(named[cycle[0]][1], what, why, "Write the value in one of them, or remove the reference.")


def _configs(config: Config) -> list[Config]:
    return [config, *(other for other in config.trees.values() if other is not config)]


def _needs(config: Config) -> dict[int, list[int]]:
    """Return what each entry that is referred to needs first: the entries that any text in it refers to."""
    direct = {id(node): list(tree.references(node)) for tree in _configs(config) for _, node in tree.walk()}
    targets = {id(node): node for nodes in direct.values() for node in nodes}
    return {
        place: [id(other) for inner in node.descendants() for other in direct.get(id(inner), ())]
        for place, node in targets.items()
    }


def _cycle(start: int, needs: dict[int, list[int]], done: set[int]) -> list[int]:
    """Return the entries of a cycle that is reached from an entry, without those that were looked at before."""
    path: list[int] = []
    stack = [iter([start])]
    while stack:
        place = next(stack[-1], None)
        if place is None:
            stack.pop()
            done |= {path.pop()} if path else set()
        elif place in path:
            return _finish(path[path.index(place) :], path, done)
        elif place not in done:
            path.append(place)
            stack.append(iter(needs.get(place, ())))
    return []


def _finish(cycle: list[int], path: list[int], done: set[int]) -> list[int]:
    done |= set(path)
    return cycle


RULE = Rule("reference-cycle", "entries that refer to themselves", look)
