"""Sequences: an RNN, a GRU and an LSTM add two numbers and copy a pattern, and how far back the gradient reaches.

In the adding problem a sequence holds random numbers from 0 to 1, and two of them are marked. After the last step the
net gives the sum of these two. The constant answer 1 has a mean squared error of 2/12 = 0.1667: Arjovsky et al. (2016,
arXiv:1511.06464) print 0.167, Bai et al. (2018, arXiv:1803.01271) print 0.1767, which is too much. A sum counts as
right if it is off by less than 0.08. That is the measure of Hochreiter & Schmidhuber (1997): 0.04 for half the sum.

In the copying problem a sequence begins with letters out of 8. Blanks follow, then a signal, and then the net repeats
the letters. Blanks and guessed letters have a cross-entropy of K ln 8 / (T + 2K) for K letters and T blanks: the
published 10 ln 8 / (T + 20) is that of ten letters (Arjovsky et al., 2016).

Both are hard for one reason: the gradient of the last step has to reach the first. A picture shows how much of it is
left after each step back, before and after training. As in the comparison of Bai et al., the RNN does not learn to
add, and the GRU learns faster than the LSTM.
"""

import math
from collections.abc import Callable
from time import process_time
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

import tinygrad_edu
import viz
from demos._comparison import Comparison
from demos._options import Out, Quick, Seed
from demos._pictures import Folder, drawn
from demos._training import progress
from tinygrad_edu import Tensor, nn, no_grad, optim
from viz.plots import style

KINDS = {"RNN": (nn.RNN, nn.RNNCell), "GRU": (nn.GRU, nn.GRUCell), "LSTM": (nn.LSTM, nn.LSTMCell)}
BATCH = 64
TESTED, QUICK_TESTED = 2_560, 256  # sequences that no net was trained on
MANY = 20_000  # the mean of so many sums is known to three digits
RIGHT = 0.08  # greatest error of a sum that counts as right
NUMBERS = 50  # of a sequence to add
LETTERS, COPIED, WAIT = 8, 5, 10  # different letters; letters in a pattern; blanks after it
BLANK, SIGNAL = 0, LETTERS + 1
SMOOTHING = 25  # steps of training


class Task(NamedTuple):
    """A task: a function that makes sequences, the loss, and the sizes of the net."""

    make: Callable[[int, np.random.Generator], tuple[Any, Any]]
    loss: Callable[[Any, Any, Any], Tensor]
    sizes: tuple[int, int, int]
    steps: int
    quick_steps: int


