"""Pitfalls: a healthy net and its twin with one classic fault. They stop where they first differ, and you say why.

Both twins start from the same weights and see the same moons. At the first step at which their numbers differ, the demo
shows the numbers side by side. On a terminal, it asks for your diagnosis before it gives its own. Three of the faults
are in the training loop, three in the engine: there, a backward pass of a few lines walks over the real graph, with one
wrong line. For a fault in the loop, the doctor's finding and its cure follow: the same steps with the fix, drawn next
to the faulty run.
"""

import inspect
import sys
import textwrap
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import numpy as np

from demos._options import Out, Quick, Seed
from demos._pictures import Folder
from tinygrad_edu import Tensor, TinygradEduError, data, nn, optim, train
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph.node import topological_order
from tinygrad_edu.operations.broadcasting import unbroadcast
from viz.plots.training_plots import plot_cure, plot_curves

POINTS, WIDTH = 60, 8
RATE, BAD_RATE = 0.5, 500.0
LIMIT = 20  # steps in which every fault shows
STEPS, QUICK_STEPS = 200, 30  # of the runs to the end
SAME = 1e-9
LINE = 100  # characters

Name = Annotated[str, "the fault to be shown (by default all, in an order drawn by the seed)"]
Grads = dict[Any, Any]


# --- the net, its loss, and the engine's backward pass in a few lines ---


