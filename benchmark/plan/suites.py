"""Suites: named lists of conditions."""

from collections.abc import Callable, Sequence

from robustsweep.attacks import is_foreign
from robustsweep.benchmark.plan import attack_suites
from robustsweep.benchmark.plan.conditions import (
    Clean,
    Condition,
    Corrupted,
    Windowed,
    parse_condition,
    parse_conditions,
)
from robustsweep.corruptions import COMMON, CORRUPTIONS, EXTRA, SEVERITIES
from robustsweep.corruptions.edges import EDGES
from robustsweep.corruptions.windows import FILLINGS, FRACTIONS
from robustsweep.errors import UsageError
from robustsweep.registry import Registry, unknown_name

Suite = Callable[[], tuple[Condition, ...]]
SUITES: Registry[Suite] = Registry("suite", Callable)
"""Suites by name; the docstring's first line describes the suite."""

# The official ImageNet-C and Tiny-ImageNet-C files were written as JPEG of this quality after the corruption.
FINAL_JPEG_QUALITY = 85


def _corrupted(names: tuple[str, ...], table: str, jpeg_quality: int | None = None) -> tuple[Condition, ...]:
    return tuple(Corrupted(name, severity, table, jpeg_quality) for name in names for severity in SEVERITIES)


@SUITES.register("clean")
def _clean() -> tuple[Condition, ...]:
    """The test images as they are."""
    return (Clean(),)


@SUITES.register("cifar-c")
def _cifar_c() -> tuple[Condition, ...]:
    """15 corruptions x 5 severities with the CIFAR-C constants."""
    return _corrupted(COMMON, "cifar")


@SUITES.register("cifar-c-extra")
def _cifar_c_extra() -> tuple[Condition, ...]:
    """The 4 extra corruptions x 5 severities with the CIFAR-C constants; never part of a headline."""
    return _corrupted(EXTRA, "cifar")


@SUITES.register("tiny-imagenet-c")
def _tiny_imagenet_c() -> tuple[Condition, ...]:
    """15 corruptions x 5 severities, Tiny-ImageNet-C constants, then JPEG quality 85 as in the official files."""
    return _corrupted(COMMON, "tiny", FINAL_JPEG_QUALITY)


@SUITES.register("tiny-imagenet-c-extra")
def _tiny_imagenet_c_extra() -> tuple[Condition, ...]:
    """The 4 extra corruptions x 5 severities with the Tiny-ImageNet-C constants, then JPEG quality 85."""
    return _corrupted(EXTRA, "tiny", FINAL_JPEG_QUALITY)


@SUITES.register("imagenet-c")
def _imagenet_c() -> tuple[Condition, ...]:
    """15 corruptions x 5 severities with the ImageNet-C constants, then JPEG quality 85 as in the official files."""
    return _corrupted(COMMON, "imagenet", FINAL_JPEG_QUALITY)


@SUITES.register("imagenet-c-extra")
def _imagenet_c_extra() -> tuple[Condition, ...]:
    """The 4 extra corruptions x 5 severities with the ImageNet-C constants, then JPEG quality 85."""
    return _corrupted(EXTRA, "imagenet", FINAL_JPEG_QUALITY)


SUITES.add("adversarial", attack_suites.adversarial)
SUITES.add("adversarial-strong", attack_suites.adversarial_strong)
SUITES.add("autoattack", attack_suites.autoattack)
SUITES.add("torchattacks", attack_suites.torchattacks)
SUITES.add("puzzlemix", attack_suites.puzzlemix)
SUITES.add("pixmix", attack_suites.pixmix)


@SUITES.register("window")
def _window() -> tuple[Condition, ...]:
    """Patches with a hard, a linear and a Gaussian edge x 3 fillings x 3 sizes: our probe of SmoothMix's claim."""
    return tuple(Windowed(edge, filling, fraction) for filling in FILLINGS for fraction in FRACTIONS for edge in EDGES)


@SUITES.register("smoke")
def _smoke() -> tuple[Condition, ...]:
    """Clean, gaussian_noise@3, fog@3, jpeg_compression@3 and fgsm-linf@1/255: a first look."""
    names = ("clean", "gaussian_noise@3", "fog@3", "jpeg_compression@3", "fgsm-linf@1/255")
    return tuple(parse_condition(name) for name in names)


def suite_conditions(name: str) -> tuple[Condition, ...]:
    """List the conditions of one suite.

    Raises:
        UsageError: If there is no such suite, or it fails or gives something else.
    """
    suite = SUITES[name]
    with SUITES.using(name):
        found = suite()
    if not isinstance(found, tuple) or not all(isinstance(item, Condition) for item in found):
        raise SUITES.refuse(name, f"returned {found!r:.200}, expected a tuple of conditions")
    return found


def conditions_of(names: Sequence[str]) -> tuple[Condition, ...]:
    """List the conditions of suites, corruptions (``fog``, ``fog@1-3``) and single conditions, each once, in order.

    Raises:
        UsageError: If a name is neither.
    """
    wanted: dict[Condition, None] = {}
    for name in names:
        if name in SUITES:
            found = suite_conditions(name)
        elif name in CORRUPTIONS or "@" in name or is_foreign(name):
            found = parse_conditions(name)
        else:
            known = [*SUITES, *CORRUPTIONS, "one condition such as fog@3 or pgd10-linf@1/255"]
            raise unknown_name("suite", name, known)
        wanted |= dict.fromkeys(found)
    if not wanted:
        raise UsageError("Name at least one suite, such as --suite clean.")
    return tuple(wanted)
