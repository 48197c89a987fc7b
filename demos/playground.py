"""Playground: two moons and a net that trains in a page.

Drag the wires, the samples and the timeline; change the rate while it trains. The page is one file that works offline.
"""

import sys
import webbrowser

import viz
from demos._options import Out, Seed
from demos._pictures import Folder
from tinygrad_edu import data, nn, optim


def run(*, out: Out = "out", seed: Seed = 0) -> None:
    """Write the playground of a small net on two moons, and open it if this is a terminal."""
    folder = Folder(out)
    X, y = data.moons(400, noise=0.2, rng=seed)
    net = nn.MLP(2, [6, 4, 1], activation="tanh", rng=seed)
    choices = {"widths": [[6, 4], [8]], "activation": ["tanh", "relu", "gelu"]}
    page = viz.playground(net, X, y, optimizer=optim.Adam(net.parameters(), lr=0.03), choices=choices)
    path = folder.write("playground.html", page.save)
    print("In the browser, press Space: the net trains.")
    if sys.stdout.isatty():
        webbrowser.open(path.resolve().as_uri())
