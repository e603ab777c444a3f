"""Suites: named lists of conditions."""

from collections.abc import Callable, Sequence

from robustsweep.attacks import is_foreign
from robustsweep.benchmark.plan import attack_suites
from robustsweep.benchmark.plan.conditions import (
    Clean,
    Condition,
    Corrupted,
    Sequenced,
    Windowed,
    parse_condition,
    parse_conditions,
)
from robustsweep.corruptions import CIFAR_C_BAR, COMMON, CORRUPTIONS, EXTRA, IMAGENET_C_BAR, SEVERITIES
from robustsweep.corruptions.edges import EDGES
from robustsweep.corruptions.windows import FILLINGS, FRACTIONS
from robustsweep.errors import UsageError
from robustsweep.registry import Registry, unknown_name
from robustsweep.results.corruption_names import IMAGENET_3DCC
from robustsweep.results.corruption_names.sequences import FRAMES, PREFIX

Suite = Callable[[], tuple[Condition, ...]]
SUITES: Registry[Suite] = Registry("suite", Callable)
"""Suites by name; the docstring's first line describes the suite."""

# The official ImageNet-C and Tiny-ImageNet-C files were written as JPEG of this quality after the corruption.
FINAL_JPEG_QUALITY = 85


@SUITES.register("clean")
def _clean() -> tuple[Condition, ...]:
    """The test images as they are."""
    return (Clean(),)


def _conditions(names: Sequence[str], table: str, jpeg_quality: int | None) -> tuple[Condition, ...]:
    return tuple(Corrupted(name, severity, table, jpeg_quality) for name in names for severity in SEVERITIES)


def _corruption_suite(published: str, table: str, jpeg_quality: int | None, *, is_extra: bool) -> Suite:
    def suite() -> tuple[Condition, ...]:
        return _conditions(EXTRA if is_extra else COMMON, table, jpeg_quality)

    what = "The 4 extra corruptions, never part of a headline," if is_extra else "15 corruptions"
    then = f", then JPEG quality {jpeg_quality} as in the official files" if jpeg_quality else ""
    suite.__doc__ = f"{what} x 5 severities with the {published} constants{then}."
    return suite


for _published, _table, _jpeg_quality in (
    ("CIFAR-C", "cifar", None),
    ("Tiny-ImageNet-C", "tiny", FINAL_JPEG_QUALITY),
    ("ImageNet-C", "imagenet", FINAL_JPEG_QUALITY),
):
    _name = _published.lower()
    SUITES.add(_name, _corruption_suite(_published, _table, _jpeg_quality, is_extra=False))
    SUITES.add(f"{_name}-extra", _corruption_suite(_published, _table, _jpeg_quality, is_extra=True))


@SUITES.register("cifar-c-bar")
def _cifar_c_bar() -> tuple[Condition, ...]:
    """The 10 corruptions of CIFAR-10-C-bar x 5 severities, a benchmark of its own beside CIFAR-C."""
    return _conditions(CIFAR_C_BAR, "cifar", None)


@SUITES.register("tiny-imagenet-c-bar")
def _tiny_imagenet_c_bar() -> tuple[Condition, ...]:
    """Our extension: ImageNet-C-bar's 10 corruptions and constants at 64 pixels, for which nothing is published."""
    return _conditions(IMAGENET_C_BAR, "tiny", FINAL_JPEG_QUALITY)


@SUITES.register("imagenet-c-bar")
def _imagenet_c_bar() -> tuple[Condition, ...]:
    """The 10 corruptions of ImageNet-C-bar x 5 severities, then JPEG quality 85 as in the official files."""
    return _conditions(IMAGENET_C_BAR, "imagenet", FINAL_JPEG_QUALITY)


@SUITES.register("cifar-p")
def _cifar_p() -> tuple[Condition, ...]:
    """The 10 sequences of CIFAR-P's evaluation script, at 32 pixels: how often predictions flip between frames."""
    return tuple(map(Sequenced, FRAMES))


SUITES.add("adversarial", attack_suites.adversarial)
SUITES.add("adversarial-strong", attack_suites.adversarial_strong)
SUITES.add("certificate", attack_suites.certificate)
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
        elif name in CORRUPTIONS or name in IMAGENET_3DCC or "@" in name or name.startswith(PREFIX) or is_foreign(name):
            found = parse_conditions(name)
        else:
            known = [*SUITES, *CORRUPTIONS, "one condition such as fog@3 or pgd10-linf@1/255"]
            raise unknown_name("suite", name, known)
        wanted |= dict.fromkeys(found)
    if not wanted:
        raise UsageError("Name at least one suite, such as --suite clean.")
    return tuple(wanted)
