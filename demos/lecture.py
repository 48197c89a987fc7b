"""Lecture: gradient descent, "sense, step, move, stop": a section on each topic, run as a notebook or from the shell.

VS Code opens this file as cells, and Jupyter as a notebook where jupytext is installed; each section then runs where
it stands. From the shell, `python -m demos lecture` runs them all. The last section trains the lecture's own net
20-32-16-3 on three classes, at the rate that its code used.
"""

# %%
import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import viz
from demos._comparison import Comparison
from demos._options import Out, Quick, Seed
from demos._pictures import Folder, drawn
from demos._sections import Sections, panels
from tinygrad_edu import Tensor, Value, data, nn, optim, train
from viz.plots import style
from viz.plots.landscape import plot_log_error, plot_trajectories
from viz.plots.training_plots import plot_curves, plot_lr_range

F = nn.functional
section = Sections("lecture", live=__name__ == "__main__")

# %% [markdown]
# ## A walk downhill: sense, step, move, stop
#
# A net learns by going downhill. At the point where it stands it *senses* the slope: the gradient, which points
# uphill. It takes a *step* against it, as long as the learning rate times the gradient, and so *moves* the
# parameters. It *stops* when nothing is gained any more. Here the ground is a bowl that is four times as steep in y
# as in x, and each arrow is the gradient, drawn as long as the step that is taken against it.


# %%
def bowl(x: Any, y: Any) -> Any:
    """The loss of a point: f(x, y) = x²/2 + 2y²."""
    return x**2 / 2 + 2 * y**2


def descend(rate: float, steps: int) -> tuple[Any, Any]:
    """Walk down the bowl from (-4, 2): the points, and the gradient at each."""
    x, y = Value(-4.0, "x"), Value(2.0, "y")
    optimizer = optim.SGD([x, y], lr=rate)
    points, gradients = [], []
    for _ in range(steps):
        optimizer.zero_grad()
        bowl(x, y).backward()
        points.append((x.data, y.data))
        gradients.append((x.grad, y.grad))
        optimizer.step()
    return np.array(points), np.array(gradients)


@section("A walk downhill")
def a_walk_downhill() -> Figure:
    rate = 0.2
    points, gradients = descend(rate, 12)
    print("step        x        y   loss  ‖gradient‖")
    for i, ((x, y), slope) in enumerate(zip(points, gradients, strict=True)):
        print(f"{i:>4} {x:>8.4f} {y:>8.4f} {bowl(x, y):>6.3f} {np.linalg.norm(slope):>11.3f}")
    options: dict[str, Any] = {"xlim": (-5, 2), "ylim": (-2.5, 3.8), "minimum": (0, 0)}
    title = f"A walk downhill at learning rate {rate}, and the gradient at each step"
    figure = drawn(plot_trajectories, bowl, {"steps": points}, title=title, **options)
    arrows = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.005, "color": style.COLORS[1]}
    figure.axes[0].quiver(*points.T, *(rate * gradients).T, label="learning rate · gradient", **arrows)
    figure.axes[0].legend(framealpha=0.9)
    return figure


# %% [markdown]
# ## The learning rate
#
# Along y the slope grows by 4 a unit, so a step at rate r multiplies y by 1 − 4r. A small rate creeps; at 1/4 the step
# would land in the valley at once; beyond it, y jumps from side to side; beyond 1/2 each jump is longer than the last.


# %%
@section("The learning rate")
def learning_rates() -> Figure:
    rates = {"0.02, slow": 0.02, "0.2, good": 0.2, "0.47, zigzags": 0.47, "0.52, diverges": 0.52}
    walks = {name: descend(rate, 40)[0] for name, rate in rates.items()}
    losses = {name: bowl(*points.T) for name, points in walks.items()}
    for name, column in losses.items():
        print(f"rate {name:<15} loss {column[0]:.3f} → {column[-1]:.3g} in {len(column)} steps")
    figure, (left, right) = panels(2)
    plot_trajectories(bowl, walks, xlim=(-5, 4), ylim=(-4, 4), minimum=(0, 0), ax=left)
    plot_log_error(losses, label="loss", ax=right)
    right.set_xscale("linear")
    return figure


# %% [markdown]
# ## Activations and their derivatives
#
# Between two linear layers stands a function that is not linear, else the two would be one. In the backward pass its
# derivative is what the gradient is multiplied by: where that is near 0, nothing below is learned.