class Net(nn.Module):
    """Three layers. The second adds to its input h, so h is used twice."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.W1, self.b1 = Tensor(rng.normal(0, 0.7, (2, WIDTH))), Tensor(np.zeros(WIDTH))
        self.W2, self.b2 = Tensor(rng.normal(0, 0.3, (WIDTH, WIDTH))), Tensor(np.zeros(WIDTH))
        self.W3, self.b3 = Tensor(rng.normal(0, 0.3, (WIDTH, 1))), Tensor(np.zeros(1))

    def forward(self, x: Any) -> Any:
        h = self._h = np.tanh(x @ self.W1 + self.b1)
        s = h + np.tanh(h @ self.W2 + self.b2)
        return s @ self.W3 + self.b3


def loss_of_logits(logits: Any, y: Any) -> Any:
    return nn.functional.binary_cross_entropy_with_logits(logits, y)


def loss_of_probabilities(logits: Any, y: Any) -> Any:
    return nn.functional.binary_cross_entropy_with_logits(logits.sigmoid(), y)  # WRONG: the loss applies the sigmoid


def backward(root: Any) -> Grads:
    grads = {root: np.ones(root.shape)}
    for node in reversed(topological_order(root)):
        for x, gx in flows(node, grads):
            gx = unbroadcast(gx, x.data, node.op)
            grads[x] = grads.get(x, 0) + gx
    return grads


def backward_assigning(root: Any) -> Grads:
    grads = {root: np.ones(root.shape)}
    for node in reversed(topological_order(root)):
        for x, gx in flows(node, grads):
            gx = unbroadcast(gx, x.data, node.op)
            grads[x] = gx  # WRONG
    return grads


def backward_broadcast(root: Any) -> Grads:
    grads = {root: np.ones(root.shape)}
    for node in reversed(topological_order(root)):
        for x, gx in flows(node, grads):
            grads[x] = grads.get(x, 0) + gx  # WRONG: x may have been broadcast
    return grads


def backward_breadth_first(root: Any) -> Grads:
    grads = {root: np.ones(root.shape)}
    for node in breadth_first(root):  # WRONG
        for x, gx in flows(node, grads):
            gx = unbroadcast(gx, x.data, node.op)
            grads[x] = grads.get(x, 0) + gx
    return grads


def flows(node: Any, grads: Grads) -> list[tuple[Any, Any]]:
    """Each input of the node with what the chain rule hands to it."""
    xs = [x.data for x in node.inputs]
    return [
        (x, node.operation.gx_arrays[i](grads[node], node.data, *xs, **node.params))
        for i, x in enumerate(node.inputs)
        if x.requires_grad
    ]


def breadth_first(root: Any) -> list[Any]:
    """The nodes by their distance from the root, which is no order for the chain rule."""
    order = {root: None}
    queue = [root]
    for node in queue:
        queue += [x for x in node.inputs if x not in order]
        order.update(dict.fromkeys(node.inputs))
    return [*order]


# --- the faults ---


class Fault(NamedTuple):
    """What distinguishes the twin from the healthy net, and what you can learn from it."""

    diagnosis: str
    why: str
    healthy: str | Callable[..., Any]  # a line, or a function whose lines are shown
    faulty: str | Callable[..., Any]
    loss: Callable[[Any, Any], Any] = loss_of_logits
    backward: Callable[[Any], Grads] = backward
    rate: float = RATE
    zero_grad: bool = True


HEALTHY = Fault("", "", "", "")
FAULTS = {
    "rate": Fault(
        "the learning rate is far too high",
        "The first gradients are the same, so the engine is right. The step along them was a thousand times as long.",
        f"optimizer = optim.SGD(net.parameters(), lr={RATE:g})",
        f"optimizer = optim.SGD(net.parameters(), lr={BAD_RATE:g})  # WRONG",
        rate=BAD_RATE,
    ),
    "logits": Fault(
        "probabilities are given to a loss that takes logits",
        "The very first loss differs, before any step. The sigmoid is applied twice: what enters the loss is between "
        "0 and 1, so its answers stay between 0.5 and 0.73, and the gradients are small.",
        loss_of_logits,
        loss_of_probabilities,
        loss=loss_of_probabilities,
    ),
    "zero-grad": Fault(
        "zero_grad is missing",
        "The first step is the same. At the second, the gradient is that of the first step plus that of the second. It "
        "acts like momentum that never decays: it may even be fast on an easy set, and overshoot on another.",
        "optimizer.zero_grad(); loss.backward(); optimizer.step()",
        "loss.backward(); optimizer.step()  # WRONG: the gradients are not reset",
        zero_grad=False,
    ),
    "accumulate": Fault(
        "the engine assigns gradients (=) where it must add them up (+=)",
        "h is used twice, by the second layer and by the sum s, and its gradient is the sum of what comes from both. "
        "The twin only keeps the last one, so h's gradient is wrong, and so are all gradients that come after it. The "
        "loss still falls, because half a gradient often points downhill: only the numbers show this fault.",
        backward,
        backward_assigning,
        backward=backward_assigning,
    ),
    "broadcast": Fault(
        "the engine does not sum gradients over broadcast axes",
        "A bias of shape (8,) was added to every row. Its gradient is the sum over the rows, and has its shape.",
        backward,
        backward_broadcast,
        backward=backward_broadcast,
    ),
    "order": Fault(
        "the engine walks the graph in the wrong order",
        "The gradient of h is right after the pass. But h passed it on before the second layer had added its share, so "
        "the gradients of W1 and b1 are wrong. A node must come after all nodes that use it, as in the reversed "
        "topological order.",
        backward,
        backward_breadth_first,
        backward=backward_breadth_first,
    ),
}


# --- the twins ---


class Moment(NamedTuple):
    """The numbers of a step before the parameters change."""

    loss: float
    grads: dict[str, Any]  # of h, and of the parameters


class Twin:
    """A net in training, healthy or with a fault."""

    def __init__(self, fault: Fault, seed: int) -> None:
        self.net = Net(seed)
        self.X, y = data.moons(POINTS, noise=0.15, rng=seed)
        self.y = y.reshape(-1, 1).astype(float)
        self.loss, self.backward, self.zero_grad = fault.loss, fault.backward, fault.zero_grad
        self.optimizer = optim.SGD(self.net.parameters(), lr=fault.rate)

    def look(self) -> Moment:
        """The forward and the backward pass: the loss, and the gradients that the next step would follow."""
        loss = self.loss(self.net(self.X), self.y)
        grads = self.backward(loss)
        named = {"h": grads[self.net._h]}
        for name, p in self.net.named_parameters():
            named[name] = grads[p] if self.zero_grad or p.grad is None else p.grad + grads[p]
        return Moment(loss.item(), named)

    def step(self, grads: dict[str, Any]) -> None:
        """Follow the gradients."""
        for name, p in self.net.named_parameters():
            p.grad = grads[name]
        self.optimizer.step()


def first_difference(healthy: Twin, faulty: Twin) -> tuple[int, Moment, Moment]:
    """Train both until their numbers differ; that step, counted from 1, and the numbers of both."""
    for step in range(1, LIMIT + 1):
        a, b = healthy.look(), faulty.look()
        if not _same(a.loss, b.loss) or not all(_same(a.grads[name], b.grads[name]) for name in a.grads):
            return step, a, b
        healthy.step(a.grads)
        faulty.step(b.grads)
    raise AssertionError(f"the twins did not differ in {LIMIT} steps")


def _same(a: Any, b: Any) -> bool:
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=SAME, atol=SAME)


# --- what is shown and asked ---


def run(*, fault: Name = "", quick: Quick = False, seed: Seed = 0, out: Out = "out") -> None:
    """Show the twins, ask for the diagnosis, explain it, and draw the losses of both."""
    folder = Folder(out)
    if fault and fault not in FAULTS:
        raise ArgumentError(f"there is no fault called {fault!r}: choose one of {', '.join(FAULTS)}")
    names = [fault] if fault else [str(name) for name in np.random.default_rng(seed).permutation([*FAULTS])]
    print(f"Pitfalls: a net 2-{WIDTH}-{WIDTH}-1 learns {POINTS} moons, next to a twin with one fault.\n")
    print(inspect.getsource(Net.forward))
    right = 0
    for number, name in enumerate(names, 1):
        print(f"--- {number} of {len(names)} ---")
        show(*first_difference(Twin(HEALTHY, seed), Twin(FAULTS[name], seed)))
        answer = ask()
        right += answer == name
        if answer:
            print("Right." if answer == name else f"No, not that {FAULTS[answer].diagnosis}.")
        losses, cure = tell(FAULTS[name], QUICK_STEPS if quick else STEPS, seed)
        title = f"Loss of the twins: {FAULTS[name].diagnosis}"
        folder.draw(f"pitfalls_{name}.png", plot_curves, losses, unit="step", log=True, title=title)
        if cure is not None:
            folder.draw(f"pitfalls_{name}_cure.png", plot_cure, cure, log=True, title=f"The cure: {cure.change}")
    if _on_a_terminal():
        print(f"{right} of {len(names)} diagnoses were right.")


def show(step: int, healthy: Moment, faulty: Moment) -> None:
    """The two moments side by side."""
    before = "" if step == 1 else f"Up to step {step - 1} all numbers are the same. "
    print(f"{before}At step {step} the twins differ:\n")
    rows = [("", "healthy", "faulty", True), ("loss", *_pair(healthy.loss, faulty.loss))]
    for name, grad in healthy.grads.items():
        rows.append((f"norm of {name}'s gradient", *_pair(np.linalg.norm(grad), np.linalg.norm(faulty.grads[name]))))
        shapes = np.shape(grad), np.shape(faulty.grads[name])
        if shapes[0] != shapes[1]:
            rows.append((f"shape of {name}'s gradient", str(shapes[0]), str(shapes[1]), False))
    for what, a, b, same in rows:
        print(f"  {what:<24}  {a:>12}  {b:>12}{'' if same else '  <-'}")
    print()


def _pair(a: Any, b: Any) -> tuple[str, str, bool]:
    return f"{a:.6g}", f"{b:.6g}", _same(a, b)


def ask() -> str:
    """The name of the learner's diagnosis; "" if there is no answer."""
    print("What is wrong with the faulty twin?")
    for number, fault in enumerate(FAULTS.values(), 1):
        print(f"  {number}. {fault.diagnosis}")
    while _on_a_terminal():
        try:
            answer = input(f"Your diagnosis (1 to {len(FAULTS)}, Enter for the answer): ").strip()
        except EOFError:
            answer = ""
        if not answer:
            break
        if answer in FAULTS:
            return answer
        if answer.isdecimal() and 1 <= int(answer) <= len(FAULTS):
            return [*FAULTS][int(answer) - 1]
    print()
    return ""


