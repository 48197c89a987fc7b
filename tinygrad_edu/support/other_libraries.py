"""Names from other libraries, and what they are called here: one table for error messages and for the docs.

A name that does not exist here gives an AttributeError that names what to use.
"""

from collections.abc import Callable
from typing import Any, NamedTuple


class OtherName(NamedTuple):
    """A name from another library, where it is looked for here, and what to use."""

    place: str
    name: str
    library: str
    here: str


def _rows(place: str, library: str, **names: str) -> list[OtherName]:
    return [OtherName(place, name, library, here) for name, here in names.items()]


_TORCH, _KERAS, _JAX, _MICROGRAD = "PyTorch", "Keras", "JAX", "micrograd"
_NET, _LOSSES = "nn.Module", "nn.functional"
_NO_DEVICES = "there are no devices: compile(step).to_jax() is the way to a GPU"

TABLE: tuple[OtherName, ...] = (
    *_rows(
        "tinygrad_edu",
        _TORCH,
        from_numpy="Tensor(array)",
        as_tensor="Tensor(data)",
        Parameter="Tensor(data), in an attribute of an nn.Module",
        manual_seed="rng=np.random.default_rng(seed), which layers, data and fit take",
        set_flush_denormal="with flush_denormals():",
        zeros="Tensor(np.zeros(shape))",
        ones="Tensor(np.ones(shape))",
        randn="Tensor(rng.normal(size=shape))",
        rand="Tensor(rng.uniform(size=shape))",
        arange="np.arange: integers need no Tensor",
        cat="np.concatenate, which takes Tensors",
        stack="np.stack, which takes Tensors",
        exp="np.exp, which takes Tensors and Values",
        relu="nn.functional.relu, or x.relu()",
        softmax="nn.functional.softmax, or x.softmax()",
        matmul="a @ b",
        einsum="np.einsum, which takes Tensors",
        where="np.where, which takes Tensors",
        autograd="grad, jacobian, hessian and hvp",
        enable_grad="a plain call outside of no_grad()",
        inference_mode="no_grad()",
        cuda=_NO_DEVICES,
        device=_NO_DEVICES,
        utils="data.batches, instead of a DataLoader",
        jit="compile",
        concat="np.concatenate, which takes Tensors",
        log="np.log, which takes Tensors and Values",
        tanh="np.tanh, which takes Tensors and Values",
        sigmoid="nn.functional.sigmoid, or x.sigmoid()",
        sum="np.sum, or x.sum()",
        mean="np.mean, or x.mean()",
        max="np.max, or x.max()",
        argmax="np.argmax, which takes Tensors",
        tril="np.tril, which takes Tensors",
        triu="np.triu, which takes Tensors",
        eye="np.eye: constants need no Tensor",
        linspace="np.linspace: constants need no Tensor",
        full="Tensor(np.full(shape, x))",
        zeros_like="Tensor(np.zeros(t.shape))",
        ones_like="Tensor(np.ones(t.shape))",
        randint="rng.integers(low, high, shape): integers need no Tensor",
        multinomial="rng.choice(len(p), p=p.numpy()), for one row p of probabilities",
        Generator="np.random.default_rng(seed)",
        flatten="x.reshape(len(x), -1), or x.ravel()",
        set_grad_enabled="no_grad()",
        float32="np.float32",
        long="int, or np.int64",
        functional="nn.functional",
    ),
    *_rows(
        "tinygrad_edu",
        _JAX,
        numpy="NumPy itself: np.exp(t), np.sum(t), np.einsum(…) take Tensors",
        vmap="vectorize, or arrays with one more axis",
        jacfwd="jacobian",
        jacrev="jacobian",
        random="rng=np.random.default_rng(seed)",
        lax="Python's own loops and conditions; compile(step).to_jax() for lax.scan",
        custom_vjp="operation(forward, derivative)",
        stop_gradient="x.detach()",
    ),
    *_rows(
        "tinygrad_edu",
        _KERAS,
        Sequential="nn.Sequential",
        layers="nn",
        Model=_NET,
        Input="nothing: layers are told their sizes",
    ),
    *_rows("tinygrad_edu", _MICROGRAD, engine="Value itself: from tinygrad_edu import Value", MLP="nn.scalar.MLP"),
    *_rows(
        "tinygrad_edu.nn",
        _TORCH,
        CrossEntropyLoss=f"{_LOSSES}.cross_entropy",
        MSELoss=f"{_LOSSES}.mse_loss",
        L1Loss=f"{_LOSSES}.l1_loss",
        HuberLoss=f"{_LOSSES}.huber_loss",
        SmoothL1Loss=f"{_LOSSES}.smooth_l1_loss",
        NLLLoss=f"{_LOSSES}.nll_loss",
        BCEWithLogitsLoss=f"{_LOSSES}.binary_cross_entropy_with_logits",
        BCELoss=f"{_LOSSES}.binary_cross_entropy, or better binary_cross_entropy_with_logits without the last Sigmoid",
        Parameter="Tensor(data), in an attribute of a Module",
        ParameterList="a list in an attribute of a Module",
        ZeroPad2d="np.pad, in a function in nn.Sequential",
        LogSigmoid="lambda x: -nn.functional.softplus(-x), in nn.Sequential",
        KLDivLoss=f"{_LOSSES}.kl_div",
        CosineSimilarity=f"{_LOSSES}.cosine_similarity",
        CosineEmbeddingLoss=f"{_LOSSES}.cosine_embedding_loss",
        GaussianNLLLoss=f"{_LOSSES}.gaussian_nll_loss",
        TripletMarginLoss=f"{_LOSSES}.triplet_margin_loss",
        TransformerEncoder="nn.Sequential of nn.TransformerEncoderLayer",
        ParameterDict="a dict in an attribute of a Module",
        Unflatten="lambda x: x.reshape(shape), in nn.Sequential",
        DataParallel=_NO_DEVICES,
        utils="optim.clip_grad_norm_ and optim.clip_grad_value_, instead of nn.utils",
    ),
    *_rows(
        "tinygrad_edu.nn",
        _KERAS,
        Dense="nn.Linear, which is told the number of inputs too",
        Activation="nn.ReLU, nn.Tanh, …, or a function in nn.Sequential",
        BatchNormalization="nn.BatchNorm1d",
        LayerNormalization="nn.LayerNorm",
        Input="nothing: layers are told their sizes",
        Model="nn.Module, and train.fit",
    ),
    *_rows("tinygrad_edu.nn", _JAX, compact="nn.Module with its parts in attributes"),
    *_rows("tinygrad_edu.nn", _MICROGRAD, Neuron="nn.scalar.Neuron", Layer="nn.scalar.Layer"),
    *_rows(
        "tinygrad_edu.nn.functional",
        _TORCH,
        linear="x @ weight + bias, with a weight of shape (in, out)",
        embedding="weight[indices], or nn.Embedding",
        pad="np.pad, which takes Tensors",
        layer_norm="nn.LayerNorm",
        batch_norm="nn.BatchNorm1d or nn.BatchNorm2d",
        logsigmoid="-softplus(-x)",
    ),
    *_rows(
        "tinygrad_edu.nn.functional",
        _KERAS,
        categorical_crossentropy="cross_entropy, of logits and probabilities",
        sparse_categorical_crossentropy="cross_entropy, of logits and labels",
        binary_crossentropy="binary_cross_entropy_with_logits, of logits",
        mean_squared_error="mse_loss",
        mean_absolute_error="l1_loss",
    ),
    *_rows("tinygrad_edu.optim", _KERAS, schedules="optim.lr_scheduler", Optimizers="optim itself"),
    *_rows(
        "tinygrad_edu.optim",
        _JAX,
        sgd="optim.SGD",
        adam="optim.Adam",
        adamw="optim.AdamW",
        clip_by_global_norm="optim.clip_grad_norm_",
    ),
    *_rows(
        "tinygrad_edu.train",
        _KERAS,
        ModelCheckpoint="train.Checkpoint",
        TensorBoard="train.History and viz.plot_history",
    ),
    *_rows(
        "tinygrad_edu.data",
        _TORCH,
        DataLoader="data.batches(X, y, batch_size, rng)",
        Dataset="two arrays, X and y",
        random_split="data.train_test_split",
        MNIST="data.mnist()",
        CIFAR10="data.cifar10()",
    ),
    *_rows(
        "tinygrad_edu.data",
        "scikit-learn",
        make_moons="data.moons",
        make_circles="data.circles",
        make_blobs="data.blobs",
        load_digits="data.digits",
        StandardScaler="data.Standardizer",
    ),
    *_rows(
        "Tensor",
        _TORCH,
        view="reshape",
        permute="transpose(…)",
        grad_fn="op and inputs",
        is_leaf="operation is None",
        cuda=_NO_DEVICES,
        cpu=_NO_DEVICES,
        to="astype(dtype), for a dtype",
        float="astype(np.float32)",
        double="astype(np.float64)",
        numel="size",
        dim="ndim",
        requires_grad_="requires_grad = …",
        zero_="data[...] = 0",
        zero_grad="x.grad = None, or optimizer.zero_grad() for all parameters",
        nelement="size",
        unsqueeze="np.expand_dims(t, axis), or t[:, None]",
        unbind="list(t), or t[:, i]",
        chunk="split(parts, axis)",
        t="T",
        mT="swapaxes(-1, -2)",
        contiguous="nothing: reshape takes any Tensor",
        expand="np.broadcast_to(t, shape)",
        expand_as="np.broadcast_to(t, u.shape)",
        repeat_interleave="repeat(n, axis), because repeat is NumPy's",
        masked_fill="np.where(mask, value, t)",
        masked_select="t[mask]",
        index_select="t[indices], or t[:, indices]",
        gather="np.take_along_axis(t, indices, axis)",
        index_add_="t.at[indices].add(x), which gives a new node",
        scatter_add="t.at[indices].add(x), which gives a new node",
        retain_grad="nothing: each node keeps its gradient in .grad",
        clone="copy.deepcopy(t), or t + 0 as a new node",
        long="astype(int)",
        int="astype(int)",
        bool="astype(bool)",
        half="astype(np.float16)",
        type="astype(dtype)",
        clamp="clip(low, high)",
        topk="np.sort(t), and np.argsort(t) for the places",
        mm="a @ b",
        bmm="a @ b",
        eq="t == u",
        indices="argmax(axis), because max gives the values alone",
        values="the result itself, because max and sort give the values alone",
        fill_="data[...] = x",
        add_="data += x",
        sub_="data -= x",
        mul_="data *= x",
        device=_NO_DEVICES,
        register_hook="t.grad, which each node keeps",
        zeros="Tensor(np.zeros(shape))",
        ones="Tensor(np.ones(shape))",
        randn="Tensor(rng.normal(size=shape))",
    ),
    *_rows(
        "Tensor",
        "NumPy",
        flat="data.flat",
        tobytes="data.tobytes()",
        copy="copy.deepcopy(t), or t.detach() for the numbers alone",
        argsort="np.argsort(t)",
        nonzero="np.nonzero(t)",
        round="np.round(t)",
        any="np.any(t)",
        all="np.all(t)",
    ),
    *_rows(
        "Module",
        _TORCH,
        to=_NO_DEVICES,
        cuda=_NO_DEVICES,
        cpu=_NO_DEVICES,
        half="astype(np.float16)",
        float="astype(np.float32)",
        double="astype(np.float64)",
        add_module="self.name = module",
        named_children="children()",
        buffers="state_dict(), which holds them too",
        register_parameter="self.name = Tensor(…)",
        requires_grad_="p.requires_grad = False for each p of parameters()",
    ),
    *_rows(
        "Module",
        _KERAS,
        fit="train.fit(net, X, y, …)",
        predict="train.predict(net, X)",
        summary="print(net)",
        evaluate="train.accuracy(train.predict(net, X), y)",
        get_weights="state_dict()",
        set_weights="load_state_dict(state)",
        trainable_weights="parameters()",
        save="tinygrad_edu.save(path, net.state_dict())",
        add="nn.Sequential(*layers)",
    ),
)

