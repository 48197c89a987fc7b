"""A script for any number of samples, made of the scripts of three numbers."""

import numpy as np
import pytest

from tinygrad_edu import Tensor, functions, nn
from tinygrad_edu import compile as compile_
from tinygrad_edu.compiler import CompileError
from tinygrad_edu.javascript.library import arrays
from tinygrad_edu.javascript.sizes import for_any_size

SIZES = 7, 11, 13


@pytest.mark.parametrize(
    "form",
    [
        lambda n: n,
        lambda n: 3 * n,
        lambda n: n - 1,
        lambda n: 1 / n,
        lambda n: 2 / n,
        lambda n: 1 / (6 * n),
        lambda n: 0.25 * n,
        lambda n: n / (n - 1),
    ],
)
def test_numbers_that_depend_on_the_samples_become_expressions(form, node):
    text = for_any_size({n: f"f({form(n)!r}, 5)" for n in SIZES})
    assert "n" in text
    found = node(f"const f = (x) => x;\nconst main = () => [7, 11, 13].map((n) => {text});")
    assert found.tolist() == [form(n) for n in SIZES]


def test_what_is_the_same_stays_as_it_is():
    text = 'np.full([7, 3], 1e-05, "float64") // W1, -2.5'
    assert for_any_size(dict.fromkeys(SIZES, text)) == text


@pytest.mark.parametrize("texts", [["f(7)", "f(11)", "g(13)"], ["7", "11", "14"], ["[7]", "[11, 2]", "[13]"]])
def test_a_program_that_depends_otherwise_is_refused(texts):
    with pytest.raises(CompileError):
        for_any_size(dict(zip(SIZES, texts, strict=True)))


PROGRAMS = {
    "mse": lambda X: ((X - X.mean(axis=0)) ** 2).mean(),
    "softmax": lambda X: functions.log_softmax(X, axis=-1)[:, 0].mean(),
    "labels": lambda X: nn.functional.cross_entropy(X, np.zeros(len(X), dtype=int)),
    "flat": lambda X: np.tanh(X.reshape(-1)).sum(),
    "variance": lambda X: X.var(axis=0, ddof=1).sum(),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_gradient_for_another_number_of_samples_is_numpys(name, node):
    def program(X):
        leaf = Tensor(X)
        loss = PROGRAMS[name](leaf)
        loss.backward()
        return loss, leaf.grad

    texts, rng = {}, np.random.default_rng(0)
    for n in SIZES:
        compiled = compile_(program)
        compiled(rng.standard_normal((n, 3)))
        texts[n] = compiled.script.function("n")
    X = rng.standard_normal((29, 3))
    script = f"const main = (X) => program({{}}, 29, X).map((x) => x.data ?? [x]);\n{for_any_size(texts)}"
    loss, gradient = node(arrays() + script, [row.tolist() for row in X])
    expected = program(X)
    np.testing.assert_allclose(loss, expected[0].data, 1e-13)
    np.testing.assert_allclose(gradient, expected[1].ravel(), 1e-12, 1e-15)
