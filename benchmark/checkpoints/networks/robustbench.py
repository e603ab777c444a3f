"""RobustBench's model zoo: its networks, with weights from a local folder of its layout.

Only the zoo's networks are imported, with a stand-in for the package around them: the package itself imports
``autoattack`` if it has ``pyautoattack`` installed, ``pkg_resources``, which setuptools no longer has, and its
downloader. Nothing is fetched, and files are read by the restricted loader.

Source: Croce et al., "RobustBench: a standardized adversarial robustness benchmark" (NeurIPS Datasets and Benchmarks
2021), the package's version 1.1.1. Differences: a prefix is stripped if a name begins with it, and only what
normalises may be missing from a file, only what that version names may be too much.
"""

import base64
import hashlib
import importlib
import importlib.util
import sys
import types
import warnings
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

from torch import nn

from robustsweep.errors import CheckpointError, MissingDependencyError, UsageError
from robustsweep.registry import unknown_name

CLASSES = {"cifar10": 10, "cifar100": 100, "imagenet": 1000}
_SIDES = {"cifar10": 32, "cifar100": 32, "imagenet": 224}
_THREATS = ("Linf", "L2", "corruptions")
_KEPT_LAST = ("Kireev2021Effectiveness", "Andriushchenko2020Understanding")
_CONSTANTS = ("mu", "sigma", "mean", "std")
_SURPLUS_HEAD, _SURPLUS_TAIL = "model_preact_hl1.", ".scores"


def split_name(name: str) -> tuple[str, str, str]:
    """Split ``DATASET/THREAT/ID``.

    Raises:
        UsageError: If the name does not have this form.
    """
    dataset, _, rest = name.partition("/")
    threat, _, identifier = rest.partition("/")
    if not identifier or "/" in identifier or identifier in (".", ".."):
        raise UsageError(
            f"robustbench:{name} cannot be read; write robustbench:DATASET/THREAT/ID, such as "
            "robustbench:cifar10/corruptions/Hendrycks2020AugMix_WRN."
        )
    for noun, value, known in (("data set", dataset, tuple(CLASSES)), ("threat", threat, _THREATS)):
        if value not in known:
            raise unknown_name(f"{noun} of RobustBench", value, list(known))
    return dataset, threat, identifier


def weights_path(name: str, folder: str) -> Path:
    """Return where RobustBench keeps the weights of a name below its model folder.

    Raises:
        UsageError: If the name cannot be read.
        CheckpointError: If there is no such file.
    """
    dataset, threat, identifier = split_name(name)
    path = Path(folder).expanduser() / dataset / threat / f"{identifier}.pt"
    if not path.is_file():
        raise CheckpointError(
            f"{path} does not exist, and nothing is downloaded here; let RobustBench's own load_model fetch "
            f"{identifier} once, then say model_dir= if its folder is not ./models, or weights=FILE."
        )
    return path


def default_entry(name: str) -> str | None:
    """Return the entry of a file that holds several states of one training; None: it holds one."""
    return "last" if split_name(name)[2].startswith(_KEPT_LAST) else None


def build_zoo_network(name: str) -> tuple[nn.Module, int]:
    """Build a network of the zoo, and say the side in pixels of its data set's images.

    Its input are images in [0, 1]: what normalisation it has is inside.

    Raises:
        UsageError: If the name cannot be read or is not in the zoo.
        CheckpointError: If its weights are several files, or come with the constructor from elsewhere.
        MissingDependencyError: If RobustBench or a library of its networks is not installed.
    """
    dataset, threat, identifier = split_name(name)
    models = _models(dataset, threat)
    if identifier not in models:
        raise unknown_name(f"model of RobustBench for {dataset}/{threat}", identifier, list(models))
    entry = models[identifier]
    if not entry["gdrive_id"] or not isinstance(entry["gdrive_id"], str):
        raise CheckpointError(
            f"robustbench:{name} is not one file of weights: it is an ensemble, or is fetched by timm or torchvision "
            "themselves; name those as timm:NAME or torchvision:NAME, or write a factory (py:package.module:factory)."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they use what newer libraries call by other names
        module: nn.Module = entry["model"]()
    return module, _SIDES[dataset]


def _models(dataset: str, threat: str) -> dict[str, Any]:
    _check_installed()
    is_whole = "robustbench" in sys.modules
    try:
        if not is_whole:
            stand_in = types.ModuleType("robustbench")
            found = importlib.util.find_spec("robustbench")
            stand_in.__path__ = list(found.submodule_search_locations or ()) if found else []
            sys.modules["robustbench"] = stand_in
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            zoo = importlib.import_module("robustbench.model_zoo")
    except ImportError as error:
        raise MissingDependencyError(
            f"RobustBench's networks cannot be imported ({error}); "
            "get them with: pip install 'robustsweep[robustbench]'."
        ) from error
    finally:
        if not is_whole:
            # Whoever imports the package itself later must get it, not the stand-in.
            sys.modules.pop("robustbench", None)
    by_threat = next(threats for key, threats in zoo.model_dicts.items() if key.value == dataset)
    return next((dict(models) for key, models in by_threat.items() if key.value == threat), {})


def _check_installed() -> None:
    """Refuse the old copy of RobustBench that torchattacks installs under the same name."""
    try:
        listed = files("robustbench") or []
    except PackageNotFoundError:
        raise MissingDependencyError(
            "RobustBench is not installed; get it with: pip install 'robustsweep[robustbench]'."
        ) from None
    for file in listed:
        if file.hash is None or file.hash.mode != "sha256" or not file.match("robustbench/model_zoo/*.py"):
            continue
        digest = hashlib.sha256(Path(str(file.locate())).read_bytes()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
            raise CheckpointError(
                f"{file} is not RobustBench's: torchattacks installs an old copy over it. Mend it with: "
                "pip install --force-reinstall --no-deps robustbench."
            )


def names_in_zoo(given: Iterable[str], network: nn.Module) -> dict[str, str]:
    """Map what the network calls its tensors to what a file calls them.

    ``module.`` and ``model.`` are stripped, and ``model.`` put back if the network normalises around its inner
    model; what the package knows to be surplus is left out.

    Args:
        given: The names in the file.
        network: The zoo's network.
    """
    own = network.state_dict().keys()

    def in_zoo(name: str) -> str:
        bare = name.removeprefix("module.").removeprefix("model.")
        return next((known for known in (name, bare, f"model.{bare}") if known in own), bare)

    renamed = {in_zoo(name): name for name in given}
    return {
        name: original
        for name, original in renamed.items()
        if name in own or not (name.startswith(_SURPLUS_HEAD) or name.endswith(_SURPLUS_TAIL))
    }


def own_constants(network: nn.Module) -> list[str]:
    """Name what normalises inside a network of the zoo, which files may lack."""
    return [name for name, _ in network.named_buffers() if name.rpartition(".")[2] in _CONSTANTS]
