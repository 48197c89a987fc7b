"""CIFAR: cars against cats, trained by hand-derived gradients, by this engine and by PyTorch, which must agree.

A net 768-512-128-32-2 with ReLU learns pictures of 16x16 pixels on the cross-entropy, 30 epochs in batches of 256, in
five settings. The implementations start from the same weights, see the same batches and are compared parameter by
parameter; the hand-derived gradients are also compared with central differences. The setting that is best on the
validation pictures is tested, once. The pictures are read from the folder that TINYGRAD_EDU_DATA names, or from where
`tinygrad_edu.data.cifar10(download=True)` puts them.
"""

from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from demos import _by_hand
from demos._comparison import Comparison
from demos._options import Out, Quick, Seed
from demos._pictures import Folder, answers
from demos._three_ways import ways
from tinygrad_edu import data, nn
from tinygrad_edu.train import accuracy, confusion_matrix, sweep
from viz.plots import style
from viz.plots.training_plots import plot_confusion

CLASSES = ["automobile", "cat"]
NAMES = ["car", "cat"]
SIZES = [512, 128, 32, 2]
BATCH = 256
EPOCHS, QUICK_EPOCHS = 30, 3
QUICK_PICTURES = 1_000
VALIDATION_SHARE = 0.2  # of the training pictures; the report does not name them
CHECKED, CHECK_STEP = 20, 1e-5  # entries of each parameter in the gradient check, and how far each is moved


class Setting(NamedTuple):
    """A run: the options of its descent."""

    lr: float
    momentum: float = 0.0
    weight_decay: float = 0.0

    def __str__(self) -> str:
        return ", ".join(f"{name}={value:g}" for name, value in self._asdict().items() if value)


# The report's accuracy on its validation pictures, and on the test pictures in the setting that it chose, the fourth.
PUBLISHED = {
    Setting(0.01): "0.885",
    Setting(0.01, weight_decay=0.01): "0.885",
    Setting(0.01, momentum=0.85): "0.919",
    Setting(0.01, momentum=0.85, weight_decay=0.01): "0.921",
    Setting(0.05, momentum=0.85, weight_decay=0.01): "0.913",
}
PUBLISHED_TEST = "0.917"
WITHIN = 0.03
SAME, RIGHT = 1e-10, 1e-6  # differences of parameters after an epoch; of gradients from central differences


class Pictures(NamedTuple):
    """Rows of 768 numbers, normalised, and their classes, for training, validation and test."""

    X: Any
    X_val: Any
    X_test: Any
    y: Any
    y_val: Any
    y_test: Any
    test: Any  # the test pictures in colour, shape (n, 16, 16, 3)


class Result(NamedTuple):
    """The results of a run, by implementation and epoch; accuracies are on the validation pictures."""

    losses: dict[str, list[float]]
    accuracies: dict[str, list[float]]
    differences: dict[str, list[float]]  # of the parameters from those by hand
    parameters: list[Any]  # the engine's, after the last epoch

    @property
    def final(self) -> float:
        """The engine's validation accuracy after the last epoch."""
        return self.accuracies["tinygrad_edu"][-1]


def run(*, quick: Quick = False, seed: Seed = 0, out: Out = "out") -> Comparison:
    """Check the gradients, train, print published and measured figures, and write the pictures."""
    folder = Folder(out)
    photos = pictures(seed=seed, quick=quick)
    table = Comparison("figure")
    table.add("gradients by hand, from central differences", "0e+00", check(seed=seed, quick=quick), within=RIGHT)
    epochs = QUICK_EPOCHS if quick else EPOCHS
    settings, names = list(PUBLISHED), ", ".join(ways())
    print(f"CIFAR: {len(settings)} settings, {epochs} epochs, on {len(photos.X):,} cars and cats: {names}.")
    call = partial(_trained, epochs=epochs, seed=seed, quick=quick)
    runs = sweep(call, [{"setting": setting} for setting in settings], seeds=[seed], title="CIFAR")
    found = [Result(**run.result()) for run in runs]
    results = dict(zip(settings, found, strict=True))
    for setting, result in results.items():
        print(f"{setting!s:<46} validation", *(f"{way} {a[-1]:.4f}" for way, a in result.accuracies.items()))
    for way in found[0].differences:
        apart = max(result.differences[way][0] for result in found)
        table.add(f"parameters after an epoch, {way} from by hand", "0e+00", apart, within=SAME)
    best = max(settings, key=lambda setting: results[setting].final)
    scores = scores_of(results[best].parameters, photos.X_test)
    if not quick:
        compare(table, results, best, accuracy(scores, photos.y_test))
    print(table)
    if quick:
        print("The published accuracies are for the full run.")
    _pictures(folder, results, best, scores, photos)
    return table


