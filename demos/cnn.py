"""CNN: a small convolutional net that reads 99 of 100 handwritten digits right, and what its filters see.

Two convolutions of 16 and 32 filters of 3×3, each followed by ReLU and by pooling over 2×2, and a linear layer: 12,810
weights. Six epochs of Adam in batches of 64, with a rate that rises and falls once; the step is compiled. The pictures
are read from the folder that TINYGRAD_EDU_DATA names, or from where `tinygrad_edu.data.mnist(download=True)` puts them.
"""

import string
from time import perf_counter
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import viz
from demos._comparison import Comparison
from demos._mnist import OPTIONS, QUICK_PICTURES, digits
from demos._options import Out, Quick, Seed
from demos._pictures import Folder, answers
from tinygrad_edu import Tensor, nn, no_grad, optim, train

EPOCHS, QUICK_EPOCHS = 6, 1
BATCH = 64
MAX_RATE = 0.01
GOAL = "0.99"
FILTERS = (16, 32)
SIZE = 3  # of a filter
FIELD = 2 * SIZE + 2  # pixels that one number of the second convolution depends on: 3 places, 2 apart, of 4 pixels each
SHOWN_FILTERS, PATCHES = 6, 8


def run(*, quick: Quick = False, seed: Seed = 0, out: Out = "out") -> Comparison:
    """Train, print the accuracy and the goal, and write the pictures."""
    folder = Folder(out)
    rows, test_rows, y, y_test = digits(quick=quick)
    X, X_test = (each.reshape(-1, 1, 28, 28) for each in (rows, test_rows))
    net = make_net(seed)
    print(net)
    start = perf_counter()
    history = learn(net, X, y, (X_test, y_test), epochs=QUICK_EPOCHS if quick else EPOCHS, seed=seed)
    print(f"{len(X):,} pictures, epochs: {history.epochs}, time: {perf_counter() - start:.0f} s")
    table = Comparison("figure")
    table.add("weights", "12810", sum(p.size for p in net.parameters()))
    if quick:
        print(f"The goal of {GOAL} is for the full run; test accuracy {history['val_accuracy'][-1]:.4f}")
    else:
        table.add("test accuracy", GOAL, history["val_accuracy"][-1], least=True)
    print(table)
    _pictures(folder, net, history, X_test, y_test)
    return table


def make_net(seed: int) -> nn.Sequential:
    """The net with random weights, in float32."""
    rng = np.random.default_rng(seed)
    few, many = FILTERS
    return nn.Sequential(
        nn.Conv2d(1, few, SIZE, rng=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(few, many, SIZE, rng=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(many * 5 * 5, 10, rng=rng),
    ).astype(np.float32)


def learn(net: nn.Sequential, X: Any, y: Any, validation: tuple[Any, Any], *, epochs: int, seed: int) -> train.History:
    """Train the net with one cycle of the learning rate."""
    optimizer = optim.Adam(net.parameters(), lr=MAX_RATE)
    steps = epochs * -(-len(X) // BATCH)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=MAX_RATE, total_steps=steps)
    schedule.per_step = True
    options = OPTIONS | {"epochs": epochs, "batch_size": BATCH, "rng": seed, "validation": validation}
    return train.fit(net, X, y, optimizer=optimizer, schedule=schedule, **options)


# --- what it has learned ---


def maps_of(net: nn.Sequential, X: Any, layers: int) -> Any:
    """The results of the first ``layers`` layers."""
    with no_grad():
        x = Tensor(X, requires_grad=False)
        for layer in net.layers[:layers]:
            x = layer(x)
    return x.numpy()


def strongest_patches(net: nn.Sequential, X: Any, filter_: int, count: int = PATCHES) -> Any:
    """The parts of the pictures to which a filter of the second convolution answers most, one per picture."""
    maps = maps_of(net, X, 4)[:, filter_]
    best = maps.reshape(len(X), -1).argmax(axis=1)
    rows, columns = np.unravel_index(best, maps.shape[1:])
    strongest = np.argsort(maps.reshape(len(X), -1).max(axis=1))[::-1][:count]
    return [X[i, 0, 2 * rows[i] : 2 * rows[i] + FIELD, 2 * columns[i] : 2 * columns[i] + FIELD] for i in strongest]


def _pictures(folder: Folder, net: nn.Sequential, history: train.History, X: Any, y: Any) -> None:
    curves = {"test": history["val_accuracy"]}
    folder.draw("cnn_accuracy.png", viz.plot_curves, curves, label="accuracy", title="MNIST by a CNN")
    folder.write("cnn_filters.png", _filters(net).savefig)
    folder.write("cnn_maps.png", _maps(net, X[:1]).savefig)
    folder.write("cnn_patches.png", _patches(net, X[:QUICK_PICTURES]).savefig)
    outputs = train.predict(net, X, batch_size=500)
    counts = train.confusion_matrix(y, outputs, 10)
    folder.draw("cnn_confusion.png", viz.plot_confusion, counts, title="Digits and the net's answers")
    samples = answers(X[:, 0], y, outputs, string.digits, right=0, wrong=24, title="Digits that it reads wrong")
    folder.write("cnn_wrong.png", samples.savefig)


def _grid(rows: int, columns: int, title: str, size: float = 0.9) -> tuple[Figure, Any]:
    figure = Figure(figsize=(size * columns, size * rows + 0.5), dpi=110, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    figure.suptitle(title)
    return figure, axes


def _filters(net: nn.Sequential) -> Figure:
    weights = net.layers[0].weight.numpy()[:, 0]
    most = float(np.abs(weights).max())
    figure, axes = _grid(2, FILTERS[0] // 2, "The filters of the first convolution (blue: positive, red: negative)")
    for ax, weight in zip(axes.flat, weights, strict=True):
        ax.imshow(weight, cmap="RdBu", vmin=-most, vmax=most)
    return figure


def _maps(net: nn.Sequential, X: Any) -> Figure:
    """The picture, and the results of all filters of both convolutions."""
    first, second = maps_of(net, X, 2)[0], maps_of(net, X, 5)[0]
    figure, axes = _grid(7, 8, "A picture, 16 maps after the first convolution, and 32 after the second", size=0.8)
    axes[0, 0].imshow(X[0, 0], cmap="gray_r")
    for ax, feature in zip(axes[1:].flat, [*first, *second], strict=True):
        ax.imshow(feature, cmap="viridis")
    return figure


def _patches(net: nn.Sequential, X: Any) -> Figure:
    """For some filters of the second convolution, the parts of pictures to which they answer most."""
    title = f"What a filter of the second convolution sees: {FIELD}×{FIELD} pixels, one filter per row"
    figure, axes = _grid(SHOWN_FILTERS, PATCHES, title)
    busiest = np.argsort(maps_of(net, X, 5).mean(axis=(0, 2, 3)))[::-1][:SHOWN_FILTERS]
    for row, filter_ in zip(axes, busiest, strict=True):
        for ax, patch in zip(row, strongest_patches(net, X, int(filter_)), strict=True):
            ax.imshow(patch, cmap="gray_r", vmin=0, vmax=1)
    return figure
