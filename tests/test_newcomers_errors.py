"""The first mistakes with the library: each message is one sentence that says what to do."""

import sys

import numpy as np
import pytest

import tinygrad_edu
import viz
from docs.__main__ import main as docs_main
from tinygrad_edu import Tensor, Value, data, export, nn, optim, save, train
from tinygrad_edu.errors import TinygradEduError
from tinygrad_edu.support.arguments import shown

F = nn.functional
X = np.linspace(-1, 1, 20).reshape(10, 2)
y = np.arange(10) % 2
STEPS = np.ones((2, 3, 1))


def said(call):
    """The message of the library's error that the call raises, on one line."""
    with pytest.raises(TinygradEduError) as raised:
        call()
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
@pytest.mark.parametrize("labels", [y, y.reshape(-1, 1), 0.0 * y, y.reshape(-1, 1) * 1.0], ids=str)
def test_one_column_of_logits_is_no_choice_between_classes(loss, labels):
    text = said(lambda: loss(nn.MLP(2, [4, 1])(X), labels))
    assert "one column of logits is one class, whose softmax is always 1" in text
    assert "take binary_cross_entropy_with_logits" in text


def test_labels_of_floats_have_the_same_sentence_in_a_compiled_function():
    step = tinygrad_edu.compile(lambda x, y: F.cross_entropy(nn.Linear(2, 3, rng=0)(x), y))
    for call in (step, lambda x, y: F.cross_entropy(nn.Linear(2, 3)(x), y)):
        assert "labels must be integers, but were given as float64 of shape (10,)" in said(lambda c=call: c(X, y * 1.0))


def test_one_logit_is_no_choice_either():
    assert "one class" in said(lambda: F.cross_entropy(Tensor([0.5]), np.array([1.0])))


LAYERS = [nn.Linear(8, 1), nn.LayerNorm(8), nn.Dropout(0.5), nn.ReLU(), nn.Conv1d(8, 2, 2), nn.GRU(8, 8)]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_a_layer_after_a_recurrent_net_takes_its_outputs(layer):
    for call in (lambda: layer(nn.LSTM(1, 8)(STEPS)), lambda: nn.Sequential(nn.LSTM(1, 8), layer)(STEPS)):
        text = said(call)
        assert text.startswith(type(layer).__name__)
        assert "was given a tuple: LSTM returns (outputs, state): use outputs, _ = lstm(x), or put lambda" in text
    assert nn.Sequential(nn.LSTM(1, 8), lambda pair: pair[0], nn.Linear(8, 1))(STEPS).shape == (2, 3, 1)


def test_the_other_modules_that_return_a_tuple_are_named_too():
    assert "LSTMCell returns (h, c): use h, _ =" in said(lambda: nn.Linear(3, 1)(nn.LSTMCell(1, 3)(np.ones((2, 1)))))
    attention = nn.MultiheadAttention(4, 2)
    q = np.ones((2, 3, 4))
    assert "returns (outputs, weights): use outputs, _" in said(lambda: nn.Linear(4, 1)(attention(q, q, q)))
    assert "pass one of its 3 entries" in said(lambda: nn.Linear(4, 1)((Tensor([1.0]) * 2,) * 3))
    assert "LSTM returns (outputs, state)" in said(lambda: F.mse_loss(nn.LSTM(1, 8)(STEPS), np.ones((2, 3, 8))))


def test_an_error_in_a_module_that_takes_a_tuple_stays_as_it_is():
    class Head(nn.Module):
        def __init__(self):
            self.linear = nn.Linear(3, 1)

        def forward(self, pair):
            return self.linear(pair[0]).astype("flaot")

    assert "was given 'flaot'" in said(lambda: nn.Sequential(nn.LSTM(1, 3), Head())(STEPS))


def test_a_net_that_gives_a_tuple_is_refused_where_one_tensor_is_needed(tmp_path):
    pytest.importorskip("onnx")
    calls = {
        "playground() takes a net": lambda: viz.playground(nn.LSTM(2, 3), X, y),
        "predict() takes a model": lambda: train.predict(nn.LSTM(2, 3), X),
        "to_onnx: the net must give one Tensor": lambda: export.to_onnx(nn.LSTM(2, 3), X[None], tmp_path / "x"),
    }
    for words, call in calls.items():
        text = said(call)
        assert text.startswith(words)
        assert "gave a tuple: " in text
        assert "or put lambda pair: pair[0] after it" in text or "such as x[0]" in text


