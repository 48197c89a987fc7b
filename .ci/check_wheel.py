"""Fail if the wheel lacks a file of the packages, or holds one that is not theirs."""

import sys
import zipfile
from pathlib import Path

PACKAGES = ("tinygrad_edu", "viz", "demos")

expected = {
    path.as_posix()
    for package in PACKAGES
    for path in Path(package).rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
}
found = {name for name in zipfile.ZipFile(sys.argv[1]).namelist() if ".dist-info/" not in name}
if expected != found:
    sys.exit(f"the wheel lacks {sorted(expected - found)} and has too much: {sorted(found - expected)}")
print(f"the wheel holds all {len(found)} files of {', '.join(PACKAGES)}")
