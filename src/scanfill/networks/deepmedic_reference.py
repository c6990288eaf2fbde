"""Import weights of the original DeepMedic.

They are stored in an ``.npz`` file with an array for each variable of the TensorFlow graph, named
``{path}.{layer}.{array}``:

- ``path``: ``norm`` (full resolution), ``sub0``, ``sub1``, ... (subsampled), ``fc`` (classifier); ``layer`` counts from
  0.
- ``bias``: added to the input channels of a pathway's first layer.
- ``bn_gamma``, ``bn_beta``, ``bn_mean``, ``bn_var``: batch norm of the layer's input, mean and (biased) variance
  averaged over the window of batches.
- ``prelu_a``: slope of the following PReLU.
- ``conv_w``: kernel ``(out, in, x, y, z)``, as in PyTorch.
- ``softmax.bias``: added to the logits.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from scanfill.networks.rolling_batch_norm import RollingBatchNorm

Arrays = Mapping[str, NDArray[np.float32]]
FACTORS = (3, 5)  # the original's default model


def read_arrays(path: str | Path, prefix: str = "") -> dict[str, NDArray[np.float32]]:
    """Read the arrays whose names begin with ``prefix``, and remove it from their names."""
    with np.load(path) as file:
        return {name.removeprefix(prefix): file[name] for name in file.files if name.startswith(prefix)}


def read_architecture(arrays: Arrays, path: str | Path) -> dict[str, Any]:
    """Derive the arguments of :class:`~scanfill.networks.DeepMedic` from the shapes of its kernels."""
    full = _kernels(arrays, "norm")
    classifier = _kernels(arrays, "fc")
    if not full or not classifier:
        msg = (
            f"{path} has no DeepMedic weights: looked for 'norm.0.conv_w' and 'fc.0.conv_w', "
            f"found {sorted(arrays)[:5] or 'nothing'}. If the names have a prefix, pass it as `prefix`."
        )
        raise ValueError(msg)
    subsampled: list[list[int]] = []
    while kernels := _kernels(arrays, f"sub{len(subsampled)}"):
        subsampled.append([kernel[0] for kernel in kernels])
    hidden = [kernel[0] for kernel in classifier[:-1]]
    return {
        "in_channels": full[0][1],
        "out_channels": classifier[-1][0],
        "pathway_channels": [kernel[0] for kernel in full],
        "factors": FACTORS[: len(subsampled)],
        "subsampled_channels": subsampled,
        "classifier_channels": hidden,
        "classifier_kernel": classifier[0][2],
        "dropout": [0.0] + [0.5] * len(hidden),
    }


def load_weights(pathways: Sequence[nn.Module], classifier: nn.Module, arrays: Arrays, path: str | Path) -> None:
    """Copy every array into a network; every batch in the window of batch norm gets the mean statistics.

    Args:
        pathways: The full-resolution pathway, then the subsampled ones.
        classifier: The classifier on top of them.
        arrays: See :py:func:`read_arrays`.
        path: Path of their file, for the error message.

    Raises:
        ValueError: An array is missing or has an unexpected shape.
    """
    paths = ["norm", *(f"sub{number}" for number in range(len(pathways) - 1)), "fc"]

    def copy(name: str, target: Tensor) -> None:
        target.data.copy_(_array(arrays, name, target.shape, path))

    for name, chain in zip(paths, [*pathways, classifier], strict=True):
        for number, layer in enumerate(_layers(chain)):
            start = f"{name}.{number}."
            copy(start + "conv_w", layer.conv.weight)
            if not isinstance(layer.norm, RollingBatchNorm):
                copy(start + "bias", layer.norm.bias)
                continue
            copy(start + "prelu_a", layer.activation.weight)
            copy(start + "bn_gamma", layer.norm.weight)
            copy(start + "bn_beta", layer.norm.bias)
            mean = _array(arrays, start + "bn_mean", layer.norm.bias.shape, path)
            variance = _array(arrays, start + "bn_var", layer.norm.bias.shape, path)
            layer.norm.set_inference_statistics(mean, variance)
    copy("softmax.bias", _layers(classifier)[-1].conv.bias)


def _kernels(arrays: Arrays, path: str) -> list[tuple[int, ...]]:
    """Return the shapes of the kernels of one path, in order."""
    shapes: list[tuple[int, ...]] = []
    while (name := f"{path}.{len(shapes)}.conv_w") in arrays:
        shapes.append(arrays[name].shape)
    return shapes


def _layers(chain: nn.Module) -> Sequence[Any]:
    layers = chain.layers
    assert isinstance(layers, nn.ModuleList)
    return list(layers)


def _array(arrays: Arrays, name: str, shape: Sequence[int], path: str | Path) -> Tensor:
    if name not in arrays or arrays[name].shape != tuple(shape):
        found = f"has shape {arrays[name].shape}" if name in arrays else "is missing"
        msg = f"{path}: array {name!r} {found}, expected {tuple(shape)}."
        raise ValueError(msg)
    return torch.from_numpy(arrays[name])