def compare(table: Comparison, results: dict[Setting, Result], best: Setting, tested: float) -> None:
    """Add the published accuracies and those of the engine."""
    for setting, published in PUBLISHED.items():
        table.add(f"validation, {setting}", published, results[setting].final, within=WITHIN)
    table.add(f"test, the best on validation: {best}", PUBLISHED_TEST, tested, within=WITHIN)


@cache
def pictures(*, seed: int = 0, quick: bool = False) -> Pictures:
    """Cars and cats, 2x2 pixels averaged to one, normalised by mean and deviation of the training pictures."""
    most = QUICK_PICTURES if quick else None
    X, y = _shrunk("train", most)
    X_test, y_test = _shrunk("test", most)
    X, X_val, y, y_val = data.train_test_split(X, y, test_size=VALIDATION_SHARE, rng=seed)
    scaler = data.Standardizer().fit(X.reshape(len(X), -1))
    rows = [scaler.transform(part.reshape(len(part), -1)) for part in (X, X_val, X_test)]
    return Pictures(*rows, y, y_val, y_test, X_test)


def _shrunk(split: Any, most: int | None) -> tuple[Any, Any]:
    X, y = data.cifar10(split=split, classes=CLASSES)
    return X[:most].reshape(-1, 16, 2, 16, 2, 3).mean(axis=(2, 4)) / 255, y[:most]


def initial_parameters(rng: np.random.Generator) -> list[Any]:
    """W and b of each layer, drawn as PyTorch draws them."""
    return [p.numpy() for p in nn.MLP(16 * 16 * 3, SIZES, rng=rng).parameters()]


def check(*, seed: int = 0, quick: bool = False) -> float:
    """How far the hand-derived gradients are from central differences, see `_by_hand.gradient_error`."""
    rng = np.random.default_rng(seed)
    photos = pictures(seed=seed, quick=quick)
    net = _by_hand.Net(initial_parameters(rng), **Setting(0.01)._asdict())
    return _by_hand.gradient_error(net, photos.X[:64], photos.y[:64], entries=CHECKED, step=CHECK_STEP, rng=rng)


def train(
    setting: Setting | tuple[float, float, float],
    *,
    epochs: int = EPOCHS,
    seed: int = 0,
    quick: bool = False,
    rng: np.random.Generator | None = None,
) -> Result:
    """Train all implementations side by side, batch by batch, from the same weights.

    The setting is (rate, momentum, decay). The seed decides which pictures are for validation, and without an rng also
    the weights and the batches. All is in float64: in float32, momentum makes rounding errors so large that after
    some epochs the implementations differ.
    """
    photos = pictures(seed=seed, quick=quick)
    setting = Setting(*setting)
    rng = np.random.default_rng(seed) if rng is None else rng
    start = initial_parameters(rng)
    nets = {way: make(start, **setting._asdict()) for way, make in ways().items()}
    losses: dict[str, list[float]] = {way: [] for way in nets}
    accuracies: dict[str, list[float]] = {way: [] for way in nets}
    differences: dict[str, list[float]] = {way: [] for way in nets if way != "by hand"}
    for _ in range(epochs):
        totals = dict.fromkeys(nets, 0.0)
        for X, y in data.batches(photos.X, photos.y, BATCH, rng):
            for way, net in nets.items():
                totals[way] += net.step(X, y) * len(X)
        for way, net in nets.items():
            losses[way].append(totals[way] / len(photos.X))
            accuracies[way].append(accuracy(net.scores(photos.X_val), photos.y_val))
        for way, column in differences.items():
            column.append(difference(nets[way].parameters, nets["by hand"].parameters))
    return Result(losses, accuracies, differences, nets["tinygrad_edu"].parameters)


