"""Backprop: one small expression, stepped through number by number.

Each operation's value on the way forward, then each product of the chain rule on the way back: as text here, as a
drawing, as an animation and as a page to play in the browser.
"""

import viz
from demos._options import Out
from demos._pictures import Folder
from tinygrad_edu import Value


def run(*, out: Out = "out") -> None:
    """Print every step of the expression's forward and backward pass, and write the pictures."""
    folder = Folder(out)
    L = expression()
    print("L = tanh(a · b + a + c): forward, each operation's value; then backward, each product of the chain rule.\n")
    print(viz.trace(L))
    print()
    L.backward()
    folder.write("backprop.svg", viz.draw(L).save)
    folder.write("backprop.gif", lambda path: viz.animate_backprop(L, path))
    folder.write("backprop.html", viz.player(L).save)
    print('Step through it by keys: python -m viz "tanh(a*b + a + c)" a=2 b=-3 c=4.5')


def expression() -> Value:
    """``L = tanh(a · b + a + c)``; ``a`` is used twice, so its gradient is a sum of two."""
    a, b, c = Value(2.0, "a"), Value(-3.0, "b"), Value(4.5, "c")
    L = (a * b + a + c).tanh()
    L.label = "L"
    return L
