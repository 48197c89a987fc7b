# %% [markdown]
# # Gradient descent: sense, step, move, stop
#
# A lecture in cells. VS Code opens this file as cells, and Jupyter opens it as a notebook where jupytext is installed.
# From the shell, `python -m demos lecture` runs all cells and writes their pictures.

# %%
import matplotlib.pyplot as plt
import numpy as np

import viz
from tinygrad_edu import GradientMismatch, Tensor, Value, data, gradcheck, nn, operation, optim, train

F = nn.functional

# %% tags=["parameters"]
quick = False  # seconds instead of the full run
seed = 0  # of the random choices that the lecture itself leaves open

# %% [markdown]
# ## A walk downhill
#
# A net learns by going downhill. At each point it *senses* the slope: the gradient, which points uphill. It takes a
# *step* against the gradient. The step's length is the learning rate times the gradient, and it *moves* the
# parameters. It *stops* when nothing is gained any more. Here the loss is a bowl that is four times as steep in y as in
# x. Each arrow is the gradient at a point, drawn as long as the step that is taken against it.


# %%
def bowl(x, y):
    """The loss of a point: f(x, y) = x²/2 + 2y²."""
    return x**2 / 2 + 2 * y**2


def descend(rate, steps):
    """Walk down the bowl from (-4, 2). Return the points, and the gradient at each."""
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


rate = 0.2
points, gradients = descend(rate, 12)
print("step        x        y   loss  ‖gradient‖")
for i, ((x, y), slope) in enumerate(zip(points, gradients, strict=True)):
    print(f"{i:>4} {x:>8.4f} {y:>8.4f} {bowl(x, y):>6.3f} {np.linalg.norm(slope):>11.3f}")

ax = viz.plot_trajectories(bowl, {"steps": points}, xlim=(-5, 2), ylim=(-2.5, 3.8), minimum=(0, 0))
arrows = rate * gradients
ax.quiver(
    *points.T,
    *arrows.T,
    angles="xy",
    scale_units="xy",
    scale=1,
    width=0.005,
    color="tab:orange",
    label="learning rate · gradient",
)
ax.legend(framealpha=0.9)
ax.set_title(f"A walk downhill at learning rate {rate}")
# %% [markdown]
# ## The learning rate
#
# Along y the slope is 4y, so a step at rate r multiplies y by 1 − 4r. A small rate is slow. At 1/4 one step reaches the
# bottom in y. Above 1/4, y jumps from side to side. Above 1/2, each jump is longer than the last.

# %%
rates = {"0.02, slow": 0.02, "0.2, good": 0.2, "0.47, zigzags": 0.47, "0.52, diverges": 0.52}
walks = {name: descend(rate, 40)[0] for name, rate in rates.items()}
losses = {name: bowl(*points.T) for name, points in walks.items()}
for name, column in losses.items():
    print(f"rate {name:<15} loss {column[0]:.3f} → {column[-1]:.3g} in {len(column)} steps")

figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.8), layout="constrained")
viz.plot_trajectories(bowl, walks, xlim=(-5, 4), ylim=(-4, 4), minimum=(0, 0), ax=left)
viz.plot_curves(losses, unit="step", log=True, ax=right)
# %% [markdown]
# ## Activations and their derivatives
#
# Without a nonlinear function between them, two linear layers would be one. In the backward pass the gradient
# is multiplied by the derivative of this function. Where the derivative is near 0, the layers before learn nothing.

# %%
functions = {
    "ReLU": F.relu,
    "leaky ReLU, slope 0.1": lambda x: F.leaky_relu(x, slope=0.1),
    "sigmoid": F.sigmoid,
    "tanh": F.tanh,
    "swish (SiLU)": F.silu,
    "GELU": F.gelu,
}
figure, axes = plt.subplots(2, 3, figsize=(9.6, 5.4), layout="constrained")
print("activation             at −2     at 2  slope at −2  slope at 2  greatest slope")
for ax, (name, function) in zip(axes.flat, functions.items(), strict=True):
    x = Tensor(np.linspace(-4, 4, 401))
    y = function(x)
    y.sum().backward()  # y[i] depends on x[i] alone, so x.grad[i] is its derivative there
    ax.plot(x.data, y.data, label="y")
    ax.plot(x.data, x.grad, "--", label="dy/dx")
    ax.set_title(name)
    ax.grid(alpha=0.4)
    ends = [y.data[100], y.data[300], x.grad[100], x.grad[300], x.grad.max()]
    print("{:<20} {:>7.3f}  {:>7.3f}  {:>11.3f}  {:>10.3f}  {:>14.3f}".format(name, *ends))
