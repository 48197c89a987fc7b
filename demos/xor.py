"""XOR: the classic NumPy lab, its published losses reproduced to the last digit.

A net 2-8-8-2 with ReLU learns the four rows of the XOR table, repeated 500 times, by full-batch gradient descent on
the softmax cross-entropy. The weights start as the lab drew them (He initialisation, layer by layer, seed 42), so the
losses that it printed can be compared digit by digit. With --scalar the same net learns only the four rows, one
number per node: repeated rows have the same mean loss, so the figures are the same.

Then come the lab's questions: the same with other learning rates, other initial weights, and none to four hidden
layers.
"""

from typing import Any

from demos import _xor_choices
from demos._comparison import Comparison
from demos._options import Out, Quick, Scalar, Seed
from demos._pictures import Folder, graph
from demos._training import progress, stoppable
from tinygrad_edu import Value, data, nn, optim
from tinygrad_edu.train import History, accuracy
from viz.plots.plots import plot_boundary, plot_history, scores_of

# The losses that the lab printed, every 500 epochs.
PUBLISHED = (
    *("0.004159", "0.001368", "0.000765", "0.000516", "0.000384"),
    *("0.000303", "0.000248", "0.000209", "0.000180", "0.000158"),
)
INTERVAL = 500
LAB_SEED = 42
EPOCHS, QUICK_EPOCHS = INTERVAL * len(PUBLISHED), INTERVAL
RATE = 0.1
REPEATS = 500


def run(*, scalar: Scalar = False, quick: Quick = False, seed: Seed = LAB_SEED, out: Out = "out") -> Comparison:
    """Train, print published and measured losses side by side, and write the pictures."""
    folder = Folder(out)
    rows = "the 4 rows of the XOR table, on Value" if scalar else f"{4 * REPEATS} rows of the XOR table, on Tensor"
    print(f"XOR: a net 2-8-8-2 learns {rows}.")
    epochs = QUICK_EPOCHS if quick else EPOCHS
    model, history = train(scalar=scalar, epochs=epochs, seed=seed)
    print(history.stopped)
    X, y = data.xor()
    right = accuracy(scores_of(model, X), y)
    table = compare(history, right) if seed == LAB_SEED else Comparison()
    if table.rows:
        print(table)
    elif history.epochs:
        print(f"loss {history['loss'][-1]:.6f}, accuracy {right:.1f}")
        print(f"The published figures are for seed {LAB_SEED}, from epoch {INTERVAL} on.")
    _pictures(folder, model, history)
    if not scalar and history.epochs == epochs:  # otherwise Ctrl-C should end it
        found = _xor_choices.study(epochs, seed)
        print("\n".join(_xor_choices.described(found)))
        folder.write("xor_choices.png", _xor_choices.picture(found).savefig)
    return table


def train(
    *, scalar: bool = False, epochs: int = EPOCHS, seed: int = LAB_SEED, rate: float = RATE
) -> tuple[Any, History]:
    """Train the lab's net, on Tensor or on Value, and return it with its history. Ctrl-C ends the training early."""
    model: Any = _xor_choices.initial_net("He", 2, seed)
    if scalar:
        model = nn.scalar.MLP.from_tensor(model)
    X, y = data.xor(1 if scalar else REPEATS)
    history = History(model, X, y)
    optimizer = optim.SGD(model.parameters(), lr=rate)
    with stoppable(history):
        for _ in progress(epochs, "XOR"):
            loss = loss_of(model, X, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            history.add({"loss": loss.item()})
    return model, history


def loss_of(model: Any, X: Any, y: Any) -> Any:
    """The mean cross-entropy between the softmax of the model's answers and the labels."""
    if isinstance(model, nn.MLP):
        return nn.functional.cross_entropy(model(X), y)
    losses: list[Value] = []
    for x, label in zip(X.tolist(), y.tolist(), strict=True):
        z = model(x)
        losses.append((z[1 - label] - z[label]).softplus())  # -log softmax(z)[label], of two classes
    return sum(losses) / len(losses)


def compare(history: History, right: float) -> Comparison:
    """The published losses, as far as the history goes, and the measured ones."""
    table = Comparison("epoch")
    for k, published in enumerate(PUBLISHED, 1):
        if INTERVAL * k <= history.epochs:
            table.add(INTERVAL * k, published, history["loss"][INTERVAL * k - 1])
    if history.epochs >= EPOCHS:
        table.add("accuracy", "1.0", right)
    return table


def _pictures(folder: Folder, model: Any, history: History) -> None:
    X, y = data.xor()
    if history.epochs:
        folder.draw("xor_loss.png", plot_history, history, log=True, title="XOR: loss")
    folder.draw("xor_boundary.png", plot_boundary, model, X, y, resolution=60, title="XOR: what the net answers")
    rows = slice(None) if isinstance(model, nn.MLP) else slice(1)
    folder.write("xor_graph.svg", graph(model, loss_of(model, X[rows], y[rows])).save)
