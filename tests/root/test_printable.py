from robustsweep.printable import cut, listed


def test_a_long_text_ends_in_three_dots() -> None:
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abc..."


def test_the_first_names_are_listed_and_the_others_counted() -> None:
    assert listed([]) == ""
    assert listed(list("abcdef")) == "a, b, c, d, e, f"
    assert listed(list("abcdefgh")) == "a, b, c, d, e, f and 2 more"
    assert listed(list("abc"), 2, between="; ") == "a; b; and 1 more"
    assert listed(["\x1b]0;x"]) == "\N{REPLACEMENT CHARACTER}]0;x"
