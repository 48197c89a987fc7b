"""Fail if a pytest report (JUnit XML) shows a skipped test, or no test at all."""

import sys
from xml.etree import ElementTree

suites = ElementTree.parse(sys.argv[1]).getroot().iter("testsuite")
tests = skipped = 0
for suite in suites:
    tests += int(suite.get("tests", 0))
    skipped += int(suite.get("skipped", 0))
if skipped or not tests:
    sys.exit(f"expected every test to run: {skipped} of {tests} were skipped ({sys.argv[1]})")
print(f"none of {tests} was skipped")
