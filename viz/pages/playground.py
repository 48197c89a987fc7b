"""`playground`: a page in which a user's own net trains, as one HTML file that works offline.

The training step is recorded in Python (`playground_programs`) and runs in the page as JavaScript.
"""

import copy
import html
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu import nn
from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_edu.graph.node import of_no_tensor
from tinygrad_edu.javascript.library import arrays, library
from tinygrad_edu.optim import Adam, Optimizer
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.types import Array
from tinygrad_edu.tensor import Tensor
from viz.pages.page import Page, embedded, picture
from viz.pages.player import Player
from viz.pages.playground_labels import Labels, labels_of
from viz.pages.playground_programs import Loss, Programs, Setup, linears, programs_of
from viz.pages.playground_sample import packed, sample_player
from viz.pages.playground_still import still_svg

_FEW = 6  # up to so many inputs, each pair has its own plane
_MANY = 5000  # samples, which a page still redraws while it trains


class Playground(Page):
    """The page of a net; made by `playground`.

    Attributes
    ----------
    programs : what the page runs, for each net that can be chosen in it.
    """

    template = "playground.html"
    styles = ("page.css", "playground.css")
    scripts = (
        "playground_data.js",
        "playground_history.js",
        "playground_colours.js",
        "playground_plane.js",
        "playground_network.js",
        "playground_charts.js",
        "playground_timeline.js",
        "playground_controls.js",
        "playground_link.js",
        "playground_cards.js",
        "playground_sample.js",
        "theme.js",
        "playground_main.js",
    )

    def __init__(
        self,
        data: Mapping[str, Any],
        programs: Sequence[Programs],
        optimizer: str,
        origin: str,
        sample: Player | None,
        weights: Sequence[Array],
    ) -> None:
        super().__init__(f"Playground of {data['programs'][0]['subtitle']}")
        self.data = data
        self.programs = programs
        self.optimizer = optimizer
        self.origin = origin
        self.sample = sample
        self.weights = weights

    def engine(self) -> str:
        texts = ",\n".join(program.text for program in self.programs)
        return f"{arrays()}\n{library('numbers')}\nconst PROGRAMS = [\n{texts}\n];\n"

    def opens(self) -> Sequence[Page]:
        return [self.sample] if self.sample else []

    def parts(self) -> dict[str, str]:
        where = f"Traced from your code:<br><code>{html.escape(self.origin)}</code>"
        return {
            "subtitle": html.escape(self.data["programs"][0]["subtitle"]),
            "optimizer": html.escape(self.optimizer),
            "origin": where,
            "data": embedded(dict(self.data) | {"player": packed(self.sample) if self.sample else ""}),
        }

    def still(self) -> str:
        """A picture of the samples and the net for a notebook that shows no page."""
        svg = still_svg(self.data, self.weights).encode()
        return picture(svg, "image/svg+xml", f"{self.title}: its samples and weights before training")

    @for_output
    def __repr__(self) -> str:
        return f"<{self.title[0].lower()}{self.title[1:]}; .save('playground.html') writes it>"


