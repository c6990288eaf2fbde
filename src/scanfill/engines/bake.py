"""Write overlays and options into a config's text, so that it no longer needs them and stays readable.

MONAI merges overlays when a bundle is run; ``monai.bundle.load``, viewers and the zoo's checks open one file. A bundle
with weights that were trained with overlays therefore has them in the file.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from monai.bundle import ConfigParser
from monai.bundle.utils import merge_kv

from .config_blocks import blocks_of, compose
from .overrides import Override

REFERENCE = re.compile(r"[@%](\w+)")


def bake(config: Path, overrides: Sequence[Override]) -> set[str]:
    """Write overrides into a config file.

    The lines of an entry are replaced by those of the overlay; comments around them stay. An entry that is missing from
    the config is added only if something refers to it; otherwise nothing would read it.

    Args:
        config: A YAML file, changed in place.
        overrides: As returned by :py:func:`~scanfill.engines.overrides.read_overrides`.

    Returns:
        Top-level names of the overrides that the config uses.

    Raises:
        RuntimeError: The new text differs from MONAI's own merge of the same overrides.
    """
    text = config.read_text(encoding="utf-8").rstrip("\n") + "\n"
    merged = ConfigParser(ConfigParser.load_config_file(str(config)))
    before = set(merged.get())
    for override in overrides:
        if override.whole or override.path[0] in blocks_of(text):
            text = _set(text, override)
            merge_kv(merged, override.name, override.value)
    text = _without_unread(text, keep=before)
    content, expected = _load(text), merged.get()
    if content != {name: expected[name] for name in content} or not before <= set(content):
        wrong = [name for name in expected if content.get(name) != expected[name]]
        names = [override.name for override in overrides]
        msg = f"Baking {names} into {config.name} changed {wrong}: please report this."
        raise RuntimeError(msg)
    used = {override.path[0] for override in overrides} & set(content)
    note = _with_note(text, [override for override in overrides if override.path[0] in used])
    config.write_text(note, encoding="utf-8")
    return used


def references(content: Any) -> set[str]:
    """Return the top-level names that a config, or a part of one, refers to."""
    return {name for value in _strings(content) for name in REFERENCE.findall(value)}


def _strings(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            yield from _strings(value)


def _load(text: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def _set(text: str, override: Override) -> str:
    """Set one entry: insert the overlay's own lines for a whole entry, else replace the value in place."""
    lines, blocks, name = text.splitlines(keepends=True), blocks_of(text), override.path[0]
    if name not in blocks:
        readers = (block.start for block in blocks.values() if name in REFERENCE.findall("".join(lines[block])))
        place = next(readers, len(lines))
        lines.insert(place, override.text or f"{name}: {_in_one_line(override.value)}\n")
        return "".join(lines)
    if override.whole and override.text is not None:
        lines[blocks[name]] = [override.text]
        return "".join(lines)
    return _set_value(text, override)


def _set_value(text: str, override: Override) -> str:
    """Replace the value with the merged one, on one line, at the deepest level that already exists."""
    parser = ConfigParser(_load(text))
    merge_kv(parser, override.name, override.value)
    node: yaml.Node = compose(text)
    depth = 0
    for step in override.path:
        inner = _child(node, step)
        if inner is None:
            break
        node, depth = inner, depth + 1
    value = _in_one_line(parser["::".join(override.path[:depth])])
    end = node.end_mark.index
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:  # ends where the next entry begins
        old = text[node.start_mark.index : end].splitlines(keepends=True)
        while not old[-1].partition("#")[0].strip():
            end -= len(old.pop())
        end -= len(old[-1]) - len(old[-1].rstrip("\n"))
    return text[: node.start_mark.index] + value + text[end:]


def _child(node: yaml.Node, step: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode):
        return node.value[int(step)] if step.isdigit() and int(step) < len(node.value) else None
    return None


def _in_one_line(value: Any) -> str:
    """Return a value as flow-style YAML; dumped in a list, since PyYAML ends a bare scalar with a line of dots."""
    dumped: str = yaml.safe_dump([value], default_flow_style=True, width=float("inf"), sort_keys=False)
    return dumped.strip()[1:-1]


def _without_unread(text: str, keep: set[str]) -> str:
    """Repeatedly drop added entries that nothing refers to, until none are left."""
    while True:
        content = _load(text)
        unread = set(content) - keep - references(content)
        if not unread:
            return text
        lines, blocks = text.splitlines(keepends=True), blocks_of(text)
        for name in unread:
            lines[blocks[name]] = [""] * len(lines[blocks[name]])
        text = "".join(lines)


def _with_note(text: str, overrides: Sequence[Override]) -> str:
    """Note below the opening comment what was baked in."""
    opening, blank, story = text.partition("\n\n")
    origins = list(dict.fromkeys(override.origin for override in overrides if override.origin))
    if not origins:
        return text
    return f"{opening}\n#\n# This copy includes {', '.join(origins)}.{blank}{story}"
