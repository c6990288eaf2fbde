"""Choose, check and print the device of a run, without a silent fallback to the CPU."""

import os

import torch

from scanfill.errors import UsageError


def find_device(name: str = "auto") -> torch.device:
    """Choose the device of this process.

    Args:
        name: ``auto`` (a GPU if there is one, else the CPU), or a PyTorch name such as ``cpu`` or ``cuda:1``.
            Under ``torchrun``, ``auto`` takes the GPU of the process's local rank.

    Raises:
        UsageError: There is no such device, or the requested GPU is not visible to PyTorch.
    """
    if name == "auto":
        if not torch.cuda.is_available():
            return torch.device("cpu")
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        msg = f"device (={name!r}) must be auto, cpu, cuda, or one GPU, such as cuda:0."
        raise UsageError(msg) from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        msg = (
            f"device={name!r} was requested, but PyTorch {torch.__version__} sees {torch.cuda.device_count()} GPUs. "
            "Install a CUDA build of PyTorch and check `nvidia-smi`, or pass --device cpu."
        )
        raise UsageError(msg)
    return device


def announce(device: torch.device | str) -> None:
    """Check that the device is available and print it; see :py:func:`find_device` for the errors raised."""
    found = find_device(str(device))
    if found.type == "cuda":
        index = found.index or 0
        memory = torch.cuda.get_device_properties(index).total_memory / 2**30
        detail = f"{torch.cuda.get_device_name(index)}, {memory:.0f} GiB, mixed precision"
    else:
        detail = f"{torch.get_num_threads()} threads, full precision"
    print(f"Device: {found} ({detail})", flush=True)  # noqa: T201  must be visible at any logging level