def playground(
    net: nn.Module,
    X: Any,
    y: Any,
    *,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    validation: float | tuple[Any, Any] = 0.25,
    choices: Mapping[str, Sequence[Any]] | None = None,
    names: Sequence[str] | None = None,
) -> Playground:
    """Train a net of your own in a page: see its boundary, drag its weights and samples, go back and fork.

    The net and the optimizer are copied, not trained. The page starts where they are now.

    Parameters
    ----------
    net : a classifier of samples; an `nn.MLP` or an `nn.Sequential` of `nn.Linear` is also drawn as a network.
    X : samples, of shape (n, inputs).
    y : two to six classes, of shape (n,), or (n, 1) for a net with one output. The default losses take any labels.
    loss : a function of ``net(X)`` and ``y`` that gives one number. By default the binary cross-entropy of the logits
        for one output, and the cross-entropy for several.
    optimizer : of ``net.parameters()``, by default ``optim.Adam(net.parameters(), lr=0.03)``.
    validation : the share of the samples that is held out, or a pair ``(X, y)``, or 0 for none.
    choices : other nets that can be chosen in the page: ``dict(widths=[[4], [8, 8]], activation=["tanh", "relu"])``.
        Each is an `nn.MLP` with these hidden layers, and is recorded in advance.
    names : of the inputs, by default x₁, x₂, …

    Raises
    ------
    ArgumentError : the labels are not those of a few classes, the choices are unknown, or the optimizer is another
        net's.
    ShapeError : X and y do not fit together.
    CompileError : the net, the loss or the optimizer calls something that has no JavaScript.

    Examples
    --------
    >>> from tinygrad_edu import data, nn
    >>> X, y = data.moons(40, noise=0.1, rng=0)
    >>> playground(nn.MLP(2, [4, 1], "tanh", rng=0), X, y)
    <playground of MLP 2 → 4 → 1, tanh; .save('playground.html') writes it>
    """
    X, y = np.asarray(X, np.float64), np.asarray(y)
    _check(net, X, y)
    outputs = _outputs(net, X[:1])
    labels = labels_of(y, outputs, loss)
    train, held = _split(X, labels.written(y), validation, labels)
    setup = Setup(net, labels.loss, optimizer or Adam(net.parameters(), lr=0.03), *train)
    _check_optimizer(net, setup.optimizer)
    setups = [setup, *_chosen(setup, choices or {}, outputs)]
    programs = [programs_of(each) for each in setups]
    form = labels.form() | {"inputs": X.shape[1]}
    data: dict[str, Any] = {
        "names": [*(names or [f"x{chr(0x2080 + i + 1) if i < 9 else i + 1}" for i in range(X.shape[1])])],
        "form": form,
        "train": _samples(*train, labels),
        "validation": _samples(*held, labels) if held is not None else None,
        "planes": [*_planes(train[0], names)],
        "drawn": X.shape[1] == 2 and len(form["classes"]) == 2,
        "programs": [_about(s, p) for s, p in zip(setups, programs, strict=True)],
    }
    caller = sys._getframe(1)
    origin = f"{Path(caller.f_code.co_filename).name}, line {caller.f_lineno}"
    plain = loss is None and outputs == 1
    sample = sample_player(net, train[0][0].tolist(), float(train[1].flat[0]), data["names"]) if plain else None
    weights = [layer.weight.data.copy() for layer in linears(net)]
    return Playground(data, programs, type(setup.optimizer).__name__, origin, sample, weights)


# --- what was given ---------------------------------------------------------------------------------------------------


def _check(net: Any, X: Any, y: Any) -> None:
    if not isinstance(net, nn.Module):
        raise ArgumentError(f"playground() takes an nn.Module, but was given {type(net).__name__}: make it of nn.MLP")
    if X.ndim != 2 or not len(X) or not X.shape[1]:
        raise ShapeError(f"playground() takes samples of shape (n, inputs), but X has the shape {X.shape}")
    if y.shape not in ((len(X),), (len(X), 1)):
        raise ShapeError(f"playground() takes a label for each of the {len(X)} samples, but y has the shape {y.shape}")
    if len(X) > _MANY:
        raise ArgumentError(f"playground() shows up to {_MANY} samples, but was given {len(X)}: pass X[:{_MANY}]")
    if not np.isfinite(X).all():
        raise ArgumentError("playground() takes finite samples, but X has others: leave those rows out")


def _outputs(net: nn.Module, x: Any) -> int:
    y = copy.deepcopy(net).eval()(x)  # a copy: it may draw random numbers
    if not isinstance(y, Tensor):
        raise DTypeError(f"playground() takes a net that returns one Tensor, but it {of_no_tensor(y)}")
    return int(y.shape[-1])