axes[0, 0].legend(frameon=False)
# %% [markdown]
# ## Losses, and what logits are
#
# The last layer of a classifier gives *logits*: scores from −∞ to ∞. The sigmoid, or the softmax for several classes,
# turns them into probabilities. The cross-entropy is −log of the probability of the right class. `cross_entropy` takes
# the logits: with probabilities as a step in between, a small probability rounds to 0, and its logarithm is infinite.
# The gradient of the cross-entropy is probability − target. It stays large for an answer that is confident and wrong.
# The gradient of the squared error becomes 0 there.

# %%
logits = Tensor([[2.0, 0.5, -1.0]])
loss = F.cross_entropy(logits, np.array([0]))
loss.backward()
print(f"logits {logits.data[0]} → softmax {F.softmax(logits).data[0].round(3)} → −log p₀ = {loss.item():.4f}")
print(f"gradient {logits.grad[0].round(3)}: softmax − (1, 0, 0)")
with np.errstate(divide="ignore"):
    in_two_steps = -np.log(F.sigmoid(Tensor(-1000.0)).data)
in_one = F.binary_cross_entropy_with_logits(Tensor(-1000.0), 1.0).item()
print(f"logit −1000, target 1: −log(sigmoid) = {in_two_steps}, with logits {in_one}")

of_the_logit = {
    "cross-entropy, with logits": lambda z: F.binary_cross_entropy_with_logits(z, np.ones(z.shape), "sum"),
    "squared error of the sigmoid": lambda z: F.mse_loss(F.sigmoid(z), np.ones(z.shape), "sum"),
    "squared error of the score": lambda z: F.mse_loss(z, np.ones(z.shape), "sum"),
}
figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.8), layout="constrained")
for (name, loss_of), dash in zip(of_the_logit.items(), ("-", "--", "-."), strict=True):
    z = Tensor(np.linspace(-6, 6, 241))
    loss_of(z).backward()
    left.plot(z.data, [loss_of(Tensor([point])).item() for point in z.data], dash, label=name)
    right.plot(z.data, z.grad, dash, label=name)
left.set(title="Loss where the target is 1", xlabel="logit", ylim=(-0.3, 8))
right.set(title="Its derivative", xlabel="logit", ylim=(-4, 2))
right.legend(frameon=False, fontsize=8)
# %% [markdown]
# ## Backprop on the chain a → z → y → J
#
# An input a, a neuron z = w·a + b, its activation y = σ(z), and the loss J = (y − t)². The chain rule multiplies the
# local derivatives, starting at J: ∂J/∂w = ∂J/∂y · ∂y/∂z · ∂z/∂w. The engine does this, one node after the other.

# %%
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
viz.draw(J)

# %% [markdown]
# ## Twenty features, three classes
#
# The lecture's data: 800 samples to learn from and 200 to test with. Each has 20 random features, and the first five of
# class k are raised by 2k. NumPy's old global generator draws them, so every number is the lecture's own. The net has
# the layers 20-32-16-3: 1,251 parameters.


# %%
def draw_samples(count):
    """Features and classes, as the lecture draws them."""
    np.random.seed(42)  # noqa: NPY002
    X, y = np.random.randn(count, 20), np.random.randint(0, 3, count)  # noqa: NPY002
    for k in range(3):
        X[y == k, :5] += 2 * k
    return X, y


X, y = draw_samples(800)
X_test, y_test = draw_samples(200)
after_the_data = np.random.get_state()  # noqa: NPY002  (the weights are drawn next)
print(f"{X.shape[0]} samples, {np.bincount(y)} of each class; {X_test.shape[0]} to test with")

# %% [markdown]
# ## The range of learning rates
#
# Which rate is good? Raise it step by step from far too low to far too high, and watch the loss of each batch: first it
# stays the same, then it falls, and then it explodes. A good rate is where it falls fastest, or somewhat lower.

