"""Operation: an operation of your own, declared once and used like a built-in one.

The bump y = exp(-x²) and its derivative are one declaration. With it: backprop on Value and on Tensor, the second
derivative, the gradient check (which finds a wrong derivative), the steps in text, and the drawing.
"""

import numpy as np

import viz
from demos._options import Out
from demos._pictures import Folder
from tinygrad_edu import GradientMismatch, Tensor, Value, grad, gradcheck, operation

bump = operation(
    lambda x: np.exp(-x * x),
    lambda gy, y, x: gy * (-2 * x * y),
    name="bump",
    formula="-2 * x * y",
)
wrong_bump = operation(
    lambda x: np.exp(-x * x),
    lambda gy, y, x: gy * (2 * x * y),  # the sign is forgotten
    name="wrong_bump",
)


def run(*, out: Out = "out") -> None:
    """Use the operation in every way, print what comes out, and write its drawing."""
    folder = Folder(out)
    x = Value(0.3, "x")
    y = bump(x) * 3
    print("y = 3 · bump(x), where bump(x) = exp(-x²) is declared with its derivative -2 · x · y:\n")
    print(viz.trace(y))
    y.backward()
    first, second = grad(bump), grad(grad(bump))
    print(f"\nfirst derivative of bump at 0.3:  {first(0.3):+.6f}, by hand {-2 * 0.3 * np.exp(-0.09):+.6f}")
    print(f"second derivative of bump at 0.3: {second(0.3):+.6f}, by hand {(4 * 0.09 - 2) * np.exp(-0.09):+.6f}")
    points = Tensor(np.linspace(-2.0, 2.0, 9), label="points")
    print(f"on a Tensor of 9 points: {gradcheck(bump, points)}")
    try:
        gradcheck(wrong_bump, points)
    except GradientMismatch as mismatch:
        print(f"with the sign forgotten, gradcheck says: {mismatch}")
    folder.write("operation.svg", viz.draw(y).save)
