"""Verdicts as JUnit XML, which CI systems show test by test."""

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from robustsweep.printable import printable
from robustsweep.results.gate.outcome import Outcome
from robustsweep.results.gate.verdicts import NO_LIMIT, Judged


def junit_xml(outcome: Outcome) -> bytes:
    """Render a suite per checkpoint and a test case per score.

    FAIL is a failure, INCONCLUSIVE is skipped, a checkpoint without baseline is an error; the numbers are each case's
    output.
    """
    suites: dict[str, list[Judged]] = {}
    for one in outcome.judged:
        suites.setdefault(one.candidate, []).append(one)
    root = ElementTree.Element("testsuites", name="robustsweep gate")
    properties = {"networks": outcome.networks} if outcome.networks else {}
    for name, judged in suites.items():
        _add_suite(root, name, judged, properties)
    for name in outcome.without_partner:
        suite = _suite(root, name, tests=1, errors=1)
        case = ElementTree.SubElement(suite, "testcase", classname=_text(name), name="baseline")
        ElementTree.SubElement(case, "error", message="the baseline has no partner for this checkpoint")
    totals = {
        key: sum(int(suite.get(key, "0")) for suite in root) for key in ("tests", "failures", "errors", "skipped")
    }
    root.attrib.update({key: str(total) for key, total in totals.items()})
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _add_suite(root: ElementTree.Element, name: str, judged: Sequence[Judged], properties: Mapping[str, str]) -> None:
    failures = sum(one.verdict == "FAIL" for one in judged)
    skipped = sum(one.verdict == "INCONCLUSIVE" for one in judged)
    suite = _suite(root, name, tests=len(judged), failures=failures, skipped=skipped)
    if properties:
        listed = ElementTree.SubElement(suite, "properties")
        for key, value in properties.items():
            ElementTree.SubElement(listed, "property", name=key, value=_text(value))
    for one in judged:
        case = ElementTree.SubElement(suite, "testcase", classname=_text(name), name=_text(one.score.name))
        if one.verdict != "PASS":
            tag = "failure" if one.verdict == "FAIL" else "skipped"
            ElementTree.SubElement(case, tag, message=_text(f"{one.verdict}: {numbers(one)}"))
        ElementTree.SubElement(case, "system-out").text = _text(numbers(one))


def _suite(root: ElementTree.Element, name: str, **counts: int) -> ElementTree.Element:
    suite = ElementTree.SubElement(root, "testsuite", name=_text(name))
    suite.attrib.update({key: str(counts.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")})
    return suite


def numbers(one: Judged) -> str:
    """Say a verdict's numbers in one line, in percent and percentage points."""
    low, high = 100 * one.interval.low, 100 * one.interval.high
    seen = ""
    if not one.same_checkpoint:
        limit = one.would_have_shown
        seen = f", {NO_LIMIT}" if limit is None else f", a loss of {100 * limit:.2f} pp would have been found"
    return (
        f"{one.score.named} error {100 * one.values[0]:.2f}% in the baseline ({one.baseline}), "
        f"{100 * one.values[1]:.2f}% now; difference {100 * one.estimate.value:+.2f} pp ({low:+.2f} to {high:+.2f}), "
        f"margin {100 * one.margin:g} pp, p after Holm {one.p_holm:.3g}{seen}"
    )


def _text(text: str) -> str:
    return printable(text)  # XML 1.0 has no place for control characters, not even escaped
