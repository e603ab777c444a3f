"""A project outside, as a checker of types sees it: ``make check`` runs mypy on it."""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from matplotlib.axes import Axes
from PIL import Image

import robustsweep as rs
from robustsweep.api.compare_result import CompareResult
from robustsweep.api.eps_ladder import AttackResult
from robustsweep.transforms import Corrupt, RandomCorruption


def corrupted(images: torch.Tensor, array: npt.NDArray[np.uint8], photos: list[Image.Image]) -> None:
    assert_type(rs.corrupt(images, "fog", 3), torch.Tensor)
    assert_type(rs.corrupt(array, "fog", 3, seed=1, ids=[1, 2], table="cifar"), npt.NDArray[np.uint8])
    assert_type(rs.corrupt(photos[0], "fog", 3), Image.Image)
    assert_type(rs.corrupt(photos, "fog", 3), list[Image.Image])
    assert_type(rs.corrupt([images, images], "fog", 3), list[torch.Tensor])
    assert_type(rs.transforms.Corrupt("fog", 3), Corrupt)
    RandomCorruption(["fog"], [1, 2], p=0.5)


def attacked(network: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    result = rs.attack(network, images, labels, "pgd10-linf@8/255", normalise="imagenet")
    assert_type(result, AttackResult)
    assert_type(rs.attack(network, images, labels, "pgd10-linf", eps=["1/255", 8 / 255]), list[AttackResult])
    return result.accuracy


def mixed(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    images, targets = rs.Mix("cutmix", classes=100, alpha=0.5)(images, labels)
    return torch.nn.functional.cross_entropy(images.flatten(1), targets)


def evaluated(network: torch.nn.Module, data: Any) -> CompareResult:
    results = rs.evaluate({"mine": network, "theirs": "net.safetensors"}, data, ("clean", "fog@3"), out=Path("run"))
    assert_type(results, rs.Results)
    assert_type(results.frame, pd.DataFrame)
    assert_type(results.table("headline"), pd.DataFrame)
    assert_type(results.plot("heat_map"), Axes)
    compared = results.compare("mine", "theirs")
    assert_type(compared.write("out", "md,csv"), list[Path])
    return compared


def planned(plan: dict[str, Any]) -> None:
    assert_type(rs.train(plan), list[Path])
    assert_type(rs.sweep(plan).runs, tuple[Path, ...])
    rs.report("run").files[0].exists()
    assert_type(rs.write_baseline("run", "baseline.npz", margins={"fog_error": 2}).checkpoints, tuple[str, ...])
    rs.gate("run", "baseline.npz").raise_unless_passed(strict=True)
    assert_type(rs.load("net.safetensors"), torch.nn.Module)
    assert_type(rs.__version__, str)


def mistaken(images: torch.Tensor) -> None:
    # With strict settings a comment that silences nothing is an error: these mistakes are seen.
    rs.corupt(images, "fog", 3)  # type: ignore[attr-defined]
    rs.corrupt("photo.png", "fog", 3)  # type: ignore[type-var]
