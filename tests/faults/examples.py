# ruff: noqa: E501 programs and sentences of a page
"""A runnable example of each finding, and why its fix helps: the sections of ``docs/doctor.md`` are made of these."""

from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import train

CE = "nn.functional.cross_entropy(net(X), y)"
COLUMN = "y = y.reshape(-1, 1).astype(float)"
BINARY = "(-y * np.log(p) - (1 - y) * np.log(1 - p)).mean()"
MSE = "nn.functional.mse_loss(net(X), y)"
WAVE = "X = np.linspace(-2, 2, 200).reshape(-1, 1)\ny = np.sin(2 * X)"
NET1 = "nn.MLP(1, [16, 1], activation='tanh', rng=0)"
ADAM = "optim.Adam(net.parameters(), lr=0.01)"


class Example(NamedTuple):
    """Why a fix helps, and a program for which the doctor names this fix."""

    why: str
    code: str


def program(
    why: str,
    *,
    net: str = "nn.MLP(2, [16, 2], rng=0)",
    data: str = "",
    after: str = "",
    optimizer: str = ADAM,
    loss: str = CE,
    loop: str = "",
    batch: str = "",
    end: str = "",
    steps: int = 220,
) -> Example:
    """Fill in a program: all that is not given is as it should be."""
    names = "data, nn, no_grad, optim, train" if "no_grad" in end else "data, nn, optim, train"
    lines = ["import numpy as np", f"from tinygrad_edu import {names}", "", "rng = np.random.default_rng(0)"]
    lines += ["X, y = data.moons(200, noise=0.1, rng=0)"]
    lines += [*data.splitlines(), f"net = {net}", *after.splitlines(), f"optimizer = {optimizer}"]
    body = loop.splitlines() or ["optimizer.zero_grad()", "loss.backward()", "optimizer.step()"]
    computed = [f"loss = {loss}"] if "\n" not in loss else loss.splitlines()
    lines += ["with train.doctor(net, optimizer) as doctor:", f"    for step in range({steps}):"]
    lines += ["        " + line for line in (*batch.splitlines(), *computed, *body, *end.splitlines())]
    return Example(why, "\n".join([*lines, "print(doctor)"]).replace("'", '"'))


EVALUATE = (
    "if step % 20 == 19:\n    net.eval()\n    with no_grad():\n        nn.functional.cross_entropy(net(X_test), "
    "y_test)\n"
    "    net.train()"
)
DIGITS = "X, y = data.digits()\nX, X_test, y, y_test = X[:300] / 16, X[300:600] / 16, y[:300], y[300:600]"
DIGIT_NET = "nn.MLP(64, [32, 10], rng=0)"

