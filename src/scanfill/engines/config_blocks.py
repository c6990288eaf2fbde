"""Locate the entries of a config in its text."""

import yaml


def compose(text: str) -> yaml.MappingNode:
    """Parse a config's text into nodes that keep their positions."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(node, yaml.MappingNode)  # MONAI has read it as a dictionary
    return node


def blocks_of(text: str) -> dict[str, slice]:
    """Find the lines of each top-level entry, without the blank lines and comments that follow it."""
    lines, blocks = text.splitlines(), {}
    for key, value in compose(text).value:
        start, end = key.start_mark.line, value.end_mark.line + (value.end_mark.column > 0)
        while end - 1 > start and not lines[end - 1].partition("#")[0].strip():
            end -= 1
        blocks[key.value] = slice(start, end)
    return blocks
