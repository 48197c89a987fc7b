"""Names: the models of makemore, from counted bigrams to a transformer, each with its published loss.

A language model gives the chances of the next letter. Each model sees more of the letters before it: bigrams one, the
MLP and BatchNorm three, the net like WaveNet eight, the transformer all. Read the files in this order: letters, bigram,
mlp, batchnorm, by_hand (an exercise that checks itself), wavenet, transformer; training has the loop, recipes the
recipes. The list of names is read from the folder that TINYGRAD_EDU_DATA names, or from where
`tinygrad_edu.data.names(download=True)` puts it.

Published figures: the lectures "Building makemore" 1 to 5 and their notebooks (github.com/karpathy/nn-zero-to-hero),
and the README of github.com/karpathy/makemore, by Andrej Karpathy.
"""

import math
from functools import partial
from typing import Any

import numpy as np

from demos._comparison import Comparison
from demos._options import Out, Quick, Seed
from demos._pictures import Folder, letters_in_plane
from demos.names import batchnorm, bigram, by_hand, letters, pictures, recipes
from tinygrad_edu import data
from tinygrad_edu.train import sweep

BIGRAM_STEPS, QUICK_BIGRAM_STEPS = 2_000, 100
WATCHED_STEPS, QUICK_WATCHED_STEPS = 1_000, 50
# The published losses on the training and the validation names, each of one run of 200,000 steps.
PUBLISHED = {
    "MLP": ("2.1245", "2.1682"),
    "scaled": ("2.0377", "2.1070"),
    "BatchNorm": ("2.0668", "2.1048"),
    "WaveNet": ("1.7690", "1.9937"),
}
# The losses of two seeds differ by at most 0.004. The published runs drew their weights from another generator.
WITHIN = 0.02
CALLED = {"MLP": "MLP", "scaled": "MLP, scaled weights", "BatchNorm": "MLP with BatchNorm", "WaveNet": "like WaveNet"}
WEIGHTS = {"MLP": "11897", "BatchNorm": "12097", "WaveNet": "76579"}
DEVIATIONS = ("0.63", "0.64", "0.65", "0.65", "0.65")  # of the five tanhs, after 1,000 steps with BatchNorm


def run(*, quick: Quick = False, seed: Seed = 0, out: Out = "out") -> Comparison:
    """Train all models, print published and measured figures side by side, and write the pictures."""
    folder = Folder(out)
    table = Comparison("figure")
    names = data.names()
    print(f"Names: {len(names):,} of them; a model gives the chances of the next of 27 tokens.")
    counted = _bigrams(table, folder, names, quick=quick, seed=seed)
    _by_hand(table)
    _inside(table, folder, quick=quick, seed=seed)
    runs = train_all(quick=quick, seed=seed)
    compare(table, runs, quick=quick)
    for way, found in runs.items():
        print(f"{CALLED.get(way, way):<20} {found['names']}")
    curves = {CALLED.get(way, way): found["curve"] for way, found in runs.items()}
    folder.write("names_losses.png", pictures.losses(curves, counted).savefig)
    vectors, title = runs["MLP"]["net.layers.0.weight"], "The letters as the MLP sees them (bold: vowels)"
    letters_of = letters_in_plane(vectors, ["·", *[*letters.ALPHABET][1:]], title)
    folder.write("names_letters.png", letters_of.savefig)
    print(f"\n{table}")
    return table


def _bigrams(table: Comparison, folder: Folder, names: Any, *, quick: bool, seed: int) -> float:
    """The bigrams, counted and learned. Gives the loss of the counted table."""
    N = bigram.counts(names)
    P = bigram.chances(N)
    exact = bigram.loss(P, names)
    table.add("pairs of tokens", "228146", int(N.sum()))
    table.add("bigrams counted, summed as published", "2.4543561935424805", bigram.loss_in_float32(N, names))
    print(
        f"Summed in float64, the loss of the counted bigrams is {exact:.6f}; the published figure is a sum in float32."
    )
    steps = QUICK_BIGRAM_STEPS if quick else BIGRAM_STEPS
    learned, losses = bigram.learn(names, steps, np.random.default_rng(seed), penalty=0.0)
    if not quick:
        table.add("bigrams learned", "2.454", losses[-1], 0.002)
    rng = np.random.default_rng(seed)
    for called, made in (("bigrams, counted", P), ("bigrams, learned", learned)):
        print(f"{called:<20} {', '.join(letters.draw(bigram.model(made), rng) for _ in range(recipes.SAMPLES))}")
    folder.write("names_bigrams.png", pictures.bigrams(N).savefig)
    folder.write("names_bigram_net.png", pictures.net_loss(losses, exact).savefig)
    return exact


def _by_hand(table: Comparison) -> None:
    """The exercise, with its solutions."""
    for exercise, solution in by_hand.SOLUTIONS.items():
        difference = by_hand.check(exercise, solution).difference
        table.add(f"{exercise} by hand: greatest difference", "0e+00", difference, by_hand.RIGHT)


def _inside(table: Comparison, folder: Folder, *, quick: bool, seed: int) -> None:
    """Activations, gradients and updates of five hidden layers, with and without BatchNorm."""
    found = {}
    for title, norm in (("without BatchNorm", False), ("with BatchNorm", True)):
        rng = np.random.default_rng(seed)
        net = batchnorm.deep(rng, norm=norm)
        steps = QUICK_WATCHED_STEPS if quick else WATCHED_STEPS
        found[title] = batchnorm.watch(net, letters.parts().train, steps=steps, rng=rng)
    if not quick:
        layers = zip(DEVIATIONS, found["with BatchNorm"].activations, strict=True)
        for k, (published, activations) in enumerate(layers, 1):
            table.add(f"BatchNorm: deviation of tanh {k}", published, activations.std(), 0.015)
    shown = {title: statistics.activations for title, statistics in found.items()}
    folder.write("names_activations.png", pictures.histograms("Outputs of tanh", "output", shown).savefig)
    shown = {title: statistics.gradients for title, statistics in found.items()}
    folder.write("names_gradients.png", pictures.histograms("Gradients at tanh", "∂loss/∂output", shown).savefig)
    folder.write("names_ratios.png", pictures.ratios(found).savefig)


def train_all(*, quick: bool = False, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Train the other models, side by side except in the quick run; the results of `recipes.learn` by model."""
    if quick:
        runs = {way: recipes.learn(way, quick=True, rng=np.random.default_rng(seed)) for way in recipes.WAYS}
    else:
        call = partial(recipes.learn, quick=False)
        found = sweep(call, [{"way": way} for way in recipes.WAYS], seeds=[seed], title="names")
        runs = {way: run.result() for way, run in zip(recipes.WAYS, found, strict=True)}
    return {way: runs[way] for way in (*recipes.RECIPES, "transformer")}


def compare(table: Comparison, runs: dict[str, dict[str, Any]], *, quick: bool) -> None:
    """The sizes of the nets and, after the full run, their losses."""
    for way, published in WEIGHTS.items():
        table.add(f"{CALLED[way]}: weights", published, recipes.size(way))
    table.add("transformer: weights, in millions", "0.20", recipes.size("transformer") / 1e6)
    if quick:
        print("The published losses are for the full run.")
        return
    for way, losses in PUBLISHED.items():
        for part, published in zip(("train", "validation"), losses, strict=True):
            table.add(f"{CALLED[way]}: {part} loss", published, runs[way][part], WITHIN)
    table.add("transformer: test loss", "1.92", runs["transformer"]["test"], math.inf)  # how long it ran is not said