def test_an_export_names_what_is_wrong_with_its_example(tmp_path):
    pytest.importorskip("onnx")
    net, path = nn.MLP(2, [3, 1]), tmp_path / "net.onnx"
    assert "takes them in this order" in said(lambda: export.to_onnx(net, "net.onnx", X[:1]))
    assert "pass example.astype(float)" in said(lambda: export.to_onnx(net, X[:1].astype(int), path))
    assert "but was given (1, 1)" in said(lambda: export.to_onnx(net, X[:1, :1], path))
    assert not path.exists()


def test_predict_names_the_order_of_its_arguments():
    assert said(lambda: train.predict(X, nn.Linear(2, 1))).startswith("predict(model, X) takes the model first")


class Own(nn.Module):
    """A module whose attribute does not learn."""

    def __init__(self, w):
        self.w = w


@pytest.mark.parametrize("w", [Tensor([1, 2]), np.ones(2), Tensor([1.0], requires_grad=False)], ids=str)
def test_an_optimizer_without_parameters_says_what_a_parameter_is(w):
    text = said(lambda: optim.SGD(Own(w).parameters(), lr=0.1))
    assert text.startswith("SGD was given no parameters: is net.parameters() empty, or an iterator used up?")
    assert "a Tensor of floats in an attribute of a Module, such as Tensor([1.0, 2.0])" in text


# --- views ---

a = Value(2.0, "a")
L = (a * a).tanh()
MANY = np.linspace(0.0, 1.0, 400).reshape(200, 2)

VIEWS = {
    "write viz.player(…).save('x.html')": lambda: viz.player(L, "x.html"),
    "print(viz.trace(…)) shows the text": lambda: viz.trace(L, "x.txt"),
    "notes is a dict, such as {1: 'the first step'}, but was given ['x']": lambda: viz.player(L, notes=["x"]),
    "stops is a list of steps, such as [3, 5], but was given 3": lambda: viz.player(L, stops=3),
    "plot_boundary(model, X, y) takes a model or a function of points first, but was given an array of shape "
    "(200, 2)": lambda: viz.plot_boundary(MANY, MANY[:, 0], nn.Linear(2, 1)),
    "but was given an array of shape (200, 2)": lambda: viz.trace(MANY),
    "that a computation gave, but was given an array of shape (200, 2)": lambda: viz.player(MANY),
    "to explain the gradient of, but was given an array of shape (200, 2)": lambda: viz.why(MANY, L),
}


@pytest.mark.parametrize("words", VIEWS)
def test_a_view_says_what_it_takes(words):
    assert words in said(VIEWS[words])


def test_an_array_of_many_numbers_is_named_by_its_shape():
    assert "array of shape (200, 2)" in said(lambda: Value(MANY))
    assert "array of shape (200, 2)" in said(lambda: nn.MLP(2, [3, 1], MANY))
    assert "array of shape (3, 3)" in said(lambda: nn.Linear(np.eye(3), 1))
    assert shown(np.ndarray) == "<class 'numpy.ndarray'>"


def test_an_array_of_pytorch_is_named_by_its_shape_too(torch):
    assert shown(torch.zeros(200, 2)) == "an array of shape (200, 2)"


# --- PyTorch's arguments ---

T = Tensor(np.ones((2, 3, 4)))
PARAMETERS = [Tensor([1.0])]
ARGUMENTS = {
    "write slope= instead of negative_slope=": lambda: F.leaky_relu(T, negative_slope=0.1),
    "LeakyReLU(slope=0.01) was called with (negative_slope=0.1): got an unexpected keyword argument 'negative_slope'; "
    "write slope= instead of negative_slope=": lambda: nn.LeakyReLU(negative_slope=0.1),
    "write axis= instead of dim=": lambda: nn.Softmax(dim=1),
    "write size= instead of batch_size=": lambda: data.batches(X, y, batch_size=2),
    "it has no settings: gradients become None": lambda: optim.SGD(PARAMETERS, lr=1).zero_grad(set_to_none=True),
    "gradients become None, or 0 for": lambda: nn.Linear(1, 1).zero_grad(set_to_none=True),
    "the graph stays as long as a variable holds it": lambda: (T * T).sum().backward(retain_graph=True),
    "write x.reshape(len(x), -1), which keeps the first axis": lambda: T.flatten(1),
    "ravel(x) was called with (an array of shape (2, 3, 4), start_dim=1)": lambda: T.flatten(start_dim=1),
}