# %%
@section("Activations and their derivatives")
def activations() -> Figure:
    functions = {
        "ReLU": F.relu,
        "leaky ReLU, slope 0.1": lambda x: F.leaky_relu(x, slope=0.1),
        "sigmoid": F.sigmoid,
        "tanh": F.tanh,
        "swish (SiLU)": F.silu,
        "GELU": F.gelu,
    }
    figure, axes = panels(3, 2, width=3.2, height=2.7)
    print("activation             at −2     at 2  slope at −2  slope at 2  greatest slope")
    for ax, (name, function) in zip(axes, functions.items(), strict=True):
        x = Tensor(np.linspace(-4, 4, 401))
        y = function(x)
        y.sum().backward()  # y[i] depends on x[i] alone, so x.grad[i] is its derivative there
        for i, (label, numbers) in enumerate({"y": y.data, "dy/dx": x.grad}.items()):
            ax.plot(x.data, numbers, label=label, **style.line(i))
        style.tidy(ax, title=name)
        ends = [y.data[100], y.data[300], x.grad[100], x.grad[300], x.grad.max()]
        print("{:<20} {:>7.3f}  {:>7.3f}  {:>11.3f}  {:>10.3f}  {:>14.3f}".format(name, *ends))
    axes[0].legend(frameon=False)
    return figure


# %% [markdown]
# ## Losses, and what logits are
#
# A classifier's last layer gives *logits*: scores from −∞ to ∞. The sigmoid, or for several classes the softmax, makes
# probabilities of them. The cross-entropy is −log of the probability of the right class. It takes the logits
# themselves: computed in two steps, a probability rounds to 0 and its logarithm is infinite. And its gradient,
# probability − target, stays large for an answer that is confidently wrong, where that of a squared error dies.


# %%
@section("Losses, and what logits are")
def losses_and_logits() -> Figure:
    logits = Tensor([[2.0, 0.5, -1.0]])
    loss = F.cross_entropy(logits, np.array([0]))
    loss.backward()
    print(f"logits {logits.data[0]} → softmax {F.softmax(logits).data[0].round(3)} → −log p₀ = {loss.item():.4f}")
    print(f"gradient {logits.grad[0].round(3)}: softmax − (1, 0, 0)")
    with np.errstate(divide="ignore"):
        naive = -np.log(F.sigmoid(Tensor(-1000.0)).data)
    stable = F.binary_cross_entropy_with_logits(Tensor(-1000.0), 1.0).item()
    print(f"logit −1000, target 1: −log(sigmoid) = {naive}, with logits {stable}")
    figure, (left, right) = panels(2)
    losses = {
        "cross-entropy, with logits": lambda z: F.binary_cross_entropy_with_logits(z, np.ones(z.shape), "sum"),
        "squared error of the sigmoid": lambda z: F.mse_loss(F.sigmoid(z), np.ones(z.shape), "sum"),
        "squared error of the score": lambda z: F.mse_loss(z, np.ones(z.shape), "sum"),
    }
    for i, (name, of) in enumerate(losses.items()):
        z = Tensor(np.linspace(-6, 6, 241))
        of(z).backward()
        heights = [of(Tensor([point])).item() for point in z.data]
        left.plot(z.data, heights, label=name, **style.line(i))
        right.plot(z.data, z.grad, label=name, **style.line(i))
    style.tidy(left, title="Loss where the target is 1", x="logit")
    style.tidy(right, title="Its derivative", x="logit")
    left.set_ylim(-0.3, 8)
    right.set_ylim(-4, 2)
    right.legend(frameon=False, fontsize=8)
    return figure


# %% [markdown]
# ## Backprop on the chain a → z → y → J
#
# An input a, a neuron z = w·a + b, its activation y = σ(z), and the loss J = (y − t)². The chain rule multiplies the
# local derivatives from J back: ∂J/∂w = ∂J/∂y · ∂y/∂z · ∂z/∂w. The engine does just that, one node after the other.


# %%
@section("Backprop on the chain a → z → y → J")
def backprop_step_by_step() -> viz.Drawing:
    a, w, b, t = Value(1.5, "a"), Value(-0.8, "w"), Value(0.3, "b"), 1.0
    z = w * a + b
    y = z.sigmoid()
    J = (y - t) ** 2
    z.label, y.label, J.label = "z", "y", "J"
    J.backward()
    print(viz.trace(J))
    by_hand = 2 * (y.data - t) * y.data * (1 - y.data) * a.data
    print(f"by hand: ∂J/∂w = 2(y − t) · y(1 − y) · a = {by_hand:.6f}; the engine: {w.grad:.6f}")
    print(viz.why(w, J))
    return viz.draw(J)


