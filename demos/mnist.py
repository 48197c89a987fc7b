"""MNIST: thirteen sigmoid nets that read digits, by gradient descent, momentum and Adam at many rates.

Nets of 784 inputs, one hidden layer of 30, 50 or 100 sigmoid units and 10 outputs, with Xavier's initialisation, are
trained in batches of 10 for 30 epochs. The runs are a sweep: they run side by side in processes, each on one thread,
and each training step is compiled. The pictures are read from the folder that TINYGRAD_EDU_DATA names, or from where
`tinygrad_edu.data.mnist(download=True)` puts them.
"""

import string
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from demos._comparison import Comparison
from demos._mnist import OPTIONS, digits
from demos._options import Out, Quick, Seed
from demos._pictures import Folder, answers
from tinygrad_edu import flush_denormals, nn, optim
from tinygrad_edu.train import confusion_matrix, fit, predict, sweep
from viz.plots.training_plots import plot_confusion, plot_curves

BATCH = 10
EPOCHS, QUICK_EPOCHS = 30, 3


class Setting(NamedTuple):
    """A run: its hidden units and its optimizer."""

    hidden: int
    optimizer: str
    options: dict[str, float]

    def __str__(self) -> str:
        options = ", ".join(f"{name}={value:g}" for name, value in self.options.items())
        return f"784-{self.hidden}-10, {self.optimizer}({options})"


class Result(NamedTuple):
    """The result of a run: test accuracy after every epoch, and the weights after the last."""

    accuracies: list[float]
    weights: dict[str, Any]

    @property
    def final(self) -> float:
        """The test accuracy after the last epoch."""
        return self.accuracies[-1]


SETTINGS = [
    *(Setting(30, "SGD", {"lr": lr}) for lr in (1e-4, 1e-3, 1e-2, 0.1, 0.5)),
    *(Setting(30, "Adam", {"lr": lr}) for lr in (1e-4, 1e-3, 1e-2, 0.1)),
    *(Setting(hidden, "Adam", {"lr": 1e-3, "weight_decay": 1e-5}) for hidden in (50, 100)),
    *(Setting(100, "SGD", {"lr": 0.1, "momentum": momentum}) for momentum in (0.8, 0.9)),
]
# The homework's test accuracy at the best of the first five settings, of the next four, and of the larger nets.
PUBLISHED = {"SGD": ("0.9635", SETTINGS[:5]), "Adam": ("0.9624", SETTINGS[5:9]), "larger": ("0.9801", SETTINGS[9:])}
WITHIN = 0.004


def run(*, quick: Quick = False, seed: Seed = 0, out: Out = "out") -> Comparison:
    """Train all, print published and measured accuracies side by side, and write the pictures."""
    folder = Folder(out)
    digits(quick=quick)  # missing files raise an error before any process starts
    epochs = QUICK_EPOCHS if quick else EPOCHS
    print(f"MNIST: {len(SETTINGS)} runs of {epochs} epochs in batches of {BATCH}.")
    results = train_all(epochs=epochs, seed=seed, quick=quick)
    for setting, result in results.items():
        print(f"{setting!s:<50} test accuracy {result.final:.4f}, at its best {max(result.accuracies):.4f}")
    table = Comparison() if quick else compare(results)
    print("The published figures are for the full run." if quick else table)
    _pictures(folder, results, quick=quick)
    return table


def compare(results: dict[str, Result]) -> Comparison:
    """The published accuracy at the best setting of each group, and that of the runs."""
    table = Comparison("test accuracy at the best setting")
    for name, (published, settings) in PUBLISHED.items():
        table.add(name, published, max(results[str(setting)].final for setting in settings), within=WITHIN)
    return table


def initial_net(hidden: int, rng: np.random.Generator) -> nn.MLP:
    """A net with Xavier's normal initialisation."""
    net = nn.MLP(784, [hidden, 10], activation="sigmoid", dtype=np.float32, rng=rng)
    for name, parameter in net.named_parameters():
        if name.endswith("weight"):
            nn.init.xavier_normal_(parameter, rng=rng)
        else:
            nn.init.zeros_(parameter)
    return net


def train(
    setting: Setting, *, epochs: int = EPOCHS, rng: np.random.Generator | int = 0, quick: bool = False
) -> dict[str, Any]:
    """Train one net: its test accuracy after every epoch, and its weights after the last."""
    X, X_test, y, y_test = digits(quick=quick)
    rng = np.random.default_rng(rng)
    net = initial_net(setting.hidden, rng)
    optimizer = getattr(optim, setting.optimizer)(net.parameters(), **setting.options)
    with flush_denormals():  # the averages of pixels that are never lit sink below float32's normal numbers
        options = OPTIONS | {"epochs": epochs, "batch_size": BATCH, "rng": rng, "progress": False}
        history = fit(net, X, y, optimizer=optimizer, validation=(X_test, y_test), **options)
    return {"accuracies": history["val_accuracy"], "weights": net.state_dict()}


def train_all(*, epochs: int = EPOCHS, seed: int = 0, quick: bool = False) -> dict[str, Result]:
    """Train every net, as many at a time as there are processors."""
    order = sorted(SETTINGS, key=lambda setting: (setting.hidden, setting.optimizer == "Adam"), reverse=True)
    grid = [{"setting": setting} for setting in order]
    runs = sweep(partial(train, epochs=epochs, quick=quick), grid, seeds=[seed], title="MNIST")
    found = {str(run.setting["setting"]): Result(**run.result()) for run in runs}
    return {str(setting): found[str(setting)] for setting in SETTINGS}


def _pictures(folder: Folder, results: dict[str, Result], *, quick: bool) -> None:
    for name, (_, settings) in PUBLISHED.items():
        curves = {str(setting): results[str(setting)].accuracies for setting in settings}
        folder.draw(f"mnist_{name.lower()}.png", plot_curves, curves, label="test accuracy", title=f"MNIST: {name}")
    best = max(SETTINGS, key=lambda setting: results[str(setting)].final)
    net = initial_net(best.hidden, np.random.default_rng(0))
    net.load_state_dict(results[str(best)].weights)
    _, X_test, _, y_test = digits(quick=quick)
    outputs = predict(net, X_test)
    folder.draw("mnist_confusion.png", plot_confusion, confusion_matrix(y_test, outputs, 10), title=str(best))
    samples = answers(X_test.reshape(-1, 28, 28), y_test, outputs, string.digits, title=f"What {best} answers")
    folder.write("mnist_samples.png", samples.savefig)
