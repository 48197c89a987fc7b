import numpy as np
import pytest

import viz
from tests.domains import FUNCTIONS
from tests.test_functions import CALLS, bound, drawn
from tinygrad_edu import Tensor, Value, operation
from tinygrad_edu.errors import ArgumentError, UnsupportedError
from tinygrad_edu.graph.node import topological_order
from tinygrad_edu.nn import functional
from viz.explain.explode import MOST, explode

REFUSED = {
    *("det", "logabsdet", "cofactor", "cofactor_change", "inv", "pinv", "solve", "cholesky", "eigh", "svd", "qr"),
    *("conv", "conv_input", "conv_weight", "windows", "fold", "max_pool", "pick", "put"),
}


def numbers(values):
    return np.reshape([v.data for v in values.flat], values.shape)


def check(node):
    """The values, and the gradients of a weighted sum of the results, are those of the array."""
    exploded = explode(node)
    assert exploded.outputs.shape == node.shape
    np.testing.assert_allclose(numbers(exploded.outputs), node._data, rtol=1e-12, atol=1e-14)
    weights = np.random.default_rng(0).uniform(0.5, 1.5, node.shape)
    for x in node.inputs:
        x.grad = None
    if not node.size:
        return
    leaves = [Tensor(x._data, requires_grad=x.requires_grad) for x in node.inputs]
    gradients = node.operation.gx_arrays
    total = sum(float(w) * v for w, v in zip(weights.flat, exploded.outputs.flat, strict=True))
    if isinstance(total, Value) and total.requires_grad:
        total.backward()
    expected = {}
    for i, x in enumerate(node.inputs):
        if x.requires_grad:
            gx = gradients[i](weights, node._data, *[leaf._data for leaf in leaves], **node.params)
            gx = np.broadcast_to(gx, np.broadcast_shapes(np.shape(gx), x.shape))
            lead = gx.ndim - x.ndim
            axes = (*range(lead), *(lead + a for a, n in enumerate(x.shape) if n == 1))
            expected[x] = expected.get(x, 0) + gx.sum(axis=axes).reshape(x.shape)
    for x, values in zip(node.inputs, exploded.inputs, strict=True):
        if x.requires_grad:
            grads = np.reshape([v.grad for v in values.flat], values.shape)
            np.testing.assert_allclose(grads, expected[x], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "call"), CALLS)
def test_every_operation_is_the_same_in_single_numbers_or_says_why_not(name, call):
    f = FUNCTIONS[name]
    y = bound(f.function, f, call)(*map(Tensor, drawn(f, call)))
    for node in topological_order(y):
        if node.operation is None:
            continue
        if node.op in REFUSED:
            with pytest.raises(UnsupportedError, match=f"cannot show {node.op} in single numbers"):
                explode(node)
        else:
            check(node)


def test_a_matrix_product_is_its_multiplications_and_additions():
    X, W = Tensor([[1.0, 2.0], [3.0, 4.0]], label="X"), Tensor([[5.0], [6.0]], label="W")
    Z = X @ W
    Z.label = "Z"
    exploded = explode(Z)
    assert [node.op for node in topological_order(exploded[1, 0]) if node.op] == ["mul", "mul", "add"]
    assert [v.label for v in exploded.inputs[1].flat] == ["W[0,0]", "W[1,0]"]
    assert exploded[1, 0].label == "Z[1,0]"
    assert explode(X @ W)[0, 0].label == "y[0,0]"
    assert repr(exploded) == "<matmul in single numbers: 2 from 6; .root or [i, j] for every view>"


def test_the_same_array_at_both_places_is_the_same_numbers():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], label="x")
    exploded = explode(x @ x)
    assert exploded.inputs[0] is exploded.inputs[1]
    check(x @ x)


def test_constants_stay_constants_and_labels_that_are_missing_are_those_of_the_formulas():
    node = Tensor([1.0, 2.0]) * np.array([3.0, 4.0])
    exploded = explode(node)
    assert [v.requires_grad for x in exploded.inputs for v in x.flat] == [True, True, False, False]
    assert [v.label for v in exploded.inputs[0].flat] == ["x0[0]", "x0[1]"]


def test_a_fused_loss_is_taken_apart():
    logits = Tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]], label="x") * 1.0
    check(functional.cross_entropy(logits, np.array([0, 2])))


def test_every_view_works_on_it():
    x = Tensor([1.0, 2.0, 4.0], label="x")
    exploded = explode(x.softmax())
    assert "exp(" in str(viz.trace(exploded.root))
    assert exploded.root.label == "sum of the results"
    assert "<svg" in exploded._repr_svg_()
    assert "x[2]" in exploded.draw().source
    assert viz.why(exploded.inputs[0][0], exploded[0]).count == 2
    assert {finding.verdict for finding in viz.audit(exploded.root).findings} == {"right"}


def test_of_one_result_it_is_the_root():
    exploded = explode(Tensor([1.0, 2.0]).sum())
    assert exploded.root is exploded[()]


def test_a_users_operation_on_each_number_is_shown_as_such():
    cube = operation(lambda x: x * x * x, lambda gy, y, x: gy * 3 * x * x, name="cube")
    exploded = explode(cube(Tensor([1.0, 2.0])))
    assert [v.op for v in exploded.outputs] == ["cube", "cube"]


def test_a_users_operation_on_the_whole_array_is_refused():
    shares = operation(lambda x: x / np.sum(x), lambda gy, y, x: gy, name="shares")
    with pytest.raises(UnsupportedError, match=r"explode.. cannot show shares, which is no operation on each number"):
        explode(shares(Tensor([1.0, 2.0])))
    first = operation(lambda x: x[0], lambda gy, y, x: gy, name="first")
    with pytest.raises(UnsupportedError, match=r"explode.. cannot apply first to single numbers"):
        explode(first(Tensor([1.0, 2.0])))


@pytest.mark.parametrize("given", [3.0, Value(1.0), Value(1.0) * 2, Tensor([1.0], label="x")])
def test_what_is_no_operation_on_tensors_is_refused(given):
    with pytest.raises(ArgumentError, match=r"explode.. takes the Tensor that an operation gave, but was given"):
        explode(given)


def test_large_arrays_are_refused():
    with pytest.raises(ArgumentError, match=f"at most {MOST}, but mul of these shapes has 601"):
        explode(Tensor(np.ones(300)) * 2)
