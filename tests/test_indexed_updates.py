"""Assignments to entries: on constants as on arrays, elsewhere as new nodes by `t.at`."""

import numpy as np
import pytest

from tests.oracles import check_first, check_second
from tinygrad_edu import Tensor, no_grad
from tinygrad_edu.errors import ArgumentError, IndexingError, ShapeError, StaleGraphError, UnsupportedError

INDICES = [0, slice(1, None), (slice(None), 1), ([0, 2], [1, 1]), np.eye(3, 4, dtype=bool), (..., [3, 0])]


@pytest.mark.parametrize("index", INDICES, ids=str)
@pytest.mark.parametrize("method", ["add", "set", "multiply"])
@pytest.mark.parametrize("whole", [True, False])
def test_new_nodes(index, method, whole):
    def reference(t, x):
        y = np.array(t)
        y[index] = {"add": y[index] + x, "set": x + 0 * y[index], "multiply": y[index] * x}[method]
        return y

    rng = np.random.default_rng(0)
    t = rng.standard_normal((3, 4))
    xs = [t, rng.standard_normal(t[index].shape if whole else ())]
    function = lambda t, x: getattr(t.at[index], method)(x)  # noqa: E731
    check_first(function, reference, xs)
    check_second(function, reference, xs)


def test_repeated_indices():
    t, x = Tensor([1.0, 2.0]), Tensor([10.0, 20.0, 30.0])
    y = t.at[[0, 0, 1]].add(x)
    assert y.tolist() == [31.0, 32.0]
    y.backward([1.0, 2.0])
    assert (t.grad.tolist(), x.grad.tolist()) == ([1.0, 2.0], [1.0, 1.0, 2.0])
    t, x = Tensor([1.0, 2.0]), Tensor([10.0, 20.0, 30.0])
    y = t.at[[0, 0, 1]].set(x)
    assert y.tolist() == [20.0, 30.0]
    y.backward([1.0, 2.0])
    assert (t.grad.tolist(), x.grad.tolist()) == ([0.0, 0.0], [0.0, 1.0, 2.0])
    with pytest.raises(ArgumentError, match=r"names each entry once"):
        t.at[[0, 0]].multiply(2.0)


def test_assignments_to_constants_and_gradients_are_those_of_arrays():
    n, labels = 3, np.array([1, 0, 1])
    dlogits, array = Tensor(np.ones((3, 2)), requires_grad=False), np.ones((3, 2))
    dlogits[range(n), labels] -= 1
    array[range(n), labels] -= 1
    dlogits[0] = 5
    array[0] = 5
    np.testing.assert_array_equal(dlogits.data, array)
    p = Tensor(np.ones((3, 2)))
    (p * p).sum().backward()
    p.grad[range(n), labels] -= 1
    np.testing.assert_array_equal(p.grad, [[2, 1], [1, 2], [2, 1]])
    with no_grad():
        p[0] = 7.0
    assert p.data[0].tolist() == [7.0, 7.0]


def test_an_assignment_makes_older_graphs_stale():
    c, x = Tensor([1.0, 2.0], requires_grad=False), Tensor([3.0, 4.0])
    y = (c * x).sum()
    c[0] = 9.0
    with pytest.raises(StaleGraphError):
        y.backward()


@pytest.mark.parametrize(
    "assign",
    [
        lambda x: x.__setitem__(0, 1.0),
        lambda x: (x * 2).__setitem__(0, 1.0),
        lambda x: Tensor([0.0, 0.0], requires_grad=False).__setitem__(0, x[0]),
    ],
)
def test_an_assignment_that_would_lose_a_gradient_names_the_functional_form(assign):
    with pytest.raises(UnsupportedError, match=r"t\.at\[index\]\.set\(x\), \.add\(x\)"):
        assign(Tensor([1.0, 2.0]))


def test_assignments_that_do_not_fit():
    c = Tensor([1.0, 2.0], requires_grad=False)
    with pytest.raises(IndexingError):
        c[5] = 1.0
    with pytest.raises(ShapeError):
        c[:] = [1.0, 2.0, 3.0]
