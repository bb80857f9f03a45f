"""Checks as JUnit XML, which every pipeline can show."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from modelsystem_release.judging.check import Check


def write_junit(path: Path, suite: str, checks: Sequence[Check]) -> None:
    """Write a suite with one test case for each check."""
    failed = sum(not check.passed for check in checks)
    counts = {"tests": str(len(checks)), "failures": str(failed), "errors": "0"}
    root = ET.Element("testsuites", counts)
    cases = ET.SubElement(root, "testsuite", counts | {"name": suite})
    for check in checks:
        case = ET.SubElement(cases, "testcase", {"classname": suite, "name": check.name})
        if not check.passed:
            ET.SubElement(case, "failure", {"message": check.reason}).text = check.reason
        else:
            ET.SubElement(case, "system-out").text = check.reason
    path.parent.mkdir(parents=True, exist_ok=True)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
