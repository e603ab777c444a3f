import pytest

from robustsweep.benchmark.spec import parse_spec, positive_int, whole_number
from robustsweep.errors import UsageError

KEYS = ("arch", "norm", "clean")


def parse(text: str, open_ended: str | None = None) -> tuple[str, dict[str, str]]:
    spec = parse_spec(text, noun="checkpoint", keys=KEYS, open_ended=open_ended)
    return spec.target, spec.options


@pytest.mark.parametrize(
    ("text", "target", "options"),
    [
        ("net.pth", "net.pth", {}),
        ("net.pth,", "net.pth", {}),
        (" net.pth , arch = a ,norm=1 1 1 2 2 2", "net.pth", {"arch": "a", "norm": "1 1 1 2 2 2"}),
        ("net.pth,arch=a=b", "net.pth", {"arch": "a=b"}),
        ("py:package.module:factory,norm=half", "py:package.module:factory", {"norm": "half"}),
    ],
)
def test_a_spec_is_a_target_and_its_options(text: str, target: str, options: dict[str, str]) -> None:
    assert parse(text) == (target, options)


@pytest.mark.parametrize("text", ["set,clean=x,arch=y,norm=z", "set, clean=x,arch=y,norm=z"])
def test_an_open_ended_key_takes_the_rest_commas_included(text: str) -> None:
    assert parse(text, open_ended="clean") == ("set", {"clean": "x,arch=y,norm=z"})


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("a,arch=[1,2],norm=b", {"arch": "[1,2]", "norm": "b"}),
        ('a, arch = [{"x": [1, 2], "y": 3}, {}] ,norm=b', {"arch": '[{"x": [1, 2], "y": 3}, {}]', "norm": "b"}),
        ('a,arch="x,y]",norm=b', {"arch": '"x,y]"', "norm": "b"}),
        ("a,arch=],norm=b", {"arch": "]", "norm": "b"}),
        ("a,arch=[1,norm=b", {"arch": "[1,norm=b"}),
    ],
)
def test_commas_within_brackets_are_the_values_own_where_values_may_be_lists(
    text: str, options: dict[str, str]
) -> None:
    assert parse_spec(text, noun="method", keys=KEYS, nested=True).options == options


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "starts with what it names"),
        (",arch=resnet20", "starts with what it names"),
        ("net.pth,arhc=resnet20", "did you mean 'arch'"),
        ("net.pth,arch=a,arch=b", "gives arch= twice"),
        ("net.pth,arch=", "expected key=value"),
        ("net.pth,arch", "expected key=value"),
        ("net.pth,,arch=a", "expected key=value"),
        ("net.pth,=a", "Unknown key"),
    ],
)
def test_a_spec_that_cannot_be_understood_is_refused_with_the_reason(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        parse(text)


def test_a_scheme_is_one_only_where_it_is_known() -> None:
    spec = parse_spec("timm:resnet18", noun="checkpoint", keys=KEYS)
    assert spec.scheme(("timm",)) == ("timm", "resnet18")
    assert spec.scheme(("py",)) == (None, "timm:resnet18")
    assert parse_spec("timm", noun="checkpoint", keys=KEYS).scheme(("timm",)) == (None, "timm")


@pytest.mark.parametrize("text", ["", "-1", "1.5", "one", "٣", "²", " 3", "9" * 5000])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    for read in (whole_number, positive_int):
        with pytest.raises(UsageError, match="seed= must be"):
            read(text, "seed=")


def test_zero_is_whole_but_not_positive() -> None:
    assert whole_number("0", "seed=") == 0
    assert positive_int("007", "classes=") == 7
    with pytest.raises(UsageError, match="classes= must be a positive integer, got '0'"):
        positive_int("0", "classes=")