def _trained(setting: Setting, *, epochs: int, seed: int, quick: bool, rng: np.random.Generator) -> dict[str, Any]:
    return train(setting, epochs=epochs, seed=seed, quick=quick, rng=rng)._asdict()


def difference(parameters: list[Any], reference: list[Any]) -> float:
    """The greatest ‖p − q‖ / ‖q‖ of the parameters."""
    pairs = zip(parameters, reference, strict=True)
    return max(float(np.linalg.norm(p - q) / np.linalg.norm(q)) for p, q in pairs)


def scores_of(parameters: list[Any], X: Any) -> Any:
    """The answers of the net with these parameters."""
    return _by_hand.Net(parameters, **Setting(0.01)._asdict()).scores(X)


def _pictures(folder: Folder, results: dict[Setting, Result], best: Setting, scores: Any, photos: Pictures) -> None:
    folder.draw("cifar_accuracy.png", _bars, results, title="Accuracy on the validation pictures")
    folder.write("cifar_curves.png", _curves(results).savefig)
    folder.draw("cifar_agreement.png", _apart, results, title="Difference of the parameters from those by hand")
    counts = confusion_matrix(photos.y_test, scores, len(NAMES))
    title = f"{best}: test accuracy {accuracy(scores, photos.y_test):.3f}"
    folder.draw("cifar_confusion.png", plot_confusion, counts, NAMES, title=title)
    samples = answers(photos.test, photos.y_test, scores, NAMES, title=f"What the net answers, {best}")
    folder.write("cifar_samples.png", samples.savefig)


def _bars(results: dict[Setting, Result], ax: Axes) -> None:
    heights = {"published": [float(published) for published in PUBLISHED.values()]}
    for way in ways():
        heights[way] = [result.accuracies[way][-1] for result in results.values()]
    width = 0.8 / len(heights)
    for i, (name, values) in enumerate(heights.items()):
        where = np.arange(len(values)) + (i - (len(heights) - 1) / 2) * width
        look = {"color": style.COLORS[i], "hatch": ("", "//", "..", "xx")[i], "edgecolor": "white"}
        ax.bar(where, values, width, label=name, **look)
    style.tidy(ax, y="accuracy")
    names = [str(setting).replace(", ", "\n").replace("weight_", "") for setting in results]
    ax.set_xticks(range(len(results)), names, fontsize=8)
    ax.set_ylim(min(map(min, heights.values())) - 0.05, 1.0)
    ax.legend(frameon=False, ncols=2, fontsize=8)


def _curves(results: dict[Setting, Result]) -> Figure:
    figure = Figure(figsize=(9.6, 4.4), dpi=120, layout="constrained")
    for ax, what in zip(figure.subplots(1, 2), ("losses", "accuracies"), strict=True):
        for i, (setting, result) in enumerate(results.items()):
            numbers = getattr(result, what)["tinygrad_edu"]
            ax.plot(range(1, len(numbers) + 1), numbers, label=str(setting), **style.line(i, len(numbers)))
        style.tidy(ax, x="epoch", y={"losses": "training loss", "accuracies": "validation accuracy"}[what])
    ax.legend(frameon=False, fontsize=8)
    return figure


def _apart(results: dict[Setting, Result], ax: Axes) -> None:
    for k, result in enumerate(results.values()):
        for i, (way, numbers) in enumerate(result.differences.items()):
            label = None if k else way
            ax.plot(range(1, len(numbers) + 1), numbers, label=label, **style.line(i, len(numbers)))
    style.tidy(ax, x="epoch", y="relative difference")
    ax.axhline(SAME, color=style.INK, linewidth=1, linestyle=":", label="bound after the first epoch")
    ax.set_yscale("log")
    ax.legend(frameon=False)
