"""Compiled programs in JavaScript: trained step by step beside Python."""

import json

import numpy as np
import pytest

from tests.javascript.programs import PROGRAMS
from tinygrad_edu import Tensor, Value, nn
from tinygrad_edu import compile as compile_
from tinygrad_edu.compiler import CompileError
from tinygrad_edu.javascript.library import arrays

STEPS = 12

_RUN = """
function main({ batches, steps }) {
  const state = initialState();
  const seen = [];
  for (let k = 0; k < steps; k += 1) {
    const loss = FUNCTION(state, ...batches[k % batches.length]);
    const numbers = Object.entries(state).filter(([, x]) => x !== null && !(x instanceof np.PCG64));
    seen.push([loss, Object.fromEntries(numbers.map(([name, x]) => [name, x.data ? [...x.data] : [x]]))]);
  }
  return seen;
}"""


def for_node(x):
    """An argument as nested lists."""
    return x.tolist() if isinstance(x, np.ndarray) else x


def module_for_node(compiled):
    script = compiled.javascript
    return script[: script.rindex("export {")]


@pytest.mark.parametrize("name", PROGRAMS)
def test_training_goes_step_by_step_as_in_python(name, node):
    training = PROGRAMS[name]()
    step = compile_(training.step)
    for _ in range(2):  # the first step of some optimizers is another program
        step(*training.batches[0])
    module = module_for_node(step)
    batches = [[for_node(x) for x in batch] for batch in training.batches]
    found = node(module + _RUN.replace("FUNCTION", step.script.function_name), {"batches": batches, "steps": STEPS})
    assert len(found) == STEPS
    # An ulp of a product or of tanh is another one in JavaScript; single precision rounds in other places.
    tolerance = 2e-5 if name == "float32" else 1e-11
    for k, (loss, state) in enumerate(found):
        expected = step(*training.batches[k % len(batches)])
        np.testing.assert_allclose(loss, float(expected.data), tolerance)
        compared = 0
        for place, value in step.script.state().items():
            if place in state:
                np.testing.assert_allclose(state[place], np.ravel(value), tolerance, tolerance, err_msg=place)
                compared += 1
        assert compared >= 2


def test_returned_constants_keep_their_kind(node):
    def program(x):
        return [
            np.zeros(3),
            np.array([[1, 2]]),
            Tensor([0.5, np.inf]),
            np.float32(0.25),
            np.int64(7),
            'say "a"',
            None,
            x,
        ]

    step = compile_(program)
    step(np.ones(2))
    main = f"""const main = () => JSON.stringify({step.script.function_name}(initialState(), np.array([1, 1], [2]))
      .map((x) => (x instanceof np.NDArray ? [x.shape, x.dtype, [...x.data].map(String)] : x)));"""
    assert json.loads(node(arrays() + step.script.functions() + main)) == [
        [[3], "float64", ["0", "0", "0"]],
        [[1, 2], "int64", ["1", "2"]],
        [[2], "float64", ["0.5", "Infinity"]],
        0.25,
        7,
        'say "a"',
        None,
        [[2], "float64", ["1", "1"]],
    ]


def test_a_returned_object_without_javascript_is_refused():
    step = compile_(lambda x: [np.add(x, 1), slice(1, 2)])
    step(np.ones(2))
    with pytest.raises(CompileError, match="returns a slice, which has no JavaScript: return arrays"):
        step.script.functions()


def test_there_are_32_training_programs():
    assert len(PROGRAMS) >= 32


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: np.linalg.det(x), r"numpy\.linalg\.det \(.*test_emit\.py, line \d+\), which has no JavaScript"),
        (lambda x: np.sum(x.astype(np.float16)), r"numbers of type float16 \(.*test_emit\.py, line \d+\)"),
        (lambda x: np.reshape(x, (4,), order="F"), r"reshape with order"),
    ],
)
def test_a_line_without_javascript_is_refused_by_name_and_line(function, message):
    compiled = compile_(function)
    compiled(np.eye(2))
    with pytest.raises(CompileError, match=message):
        compiled.javascript