# %%
rng = np.random.default_rng(seed)
net = nn.Sequential(
    nn.Linear(20, 32, rng=rng), nn.ReLU(), nn.Linear(32, 16, rng=rng), nn.ReLU(), nn.Linear(16, 3, rng=rng)
)
sgd = optim.SGD(net.parameters(), lr=0.01)
found = train.lr_range_test(net, X, y, loss=F.cross_entropy, optimizer=sgd, lr_min=1e-4, steps=200, seeds=5)
print(found)
viz.plot_lr_range(found)
# %% [markdown]
# ## Early stopping
#
# Sixty noisy points, and a net that can memorize them: the training loss keeps falling, but the validation loss
# turns and rises. So training stops when the validation loss has not improved for a while, and the net goes back to the
# weights of the best epoch.

# %%
noisy_X, noisy_y = data.moons(460, noise=0.35, rng=seed)
few_X, many_X, few_y, many_y = data.train_test_split(
    noisy_X, noisy_y.reshape(-1, 1).astype(float), test_size=400, rng=seed
)
epochs = 40 if quick else 200
bce = F.binary_cross_entropy_with_logits


def wide_net(dropout=0.0):
    """A net with more parameters than 60 points need."""
    rng = np.random.default_rng(seed)
    first, second, last = nn.Linear(2, 64, rng=rng), nn.Linear(64, 64, rng=rng), nn.Linear(64, 1, rng=rng)
    drop = [nn.Dropout(dropout, rng=rng) for _ in range(2)]
    return nn.Sequential(first, nn.ReLU(), drop[0], second, nn.ReLU(), drop[1], last)


def learn_the_points(net, callbacks=()):
    """Train on the 60 points, and measure on the other 400."""
    adam = optim.Adam(net.parameters(), lr=0.002)
    options = {"loss": bce, "optimizer": adam, "epochs": epochs, "batch_size": 20, "validation": (many_X, many_y)}
    return train.fit(net, few_X, few_y, callbacks=callbacks, rng=seed, progress=False, **options)


history = learn_the_points(wide_net())
stopping = train.EarlyStopping(patience=epochs // 8, restore_best_weights=True)
stopped_net = wide_net()
stopped = learn_the_points(stopped_net, [stopping])
restored = bce(Tensor(train.predict(stopped_net, many_X)), many_y).item()
print(f"without: {history.stopped}, validation loss {history['val_loss'][-1]:.4f}")
print(f"with: {stopped.stopped}")
print(f"validation loss {stopped['val_loss'][-1]:.4f} when it stopped, {restored:.4f} restored")

ax = viz.plot_history(history)
ax.axvline(stopping.best_epoch, color="tab:green", linestyle="-.", label=f"best, epoch {stopping.best_epoch}")
ax.axvline(stopped.epochs, color="tab:pink", linestyle=":", label="stopped")
ax.legend(frameon=False)
ax.set_title("Sixty memorized points")

# %% [markdown]
# ## Schedules
#
# Far from the minimum long steps are good. Near it they jump across it. So the rate falls as training goes on. A
# warm-up starts low, because the first gradients are large and uneven. The last schedule waits until the loss no longer
# falls.


# %%
def new_sgd():
    """An optimizer of one number, for a schedule to act on."""
    return optim.SGD([Value(0.0)], lr=0.1, momentum=0.9)


S = optim.lr_scheduler
formulas = {
    "exponential": S.ExponentialLR(new_sgd(), gamma=0.5, decay_steps=20),
    "exponential, staircase": S.ExponentialLR(new_sgd(), gamma=0.5, decay_steps=20, staircase=True),
    "piecewise constant": S.PiecewiseConstantLR(new_sgd(), boundaries=[30, 70], values=[0.1, 0.05, 0.01]),
    "step": S.StepLR(new_sgd(), step_size=40, gamma=0.2),
    "cosine with warm-up": S.CosineAnnealingLR(new_sgd(), T_max=90, warmup_steps=10),
    "one cycle": S.OneCycleLR(new_sgd(), max_lr=0.1, total_steps=100),
}
rates = {name: [schedule.rate(step) for step in range(100)] for name, schedule in formulas.items()}
optimizer = new_sgd()
plateau = S.ReduceLROnPlateau(optimizer, factor=0.3, patience=10)
rates["on a plateau, from step 40"] = []
for step in range(100):
    rates["on a plateau, from step 40"].append(optimizer.lr)
    plateau.step(1 / (1 + min(step, 40)))  # a loss that falls, and from step 40 on does not
for name, column in rates.items():
    print(f"{name:<27}", *(f"step {step} {column[step]:<8.4g}" for step in (0, 25, 50, 99)))

figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 4.2), layout="constrained")
viz.plot_curves(dict([*rates.items()][:4]), label="learning rate", unit="step", ax=left)
viz.plot_curves(dict([*rates.items()][4:]), label="learning rate", unit="step", ax=right)
# %% [markdown]
# ## L1 against L2
#
# A penalty on the weights keeps them small. L2 pulls a small weight less than a large one, so no weight becomes 0. L1
# pulls all weights with the same force, so weights that the data does not need go to 0. The others show which features
# count. Here 4 of 20 do.

