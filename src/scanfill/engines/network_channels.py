"""Update the network channels in a bundle's ``metadata.json`` after overlays or options choose other images."""

import re
from collections.abc import Mapping, Sequence
from typing import Any


def describe_channels(
    metadata: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, Any]:
    """Describe the channels of a network after its config was changed.

    The config's ``record`` states which options choose images: its ``inputs``, such as ``modalities``, and its
    ``settings``, such as ``target``. With ``availability``, each image has a second channel that states whether it is
    available.

    Args:
        metadata: Description of the network of ``before``; not changed.
        before: Content of the bundle's ``inference.yaml`` or ``train.yaml``.
        after: The same config with overlays and options applied.
    """
    described, chosen = dict(metadata), chosen_images(after)
    for option, names in chosen.items():
        described = _choose(described, _names(before.get(option)), names)
    if after.get("availability") is True and before.get("availability") is not True:
        described = _tell_availability(described, len(next(iter(chosen.values()), [])))
    return described


def chosen_images(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """List the images that a config's options choose: first the network's inputs, then the record's other settings."""
    record = config.get("record", {})
    options = [*_options(record.get("inputs")), *_options(record.get("settings"))]
    return {option: _names(config.get(option)) for option in options if option in config}


def _options(entry: Any) -> dict[str, Any]:
    """Return the entries of a record that are read directly from an option: ``{"modalities": "@modalities"}``."""
    return {name: value for name, value in (entry.items() if isinstance(entry, dict) else ()) if value == f"@{name}"}


def _names(value: Any) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else [value] if isinstance(value, str) else []


def _choose(metadata: dict[str, Any], before: Sequence[str], after: Sequence[str]) -> dict[str, Any]:
    """Replace the channels of some images by those of others, wherever a description lists them consecutively."""
    if not before or not after or before == after:
        return metadata
    data_format = {
        side: {name: _chosen(tensor, before, after) for name, tensor in tensors.items()}
        for side, tensors in metadata.get("network_data_format", {}).items()
    }
    return {**metadata, "network_data_format": data_format}


def _chosen(tensor: Mapping[str, Any], before: Sequence[str], after: Sequence[str]) -> dict[str, Any]:
    texts = [str(text) for text in tensor.get("channel_def", {}).values()]
    blocks = [texts[start : start + len(before)] for start in range(0, len(texts), len(before))]
    words = [re.compile(rf"\b{re.escape(name)}\b", re.IGNORECASE) for name in before]
    for block in blocks:
        if len(block) < len(before) or not all(word.search(text) for word, text in zip(words, block, strict=True)):
            return dict(tensor)  # its channels are not images but a segmentation's classes
    chosen = [words[0].sub(name.upper(), block[0], count=1) for block in blocks for name in after]
    return {**tensor, "num_channels": len(chosen), "channel_def": _numbered(chosen)}


def _tell_availability(metadata: dict[str, Any], count: int) -> dict[str, Any]:
    """Add an availability channel for each image of an input, after all the images."""
    data_format = dict(metadata.get("network_data_format", {}))
    data_format["inputs"] = {
        name: {
            **tensor,
            "num_channels": 2 * count,
            "channel_def": _numbered([*tensor["channel_def"].values(), *_are_there(tensor)]),
        }
        if tensor.get("num_channels") == count and len(tensor.get("channel_def", {})) == count
        else tensor
        for name, tensor in data_format.get("inputs", {}).items()
    }
    return {**metadata, "network_data_format": data_format}


def _are_there(tensor: Mapping[str, Any]) -> list[str]:
    return [f"{text} is there" for text in tensor["channel_def"].values()]


def _numbered(texts: Sequence[str]) -> dict[str, str]:
    return {str(place): text for place, text in enumerate(texts)}
