"""The nets of the benchmarks train as PyTorch's do: what is timed is the same."""

import numpy as np
import pytest

import tinygrad_edu

from . import networks


@pytest.mark.parametrize("name", networks.NETS)
def test_three_steps_have_pytorchs_losses(torch, name):
    net = networks.NETS[name]
    eager, module = networks.own(net)
    theirs = networks.torch_eager(net, module)
    compiled, twin = networks.own(net, tinygrad_edu.compile)
    twin.load_state_dict(module.state_dict())
    expected = [theirs() for _ in range(3)]
    np.testing.assert_allclose([eager().item() for _ in range(3)], expected, rtol=2e-5)
    np.testing.assert_allclose([compiled().item() for _ in range(3)], expected, rtol=2e-5)
