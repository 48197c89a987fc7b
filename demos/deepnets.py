"""Deep nets: how the gradient vanishes through ten sigmoid layers, and does not through ten ReLU layers.

One batch of MNIST goes through nets of ten layers, 784-30-…-30-10, and back. With sigmoids and Xavier's initialisation,
the first layer's gradient is about 10⁻⁵ of the last one's. With ReLUs and Kaiming's initialisation, both have the same
order of size. Then a net 784-512-256-128-64-10 is trained, whose layers become smaller. The pictures are read from the
folder that TINYGRAD_EDU_DATA names, or from where `tinygrad_edu.data.mnist(download=True)` puts them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from demos._comparison import Comparison
from demos._mnist import OPTIONS, QUICK_PICTURES
from demos._options import Out, Quick, Seed
from demos._pictures import Folder
from tinygrad_edu import data, nn, optim
from tinygrad_edu.train import History, fit
from viz.plots import style
from viz.plots.plots import plot_history
from viz.plots.training_plots import plot_gradient_norms

SIZES = [*[30] * 9, 10]
TAPERED = [512, 256, 128, 64, 10]
BATCH = 10
SEEDS = 20
MEAN, DEVIATION = 0.1307, 0.3081  # of MNIST's pixels, as PyTorch's examples give them
EPOCHS, QUICK_EPOCHS = 5, 3

Initialise = Callable[..., Any]
NETS: dict[str, tuple[str, Initialise]] = {
    "sigmoid, Xavier": ("sigmoid", nn.init.xavier_uniform_),
    "ReLU, Kaiming": ("relu", nn.init.kaiming_uniform_),
}
# log10 of the ratio first layer / last layer. The homework has one draw: about 4e-5, and of order 1.
PUBLISHED = {"sigmoid, Xavier": ("-4.4", 0.5), "ReLU, Kaiming": ("0.0", 1.0)}


def run(*, quick: Quick = False, seed: Seed = 0, out: Out = "out") -> Comparison:
    """Measure the gradients, train the tapered net, and write the pictures."""
    folder = Folder(out)
    X, y = _digits("train", quick=quick)
    norms = {name: [gradient_norms(name, X, y, seed + k) for k in range(SEEDS)] for name in NETS}
    ratios = {name: np.array([draw[0] / draw[-1] for draw in draws]) for name, draws in norms.items()}
    table = Comparison("log10 of the ratio, median")
    for name, (published, within) in PUBLISHED.items():
        low, middle, high = np.quantile(ratios[name], (0, 0.5, 1))
        print(f"{name:<16} first / last layer: {middle:.1e}, from {low:.1e} to {high:.1e} over {SEEDS} seeds")
        table.add(name, published, np.log10(middle), within=within)
    print(table)
    history = train(quick=quick, seed=seed)
    print(f"784-512-256-128-64-10: {history.stopped}")
    layers = {name: _medians(draws) for name, draws in norms.items()}
    title = f"Gradient norm of each layer, median of {SEEDS} seeds"
    folder.draw("deepnets_norms.png", plot_gradient_norms, layers, title=title)
    folder.draw("deepnets_ratios.png", _ratios, ratios, title="First layer / last layer")
    if history.epochs:
        print(f"test accuracy {history['val_accuracy'][-1]:.4f}")
        folder.draw("deepnets_tapered.png", plot_history, history, title="784-512-256-128-64-10 with Adam")
    return table


def gradient_norms(name: str, X: Any, y: Any, seed: int) -> list[float]:
    """Norms of the gradients of a fresh net's ten weights, from the input to the output, for one random batch."""
    activation, initialise = NETS[name]
    rng = np.random.default_rng(seed)
    net = nn.MLP(784, SIZES, activation=activation, rng=rng)
    weights = [p for label, p in net.named_parameters() if label.endswith("weight")]
    for weight in weights:
        initialise(weight, rng=rng)
    batch = rng.choice(len(X), BATCH, replace=False)
    nn.functional.cross_entropy(net(X[batch]), y[batch]).backward()
    return [float(np.linalg.norm(weight.grad)) for weight in weights]


def train(*, quick: bool = False, seed: int = 0) -> History:
    """Train the tapered net with Adam and weight decay 1e-4."""
    X, y = _digits("train", quick=quick)
    rng = np.random.default_rng(seed)
    net = nn.MLP(784, TAPERED, activation="relu", dtype=np.float32, rng=rng)
    adam = optim.Adam(net.parameters(), weight_decay=1e-4)
    options = OPTIONS | {"epochs": QUICK_EPOCHS if quick else EPOCHS, "batch_size": BATCH, "rng": rng}
    return fit(net, X, y, optimizer=adam, validation=_digits("test", quick=quick), **options)


def _digits(split: str, *, quick: bool) -> tuple[Any, Any]:
    """Pictures as rows of 784 numbers, normalised, and their digits."""
    X, y = data.mnist(split=split)
    most = QUICK_PICTURES if quick else None
    return ((X[:most].reshape(-1, 784) / 255 - MEAN) / DEVIATION).astype(np.float32), y[:most]


def _medians(draws: list[list[float]]) -> dict[str, float]:
    return {str(k + 1): float(norm) for k, norm in enumerate(np.median(draws, axis=0))}


def _ratios(ratios: dict[str, Any], ax: Axes) -> None:
    for i, (name, draws) in enumerate(ratios.items()):
        ax.plot(np.full(len(draws), i), draws, style.MARKERS[i], color=style.COLORS[i], alpha=0.6)
        published = 10 ** float(PUBLISHED[name][0])
        ax.plot([i - 0.2, i + 0.2], [published] * 2, color=style.INK, label="published, one draw" if not i else None)
    style.tidy(ax, y="ratio of the gradients' norms")
    ax.set_yscale("log")
    ax.set_xticks(range(len(ratios)), list(ratios))
    ax.set_xlim(-0.5, len(ratios) - 0.5)
    ax.legend(frameon=False)
