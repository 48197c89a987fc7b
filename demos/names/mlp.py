"""Model 2, an MLP: three letters, each a vector of 10 learned numbers, go through 200 tanh units (Bengio et al., 2003).

Letters that behave in a similar way get similar vectors: then the net knows of one what it has learned of the other.

The weights start as the lecture first has them, drawn from N(0, 1), which is far too wide. The first loss is about 27,
but a net that knows nothing has log 27 = 3.3. `make_scaled` is the same net with good weights. Those of
the last layer are near 0, so that all letters are equally likely. Those of the first are divided by the root of its
number of inputs, so that tanh is not saturated.
"""

import numpy as np

from demos.names.letters import TOKENS
from tinygrad_edu import nn

WIDTH = 3  # letters that it sees
FEATURES, HIDDEN = 10, 200


def make(rng: np.random.Generator) -> nn.Sequential:
    """The net, with all weights from N(0, 1), in float32."""
    net = nn.Sequential(
        nn.Embedding(TOKENS, FEATURES),
        nn.Flatten(),
        nn.Linear(WIDTH * FEATURES, HIDDEN),
        nn.Tanh(),
        nn.Linear(HIDDEN, TOKENS),
    )
    for parameter in net.parameters():
        nn.init.normal_(parameter, rng=rng)
    return net.astype(np.float32)


def make_scaled(rng: np.random.Generator) -> nn.Sequential:
    """The same net, with weights of the right width."""
    net = make(rng)
    _, _, hidden, _, last = net.layers
    hidden.weight.data *= 5 / 3 / (WIDTH * FEATURES) ** 0.5  # 5/3 because tanh makes its inputs smaller
    hidden.bias.data *= 0.01
    last.weight.data *= 0.01
    last.bias.data *= 0
    return net
