"""A call that does not fit: the error names what was called, shows what it takes, and says what to write."""

import inspect

import numpy as np
import pytest

import viz
from tinygrad_edu import Tensor, Value, data, detect_anomaly, nn, no_grad, optim, recording, train
from tinygrad_edu.errors import CallError, UnsupportedError
from tinygrad_edu.graph.modes import MODES, WATCH

w = Tensor([[1.0, 2.0], [3.0, 4.0]])
L = Value(2.0) * 3

CALLS = {
    "Conv2d(in_channels, out_channels, kernel_size, stride=1": lambda: nn.Conv2d(3, 4),
    "GRU(input_size, hidden_size, num_layers=1": lambda: nn.GRU(3),
    "was called with (3, seed=0): missing a required": lambda: nn.GRUCell(3, seed=0),
    "MLP(2, [16, 16, 1])": lambda: nn.MLP(2, 16, 16, 1),
    "list, as in MLP(": lambda: nn.scalar.MLP(2, 16, 16, 1),
    "Linear(in_features, out_features, bias=True, dtype=None, *, rng=None) was called with (3, 4, rn=0)": (
        lambda: nn.Linear(3, 4, rn=0)
    ),
    "write rng= instead of seed=": lambda: nn.Linear(3, 4, seed=0),
    "rng= instead of random_state=": lambda: data.moons(100, random_state=0),
    "train_test_split(X, y, test_size=0.25, rng=None)": lambda: data.train_test_split(w, w, seed=1),
    "batches(X, y, size": lambda: data.batches(w, w, 2, shuffle=True),
    "fit(model, X, y": lambda: train.fit(nn.ReLU(), [1.0], [1.0], seed=0),
    "write lr= instead of learning_rate=": lambda: optim.Adam([w], learning_rate=0.1),
    "sum(x, axis=None, *, keepdims=False)": lambda: w.sum(dim=0),
    "write keepdims= instead of keepdim=": lambda: w.mean(0, keepdim=True),
    "write axis= instead of dim=": lambda: nn.functional.softmax(w, dim=1),
    "axis= instead of dims=": lambda: w.flip(dims=(0,)),
    "write viz.draw(…).save('x.svg')": lambda: viz.draw(L, "x.svg"),
    "backward(*, create_graph=False) was called with (2.0)": lambda: L.backward(2.0),
    "write (gradient * L).backward()": lambda: L.backward(2.0),
}


@pytest.mark.parametrize("words", CALLS)
def test_a_call_that_does_not_fit_says_what_to_write(words):
    with pytest.raises(CallError) as raised:
        CALLS[words]()
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
    assert isinstance(raised.value, TypeError)


LAYERS = [x for name in nn.__all__ if inspect.isclass(x := getattr(nn, name)) and not issubclass(x, nn.ReLU)]


@pytest.mark.parametrize("layer", [x for x in LAYERS if x.__init__ is not object.__init__], ids=lambda x: x.__name__)
def test_every_layer_is_called_by_its_own_name(layer):
    with pytest.raises((CallError, ValueError), match=rf"^{layer.__name__}\(.*no_such_setting"):
        layer(no_such_setting=1)


def test_the_signatures_stay():
    parameters = list(inspect.signature(nn.Conv2d).parameters)
    assert parameters[:3] == ["in_channels", "out_channels", "kernel_size"]
    assert list(inspect.signature(Tensor.sum).parameters) == ["x", "axis", "keepdims"]


def test_an_error_within_the_call_is_not_touched():
    class Net(nn.Linear):
        def __init__(self, broken):
            super().__init__(2) if broken else super().__init__(2, 1)
            len(3)

    with pytest.raises(CallError, match=r"^Linear\(.* was called with \(2\)"):
        Net(broken=True)
    with pytest.raises(TypeError, match="object of type 'int' has no len") as raised:
        Net(broken=False)
    assert type(raised.value) is TypeError
    with pytest.raises(CallError, match=r"^Net\(broken\) was called with \(\)"):
        Net()


@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_a_call_from_the_subclass_of_a_layer_names_the_layer_as_users_know_it(layer):
    class Net(layer):
        def __init__(self):
            super().__init__(3, 4, no_such_setting=1)

    with pytest.raises(
        CallError, match=rf"^{layer.__name__}\(input_size.* was called with \(3, 4, no_such_setting=1\)"
    ):
        Net()


def test_a_call_from_the_subclass_of_an_optimizer_names_the_optimizer_as_users_know_it():
    class Own(optim.Adamax):
        def __init__(self, params):
            super().__init__(params, no_such_setting=1)

    with pytest.raises(CallError, match=r"^Adamax\(params, lr=0\.002"):
        Own([w])


def test_a_function_of_numpy_is_named_as_numpys():
    with pytest.raises(UnsupportedError, match=r"np\.sum of a Tensor cannot be called with dtype="):
        np.sum(w, dtype=float)


@pytest.mark.parametrize("mode", [no_grad, detect_anomaly, recording], ids=lambda mode: mode.__name__)
def test_a_mode_works_without_parentheses(mode):
    before = WATCH.active, dict(vars(MODES))
    with mode, mode():
        assert WATCH.active == before[0] + 2
        assert getattr(MODES, mode._names[0]) == 2
    with pytest.raises(ZeroDivisionError), mode:
        1 / 0
    assert WATCH.active == before[0]
    assert not getattr(MODES, mode._names[0])


def test_no_grad_without_parentheses_records_nothing():
    with no_grad:
        y = w * 2
    assert not y.requires_grad
