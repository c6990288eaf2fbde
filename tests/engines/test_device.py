"""Which device a run uses."""

from __future__ import annotations

import pytest
import torch

from scanfill.engines import announce, find_device
from scanfill.errors import UsageError


def test_a_gpu_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(UsageError, match=r"device='cuda' was requested.*sees 0 GPUs.*--device cpu"):
        find_device("cuda")


def test_a_gpu_beyond_those_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert find_device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(UsageError, match="cuda:1"):
        find_device("cuda:1")


def test_auto_takes_the_gpu_of_the_local_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert find_device("auto") == torch.device("cuda:3")


def test_auto_takes_the_cpu_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device("auto") == torch.device("cpu")


def test_the_device_in_use_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    announce("cpu")
    assert capsys.readouterr().out.startswith("Device: cpu (")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "0"])
def test_what_is_no_device_is_told_with_those_there_are(name: str) -> None:
    with pytest.raises(UsageError, match="must be auto, cpu, cuda, or one GPU"):
        find_device(name)