class Reader(nn.Module):
    """A recurrent layer, and a linear layer that answers after every step."""

    def __init__(self, kind: str, sizes: tuple[int, int, int], rng: np.random.Generator) -> None:
        inputs, hidden, outputs = sizes
        self.kind = kind
        self.layer = KINDS[kind][0](inputs, hidden, batch_first=True, rng=rng)
        self.answer = nn.Linear(hidden, outputs, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.layer(x)
        return self.answer(states)


def run(*, quick: Quick = False, seed: Seed = 0, out: Out = "out") -> Comparison:
    """Train each net on both tasks, print published and measured figures, and write the pictures."""
    folder = Folder(out)
    tested = QUICK_TESTED if quick else TESTED
    tests = {name: task.make(tested, np.random.default_rng(seed + 1)) for name, task in TASKS.items()}
    fresh = {kind: make_reader("adding", kind, seed) for kind in KINDS}
    readers: dict[str, dict[str, Reader]] = {name: {} for name in TASKS}
    losses: dict[str, dict[str, Any]] = {name: {} for name in TASKS}
    for name, task in TASKS.items():
        for kind in KINDS:
            readers[name][kind] = make_reader(name, kind, seed)
            start = process_time()
            losses[name][kind] = learn(readers[name][kind], task, task.quick_steps if quick else task.steps, seed)
            seconds = process_time() - start
            print(f"{name:<8} {kind:<5} loss {losses[name][kind][-SMOOTHING:].mean():.4f}, {seconds:.0f} s")
    table = compare(tests, readers, quick=quick)
    print(f"\n{table}")
    for name in TASKS:
        folder.write(f"sequences_{name}.png", _curves(name, losses[name]).savefig)
    folder.write("sequences_gradient.png", _gradients(fresh, readers["adding"], tests["adding"]).savefig)
    folder.write("sequences_letters.png", _letters(readers["copying"], tests["copying"]).savefig)
    return table


def make_reader(task: str, kind: str, seed: int) -> Reader:
    """The net with random weights, in float32."""
    return Reader(kind, TASKS[task].sizes, np.random.default_rng(seed)).astype(np.float32)


def learn(reader: Reader, task: Task, steps: int, seed: int) -> Any:
    """Train on batches of new sequences; the loss of each step."""
    optimizer = optim.Adam(reader.parameters(), lr=RATES[reader.kind])
    rng = np.random.default_rng(seed)

    @tinygrad_edu.compile
    def step(x: Any, y: Any) -> Any:
        loss = task.loss(reader, x, y)
        optimizer.zero_grad()
        loss.backward()
        optim.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        return loss

    return np.array([step(*task.make(BATCH, rng)).item() for _ in progress(steps, reader.kind)])


# --- the tasks ---


def adding(count: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """Sequences of pairs (number, mark), shape (count, steps, 2), and the sums of the marked numbers, (count, 1)."""
    numbers, marks = rng.random((count, NUMBERS)), np.zeros((count, NUMBERS))
    half = NUMBERS // 2
    marks[np.arange(count), rng.integers(0, half, count)] = 1
    marks[np.arange(count), rng.integers(half, NUMBERS, count)] = 1
    sums = (numbers * marks).sum(axis=1, keepdims=True)
    return np.stack([numbers, marks], axis=-1).astype(np.float32), sums.astype(np.float32)


def copying(count: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """Sequences of letters as rows of 0 and 1, shape (count, steps, 10), and the letters to answer, (count, steps)."""
    pattern = rng.integers(1, LETTERS + 1, (count, COPIED))
    given = np.full((count, WAIT + 2 * COPIED), BLANK)
    answers = given.copy()
    given[:, :COPIED] = pattern
    given[:, -COPIED:] = SIGNAL
    answers[:, -COPIED:] = pattern
    return np.eye(LETTERS + 2, dtype=np.float32)[given], answers


def _sum_loss(reader: Reader, x: Any, y: Any) -> Tensor:
    return nn.functional.mse_loss(reader(x)[:, -1], y)


def _letter_loss(reader: Reader, x: Any, y: Any) -> Tensor:
    return nn.functional.cross_entropy(reader(x).reshape(-1, LETTERS + 2), y.reshape(-1))


RATES = {"RNN": 0.003, "GRU": 0.01, "LSTM": 0.01}
TASKS = {
    "adding": Task(adding, _sum_loss, sizes=(2, 32, 1), steps=1_200, quick_steps=5),
    "copying": Task(copying, _letter_loss, sizes=(LETTERS + 2, 64, LETTERS + 2), steps=1_500, quick_steps=5),
}
GOALS = {("adding", "GRU"): "0.99", ("adding", "LSTM"): "0.99", ("copying", "GRU"): "0.95"}
TITLES = {
    "adding": f"Adding two of {NUMBERS} numbers: mean squared error",
    "copying": f"Copying {COPIED} letters after {WAIT} blanks: cross-entropy",
}
CHANCE = {"adding": 1 / 6, "copying": COPIED * np.log(LETTERS) / (WAIT + 2 * COPIED)}


# --- what they have learned ---


def right_sums(found: Any, sums: Any) -> float:
    """The share of sequences whose last answer is right."""
    return float((np.abs(found[:, -1] - sums) < RIGHT).mean())


def right_letters(found: Any, letters: Any) -> float:
    """The share of the letters of all patterns that are answered."""
    return float((found.argmax(axis=-1) == letters)[:, -COPIED:].mean())


def compare(tests: Any, readers: Any, *, quick: bool) -> Comparison:
    """The published figures, and those measured on new sequences."""
    table = Comparison("figure")
    _, sums = tests["adding"]
    blind = error_of_one()
    table.add("adding: error of the answer 1, Arjovsky et al.", "0.167", blind, 0.005)
    table.add("adding: the same, Bai et al.", "0.1767", blind, math.inf)
    forgetful = loss_without_memory(tests["copying"][1])
    table.add("copying: loss without memory, K ln 8 / (T + 2K)", f"{CHANCE['copying']:.4f}", forgetful, 1e-4)
    if not quick:
        error = float(((answers(readers["adding"]["RNN"], tests["adding"][0])[:, -1] - sums) ** 2).mean())
        table.add("adding, RNN: error, no better than the answer 1", "0.167", error, 0.02)
    for task, right in (("adding", right_sums), ("copying", right_letters)):
        x, y = tests[task]
        for kind, reader in readers[task].items():
            goal = GOALS.get((task, kind))
            share = right(answers(reader, x), y)
            if quick or goal is None:
                print(f"{task}, {kind}: share of right answers {share:.4f}")
            else:
                table.add(f"{task}, {kind}: share of right answers", goal, share, least=True)
    return table


def error_of_one() -> float:
    """The mean squared error of the constant answer 1, over many sums."""
    _, sums = adding(MANY, np.random.default_rng(0))
    return float(((sums - 1) ** 2).mean())


def loss_without_memory(letters: Any) -> float:
    """The cross-entropy of an answer that is sure of each blank, and gives all letters the same probability."""
    chances = np.where(letters == BLANK, 1.0, 1 / LETTERS)
    return float(-np.log(chances).mean())


def answers(reader: Reader, x: Any) -> Any:
    """What the net answers after every step."""
    with no_grad():
        return reader(Tensor(x, requires_grad=False)).numpy()


def gradient_over_time(reader: Reader, x: Any, y: Any) -> Any:
    """The norm of the loss's gradient with respect to the net's memory after each step; the loss is that of the end.

    The memory is the state h, and c of an LSTM. A cell with the layer's weights makes one step at a time, so each state
    is a separate node and keeps its gradient.
    """
    _, make_cell = KINDS[reader.kind]
    cell = make_cell(reader.layer.input_size, reader.layer.hidden_size, dtype=np.float32)
    weights = reader.layer.state_dict()
    cell.load_state_dict({name.removesuffix("_l0"): weight for name, weight in weights.items()})
    state, memories = None, []
    for x_t in np.swapaxes(x, 0, 1):
        state = cell(x_t, state)
        h, memory = state if isinstance(state, tuple) else (state, state)
        memories.append(memory)
    nn.functional.mse_loss(reader.answer(h), y).backward()
    return np.array([np.linalg.norm(memory.grad) for memory in memories])


# --- pictures ---


def _curves(name: str, losses: dict[str, Any]) -> Figure:
    """The running mean of the losses, and the loss of a net that remembers nothing."""
    width = max(1, min(SMOOTHING, min(map(len, losses.values())) // 10))  # a short run shows each of its steps
    smooth = {kind: np.convolve(run, np.ones(width) / width, mode="valid") for kind, run in losses.items()}
    figure = drawn(viz.plot_curves, smooth, unit="step of training", log=True, title=TITLES[name])
    ax = figure.axes[0]
    ax.axhline(CHANCE[name], color=style.INK, linestyle=":", label="without memory")
    ax.legend(frameon=False)
    return figure


def _gradients(fresh: dict[str, Reader], trained: dict[str, Reader], test: Any) -> Figure:
    """The gradient over time for each net, before and after it has learned to add."""
    x, y = (part[:BATCH] for part in test)
    figure = Figure(figsize=(9.6, 4.4), dpi=120, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for ax, readers, title in ((left, fresh, "before training"), (right, trained, "after training")):
        for i, (kind, reader) in enumerate(readers.items()):
            norms = gradient_over_time(reader, x, y)
            ax.plot(range(1, len(norms) + 1), norms / norms[-1], label=kind, **style.line(i, len(norms)))
        style.tidy(ax, title=title, x="step of the sequence")
        ax.set_yscale("log")
        ax.legend(frameon=False)
    left.set_ylabel("norm of the gradient, last step = 1")
    figure.suptitle("How much of the last step's gradient reaches the memory after each step")
    return figure


def _letters(readers: dict[str, Reader], test: Any) -> Figure:
    """One sequence to copy: the letters given, and the probability that each net gives each letter after each step."""
    x, letters = (part[:1] for part in test)
    figure = Figure(figsize=(9.6, 6.4), dpi=110, layout="constrained")
    extent = (0.5, len(x[0]) + 0.5, -0.5, LETTERS + 1.5)  # steps count from 1
    panels = {"given": x[0]} | {kind: nn.functional.softmax(answers(reader, x)[0]) for kind, reader in readers.items()}
    for ax, (name, shown) in zip(figure.subplots(len(panels), 1, sharex=True), panels.items(), strict=True):
        image = ax.imshow(shown.T, cmap="Blues", vmin=0, vmax=1, aspect="auto", origin="lower", extent=extent)
        ax.set(ylabel=name, yticks=range(LETTERS + 2), yticklabels=["blank", *range(1, LETTERS + 1), "signal"])
        ax.tick_params(axis="y", labelsize=6)
        if name in readers:
            at = np.flatnonzero(letters[0])
            ax.plot(at + 1, letters[0, at], "s", markersize=9, markerfacecolor="none", color=style.COLORS[1])
    ax.set(xlabel="step of the sequence", xticks=range(1, len(x[0]) + 1))
    figure.colorbar(image, ax=figure.axes, label="probability", fraction=0.02)
    figure.suptitle("Copying: the sequence, and what each net answers (frames: the right letters)")
    return figure
