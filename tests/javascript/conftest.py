"""Node, which runs the JavaScript of the tests."""

import base64
import json
import math
import shutil
import subprocess

import numpy as np
import pytest

from tinygrad_edu.javascript.rows import number

_DECODE = """
const decoded = (x) => {
  if (x?.number !== undefined) return Number(x.number);
  if (x?.float64 !== undefined) {
    const bytes = Buffer.from(x.float64, "base64");
    return Array.from(new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)));
  }
  if (Array.isArray(x)) return x.map(decoded);
  return x && typeof x === "object" ? Object.fromEntries(Object.entries(x).map(([k, y]) => [k, decoded(y)])) : x;
};
const encoded = (x) => {
  if (typeof x === "number" && !Number.isFinite(x)) return { number: String(x) };
  if (x instanceof Float64Array || (Array.isArray(x) && x.length && x.every((y) => typeof y === "number")))
    return { float64: Buffer.from(Float64Array.from(x).buffer).toString("base64") };
  if (Array.isArray(x)) return x.map(encoded);
  return x && typeof x === "object" ? Object.fromEntries(Object.entries(x).map(([k, y]) => [k, encoded(y)])) : x;
};
"""


def _encoded(x):
    if isinstance(x, np.ndarray):
        return {"float64": base64.b64encode(np.ascontiguousarray(x, np.float64).tobytes()).decode()}
    if isinstance(x, float) and not math.isfinite(x):
        return {"number": number(x)}
    if isinstance(x, dict):
        return {key: _encoded(part) for key, part in x.items()}
    return [_encoded(part) for part in x] if isinstance(x, list | tuple) else x


def _decoded(x):
    if isinstance(x, dict):
        if x.keys() == {"number"}:
            return float(x["number"].replace("Infinity", "inf"))
        if x.keys() == {"float64"}:
            return np.frombuffer(base64.b64decode(x["float64"]))
        return {key: _decoded(part) for key, part in x.items()}
    return [_decoded(part) for part in x] if isinstance(x, list) else x


def pytest_collection_modifyitems(items):
    for item in items:
        if "node" in getattr(item, "fixturenames", ()):
            item.add_marker("node")


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """``node(script, given)``: the result of the script's function ``main(given)``; floats keep their bits.

    A test that asks for it is marked ``node``, and skipped only where Node is missing.
    """
    executable = shutil.which("node")
    if executable is None:
        pytest.skip("node is not installed")

    path = tmp_path_factory.mktemp("node") / "program.cjs"

    def run(script, given=None):
        program = (
            f'"use strict";\n{_DECODE}\n{script}\nconst given = decoded(JSON.parse(require("fs").readFileSync(0)));'
        )
        program += "\nPromise.resolve(main(given)).then((x) => process.stdout.write(JSON.stringify(encoded(x))));"
        path.write_text(program, encoding="utf-8")
        done = subprocess.run(
            [executable, path],
            input=json.dumps(_encoded(given)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return _decoded(json.loads(done.stdout))

    return run