def test_there_is_no_javascript_before_the_first_call():
    with pytest.raises(CompileError, match="before its first call"):
        compile_(np.tanh).javascript


def test_other_shapes_than_the_recorded_ones_are_refused(node):
    double = compile_(lambda x: x * 2.0)
    double(np.ones((2, 3)))
    script = module_for_node(double)
    script += "const main = () => { try { f(initialState(), [[1, 2]]); } catch (error) { return error.message; } };"
    assert node(script) == "x must have the shape (2, 3) that was recorded, but was given (1, 2)"


def test_results_keep_their_nesting(node):
    def several(x, y):
        return {"sum": x + y, "pair": (x.sum(), [y, 3.0]), "text": "a"}

    compiled = compile_(several)
    compiled(np.ones(2), 2.0)
    script = module_for_node(compiled)
    script += """
const main = () => {
  const { sum, pair, text } = several(initialState(), [1, 2], 5);
  return [sum.toArray(), pair, text];
};"""
    total, (first, (y, constant)), text = node(script)
    assert total.tolist() == [6, 7]
    assert (first, y, constant, text) == (3, 5, 3, "a")


def test_names_that_javascript_keeps_for_itself_are_changed(node):
    def new(var, function, np_, state):
        delete = var * function
        return delete + np_ + state

    compiled = compile_(new)
    compiled(np.ones(2), np.ones(2), np.ones(2), np.ones(2))
    script = module_for_node(compiled) + "const main = () => new_(initialState(), [1, 2], [3, 4], [5, 6], [7, 8]).data;"
    assert node(script).tolist() == [15, 22]


def test_a_state_that_is_exchanged_is_read_before_it_is_written(node):
    script = """
const main = () => {
  const state = { a: np.asarray([1, 2]), b: np.asarray([3, 4]) };
  np.store(state, { a: state.b, b: state.a });
  return [state.a.data, state.b.data];
};"""
    a, b = node(arrays() + script)
    assert (a.tolist(), b.tolist()) == ([3, 4], [1, 2])


def test_gradients_are_left_in_the_state(node):
    w = Tensor([1.0, 2.0], label="w")

    def loss(x):
        w.grad = None
        y = (w * x).sum()
        y.backward()
        return y

    compiled = compile_(loss)
    compiled(np.array([3.0, 4.0]))
    script = module_for_node(compiled)
    script += "const main = () => { const s = initialState(); loss(s, [5, 6]); return s.w_grad.data; };"
    assert node(script).tolist() == [5, 6]


def test_a_module_is_imported_by_node_as_a_page_imports_it(node, tmp_path):
    net = nn.MLP(2, [3, 1], rng=0)
    predict = compile_(lambda X: net(X))
    X = np.ones((4, 2))
    expected = predict(X)
    path = tmp_path / "net.mjs"
    path.write_text(predict.javascript)
    script = """
const main = async (path) => {
  const { f, initialState } = await import(path);
  return f(initialState(), new Array(4).fill([1, 1])).toArray();
};"""
    found = node(script, str(path))
    np.testing.assert_allclose(found, expected.data, 1e-14)


def test_a_value_program_is_written_in_plain_arithmetic():
    compiled = compile_(lambda a, b: (a * b + 2.0).tanh())
    compiled(Value(1.0), Value(2.0))
    assert "Math.tanh(" in compiled.javascript
    assert "np.multiply(" not in compiled.javascript[compiled.javascript.index("function f") :]


@pytest.mark.parametrize(
    "signs",
    [[[0.0, -0.0], [0.0, -0.0]], [[-0.0, -0.0], [-0.0, -0.0]], [[1.0, -0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]],
)
def test_constants_keep_the_sign_of_zero(node, signs):
    # In the printed NumPy, too: recording compares its results with the function's.
    constant = np.array(signs)
    compiled = compile_(lambda x: np.copysign(x, constant))
    expected = compiled(np.ones((2, 2)))
    script = module_for_node(compiled) + "const main = () => f(initialState(), [[1, 1], [1, 1]]).data;"
    assert node(script).tolist() == expected.ravel().tolist()
