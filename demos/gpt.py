"""GPT: the small GPT that was published in February 2026, on Value, with dot, on Tensor and compiled.

One transformer layer with 4 heads, 16 wide, reads names letter by letter and learns to make up new ones: 27 tokens,
4,192 weights, 1,000 steps of Adam with one name per step. The original computes on single numbers. Here it runs in four
ways. On `Value`, with the published order of operations, all 1,000 losses equal the published ones to the last digit,
and so do the 20 sampled names. With `dot`, each weighted sum is one node. On `Tensor`, each matrix is one node. The
last way is the same, compiled. The speed of each is compared with a plain scalar class in the style of the original.
The names are read from the folder that TINYGRAD_EDU_DATA names, or from where `tinygrad_edu.data.names(download=True)`
puts them.
"""

import json
import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from matplotlib.figure import Figure

import viz
from demos import _gpt_runs, _gpt_tensor
from demos._comparison import Comparison
from demos._gpt_runs import BARS, PLAIN_WAY, PUBLISHED_SEED, Learned, Names
from demos._gpt_scalar import END, HEAD_WIDTH, HEADS, STEPS
from demos._options import Out
from demos._pictures import Folder, drawn, letters_in_plane
from tinygrad_edu import Value, dot
from tinygrad_edu.train import sweep

Quick = Annotated[bool, "three steps on Value and with dot, instead of 1,000"]
Seed = Annotated[int, f"seed of the shuffling and of the weights; {PUBLISHED_SEED} is the published run"]
QUICK_STEPS = 3
TIMED_STEPS, QUICK_TIMED_STEPS = 20, 2
SHOWN = ("anna", "michael")
SMOOTHING = 50  # steps
MILESTONES = (0, 30, 100, 300, 1000)


def run(*, quick: Quick = False, seed: Seed = PUBLISHED_SEED, out: Out = "out") -> Comparison:
    """Train in the four ways, print published and measured figures side by side, and write the pictures."""
    folder = Folder(out)
    names = _gpt_runs.shuffled(seed)
    print(f"GPT: {len(names.tokens):,} names; {STEPS:,} steps of one name each, in four ways.")
    runs = train_all(quick=quick, seed=seed)
    for way, learned in runs.items():
        print(f"{way:<9} {len(learned.losses):>5} steps, loss {learned.losses[0]:.4f} → {learned.losses[-1]:.4f}")
    print("\nNames that it makes up: " + ", ".join(runs["compiled"].names))
    table = Comparison("figure")
    if seed == PUBLISHED_SEED:
        table = compare(runs)
    print(f"\n{table}\n" if table.rows else f"The published figures are for the seed {PUBLISHED_SEED}.")
    print(timing_table(QUICK_TIMED_STEPS if quick else TIMED_STEPS))
    net = _gpt_tensor.TensorGPT(runs["compiled"].weights)
    _pictures(folder, net, names, runs)
    _one_head(folder, net, names)
    return table


def train_all(*, quick: bool = False, seed: int = PUBLISHED_SEED) -> dict[str, Learned]:
    """The run in each way; the two on scalars side by side, because they take minutes."""
    steps = QUICK_STEPS if quick else STEPS
    ways = ["Value", "dot"]
    if quick:
        runs = {way: _gpt_runs.learn(way, steps=steps, seed=seed) for way in ways}
    else:
        call = partial(_learned, steps=steps, seed=seed)
        found = sweep(call, [{"way": way} for way in ways], seeds=[seed], title="GPT on scalars")
        runs = {way: Learned(**run.result()) for way, run in zip(ways, found, strict=True)}
    return runs | {way: _gpt_runs.learn(way, steps=STEPS, seed=seed) for way in ("Tensor", "compiled")}


def _learned(way: str, *, steps: int, seed: int, rng: Any) -> dict[str, Any]:
    """A run in a separate process. It uses Python's generator, as the published run does, not the sweep's."""
    return _gpt_runs.learn(way, steps=steps, seed=seed)._asdict()


def published() -> dict[str, list[Any]]:
    """The published losses and names."""
    path = Path(__file__).parent / "reference" / "gpt.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def compare(runs: dict[str, Learned]) -> Comparison:
    """The published losses and names, and those of the runs."""
    table = Comparison("figure")
    facts = published()
    for way, learned in runs.items():
        losses, expected = np.array(learned.losses), np.array(facts["losses"][: len(learned.losses)])
        whole = len(losses) == STEPS
        if way == "Value":
            for step in (1, 10, 100, 1000):
                if step <= len(losses):
                    table.add(f"Value: loss of step {step}", repr(float(expected[step - 1])), losses[step - 1])
            table.add(f"Value: losses that differ, of {len(losses):,}", "0", int((losses != expected).sum()))
        else:
            early = float(np.abs(losses - expected)[:100].max())
            table.add(f"{way}: greatest difference in the first {min(len(losses), 100)} losses", "0e+00", early, 1e-9)
            if whole:
                mean = f"{expected[-100:].mean():.4f}"
                table.add(f"{way}: mean of the last 100 losses", mean, losses[-100:].mean(), 0.01)
        if whole:
            wrong = sum(a != b for a, b in zip(learned.names, facts["names"], strict=True))
            table.add(f"{way}: sampled names that differ, of 20", "0", wrong, None if way == "Value" else 20)
    return table


