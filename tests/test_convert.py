"""States from PyTorch and to PyTorch."""

import numpy as np
import pytest

import tinygrad_edu
from tinygrad_edu import convert, nn
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.support.state_dict import StateDictError
from tinygrad_edu.train import predict

RNG = np.random.default_rng(0)


def multilayer(torch):
    theirs = torch.nn.Sequential(torch.nn.Linear(5, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3)).double()
    return theirs, nn.MLP(5, [5, 3]), RNG.normal(size=(4, 5))


def norms(torch):
    t, n = torch.nn, nn
    theirs = t.Sequential(
        t.Linear(4, 6), t.BatchNorm1d(6), t.GELU(), t.LayerNorm(6), t.Linear(6, 6), t.PReLU()
    ).double()
    ours = n.Sequential(n.Linear(4, 6), n.BatchNorm1d(6), n.GELU(), n.LayerNorm(6), n.Linear(6, 6), n.PReLU())
    theirs(torch.randn(9, 4, dtype=torch.float64))  # moves the running mean
    return theirs, ours, RNG.normal(size=(7, 4))


def words(torch):
    theirs = torch.nn.Sequential(torch.nn.Embedding(7, 4), torch.nn.Linear(4, 4, bias=False)).double()
    return theirs, nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 4, bias=False)), RNG.integers(7, size=(3, 5))


def pictures(torch):
    t, n = torch.nn, nn
    theirs = t.Sequential(
        *(t.Conv2d(3, 4, 3, padding=1), t.BatchNorm2d(4), t.ReLU(), t.MaxPool2d(2)),
        *(t.Flatten(), t.Linear(4 * 4 * 4, 64), t.Linear(64, 64)),
    ).double()
    ours = n.Sequential(
        *(n.Conv2d(3, 4, 3, padding=1), n.BatchNorm2d(4), n.ReLU(), n.MaxPool2d(2)),
        *(n.Flatten(), n.Linear(4 * 4 * 4, 64), n.Linear(64, 64)),
    )
    return theirs, ours, RNG.normal(size=(2, 3, 8, 8))


PAIRS = {
    "MLP": multilayer,
    "norms": norms,
    "embedding": words,
    "CNN": pictures,
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_net_goes_there_and_back_with_equal_outputs(name, torch):
    theirs, ours, X = PAIRS[name](torch)
    theirs.eval()
    convert.from_torch(theirs, ours)
    expected = theirs(torch.from_numpy(X))
    found = ours.eval()(X)
    if isinstance(expected, tuple):  # with the last state
        expected, found = expected[0], found[0]
    np.testing.assert_allclose(found.numpy(), expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    state = theirs.state_dict()
    again, _, _ = PAIRS[name](torch)
    assert convert.to_torch(ours, again) is again
    for key, tensor in again.state_dict().items():
        if not key.endswith(convert.COUNTER):
            np.testing.assert_array_equal(tensor.numpy(), state[key].numpy())


def test_a_file_that_pytorch_wrote_is_loaded(torch, tmp_path):
    from safetensors.torch import save_file

    theirs, ours, X = multilayer(torch)
    save_file(theirs.state_dict(), tmp_path / "net.safetensors")
    convert.from_torch(tmp_path / "net.safetensors", ours)
    np.testing.assert_allclose(predict(ours, X), theirs(torch.from_numpy(X)).detach().numpy(), rtol=1e-10)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_a_square_linear_is_not_loaded_transposed_by_accident(metadata, torch, tmp_path):
    from safetensors.torch import save_file

    layer, theirs = nn.Linear(3, 3), torch.nn.Linear(3, 3).double()
    before = layer.weight.numpy().copy()
    save_file(theirs.state_dict(), tmp_path / "theirs.safetensors", metadata=metadata)
    with pytest.raises(StateDictError, match=r"convert\.from_torch"):
        layer.load_state_dict(tinygrad_edu.load(tmp_path / "theirs.safetensors"))
    tinygrad_edu.save(tmp_path / "ours.safetensors", layer.state_dict())
    with pytest.raises(StateDictError, match=r"written by tinygrad_edu\.save, not by PyTorch"):
        convert.from_torch(tmp_path / "ours.safetensors", layer)
    with pytest.raises(StateDictError, match="must hold numbers"):
        layer.load_state_dict(theirs.state_dict())
    np.testing.assert_array_equal(layer.weight.numpy(), before)
    layer.load_state_dict(tinygrad_edu.load(tmp_path / "ours.safetensors"))


def test_a_state_of_this_library_is_not_taken_for_pytorchs():
    net = nn.Linear(2, 3)
    with pytest.raises(StateDictError, match=r"transposed already: is it a state of this library\?"):
        convert.from_torch(net.state_dict(), net)


def test_every_mismatch_is_listed_and_nothing_is_loaded():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    before = net.state_dict()
    with pytest.raises(StateDictError) as caught:
        convert.from_torch({"0.weight": np.zeros((3, 9)), "0.bias": np.zeros(3), "2.weight": np.zeros((1, 3))}, net)
    said = str(caught.value)
    assert "0.weight has the shape (3, 9), but (3, 2) is needed for layers.0.weight" in said
    for words in ("layers.1.weight is missing", "layers.1.bias is missing", "2.weight is surplus"):
        assert words in said
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_names_may_be_given():
    net = nn.Linear(2, 3)
    state = {"proj.W": np.arange(6.0).reshape(3, 2), "proj.b": np.ones(3)}
    convert.from_torch(state, net, names={"weight": "proj.W", "bias": "proj.b"})
    np.testing.assert_array_equal(net.weight.numpy(), state["proj.W"].T)
    with pytest.raises(StateDictError, match="there is no wight in the net"):
        convert.from_torch(state, net, names={"wight": "c"})


def test_without_a_module_the_state_has_the_names_of_a_sequential(torch):
    net = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2))
    theirs = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).double()
    theirs.load_state_dict(convert.to_torch(net))
    X = RNG.normal(size=(3, 4))
    np.testing.assert_allclose(predict(net, X), theirs(torch.from_numpy(X)).detach().numpy(), rtol=1e-10)


def test_a_module_of_another_structure_is_refused(torch):
    with pytest.raises(StateDictError, match="weight has the shape"):
        convert.to_torch(nn.Linear(2, 3), torch.nn.Linear(5, 3))


def test_the_order_of_the_arguments_is_told():
    with pytest.raises(ArgumentError, match="takes a module of PyTorch first"):
        convert.from_torch(nn.Linear(1, 1), nn.Linear(1, 1))
    with pytest.raises(ArgumentError, match="or a path, but was given 3"):
        convert.from_torch(3, nn.Linear(1, 1))


def test_bfloat16_becomes_float32(torch):
    layer = nn.Linear(2, 2, dtype=np.float32)
    theirs = torch.nn.Linear(2, 2).bfloat16()
    convert.from_torch(theirs, layer)
    np.testing.assert_array_equal(layer.weight.numpy(), theirs.weight.detach().float().numpy().T)
