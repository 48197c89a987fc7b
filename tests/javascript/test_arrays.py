"""The arrays of JavaScript against NumPy: each function of the test domains, forward and backward, as a program."""

import re

import numpy as np
import pytest

from tests.domains import FUNCTIONS
from tinygrad_edu import Tensor
from tinygrad_edu import compile as compile_
from tinygrad_edu.compiler import CompileError
from tinygrad_edu.javascript.library import arrays

# Functions without JavaScript, and what their refusal names. The library of JavaScript has no decompositions, inverses
# or determinants; no partial sort, whose order of the other entries is that of NumPy alone; and no search in a sorted
# array. The recording refuses a decomposition that gives several arrays before.
WITHOUT = {
    "partition": "numpy.argpartition",
    "interp": "numpy.searchsorted",
    "interp between moved points": "numpy.searchsorted",
    "det": "numpy.linalg.det",
    "inv": "numpy.linalg.inv",
    "solve": "numpy.linalg.solve",
    "cholesky": "numpy.linalg.cholesky",
    "pinv": "numpy.linalg.pinv",
    "matrix_power": "numpy.linalg.inv",
    "slogdet": "tinygrad_edu.operations.decompositions.logabsdet",
    "eigh": "tinygrad_edu.operations.decompositions.eigh_packed",
    "eigvalsh": "tinygrad_edu.operations.decompositions.eigh_packed",
    "svd": "tinygrad_edu.operations.decompositions.svd_packed",
    "qr": "tinygrad_edu.operations.decompositions.qr_packed",
    "norm of singular values": "tinygrad_edu.operations.decompositions.svd_packed",
    "cofactor": "tinygrad_edu.operations.matrices.cofactor",
    "cofactor_change": "tinygrad_edu.operations.matrices.cofactor_change",
}


def has_javascript(name, call):
    """Of the functions in `WITHOUT`, a power of a matrix needs the inverse only for a negative exponent."""
    return name not in WITHOUT or call.keywords.get("n", -1) > 0


def program_of(function, call, rng):
    """What computes the function and its gradients, and the arrays to call it with."""
    given = [function.draw(rng, shape) for shape in call.shapes]

    def program(*given):
        leaves = [Tensor(x) for x in given]
        operands = [leaves] if function.joins else leaves
        y = function.function(*operands, *call.args, **call.keywords)
        (y * np.cos(np.arange(float(y.size))).reshape(y.shape)).sum().backward()
        return [y, *[leaf.grad for leaf in leaves]]

    return program, given


def as_array(x):
    return "np.array([{}], {})".format(
        ", ".join(repr(v).replace("inf", "Infinity").replace("nan", "NaN") for v in x.ravel().tolist()), list(x.shape)
    )


@pytest.mark.parametrize(
    "name", [name for name, f in FUNCTIONS.items() if any(has_javascript(name, c) for c in f.calls)]
)
def test_functions_agree_with_numpy_forward_and_backward(name, node):
    function, rng = FUNCTIONS[name], np.random.default_rng(4)
    calls = [call for call in function.calls if has_javascript(name, call)]
    blocks, expected = [], []
    for call in calls:
        program, given = program_of(function, call, rng)
        compiled = compile_(program)
        results = compiled(*given)
        script = compiled.script
        text = script.functions()
        arguments = ", ".join(["initialState()", *map(as_array, given)])
        blocks.append(f"() => {{ {text}\nreturn {script.function_name}({arguments}); }}")
        expected.append([np.asarray(x.data if isinstance(x, Tensor) else x) for x in results])
    main = (
        "const main = () => ["
        + ",\n".join(blocks)
        + "].map((f) => f().map((x) => [x.shape ?? [], [...(x.data ?? [x])]]));"
    )
    for call, found, arrays_there in zip(calls, node(arrays() + main), expected, strict=True):
        for (shape, numbers), array in zip(found, arrays_there, strict=True):
            assert [*shape] == [*array.shape], call
            np.testing.assert_allclose(np.asarray(numbers, float), array.ravel(), 1e-11, 1e-13, err_msg=str(call))


@pytest.mark.parametrize("name", WITHOUT)
def test_functions_without_javascript_are_refused_by_name_and_line(name):
    function, rng = FUNCTIONS[name], np.random.default_rng(4)
    refused = [call for call in function.calls if not has_javascript(name, call)]
    assert refused
    for call in refused:
        program, given = program_of(function, call, rng)
        compiled = compile_(program)
        with pytest.raises(CompileError, match=rf"{re.escape(WITHOUT[name])} .*\.py, line \d+"):
            compiled(*given), compiled.script.functions()


_INTEGERS = """
const main = () => {
  const whole = np.array([3, -2, 0], [3], "int64");
  const truth = np.array([1, 1, 0], [3], "bool");
  const halves = np.array([-2.5, -0.5, 0.5, 1.5], [4]);
  return [np.cumsum(truth), np.cumprod(truth), np.cumprod(whole), np.trunc(whole), np.rint(halves), np.trunc(halves)]
    .map((x) => [x.dtype, [...x.data]]);
};"""


def test_running_sums_and_rounding_have_the_types_of_numpy(node):
    whole, truth, halves = np.array([3, -2, 0]), np.array([True, True, False]), np.array([-2.5, -0.5, 0.5, 1.5])
    expected = [np.cumsum(truth), np.cumprod(truth), np.cumprod(whole), np.trunc(whole), np.rint(halves)]
    for (dtype, numbers), y in zip(node(arrays() + _INTEGERS), [*expected, np.trunc(halves)], strict=True):
        assert dtype == y.dtype.name
        np.testing.assert_array_equal(numbers, y)


_DRAW = """
const main = ({ state, inc }) => {
  const rng = new np.PCG64(state, inc);
  return [rng.random([1000]).data, rng.random(), rng.copy().random([2, 3]).toArray(), rng.random([6]).data];
};"""


def test_random_numbers_are_those_of_numpy_bit_for_bit(node):
    rng = np.random.default_rng(5)
    bits = rng.bit_generator.state["state"]
    first, one, copy, again = node(arrays() + _DRAW, {key: str(x) for key, x in bits.items()})
    np.testing.assert_array_equal(first, rng.random(1000))
    assert one == rng.random()
    expected = rng.random(6)
    np.testing.assert_array_equal(np.concatenate(copy), expected)
    np.testing.assert_array_equal(again, expected)


_MEMORY = """
const main = () => {
  const made = [];
  let kept;
  for (let k = 0; k < 3; k += 1) {
    np.withMemory(() => {
      const x = np.add(np.full([4], k), 1);
      made.push(x.data);
      kept = np.result(x);
    });
  }
  let failed = "";
  try { np.withMemory(() => np.add(np.full([2], 0), np.full([3], 0))); } catch (error) { failed = error.message; }
  return [new Set(made).size < 3, kept.data, np.memory.active, failed];
};"""


def test_memory_is_used_again_and_results_are_copied(node):
    again, kept, active, failed = node(arrays() + _MEMORY)
    assert again
    assert kept.tolist() == [3, 3, 3, 3]
    assert not active
    assert failed == "shapes (2,) and (3,) cannot be broadcast together"


def test_an_index_out_of_range_is_refused(node):
    script = "const main = () => { try { np.getitem(np.arange(3), [3]); } catch (error) { return error.message; } };"
    assert node(arrays() + script) == "index 3 is out of range for an axis of length 3"