# %% [markdown]
# ## Twenty features, three classes
#
# The lecture's set: 800 samples to learn and 200 to test, 20 features, 3 classes. How the lecture drew it is not known;
# here scikit-learn's `make_classification` does, with seed 42. The net 20-32-16-3 has 1,251 parameters.


# %%
def three_classes() -> tuple[Any, Any, Any, Any]:
    """Features to learn and to test, and the classes of both."""
    from sklearn.datasets import make_classification

    X, y = make_classification(
        1000, n_features=20, n_informative=10, n_redundant=5, n_classes=3, n_clusters_per_class=2, random_state=42
    )
    X, X_test, y, y_test = data.train_test_split(X, y, test_size=200, rng=42)
    scaler = data.Standardizer().fit(X)
    return scaler.transform(X), scaler.transform(X_test), y, y_test


def small_net(seed: int) -> nn.Sequential:
    """The lecture's net."""
    rng = np.random.default_rng(seed)
    first, second = nn.Linear(20, 32, rng=rng), nn.Linear(32, 16, rng=rng)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Linear(16, 3, rng=rng))


# %% [markdown]
# ## The range of learning rates
#
# Which rate? Raise it step by step from far too low to far too high, and watch the loss of each batch: it stands still,
# falls, and explodes. A good rate lies where it falls fastest, or somewhat below.


# %%
@section("The range of learning rates")
def range_of_learning_rates(*, seed: int = 0) -> Figure:
    X, _, y, _ = three_classes()
    net = small_net(seed)
    sgd = optim.SGD(net.parameters(), lr=0.01)
    found = train.lr_range_test(net, X, y, loss=F.cross_entropy, optimizer=sgd, lr_min=1e-4, steps=200, seeds=5)
    print(found)
    return drawn(plot_lr_range, found, title="The range of learning rates")


# %% [markdown]
# ## Early stopping
#
# Sixty noisy points and a net that could learn them by heart: the training loss falls on, the validation loss turns
# and rises. Stop when it has not improved for a while, and go back to the weights of the best epoch.


# %%
def noisy_moons(seed: int) -> tuple[Any, Any, Any, Any]:
    """Few points to learn, many to validate on, and their classes as columns."""
    X, y = data.moons(460, noise=0.35, rng=seed)
    X, X_val, y, y_val = data.train_test_split(X, y.reshape(-1, 1).astype(float), test_size=400, rng=seed)
    return X, X_val, y, y_val


def wide_net(seed: int, dropout: float = 0.0) -> nn.Sequential:
    """A net with more parameters than it should have."""
    rng = np.random.default_rng(seed)
    parts: list[Any] = []
    for inputs in (2, 64):
        parts += [nn.Linear(inputs, 64, rng=rng), nn.ReLU(), nn.Dropout(dropout, rng=rng)]
    return nn.Sequential(*parts, nn.Linear(64, 1, rng=rng))


def learn_moons(net: nn.Sequential, epochs: int, seed: int, **options: Any) -> train.History:
    """Train it on the noisy moons."""
    X, X_val, y, y_val = noisy_moons(seed)
    options = {"optimizer": optim.Adam(net.parameters(), lr=0.002), "validation": (X_val, y_val)} | options
    loss = F.binary_cross_entropy_with_logits
    return train.fit(net, X, y, loss=loss, epochs=epochs, batch_size=20, rng=seed, progress=False, **options)


def validation_loss(net: nn.Sequential, seed: int) -> float:
    """Its loss on the validation points."""
    _, X_val, _, y_val = noisy_moons(seed)
    return F.binary_cross_entropy_with_logits(Tensor(train.predict(net, X_val)), y_val).item()