def _on_a_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def tell(fault: Fault, steps: int, seed: int) -> tuple[dict[str, list[float]], train.Cure | None]:
    """Print the diagnosis, the wrong line and its result; return the losses of both twins and the doctor's cure."""
    print(textwrap.fill(f"Diagnosis: {fault.diagnosis}. {fault.why}", LINE) + "\n")
    for title, code in (("healthy", fault.healthy), ("faulty", fault.faulty)):
        print(f"{title}:\n{_indented(code if isinstance(code, str) else inspect.getsource(code))}")
    losses: dict[str, list[float]] = {"healthy": [], "faulty": []}
    healthy, faulty = (
        to_the_end(Twin(f, seed), steps, column) for f, column in zip((HEALTHY, fault), losses.values(), strict=True)
    )
    print(f"After {steps} steps the healthy twin {healthy}; the faulty one {faulty}.")
    if fault.backward is not backward:  # a fault of the engine, which the doctor cannot see
        print()
        return losses, None
    doctor = watched(fault, steps, seed)
    print("The doctor (train.doctor) says:\n" + _indented("\n".join(map(str, doctor.findings)) or "nothing"))
    return losses, show_cure(doctor, fault, seed) if doctor.findings else None


def show_cure(doctor: train.Doctor, fault: Fault, seed: int) -> train.Cure:
    """Repeat the first steps with the fix, and compare them with the healthy twin's."""
    cure = doctor.cure(doctor.findings[0], **({"lr": RATE} if fault.rate != RATE else {}))
    steps = len(cure.cured)
    healthy = watched(HEALTHY, steps, seed)
    same = [p.loss for p in healthy.tape.passes] == cure.cured if healthy.tape is not None else False
    print(f"The cure (doctor.cure), {steps} steps from the start:\n" + _indented(str(cure)))
    print(f"The cured run {'equals the healthy one, bit for bit' if same else 'differs from the healthy one'}.\n")
    return cure


def to_the_end(twin: Twin, steps: int, losses: list[float]) -> str:
    """The state of the twin after so many steps, in words; their losses are added to ``losses``."""
    try:
        with np.errstate(all="ignore"):
            for _ in range(steps):
                moment = twin.look()
                losses.append(moment.loss)
                twin.step(moment.grads)
            return f"has the loss {twin.look().loss:.4g}"
    except TinygradEduError as error:
        return f"made no step, because the library refuses the first step: {error}"


def watched(fault: Fault, steps: int, seed: int) -> train.Doctor:
    """`train.doctor` after an ordinary loop with the fault, whose first steps it has recorded."""
    twin = Twin(fault, seed)
    with train.doctor(twin.net, twin.optimizer, examine=True) as doctor, np.errstate(all="ignore"):
        for _ in range(steps):
            loss = twin.loss(twin.net(twin.X), twin.y)
            if twin.zero_grad:
                twin.optimizer.zero_grad()
            loss.backward()
            twin.optimizer.step()
    return doctor


def _indented(text: str) -> str:
    return textwrap.indent(text.rstrip(), "    ") + "\n"