def timing_table(steps: int) -> str:
    """The time of a training step in each way, measured in fresh processes, one after the other."""
    seconds = {way: _gpt_runs.fresh_seconds_a_step(way, steps=steps) for way in _gpt_runs.WAYS}
    lines = ["way          ms a step  of the plain class  at most"]
    for way, time in seconds.items():
        share = time / seconds[PLAIN_WAY]
        bar = f"{BARS[way]:>8.4f}" if way in BARS else ""
        lines.append(f"{way:<12} {1000 * time:>9.2f}  {share:>18.4f} {bar}".rstrip())
    return "\n".join(lines)


# --- pictures ---


def _pictures(folder: Folder, net: Any, names: Names, runs: dict[str, Learned]) -> None:
    folder.write("gpt_loss.png", _losses(runs).savefig)
    folder.write("gpt_attention.png", _attention(net, names).savefig)
    title = "The letters as the net sees them (bold: vowels; ·: end of a name)"
    letters = letters_in_plane(net.token.numpy(), [*names.alphabet, "·"], title)
    folder.write("gpt_letters.png", letters.savefig)
    folder.write("gpt_names.png", _names_picture(names).savefig)


def _losses(runs: dict[str, Learned]) -> Figure:
    """The running mean of the loss; one name's loss says little."""
    curves = {}
    for way, learned in runs.items():
        if len(learned.losses) == STEPS:
            curves[way] = np.convolve(learned.losses, np.ones(SMOOTHING) / SMOOTHING, mode="valid")
    title = f"Mean loss of {SMOOTHING} steps: all ways give one curve"
    return drawn(viz.plot_curves, curves, unit="step", title=title)


def _attention(net: Any, names: Names) -> Figure:
    """For each head, how much each letter looks at the letters before it."""
    figure = Figure(figsize=(3 * HEADS, 3.2 * len(SHOWN)), dpi=110, layout="constrained")
    for row, name in zip(figure.subplots(len(SHOWN), HEADS), SHOWN, strict=True):
        weights = _gpt_tensor.attention_of(net, [END, *names.alphabet.encode(name)])
        letters = ["·", *name]
        for head, ax in enumerate(row):
            shown = ax.imshow(weights[head], cmap="Blues", vmin=0, vmax=1)
            ax.set(xticks=range(len(letters)), yticks=range(len(letters)), title=f"head {head + 1}")
            ax.set(xticklabels=letters, yticklabels=letters, xlabel="looks at")
        figure.colorbar(shown, ax=row, label="attention", fraction=0.02)
    figure.suptitle("Attention: each row sums to 1")
    return figure


def sampled_names(names: Names) -> dict[int, list[str]]:
    """Eight names that the net makes up after each of some numbers of steps."""
    start = _gpt_runs.shuffled()
    gpt = _gpt_runs.scalar.ScalarGPT(_gpt_runs.scalar.PUBLISHED, start.rng)
    step, sample, _ = _gpt_runs.learner("compiled", gpt)
    made_up = {}
    for i in range(max(MILESTONES) + 1):
        if i in MILESTONES:
            rng = random.Random(PUBLISHED_SEED)
            made_up[i] = [names.alphabet.decode(sample(rng)) for _ in range(8)]
        step(names.tokens[i])
    return made_up


def _names_picture(names: Names) -> Figure:
    made_up = sampled_names(names)
    figure = Figure(figsize=(9, 3.2), dpi=110, layout="constrained")
    ax = figure.subplots()
    ax.set_axis_off()
    columns = list(zip(*made_up.values(), strict=True))
    ax.table(columns, colLabels=[f"after {step} steps" for step in made_up], loc="center", edges="B").scale(1, 1.4)
    ax.set_title("Names that the net makes up as training goes on")
    return figure


def one_head(net: Any, tokens: Sequence[int]) -> tuple[Value, Value]:
    """The first number that the first head gives for the last of these tokens, in scalars; and one of its weights."""
    x = _gpt_tensor.normalize(_gpt_tensor.normalize(net.token[np.array(tokens)] + net.position[: len(tokens)])).numpy()
    first = slice(0, HEAD_WIDTH)
    keys, values = ((x @ weights.numpy())[:, first] for weights in (net.key, net.value))
    queries = net.query.numpy()[:, first]
    weight = Value(queries[0, 0], "w")
    query = [weight * x[-1, 0] + float(x[-1, 1:] @ queries[1:, 0])]
    query += [Value(number, f"q{j}") for j, number in enumerate((x[-1] @ queries[:, 1:]).tolist(), 2)]
    query[0].label = "q1"
    fits = []
    for t, key in enumerate(keys.tolist(), 1):
        fits.append(dot(query, key) / HEAD_WIDTH**0.5)
        fits[-1].label = f"fit {t}"
    powers = [fit.exp() for fit in fits]
    total = sum(powers)
    total.label = "sum"
    weights = [power / total for power in powers]
    for t, share in enumerate(weights, 1):
        share.label = f"attention {t}"
    output = dot(weights, values[:, 0].tolist())
    output.label = "output"
    return output, weight


def _one_head(folder: Folder, net: Any, names: Names) -> None:
    letters = SHOWN[0][:2]
    output, weight = one_head(net, [END, *names.alphabet.encode(letters)])
    folder.write("gpt_head.html", viz.player(output).save)
    folder.write("gpt_head.png", viz.draw(output).save)
    print(f"\nOne head at the letters {' '.join(letters)!r}: how its first output depends on one weight of its query")
    print(viz.why(weight, output))
