"""Random whole training programs: eager and compiled runs of the same program must train the same net.

A program is a net, a loss, an optimizer, a schedule, what happens inside a step, and what changes between the steps.
"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu
from tests.crosscheck.agreement import assert_agree
from tinygrad_edu import nn, optim
from tinygrad_edu.nn import functional

STEPS = 5
ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu", "silu", "softplus", "elu")
OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.05),
    "momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda p: optim.SGD(p, lr=0.05, momentum=0.8, nesterov=True),
    "dampening": lambda p: optim.SGD(p, lr=0.05, momentum=0.8, dampening=0.3),
    "Adam": lambda p: optim.Adam(p, lr=0.01),
    "AdamW": lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.01),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.05),
}
SCHEDULES = {
    "none": lambda o: None,
    "step": lambda o: optim.lr_scheduler.StepLR(o, 2, 0.5),
    "exponential": lambda o: optim.lr_scheduler.ExponentialLR(o, 0.9),
    "cosine": lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 4),
}
BODIES = {
    "nothing": (),
    "dropout": (lambda rng: nn.Dropout(0.3, rng=rng),),
    "layer norm": (lambda rng: nn.LayerNorm(4),),
    "batch norm": (lambda rng: nn.BatchNorm1d(4),),
}
LOSSES = {
    "cross entropy": lambda z, y: functional.cross_entropy(z, y),
    "squared error": lambda z, y: functional.mse_loss(z[:, 0], y.astype(float)),
    "with logits": lambda z, y: functional.binary_cross_entropy_with_logits(z[:, 1], (y > 0).astype(float)),
    "huber": lambda z, y: functional.huber_loss(z[:, 0], y.astype(float)),
    "own": lambda z, y: (np.tanh(z) ** 2).mean() + np.where(z > 0, z, 0.1 * z).mean(),
}
INSIDE = ("clip by norm", "clip by value", "penalty", "none")
BETWEEN = ("nothing", "rate", "freeze", "eval", "data", "scale", "load", "batch size")


class Training:
    """One net in training. Two of the same program start with the same numbers."""

    def __init__(self, program, *, compiled):
        self.program = program
        rng = np.random.default_rng(7)
        # A bias before batch norm has a gradient of rounding errors alone, which Adam would blow up.
        first = nn.Linear(3, 4, bias=program["body"] != "batch norm", rng=rng)
        parts = [first, *(make(rng) for make in BODIES[program["body"]])]
        self.net = nn.Sequential(*parts, nn.MLP(4, [3, 2], activation=program["activation"], rng=rng))
        self.optimizer = OPTIMIZERS[program["optimizer"]](self.net.parameters())
        self.schedule = SCHEDULES[program["schedule"]](self.optimizer)
        self.scale = 1.0
        self.step = tinygrad_edu.compile(self.plain_step) if compiled else self.plain_step

    def plain_step(self, X, y):
        loss = LOSSES[self.program["loss"]](self.net(X), y) * self.scale
        if self.program["inside"] == "penalty":
            loss = loss + optim.l2_penalty(self.net.parameters(), 0.01)
        self.optimizer.zero_grad()
        loss.backward()
        if self.program["inside"] == "clip by norm":
            optim.clip_grad_norm_(self.net.parameters(), 0.5)
        elif self.program["inside"] == "clip by value":
            optim.clip_grad_value_(self.net.parameters(), 0.05)
        self.optimizer.step()
        return loss

    def change(self, what):
        """What a user does between two steps."""
        weight = next(iter(self.net.parameters()))
        if what == "rate":
            self.optimizer.lr = self.optimizer.lr * 0.5
        elif what == "freeze":
            weight.requires_grad = not weight.requires_grad
        elif what == "eval":
            self.net.eval() if self.net.training else self.net.train()
        elif what == "data":
            weight.data = weight.data * 0.9
        elif what == "scale":
            self.scale = self.scale + 0.5
        elif what == "load":
            self.net.load_state_dict({name: x * 0.8 for name, x in self.net.state_dict().items()})

    def run(self):
        """The losses of all steps."""
        losses, size = [], 6
        for i in range(STEPS):
            rng = np.random.default_rng(i)
            X, y = rng.normal(size=(size, 3)), rng.integers(0, 2, size)
            losses.append(self.step(X, y).item())
            if self.schedule is not None:
                self.schedule.step()
            what = self.program["between"][i % len(self.program["between"])]
            self.change(what)
            size = 4 if what == "batch size" else size
        return losses


def _drawn(choices):
    return st.sampled_from(sorted(choices))


PROGRAMS = st.fixed_dictionaries(
    {
        "activation": _drawn(ACTIVATIONS),
        "optimizer": _drawn(OPTIMIZERS),
        "schedule": _drawn(SCHEDULES),
        "body": _drawn(BODIES),
        "loss": _drawn(LOSSES),
        "inside": _drawn(INSIDE),
        "between": st.lists(_drawn(BETWEEN), min_size=1, max_size=3),
    }
)


@given(program=PROGRAMS)
def test_eager_and_compiled(program):
    one, other = (Training(program, compiled=compiled) for compiled in (True, False))
    with np.errstate(all="ignore"):
        assert_agree(one.run(), other.run(), "losses", rtol=1e-8)
    for (name, x), (_, expected) in zip(one.net.state_dict().items(), other.net.state_dict().items(), strict=True):
        assert_agree(x, expected, name, rtol=1e-7, scale=1e-3)
    for (name, p), (_, expected) in zip(one.net.named_parameters(), other.net.named_parameters(), strict=True):
        assert (p.grad is None) == (expected.grad is None), name
        if p.grad is not None:
            assert_agree(p.grad, expected.grad, f"gradient of {name}", rtol=1e-7, scale=1e-3)