# %%
rng = np.random.default_rng(seed)
truth = np.zeros((20, 1))
truth[[2, 5, 11, 16], 0] = 2.0, -1.5, 1.0, -0.5
features = rng.standard_normal((60, 20))
answers = features @ truth + 0.5 * rng.standard_normal((60, 1))
weights = {"truth": truth}
for name, penalty in {"none": None, "L1": optim.l1_penalty, "L2": optim.l2_penalty}.items():
    W = Tensor(np.zeros((20, 1)))
    optimizer = optim.SGD([W], lr=0.05)
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.99)  # without it, L1 jumps to and fro across 0
    for _ in range(800):
        loss = F.mse_loss(features @ W, answers)
        if penalty:
            loss = loss + penalty([W], 0.2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    weights[name] = W.data
    zeros, error = int((abs(W.data) < 1e-3).sum()), np.abs(W.data - truth).max()
    print(f"{name:<5} {zeros:>2} of 20 weights are 0 (below 0.001), none is off by more than {error:.3f}")

figure, ax = plt.subplots(figsize=(9.2, 3.8), layout="constrained")
for i, (name, w) in enumerate(weights.items()):
    ax.bar(np.arange(20) + 0.2 * (i - 1.5), w[:, 0], 0.2, label=name, hatch=("", "//", "..", "xx")[i], ec="white")
ax.set(xlabel="feature", ylabel="weight", xticks=range(20))
ax.legend(frameon=False, ncols=4)
# %% [markdown]
# ## Weight decay is not L2 under Adam
#
# Under plain descent the two are the same. Adam divides the gradient by its usual size. A penalty that is part of the
# gradient is divided with it, so it has almost no effect where gradients are large. AdamW takes the decay out of the
# gradient, so all weights shrink by the same share. Here three weights get random gradients of size 0.1, 1 and 10.

# %%
sizes = np.array([0.1, 1.0, 10.0])
noise = np.random.default_rng(seed).standard_normal((2000, 3)) * sizes
figure, axes = plt.subplots(1, 2, figsize=(9.2, 3.8), layout="constrained")
for ax, (name, kind) in zip(axes, {"Adam, L2 in the gradient": optim.Adam, "AdamW": optim.AdamW}.items(), strict=True):
    w = Tensor(np.ones(3))
    optimizer = kind([w], lr=1e-3, weight_decay=0.5)
    path = []
    for slopes in noise:
        optimizer.zero_grad()
        (w * slopes).sum().backward()
        optimizer.step()
        path.append(w.data.copy())
    print(f"{name:<25} from 1 to", ", ".join(f"{end:.2f}" for end in path[-1]))
    columns = {f"gradients of size {size:g}": column for size, column in zip(sizes, np.transpose(path), strict=True)}
    viz.plot_curves(columns, label="weight", unit="step", ax=ax)
    ax.set(title=name, ylim=(-0.2, 1.2))

# %% [markdown]
# ## Dropout
#
# In training each hidden unit is dropped with probability p. The others are multiplied by 1 / (1 − p), so that the sum
# stays the same on average. So no unit can rely on another. In evaluation nothing is dropped.

# %%
layer = nn.Dropout(0.5, rng=seed)
print("training  ", layer(np.ones(10)).data)
print("evaluation", layer.eval()(np.ones(10)).data)
losses = {}
for p in (0.0, 0.5):
    history = learn_the_points(wide_net(dropout=p))
    best, last = min(history["val_loss"]), history["val_loss"][-1]
    print(f"p = {p}: validation loss {best:.3f} at its best, {last:.3f} at the end")
    losses |= {f"p = {p}, training": history["loss"], f"p = {p}, validation": history["val_loss"]}
ax = viz.plot_curves(losses, label="cross-entropy", log=True)
ax.set_ylim(top=1.6 * ax.get_ylim()[1])
ax.legend(frameon=False, ncols=2, loc="upper center")
ax.set_title("Dropout: loss")
# %% [markdown]
# ## Max-norm
#
# A constraint instead of a penalty: after each step, the weights that come into a unit are shortened to a given length
# if they are longer. At a high rate this keeps them from growing without end. A loop written by hand shows where the
# constraint comes in.

# %%
longest, losses = {}, {}
for name, limit in {"free": None, "at most 2": 2.0}.items():
    net = wide_net()
    matrices = [p for path, p in net.named_parameters() if path.endswith("weight")]
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    longest[name], losses[name] = [], []
    for _ in range(60 if quick else 300):
        loss = bce(net(few_X), few_y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if limit is not None:
            optim.max_norm_(matrices, limit)
        longest[name].append(max(np.linalg.norm(W.data, axis=0).max() for W in matrices))
        losses[name].append(bce(Tensor(train.predict(net, many_X)), many_y).item())
    print(f"{name:<10} longest weights of a unit {longest[name][-1]:.2f}, validation loss {losses[name][-1]:.3f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(9.2, 3.8), layout="constrained")
viz.plot_curves(longest, label="longest weights of a unit", ax=left)
viz.plot_curves(losses, label="validation loss", ax=right)
# %% [markdown]
# ## When to stop
#
# The gradient is 0 at a minimum: stop when its norm is below a tolerance. Or stop when the loss no longer changes. A
# small learning rate can mislead the second test: the loss changes little because the steps are short.

# %%
rng = np.random.default_rng(seed)
inputs = rng.standard_normal((100, 5))
outputs = inputs @ rng.standard_normal((5, 1))
tests = {
    "gradient norm, rate 0.1": (0.1, train.GradientConverged(1e-3)),
    "change of the loss, rate 0.1": (0.1, train.LossConverged(1e-5)),
    "change of the loss, rate 1e-7": (1e-7, train.LossConverged(1e-5)),
}
losses = {}
for name, (rate, test) in tests.items():
    net = nn.Linear(5, 1, rng=seed)
    sgd = optim.SGD(net.parameters(), lr=rate)
    options = {"epochs": 500, "callbacks": [test], "rng": seed, "progress": False}
    history = train.fit(net, inputs, outputs, loss=F.mse_loss, optimizer=sgd, **options)
    print(f"{name:<30} epoch {history.epochs:>3}, loss {history['loss'][-1]:.2e}: {history.stopped}")
    losses[name] = history["loss"]
viz.plot_curves(losses, log=True).set_title("Where each test stops")

# %% [markdown]
# ## Fifty epochs, and a fault in the lecture's code
#
# The lecture trained its net for 50 epochs in batches of 32 and got an accuracy of 0.4788. That is low for classes so
# far apart. The reason is one division. The gradient of softmax and cross-entropy is already divided by the 32 samples
# of the batch, and each layer of the lecture's code divides the gradient of its weights and biases by 32 once more. So
# the true learning rate was 0.01 / 32. Here the lecture's layer is a custom operation, with that one line, and
# next to it is the layer without the fault.


# %%
def linear(x, W, b):
    """One layer: x @ W + b."""
    return x @ W + b


def derivative(gy, y, x, W, b):
    """What flows to x, W and b."""
    return gy @ W.T, x.T @ gy, gy.sum(axis=0, keepdims=True)


def lecture_derivative(gy, y, x, W, b):
    """What flows to x, W and b in the lecture's code."""
    n = len(x)
    return gy @ W.T, x.T @ gy / n, gy.sum(axis=0, keepdims=True) / n  # the fault: gy is a mean over the batch already


right_layer = operation(linear, derivative, name="linear")
lecture_layer = operation(linear, lecture_derivative, name="lecture_linear")


class LectureNet(nn.Module):
    """20-32-16-3, with the weights that the lecture drew."""

    def __init__(self, layer):
        np.random.set_state(after_the_data)  # noqa: NPY002
        self.layer = layer
        for i, (n_in, n_out) in enumerate([(20, 32), (32, 16), (16, 3)], 1):
            weights = np.random.normal(0, np.sqrt(2 / n_in), (n_in, n_out))  # noqa: NPY002
            setattr(self, f"W{i}", Tensor(weights))
            setattr(self, f"b{i}", Tensor(np.zeros((1, n_out))))

    def forward(self, x):
        """The logits."""
        h = F.relu(self.layer(x, self.W1, self.b1))
        h = F.relu(self.layer(h, self.W2, self.b2))
        return self.layer(h, self.W3, self.b3)


def learn(net, epochs=50):
    """The lecture's loop: the mean loss and accuracy of each epoch's batches, each measured before its step."""
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    losses, accuracies = [], []
    for _ in range(epochs):
        order = np.random.permutation(len(X))  # noqa: NPY002
        seen = []
        for batch in np.split(order, 25):
            logits = net(X[batch])
            loss = F.cross_entropy(logits, y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen.append((loss.item(), train.accuracy(logits.data, y[batch])))
        loss, accuracy = np.mean(seen, axis=0)
        losses.append(loss)
        accuracies.append(accuracy)
    return losses, accuracies


figures = {}
curves = {}
for name, layer in {"as published": lecture_layer, "without the fault": right_layer}.items():
    net = LectureNet(layer)
    losses, accuracies = learn(net)
    curves[name] = accuracies
    test = train.accuracy(train.predict(net, X_test), y_test)
    print(f"{name}: {sum(p.size for p in net.parameters())} parameters, test accuracy {test:.4f}")
    for epoch in (10, 20, 30, 40, 50):
        print(f"    epoch {epoch}: loss {losses[epoch - 1]:.4f}, accuracy {accuracies[epoch - 1]:.4f}")
        figures[f"{name}, epoch {epoch}: loss"] = losses[epoch - 1]
        figures[f"{name}, epoch {epoch}: accuracy"] = accuracies[epoch - 1]
    figures[f"{name}, test accuracy"] = test
ax = viz.plot_curves(curves, label="training accuracy")
ax.set_title("The published run, and the same run without the fault")
# %% [markdown]
# ## Where the two runs begin to differ
#
# Before the first step both nets are the same, so their first losses are equal. The gradients are not: those of the
# weights differ by 32, and those that flow from layer to layer are right. The losses differ from the second step on.
# The loss of the published run falls as well, so the fault was not seen: it looks like a low rate.

# %%
nets = {"published": LectureNet(lecture_layer), "right": LectureNet(right_layer)}
optimizers = {name: optim.SGD(net.parameters(), lr=0.01) for name, net in nets.items()}
print("step   quantity                published         right   ratio")
for step in (1, 2):
    batch = slice(32 * (step - 1), 32 * step)
    rows = {}
    for name, net in nets.items():
        loss = F.cross_entropy(net(X[batch]), y[batch])
        optimizers[name].zero_grad()
        loss.backward()
        rows[name] = {"loss": loss.item()}
        rows[name] |= {f"gradient of {p}": float(np.linalg.norm(w.grad)) for p, w in net.named_parameters()}
        optimizers[name].step()
    for what, right in rows["right"].items():
        published = rows["published"][what]
        print(f"{step:>4}   {what:<20} {published:>12.6f}  {right:>12.6f}  {right / published:>6.2f}")

# %% [markdown]
# ## How a gradient check finds it
#
# `gradcheck` moves each input a little, measures the slope, and compares it with what backprop gives. It does not need
# a training run. For a batch of 4, the gradient of the weights comes out 4 times too small.

# %%
rng = np.random.default_rng(seed)
x, W, b = Tensor(X[:4], label="x"), Tensor(rng.standard_normal((20, 3)), label="W"), Tensor(np.zeros((1, 3)), label="b")
print("without the fault:", gradcheck(right_layer, x, W, b))
try:
    gradcheck(lecture_layer, x, W, b)
except GradientMismatch as mismatch:
    print("as published:", mismatch)

# %% [markdown]
# ## What the doctor says
#
# `train.doctor` watches a run and reports faults that it can be sure of. It cannot see this one: a gradient that is 32
# times too small acts like a low learning rate, and both are legal. When the doctor says nothing, the gradients may be
# wrong anyway. So check the derivative of every operation that you write.

# %%
for name, layer in {"as published": lecture_layer, "without the fault": right_layer}.items():
    net = LectureNet(layer)
    sgd = optim.SGD(net.parameters(), lr=0.01)
    doctor = train.Doctor()
    options = {"batch_size": 32, "callbacks": [doctor], "rng": seed, "progress": False}
    train.fit(net, X, y, loss=F.cross_entropy, optimizer=sgd, epochs=10 if quick else 50, **options)
    print(f"{name}: {doctor}")