_ADVICE = {(row.place, row.name): f"{row.library}'s {row.name} is here: {row.here}" for row in reversed(TABLE)}


def advice(place: str, name: str) -> str:
    """What to use instead of a name of another library, as the end of a sentence; "" for an unknown name.

    Examples
    --------
    >>> advice("tinygrad_edu.nn", "CrossEntropyLoss")
    ". PyTorch's CrossEntropyLoss is here: nn.functional.cross_entropy"
    """
    found = _ADVICE.get((place, name))
    return f". {found}" if found else ""


def missing(package: str) -> Callable[[str], Any]:
    """``__getattr__`` of a module that has all its names already: it says what a missing name is called here."""

    def find(name: str) -> Any:
        raise AttributeError(f"module {package!r} has no attribute {name!r}{advice(package, name)}")

    return find


class _Absent:
    """An attribute that a class does not have: reading it raises an error that names what to use."""

    def __init__(self, name: str, place: str) -> None:
        self.name = name
        self.place = place

    def __get__(self, instance: Any, owner: type) -> Any:
        raise AttributeError(
            f"{owner.__name__!r} object has no attribute {self.name!r}{advice(self.place, self.name)}",
            name=self.name,
            obj=instance,
        )


def explain_absent(cls: type) -> None:
    """Give ``cls`` an error for each name that users of other libraries try: it says what to use.

    An object or a subclass may still have an attribute of such a name. `dir`, and so a completion by the Tab key, gives
    only the names that there are.
    """
    absent = {row.name for row in TABLE if row.place == cls.__name__ and not hasattr(cls, row.name)}
    for name in absent:
        setattr(cls, name, _Absent(name, cls.__name__))

    def there(self: Any) -> list[str]:
        return [name for name in object.__dir__(self) if name not in absent or hasattr(self, name)]

    cls.__dir__ = there  # type: ignore[method-assign, assignment]