@section("Early stopping")
def early_stopping(*, quick: bool = False, seed: int = 0) -> Figure:
    epochs = 40 if quick else 200
    history = learn_moons(wide_net(seed), epochs, seed)
    stopping = train.EarlyStopping(patience=epochs // 8, restore_best_weights=True)
    net = wide_net(seed)
    stopped = learn_moons(net, epochs, seed, callbacks=[stopping])
    print(f"without: {history.stopped}, validation loss {history['val_loss'][-1]:.4f}")
    print(f"with: {stopped.stopped}")
    print(f"validation loss {stopped['val_loss'][-1]:.4f} when it stopped, {validation_loss(net, seed):.4f} restored")
    figure = drawn(viz.plot_history, history, title="Sixty points learned by heart")
    marks = {f"best, epoch {stopping.best_epoch}": stopping.best_epoch, "stopped": stopped.epochs}
    for i, (label, epoch) in enumerate(marks.items(), 2):
        figure.axes[0].axvline(epoch, label=label, **style.line(i))
    figure.axes[0].legend(frameon=False)
    return figure


# %% [markdown]
# ## Schedules
#
# Far from the minimum long steps are good, near it they jump over it: so the rate falls as the training goes on. A
# warm-up starts low, while the first gradients are wild. The last one waits until the loss no longer falls.


# %%
@section("Schedules")
def schedules() -> Figure:
    def sgd() -> optim.SGD:
        return optim.SGD([Value(0.0)], lr=0.1, momentum=0.9)

    S = optim.lr_scheduler
    formulas = {
        "exponential": S.ExponentialLR(sgd(), gamma=0.5, decay_steps=20),
        "exponential, staircase": S.ExponentialLR(sgd(), gamma=0.5, decay_steps=20, staircase=True),
        "piecewise constant": S.PiecewiseConstantLR(sgd(), boundaries=[30, 70], values=[0.1, 0.05, 0.01]),
        "step": S.StepLR(sgd(), step_size=40, gamma=0.2),
        "cosine with warm-up": S.CosineAnnealingLR(sgd(), T_max=90, warmup_steps=10),
        "one cycle": S.OneCycleLR(sgd(), max_lr=0.1, total_steps=100),
    }
    rates = {name: [schedule.rate(step) for step in range(100)] for name, schedule in formulas.items()}
    optimizer, rates["on a plateau, from step 40"] = sgd(), []
    plateau = S.ReduceLROnPlateau(optimizer, factor=0.3, patience=10)
    for step in range(100):
        rates["on a plateau, from step 40"].append(optimizer.lr)
        plateau.step(1 / (1 + min(step, 40)))  # a loss that falls, and then no longer does
    for name, column in rates.items():
        print(f"{name:<27}", *(f"step {step} {column[step]:<8.4g}" for step in (0, 25, 50, 99)))
    figure, axes = panels(2, height=4.2)
    for k, ax in enumerate(axes):
        for i, (name, column) in enumerate([*rates.items()][4 * k : 4 * k + 4]):
            ax.plot(column, label=name, **style.line(i))
        style.tidy(ax, x="step", y="learning rate")
        ax.legend(frameon=False)
    return figure


# %% [markdown]
# ## L1 against L2
#
# A penalty on the weights keeps them small. L2 pulls a weight the less, the smaller it is: none becomes 0. L1 pulls all
# alike, so weights that the data does not need go to 0, and what is left says which features count. Here 4 of 20 do.


# %%
@section("L1 against L2")
def l1_against_l2(*, seed: int = 0) -> Figure:
    rng = np.random.default_rng(seed)
    truth = np.zeros((20, 1))
    truth[[2, 5, 11, 16], 0] = 2.0, -1.5, 1.0, -0.5
    X = rng.standard_normal((60, 20))
    y = X @ truth + 0.5 * rng.standard_normal((60, 1))
    penalties = {"none": None, "L1": optim.l1_penalty, "L2": optim.l2_penalty}
    weights = {"truth": truth}
    for name, penalty in penalties.items():
        W = Tensor(np.zeros((20, 1)))
        optimizer = optim.SGD([W], lr=0.05)
        schedule = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.99)  # else L1 jumps to and fro across 0
        for _ in range(800):
            loss = F.mse_loss(X @ W, y)
            if penalty:
                loss = loss + penalty([W], 0.2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        weights[name] = W.data
        zeros, error = int((abs(W.data) < 1e-3).sum()), np.abs(W.data - truth).max()
        print(f"{name:<5} {zeros:>2} of 20 weights are 0 (below 0.001), none is off by more than {error:.3f}")
    figure, (ax,) = panels(1, width=9.2)
    for i, (name, w) in enumerate(weights.items()):
        where = np.arange(20) + 0.2 * (i - 1.5)
        ax.bar(where, w[:, 0], 0.2, label=name, color=style.COLORS[i], hatch=("", "//", "..", "xx")[i], ec="white")
    style.tidy(ax, x="feature", y="weight")
    ax.set_xticks(range(20))
    ax.legend(frameon=False, ncols=4)
    return figure


# %% [markdown]
# ## Weight decay is not L2 under Adam
#
# Under plain descent the two are the same. Adam divides the gradient by its usual size, and a penalty that is part of
# the gradient is divided with it: where gradients are large, it pulls next to nothing. AdamW takes the decay out of the
# gradient, so all weights shrink alike. Three weights whose gradients are pure noise of size 0.1, 1 and 10:


# %%
@section("Weight decay is not L2 under Adam")
def weight_decay_under_adam(*, seed: int = 0) -> Figure:
    steps, sizes = 2000, np.array([0.1, 1.0, 10.0])
    noise = np.random.default_rng(seed).standard_normal((steps, 3)) * sizes
    makers = {"Adam, L2 in the gradient": optim.Adam, "AdamW, decay beside it": optim.AdamW}
    figure, axes = panels(2)
    for ax, (name, make) in zip(axes, makers.items(), strict=True):
        w = Tensor(np.ones(3))
        optimizer = make([w], lr=1e-3, weight_decay=0.5)
        path = []
        for slopes in noise:
            optimizer.zero_grad()
            (w * slopes).sum().backward()
            optimizer.step()
            path.append(w.data.copy())
        print(f"{name:<25} from 1 to", ", ".join(f"{end:.2f}" for end in path[-1]))
        for i, (size, column) in enumerate(zip(sizes, np.transpose(path), strict=True)):
            ax.plot(column, label=f"gradients of size {size:g}", **style.line(i))
        style.tidy(ax, title=name, x="step", y="weight")
        ax.set_ylim(-0.2, 1.2)
    axes[0].legend(frameon=False)
    return figure


# %% [markdown]
# ## Dropout
#
# In training each hidden unit is dropped with probability p, and the others are scaled by 1 / (1 − p), so that the sum
# stays what it was on average. No unit can rely on another. In evaluation nothing is dropped.


# %%
@section("Dropout")
def dropout(*, quick: bool = False, seed: int = 0) -> Figure:
    layer = nn.Dropout(0.5, rng=seed)
    ones = np.ones(10)
    print("training  ", layer(ones).data)
    print("evaluation", layer.eval()(ones).data)
    histories = {p: learn_moons(wide_net(seed, p), 40 if quick else 200, seed) for p in (0.0, 0.5)}
    losses = {}
    for p, history in histories.items():
        best, last = min(history["val_loss"]), history["val_loss"][-1]
        print(f"p = {p}: validation loss {best:.3f} at its best, {last:.3f} at the end")
        losses |= {f"p = {p}, training": history["loss"], f"p = {p}, validation": history["val_loss"]}
    figure = drawn(plot_curves, losses, label="cross-entropy", log=True, title="Dropout: loss")
    ax = figure.axes[0]
    ax.set_ylim(top=1.6 * ax.get_ylim()[1])
    ax.legend(frameon=False, ncols=2, loc="upper center")
    return figure


# %% [markdown]
# ## Max-norm
#
# A constraint instead of a penalty: after each step, the weights that come into a unit are shortened to a given length
# if they are longer. At a high rate this keeps them from growing without end. A loop written by hand shows where the
# constraint stands.


# %%
@section("Max-norm")
def max_norm(*, quick: bool = False, seed: int = 0) -> Figure:
    X, _, y, _ = noisy_moons(seed)
    figure, (left, right) = panels(2)
    for i, limit in enumerate((None, 2.0)):
        net = wide_net(seed)
        weights = [p for name, p in net.named_parameters() if name.endswith("weight")]
        optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        longest, losses = [], []
        for _ in range(60 if quick else 300):
            loss = F.binary_cross_entropy_with_logits(net(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if limit is not None:
                optim.max_norm_(weights, limit)
            longest.append(max(np.linalg.norm(W.data, axis=0).max() for W in weights))
            losses.append(validation_loss(net, seed))
        name = "free" if limit is None else f"at most {limit:g}"
        print(f"{name:<10} longest weights of a unit {longest[-1]:.2f}, validation loss {losses[-1]:.3f}")
        for ax, column in ((left, longest), (right, losses)):
            ax.plot(range(1, len(column) + 1), column, label=name, **style.line(i))
    style.tidy(left, x="epoch", y="longest weights of a unit")
    style.tidy(right, x="epoch", y="validation loss")
    left.legend(frameon=False)
    return figure


# %% [markdown]
# ## When to stop
#
# The ground is flat where the gradient is 0: stop when its norm is below a tolerance. Or stop when the loss no longer
# changes. The second can be fooled by a small learning rate: the loss changes little because the steps are short.


# %%
@section("When to stop")
def convergence_tests(*, seed: int = 0) -> Figure:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((100, 5))
    y = X @ rng.standard_normal((5, 1))
    tests: dict[str, tuple[float, train.Callback]] = {
        "gradient norm, rate 0.1": (0.1, train.GradientConverged(1e-3)),
        "change of the loss, rate 0.1": (0.1, train.LossConverged(1e-5)),
        "change of the loss, rate 1e-7": (1e-7, train.LossConverged(1e-5)),
    }
    figure, (ax,) = panels(1, width=6.4, height=4.8)
    for i, (name, (rate, test)) in enumerate(tests.items()):
        net = nn.Linear(5, 1, rng=seed)
        sgd = optim.SGD(net.parameters(), lr=rate)
        history = train.fit(
            net, X, y, loss=F.mse_loss, optimizer=sgd, epochs=500, callbacks=[test], rng=seed, progress=False
        )
        print(f"{name:<30} epoch {history.epochs:>3}, loss {history['loss'][-1]:.2e}: {history.stopped}")
        look = style.line(i, history.epochs) | {"markevery": [-1]}
        ax.plot(range(1, history.epochs + 1), history["loss"], label=name, **look)
    style.tidy(ax, title="Where each test stops", x="epoch", y="loss")
    ax.set_yscale("log")
    ax.legend(frameon=False)
    return figure


# %% [markdown]
# ## Fifty epochs
#
# All together: the three classes from above, 50 epochs in batches of 32. The lecture's own code reached a training
# accuracy of 0.4788 at rate 0.01, on its own data. A doctor watches each run, and names what is wrong if it is sure: a
# loss that falls slowly is no fault, one that stands still is. What do momentum and Adam reach at the lecture's rate?


# %%
PUBLISHED = "0.4788"


@section("Fifty epochs")
def fifty_epochs(*, quick: bool = False, seed: int = 0) -> tuple[Comparison, Figure]:
    X, X_test, y, y_test = three_classes()
    print(small_net(seed))
    options: dict[str, Any] = {"epochs": 10 if quick else 50, "batch_size": 32, "rng": seed, "progress": False}
    options |= {"loss": F.cross_entropy, "metrics": "accuracy", "validation": (X_test, y_test)}
    makers = {
        "rate 0.01": lambda params: optim.SGD(params, lr=0.01),
        "rate 0.00001": lambda params: optim.SGD(params, lr=0.00001),
        "rate 0.01, momentum 0.9": lambda params: optim.SGD(params, lr=0.01, momentum=0.9),
        "Adam, rate 0.01": lambda params: optim.Adam(params, lr=0.01),
    }
    curves = {}
    for name, make in makers.items():
        net, doctor = small_net(seed), train.Doctor()
        history = train.fit(net, X, y, optimizer=make(net.parameters()), callbacks=[doctor], **options)
        curves[name] = history["accuracy"]
        learned, tested = history["accuracy"][-1], history["val_accuracy"][-1]
        print(f"\n{name}: training accuracy {learned:.4f}, test accuracy {tested:.4f}")
        print(doctor)
    figure = drawn(plot_curves, curves, label="training accuracy", title="Twenty features, three classes")
    figure.axes[0].legend(frameon=False, loc=(0.5, 0.15))
    print()
    table = Comparison("figure")
    table.add("parameters of 20-32-16-3", "1251", sum(p.size for p in small_net(seed).parameters()))
    if not quick:
        table.add("training accuracy, rate 0.01, other data", PUBLISHED, curves["rate 0.01"][-1], within=math.inf)
    return table, figure


# %%
def run(*, quick: Quick = False, seed: Seed = 0, out: Out = "out") -> Comparison:
    """Run every section, and write its picture."""
    return section.run(Folder(out), quick=quick, seed=seed)