EXAMPLES: dict[str, Example] = {
    "NaN": program(
        "A NaN in a row or behind a logarithm of 0 spreads to every weight in one step; without it the steps are "
        "numbers again.",
        data="X[3, 0] = np.nan",
        steps=5,
    ),
    "errors that the loss rewards": program(
        "With weights that are not negative, no error makes the loss smaller, so the loss has a lowest value.",
        data=f"{WAVE}\nweights = rng.normal(size=y.shape)",
        net=NET1,
        loss="(weights * abs(net(X) - y)).mean()",
    ),
    "gradient ascent": program(
        "The gradient points to where the loss grows, so a step must go against it.",
        optimizer="optim.SGD(net.parameters(), lr=0.1)",
        loss="-" + CE,
    ),
    "initial weights too large": program(
        "With weights of about 1/√n the sums of a layer are as large as its inputs, so no unit begins at its flat end.",
        net="nn.MLP(2, [16, 16, 2], activation='tanh', rng=0)",
        after="for p in net.parameters():\n    p.data *= 20",
        optimizer="optim.SGD(net.parameters(), lr=0.01)",
    ),
    "learning rate too high": program(
        "The gradient holds only near the weights where it was taken; a step that stays near does not overshoot.",
        optimizer="optim.SGD(net.parameters(), lr=500.0)",
    ),
    "loss summed over the batch": program(
        "The sum of n rows has n times the gradient of their mean, so the same rate takes steps n times as long.",
        data=WAVE,
        net=NET1,
        optimizer="optim.SGD(net.parameters(), lr=0.1)",
        loss="((net(X) - y) ** 2).sum()",
    ),
    "dead ReLUs": program(
        "A ReLU that is 0 for every row has the gradient 0; with biases of 0 half of the rows pass it.",
        after="net.layers[0].bias.data -= 20",
    ),
    "vanishing gradients": program(
        "The slope of a sigmoid is at most 1/4, so each layer takes three quarters of the gradient or more; a "
        "ReLU takes none.",
        net="nn.MLP(2, [16, 16, 16, 16, 16, 16, 2], activation='sigmoid', rng=0)",
        optimizer="optim.SGD(net.parameters(), lr=0.1)",
    ),
    "exploding gradients": program(
        "If each layer multiplies the gradient by about 1, it has the same size everywhere.",
        net="nn.MLP(2, [24, 24, 24, 24, 24, 24, 24, 24, 2], activation='relu', rng=0)",
        after="for layer in net.layers:\n    layer.weight.data *= 9",
        optimizer="optim.SGD(net.parameters(), lr=1e-9)",
        steps=20,
    ),
    "missing zero_grad": program(
        "backward() adds to the gradients, as several losses need it; so they must be reset once a step.",
        loop="loss.backward()\noptimizer.step()",
    ),
    "parameter that never receives a gradient": program(
        "Only what the loss is computed from can learn; .data and .numpy() cut the graph.",
        net="nn.Sequential(nn.Linear(2, 16, rng=0), nn.Tanh(), nn.Linear(16, 2, rng=1))",
        loss="nn.functional.cross_entropy(net.layers[2](net.layers[1](net.layers[0](X)).data), y)",
    ),
    "no backward pass": program(
        "The gradient that a step follows is computed by backward(), and by nothing else.",
        loop="optimizer.zero_grad()\noptimizer.step()",
    ),
    "parameters that never change": program(
        "An optimizer changes the parameters that it was given, and only in step().",
        optimizer="optim.Adam(nn.MLP(2, [16, 2], rng=0).parameters(), lr=0.01)",
        loop="net.zero_grad()\nloss.backward()\noptimizer.step()",
    ),
    "parameter missing from the optimizer": program(
        "Given all parameters, the optimizer trains the first layers too, and they find better features than "
        "random ones.",
        optimizer="optim.Adam(net.layers[-1].parameters(), lr=0.01)",
    ),
    "frozen layers that were never trained": program(
        "Random features are no use to freeze; trained ones are.",
        net="nn.MLP(2, [2, 2, 2], rng=0)",
        after="for layer in net.layers[:-1]:\n    for p in layer.parameters():\n        p.requires_grad = False",
        data="X, y = data.xor(50)",
    ),
    "learning rate too low": program(
        "A rate that is ten times as high gets ten times as far in the same number of steps, until it overshoots.",
        optimizer="optim.SGD(net.parameters(), lr=1e-6)",
    ),
    "learning rate of 0": program(
        "A step is the rate times a direction, so with the rate 0 it changes nothing.",
        optimizer="optim.SGD(net.parameters(), lr=0.1)",
        batch="if step == 40:\n    optimizer.lr = 0",
    ),
    "saturated sigmoids": program(
        "Near 0 the slope of a sigmoid is 1/4, at its flat ends it is nearly 0.",
        net="nn.MLP(2, [16, 16, 2], activation='sigmoid', rng=0)",
        after="for layer in net.layers[:2]:\n    layer.weight.data *= 200",
        optimizer="optim.SGD(net.parameters(), lr=0.01)",
    ),
    "all-equal initial weights": program(
        "Equal units get equal gradients and stay equal; random weights tell them apart.",
        after="for p in net.parameters():\n    p.data[...] = 0.1",
    ),
    "inputs not normalized": program(
        "Then all features have the same say, and the sums of the first layer are of the size that its weights expect.",
        data="X = X * 1000 + 500",
    ),
    "inputs that are all equal": program(
        "A net can only tell rows apart that differ.",
        data="X = X // 255 * 0",
    ),
    "softmax before cross-entropy": program(
        "Cross-entropy takes the softmax itself; a second one squashes the logits into [0, 1], so it can never "
        "be sure.",
        loss="nn.functional.cross_entropy(nn.functional.softmax(net(X)), y)",
    ),
    "probabilities given to a with-logits loss": program(
        "The loss takes the sigmoid itself; a second one leaves answers between 0.5 and 0.73.",
        data=COLUMN,
        net="nn.MLP(2, [16, 1], rng=0)",
        loss="nn.functional.binary_cross_entropy_with_logits(net(X).sigmoid(), y)",
    ),
    "labels of the wrong shape that broadcast": program(
        "With equal shapes each answer is compared with its own target, not with all of them.",
        data="X = np.linspace(-2, 2, 200).reshape(-1, 1)\ny = np.sin(2 * X).reshape(-1)",
        net=NET1,
        loss="((net(X) - y) ** 2).mean()",
    ),
    "output activation that does not fit": program(
        "Without it, or with one of the right range, the net can answer what the targets are.",
        data=WAVE,
        net="nn.Sequential(nn.Linear(1, 16, rng=0), nn.Tanh(), nn.Linear(16, 1, rng=1), nn.ReLU())",
        loss=MSE,
    ),
    "raw outputs in a loss of probabilities": program(
        "A sigmoid or a softmax turns any numbers into probabilities above 0, which have a logarithm.",
        data=COLUMN,
        net="nn.MLP(2, [16, 1], rng=0)",
        loss=f"p = np.clip(net(X), 1e-7, 1 - 1e-7)\nloss = {BINARY}",
    ),
    "softmax of one unit": program(
        "A sigmoid of one unit depends on it; a softmax divides it by itself.",
        data=COLUMN,
        net="nn.Sequential(nn.Linear(2, 16, rng=0), nn.ReLU(), nn.Linear(16, 1, rng=1), nn.Softmax())",
        loss=f"p = np.clip(net(X), 1e-7, 1 - 1e-7)\nloss = {BINARY}",
    ),
    "ReLU before a loss of logits": program(
        "Logits may be negative: that is how a net says no.",
        net="nn.Sequential(nn.Linear(2, 16, rng=0), nn.ReLU(), nn.Linear(16, 2, rng=1), nn.ReLU())",
    ),
    "softmax in a hidden layer": program(
        "Softmax gives numbers that add up to 1, so the units get in each other's way; ReLU leaves each to itself.",
        net="nn.Sequential(nn.Linear(2, 16, rng=0), nn.Softmax(), nn.Linear(16, 2, rng=1))",
        optimizer="optim.SGD(net.parameters(), lr=0.1)",
    ),
    "targets that are no probabilities": program(
        "The loss weighs two logarithms with y and 1 − y, which are shares only if y is 0 or 1.",
        data="y = 2.0 * y.reshape(-1, 1) - 1",
        net="nn.Sequential(nn.Linear(2, 16, rng=0), nn.ReLU(), nn.Linear(16, 1, rng=1), nn.Sigmoid())",
        loss=f"p = np.clip(net(X), 1e-7, 1 - 1e-7)\nloss = {BINARY}",
    ),
    "labels that are all equal": program(
        "Nothing is learned where there is nothing to tell apart.",
        data="y = (y / 255).astype(int)",
    ),
    "outputs that no label uses": program(
        "Labels that name each class let each output learn when it is meant.",
        net="nn.MLP(2, [16, 10], rng=0)",
    ),
    "rows sorted by their targets": program(
        "A batch drawn at random looks like the whole set, so its gradient points where the whole set's does.",
        data="order = np.argsort(y, kind='stable')\nX_all, y_all = X[order], y[order]",
        batch="i = step % 10 * 20\nX, y = X_all[i : i + 20], y_all[i : i + 20]",
    ),
    "the same batch at every step": program(
        "Other batches show other rows, so that what is learned holds for all.",
        data="X_all, y_all = X, y\nX, y = X[:20], y[:20]",
        end="if step % 20 == 19:\n    with no_grad():\n        nn.functional.cross_entropy(net(X_all), y_all)",
    ),
    "training mode during evaluation": program(
        "In evaluation mode dropout drops nothing, and BatchNorm uses its running statistics.",
        net="nn.Sequential(nn.Linear(2, 16, rng=0), nn.ReLU(), nn.Dropout(0.5, rng=0), nn.Linear(16, 2, rng=1))",
        end="if step % 20 == 19:\n    with no_grad():\n        net(X)",
    ),
    "evaluation mode during training": program(
        "Only in training mode does dropout keep units from relying on each other, and BatchNorm follow the batches.",
        net="nn.Sequential(nn.Linear(2, 16, rng=0), nn.ReLU(), nn.Dropout(0.5, rng=0), nn.Linear(16, 2, rng=1))",
        after="net.eval()",
    ),
    "BatchNorm statistics that do not follow": program(
        "With the momentum 0.1 the running statistics are those of the last twenty batches or so.",
        data="X = 15 * X",
        net="nn.Sequential(nn.Linear(2, 16, rng=0), nn.BatchNorm1d(16, momentum=1e-4), nn.ReLU(), nn.Linear(16, 2, rng=1))",
    ),
    "dropout too strong": program(
        "Where most paths stay whole, the gradient can tell which weights are to blame.",
        net="nn.Sequential(nn.Linear(2, 8, rng=0), nn.ReLU(), nn.Dropout(0.97, rng=0), nn.Linear(8, 2, rng=1))",
    ),
    "weight decay too strong": program(
        "A small decay only pulls back weights that the loss does not need.",
        optimizer="optim.SGD(net.parameters(), lr=0.1, weight_decay=1.0)",
    ),
    "gradient clipping too strong": program(
        "A limit above the usual size of the gradient cuts the rare large ones only.",
        optimizer="optim.SGD(net.parameters(), lr=0.1)",
        loop="optimizer.zero_grad()\nloss.backward()\noptim.clip_grad_norm_(net.parameters(), 1e-3)\noptimizer.step()",
    ),
    "learning rate that fades too early": program(
        "The rate should fade when the loss has come down, to settle, and not before.",
        optimizer="optim.SGD(net.parameters(), lr=0.02)",
        end="optimizer.lr *= 0.8",
    ),
    "no nonlinearity between layers": program(
        "Two linear maps in a row are one linear map, which can only cut the plane by a line; an activation bends it.",
        data="X, y = data.xor(50)",
        net="nn.Sequential(nn.Linear(2, 16, rng=0), nn.Linear(16, 2, rng=1))",
    ),
    "classes out of balance": program(
        "If both classes weigh the same, always giving the frequent answer is no longer a good bargain.",
        data="y = (np.arange(600) % 20 == 0).astype(int)\nX = rng.normal(size=(600, 2)) + y[:, None]",
        net="nn.MLP(2, [2], rng=0)",
        optimizer="optim.SGD(net.parameters(), lr=0.1)",
    ),
    "absolute error of classes": program(
        "The absolute error has the same slope everywhere, and behind a sigmoid hardly any near the wrong class.",
        data="X, y = data.xor()\ny = y.reshape(-1, 1).astype(float)",
        net="nn.Sequential(nn.Linear(2, 4, rng=0), nn.Sigmoid(), nn.Linear(4, 1, rng=1), nn.Sigmoid())",
        optimizer="optim.SGD(net.parameters(), lr=0.05)",
        loss="nn.functional.l1_loss(net(X), y)",
        steps=420,
    ),
    "distance between class numbers": program(
        "One output a class does not ask that class 7 lie between 6 and 8.",
        data="X, y = data.digits()\nX, y = X[:300] / 16, y[:300].reshape(-1, 1).astype(float)",
        net="nn.MLP(64, [1], rng=0)",
        optimizer="optim.SGD(net.parameters(), lr=0.001)",
        loss=MSE,
    ),
    "binary loss of several classes": program(
        "Cross-entropy knows that exactly one of the classes is right.",
        data="X, y = data.digits()\nX, y = X[:300] / 16, np.eye(10)[y[:300]]",
        net="nn.Sequential(nn.Linear(64, 10, rng=0), nn.Softmax())",
        loss=f"p = np.clip(net(X), 1e-7, 1 - 1e-7)\nloss = {BINARY}",
    ),
    "targets not scaled": program(
        "Answers begin near 0; targets near 0 with deviation 1 are reached in a few steps.",
        data=f"{WAVE}\ny = 5000 + 2000 * y",
        net=NET1,
        loss=MSE,
    ),
    "labels that do not belong to their rows": program(
        "Shuffled together, each row keeps its label.",
        data=DIGITS + "\ny = rng.permutation(y)",
        net=DIGIT_NET,
        end=EVALUATE,
    ),
    "training labels that are wrong": program(
        "Right labels agree with each other, so what is learned from one row helps with the next.",
        data=DIGITS.replace("300:600", "600:900").replace(":300", ":600")
        + "\nwrong = rng.random(len(y)) < 0.6\ny = np.where(wrong, rng.integers(0, 10, len(y)), y)",
        net="nn.MLP(64, [64, 10], rng=0)",
        optimizer="optim.SGD(net.parameters(), lr=0.3)",
        end=EVALUATE,
        steps=300,
    ),
    "overfitting": program(
        "More rows, fewer steps or a smaller net leave less room to learn the noise by heart.",
        data="X, y = data.moons(24, noise=0.5, rng=0)\nX_test, y_test = data.moons(200, noise=0.5, rng=1)",
        net="nn.MLP(2, [64, 64, 2], rng=0)",
        end=EVALUATE,
        steps=400,
    ),
    "no biases": program(
        "A bias shifts the answer; without any, the answer for the input 0 is fixed and rays from 0 are all alike.",
        data="X = rng.uniform(-1, 1, (200, 1))\ny = (abs(X[:, 0]) < 0.5).astype(int)",
        net="nn.Sequential(nn.Linear(1, 16, bias=False, rng=0), nn.ReLU(), nn.Linear(16, 2, bias=False, rng=1))",
    ),
    "net too small": program(
        "Each hidden unit adds one fold; a ring needs several.",
        data="X, y = data.circles(200, noise=0.05, factor=0.4, rng=0)",
        net="nn.MLP(2, [1, 2], activation='tanh', rng=0)",
    ),
    "softmax over the batch": program(
        "Along the classes, the probabilities of each sample add up to 1, whatever else is in the batch.",
        loss="nn.functional.nll_loss(nn.functional.log_softmax(net(X), axis=0), y)",
    ),
    "BatchNorm of too few rows": program(
        "The mean and the variance of 32 rows hardly change from batch to batch, so a row looks the same in each.",
        net="nn.Sequential(nn.Linear(2, 16, rng=0), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2, rng=1))",
        data="X_all, y_all = X, y",
        batch="rows = rng.permutation(200)[:2]\nX, y = X_all[rows], y_all[rows]",
    ),
    "outputs cut from the loss": program(
        "With the outputs in its graph, the loss tells the weights how to change the answers.",
        loss="nn.functional.cross_entropy(net(X).detach(), y) + optim.l2_penalty(net.parameters(), 1e-3)",
    ),
    "recurrent weights without effect": program(
        "After the last step the state depends on all of the sequence; after the first, on one number.",
        data="X = rng.normal(size=(100, 5, 1))\ny = (X[:, :, 0].sum(1) > 0).astype(int)",
        net="nn.ModuleList([nn.RNN(1, 8, batch_first=True, rng=0), nn.Linear(8, 2, rng=1)])",
        loss="outputs, _ = net[0](X)\nloss = nn.functional.cross_entropy(net[1](outputs[:, 0]), y)",
    ),
    "labels that change from epoch to epoch": program(
        "One order for both keeps each label beside its row.",
        data="X_all = X",
        batch="X = X_all[rng.permutation(200)]",
    ),
    "gradients reset between the parts of a step": program(
        "With one reset a step, the step follows the sum over all parts, and not the last part alone.",
        loss="for part in np.split(np.arange(200), 4):\n    optimizer.zero_grad()\n    loss = nn.functional.cross_entropy(net(X[part]), y[part]) / 4\n    loss.backward()",
        loop="optimizer.step()",
        steps=20,
    ),
    "test inputs on another scale": program(
        "A net knows only rows of the size that it was trained on, so all rows need the scale of the training.",
        data=f"{DIGITS}\nX_test = 16 * X_test",
        net=DIGIT_NET,
        end=EVALUATE,
        steps=100,
    ),
    "sequence on the wrong axis": program(
        "With the axes as the layer takes them, its state goes from step to step, and not from sample to sample.",
        data="X = rng.normal(size=(40, 5, 1))\ny = (X[:, :, 0].sum(1) > 0).astype(int)",
        net="nn.ModuleList([nn.RNN(1, 8, rng=0), nn.Linear(8, 2, rng=1)])",
        loss="outputs, _ = net[0](X)\nloss = nn.functional.cross_entropy(net[1](outputs[:, -1]), y)",
        steps=10,
    ),
    "epsilon of the optimizer too large": program(
        "Beside a small epsilon the gradient is divided by its own size, so each step is about as long as the rate.",
        optimizer="optim.Adam(net.parameters(), lr=0.01, eps=10.0)",
    ),
    "hinge loss of labels 0 and 1": program(
        "With -1 and 1 each row pulls the score to its own side of 0.",
        data=COLUMN,
        net="nn.MLP(2, [16, 1], rng=0)",
        loss="np.maximum(0, 1 - y * net(X)).mean()",
        steps=20,
    ),
    "warm-up longer than the run": program(
        "A rate that has risen after the first steps leaves the others for learning.",
        optimizer="optim.SGD(net.parameters(), lr=0.1)",
        after="",
        batch="optimizer.lr = 0.1 * (step + 1) / 100000",
        steps=120,
    ),
    "too few steps": program(
        "Where the loss still falls, more steps make it fall further.",
        optimizer="optim.SGD(net.parameters(), lr=0.02)",
        steps=10,
    ),
}


def run(example: Example) -> train.Doctor:
    """The doctor after the example's program."""
    scope: dict[str, Any] = {}
    with np.errstate(all="ignore"):
        exec(example.code.removesuffix("\nprint(doctor)"), scope)  # noqa: S102 the examples above
    doctor: train.Doctor = scope["doctor"]
    return doctor
