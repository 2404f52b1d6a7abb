"""What tests said, as JUnit's XML: what CI systems read."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from itertools import groupby

from pipeline.authoring.ruletest import Outcome


def junit(outcomes: Iterable[Outcome]) -> bytes:
    """One suite a file, one case a test."""
    root = ET.Element("testsuites")
    for path, some in groupby(outcomes, key=lambda outcome: outcome.file.path):
        of = list(some)
        failed = sum(bool(one.failures) for one in of)
        suite = ET.SubElement(
            root, "testsuite", name=str(path), tests=str(len(of)), failures=str(failed), errors="0"
        )
        for one in of:
            case = ET.SubElement(
                suite,
                "testcase",
                name=one.test.name,
                classname=str(path),
                file=str(path),
                line=str(one.test.line),
            )
            for failure in one.failures:
                first, _, rest = failure.text.partition("\n")
                found = ET.SubElement(case, "failure", message=f"line {failure.line}: {first}")
                found.text = rest
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