def _check_optimizer(net: nn.Module, optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(f"optimizer must be one of tinygrad_edu.optim, but is {type(optimizer).__name__}")
    own = {id(p) for p in net.parameters()}
    if not any(id(p) in own for p in optimizer.params):
        raise ArgumentError("the optimizer has none of the net's parameters: make it of net.parameters()")


def _split(X: Any, y: Any, validation: Any, labels: Labels) -> tuple[tuple[Any, Any], tuple[Any, Any] | None]:
    """The samples to train on, and those that are held out."""
    if isinstance(validation, tuple):
        held = np.asarray(validation[0], np.float64), np.asarray(validation[1])
        if held[0].shape[1:] != X.shape[1:] or held[1].shape[1:] != y.shape[1:] or len(held[0]) != len(held[1]):
            raise ShapeError(f"validation must be like X and y, but has the shapes {held[0].shape} and {held[1].shape}")
        return (X, y), (held[0], labels.written(held[1]))
    if not 0 <= validation < 1:
        raise ArgumentError(f"validation must be a share from 0 up to 1, or a pair (X, y), but is {validation!r}")
    count = round(len(X) * validation)
    if not count:
        return (X, y), None
    order = np.random.default_rng(0).permutation(len(X))
    kept, away = np.sort(order[count:]), np.sort(order[:count])
    return (X[kept], y[kept]), (X[away], y[away])


def _samples(X: Any, y: Any, labels: Labels) -> dict[str, Any]:
    flat = y.ravel()
    return {"X": X.tolist(), "y": flat.tolist(), "labels": np.searchsorted(labels.targets, flat).tolist()}


def _planes(X: Any, names: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    """The planes that can be shown: pairs of inputs, or the plane in which the samples differ most."""
    inputs = X.shape[1]
    mean, identity = X.mean(axis=0), np.eye(inputs)
    if inputs == 1:
        yield {"name": "x", "mean": [0.0], "axes": [[1.0], [0.0]]}
        return
    if inputs == 2:
        yield {"name": "x₁, x₂", "mean": [0.0, 0.0], "axes": identity.tolist()}
        return
    _, _, vt = np.linalg.svd(X - mean, full_matrices=False)
    yield {"name": "principal plane", "mean": mean.tolist(), "axes": vt[:2].tolist()}
    known = names or [f"x{i + 1}" for i in range(inputs)]
    for i, j in combinations(range(min(inputs, _FEW)), 2):
        yield {"name": f"{known[i]}, {known[j]}", "mean": mean.tolist(), "axes": identity[[i, j]].tolist()}


# --- the nets ---------------------------------------------------------------------------------------------------------


def _chosen(setup: Setup, choices: Mapping[str, Sequence[Any]], outputs: int) -> Iterator[Setup]:
    """The other nets that can be chosen in the page."""
    unknown = set(choices) - {"widths", "activation"}
    if unknown:
        raise ArgumentError(f"choices are widths and activation, but {', '.join(sorted(unknown))} was given")
    if not choices:
        return
    net = setup.net
    if not isinstance(net, nn.MLP):
        raise ArgumentError(f"choices are of nets like an nn.MLP, but the net is {type(net).__name__}")
    own = [layer.out_features for layer in net.layers[:-1]]
    inputs = net.layers[0].in_features
    for widths, activation in product(choices.get("widths", [own]), choices.get("activation", [net._name])):
        if [*widths] == own and activation == net._name:
            continue
        other = nn.MLP(inputs, [*widths, outputs], activation, rng=0)
        settings = {name: getattr(setup.optimizer, name) for name in type(setup.optimizer).hyperparameters}
        yield Setup(other, setup.loss, type(setup.optimizer)(other.parameters(), **settings), setup.X, setup.y)


def _about(setup: Setup, programs: Programs) -> dict[str, Any]:
    """The data of a net for the page."""
    net = setup.net
    widths = " · ".join(str(layer["units"]) for layer in programs.layers[:-1]) or "none"
    return {
        "subtitle": _subtitle(net, programs),
        "widths": widths,
        "activation": getattr(net, "_name", ""),
        "layers": programs.layers,
        "parameters": programs.parameters,
        "settings": programs.settings,
        "listing": programs.listing,
    }


def _subtitle(net: Any, programs: Programs) -> str:
    if not programs.layers:
        return type(net).__name__
    sizes = [programs.layers[0]["inputs"], *(layer["units"] for layer in programs.layers)]
    activation = getattr(net, "_name", "")
    return f"{type(net).__name__} {' → '.join(map(str, sizes))}" + (f", {activation}" if activation else "")
