import pytest

from robustsweep.results.tables.csv_text import csv_text


@pytest.mark.parametrize("text", ['=HYPERLINK("http://x","y")', "+1+1", "-1+1", "@SUM(A1)", " =1", "＝1", "-", "+a"])
def test_a_text_that_a_spreadsheet_would_compute_gets_an_apostrophe(text: str) -> None:
    assert csv_text(text) == f"'{text}"


@pytest.mark.parametrize("text", ["\t=1", "\r=1", "\n=1"])
def test_control_characters_before_a_formula_are_replaced_behind_an_apostrophe(text: str) -> None:
    assert csv_text(text) == "'�=1"


@pytest.mark.parametrize("text", ["", "cutmix", "-0.5", "+3", "-1e-05", ".5", "a=1", "8/255", "-.5", "fgsm-linf@8/255"])
def test_other_texts_and_numbers_stay_as_they_are(text: str) -> None:
    assert csv_text(text) == text
