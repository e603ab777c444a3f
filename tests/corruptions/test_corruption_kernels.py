"""Compiled kernels: the same images, in the same order, a grey level away at most almost everywhere."""

import shutil

import pytest
import torch
from applying import photos

from robustsweep import kernels
from robustsweep.corruptions import corrupt
from robustsweep.errors import MissingDependencyError

# One of each kind: noise by formula and by table, stencils, integer transforms, a kernel with a loop over levels.
SOME = ["gaussian_noise", "shot_noise", "defocus_blur", "jpeg_compression", "fog", "saturate"]


@pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", SOME)
def test_compiled_kernels_give_the_uncompiled_pixels_within_a_grey_level(name, monkeypatch):
    monkeypatch.setattr("robustsweep.corruptions.generation._VALUES_PER_PASS", {"cpu": 4 * 3072})
    images, ids = photos(count=7), torch.arange(7)
    for severity in (3, 5):
        plain = corrupt(images, name, severity, table="cifar", seed=0, ids=ids)
        compiled = corrupt(images, name, severity, table="cifar", seed=0, ids=ids, compiled=True)
        difference = (plain.int() - compiled.int()).abs()
        assert (difference <= 1).double().mean() >= 0.999
        alone = corrupt(images[4:5], name, severity, table="cifar", seed=0, ids=ids[4:5], compiled=True)
        assert torch.equal(alone, compiled[4:5])


def test_kernels_run_as_they_are_where_nobody_asks_for_compilation(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("compiled without being asked")

    monkeypatch.setattr(torch, "compile", refuse)
    assert corrupt(photos(), "fog", 1, table="cifar", seed=0, ids=torch.arange(2)).shape == (2, 3, 32, 32)


def test_a_missing_compiler_is_named(monkeypatch):
    kernels._check_compiler.cache_clear()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"C\+\+ compiler"):
        corrupt(photos(), "fog", 1, table="cifar", seed=0, ids=torch.arange(2), compiled=True)