@pytest.mark.parametrize("net", [nn.MultiheadAttention(4, 2), nn.TransformerEncoderLayer(4, 2)], ids=str)
def test_a_mask_of_the_other_order_of_axes_names_batch_first(net):
    inputs = [np.ones((2, 3, 4))] * (3 if isinstance(net, nn.MultiheadAttention) else 1)
    words = "for (n, steps, features), make the module with batch_first=True"
    names = ("attn_mask", "key_padding_mask") if len(inputs) == 3 else ("src_mask", "src_key_padding_mask")
    for name, shape in zip(names, ((3, 3), (2, 3)), strict=True):
        assert said(lambda name=name, shape=shape: net(*inputs, **{name: np.zeros(shape, bool)})).endswith(words)
        assert words not in said(lambda name=name: net(*inputs, **{name: np.zeros((5, 5), bool)}))


def test_a_forward_without_return_is_named():
    class Net(nn.Module):
        def forward(self, x):
            x * 2.0

    for call in (lambda: F.mse_loss(Net()(X), X), lambda: nn.Sequential(Net(), nn.Linear(2, 1))(X)):
        assert said(call).endswith("but was given None (object): a function without return gives None")


@pytest.mark.parametrize("kind", [nn.Tanh, nn.ReLU, nn.Softmax, nn.LeakyReLU, nn.GELU])
def test_an_activation_that_is_made_with_its_input_says_how_to_call_it(kind):
    name = kind.__name__
    for given in (T, T.data):
        text = said(lambda given=given: kind(given))
        assert text.startswith(f"{name} is a module, which is made without an array: write {name}()(x), or nn.funct")


@pytest.mark.parametrize("words", ARGUMENTS)
def test_arguments_of_pytorch_are_answered(words):
    assert words in said(ARGUMENTS[words])


# --- settings and names ---


def test_a_tensor_says_how_its_gradient_is_forgotten():
    with pytest.raises(AttributeError, match=r"x\.grad = None, or optimizer\.zero_grad\(\)"):
        Tensor([2.0]).zero_grad()


def test_a_node_of_one_number_is_rounded_like_a_number():
    assert round(Value(2.71828), 2) == round(Tensor(2.71828), 2) == 2.72
    assert round(Value(2.7)) == round(Tensor([2.7])) == 3
    with pytest.raises((TinygradEduError, ValueError)):
        round(Tensor([1.0, 2.0]))


def test_arrays_are_joined_in_one_list():
    w = Tensor(np.ones((3, 2)))
    for name in ("concatenate", "stack"):
        assert f"write np.{name}([a, b])" in said(lambda name=name: getattr(np, name)(w, w))
    assert "a letter must have the same length" in said(lambda: np.einsum("ij,jk", w, w))


def test_targets_of_a_batch_get_the_shape_that_all_targets_need():
    def train_once():
        net = nn.Linear(2, 1)
        return train.fit(net, X, y, batch_size=3, loss=F.mse_loss, optimizer=optim.SGD(net.parameters(), lr=0.1))

    assert said(train_once).endswith("give the targets that shape with y.reshape(-1, 1)")


# --- files ---


@pytest.mark.parametrize("name", ["n.npz", "n.npy", "n.pt", "n.PTH", "n.pkl"])
def test_weights_are_saved_under_a_name_of_their_format(name, tmp_path):
    assert "end it with .safetensors" in said(lambda: save(tmp_path / name, {"a": np.ones(2)}))
    assert not [*tmp_path.iterdir()]


def test_missing_data_come_with_a_line_for_the_shell(tmp_path):
    for name in ("mnist", "cifar10", "names"):
        line = f'python -c "from tinygrad_edu import data; data.{name}(download=True)" fetches'
        assert line in said(lambda name=name: getattr(data, name)(root=tmp_path))


def test_the_documentation_says_what_installs_sphinx(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sphinx.cmd.build", None)
    with pytest.raises(SystemExit, match=r'needs Sphinx: pip install -e "\.\[docs\]"'):
        docs_main([str(tmp_path)])
