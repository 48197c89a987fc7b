"""Fail if a pytest report (JUnit XML) shows a skipped test, or no test at all.

Arguments: the report, then words. A skip whose reason holds one of the words is allowed.
"""

import sys
from xml.etree import ElementTree

report, *allowed = sys.argv[1:]
cases = list(ElementTree.parse(report).getroot().iter("testcase"))
reasons = [skip.get("message", "") for case in cases for skip in case.iter("skipped")]
wrong = sorted({reason for reason in reasons if not any(word in reason for word in allowed)})
if wrong or not cases:
    sys.exit(f"expected every test to run, but of {len(cases)} some were skipped ({report}): {wrong}")
print(
    f"of {len(cases)} tests {len(reasons)} were skipped, for an allowed reason"
    if reasons
    else f"none of {len(cases)} was skipped"
)
