"""The table of elementwise operations: one row for each, with its derivative. `row` says how to read one."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from tinygrad_edu.operations.floats import FLOATS
from tinygrad_edu.operations.row import NODES, Binary, Elementwise, Unary, fill_vocabulary
from tinygrad_edu.operations.row import TABLE as TABLE


class ElementwiseMethods:
    """The table. `Value` and `Tensor` have a method for every row, and an operator where a row names one.

    Kinks and ties follow PyTorch. A mask selects (``where``), it never multiplies: 0 times infinity is nan.
    """

    __slots__ = ()

    identity = Unary("+x", gx="gy", operator="pos")
    neg = Unary("-x", gx="-gy", symbol="−", operator="neg")
    add = Binary("x0 + x1", gx0="gy", gx1="gy", symbol="+", operator="add")
    sub = Binary("x0 - x1", gx0="gy", gx1="-gy", symbol="−", operator="sub")
    mul = Binary("x0 * x1", gx0="gy * x1", gx1="gy * x0", symbol="×", operator="mul")
    div = Binary("x0 / x1", gx0="gy / x1", gx1="-gy * y / x1", symbol="÷", operator="truediv")
    pow = Binary(
        "x0 ** x1",
        gx0="gy * x1 * x0 ** where(is_zero(x0) & is_zero(x1), 0.0, x1 - 1)",
        gx1="gy * y * log(where(is_zero(x0) & (x1 >= 0), 1.0, x0))",
        symbol="**",
        operator="pow",
    )
    maximum = Binary(
        "maximum(x0, x1)",
        gx0="where(x0 > x1, gy, where(x0 < x1, 0.0, gy / 2))",
        gx1="where(x1 > x0, gy, where(x1 < x0, 0.0, gy / 2))",
        symbol="max",
    )
    minimum = Binary(
        "minimum(x0, x1)",
        gx0="where(x0 < x1, gy, where(x0 > x1, 0.0, gy / 2))",
        gx1="where(x1 < x0, gy, where(x1 > x0, 0.0, gy / 2))",
        symbol="min",
    )
    select = Binary(
        "where(condition, x0, x1)",
        gx0="where(condition, gy, 0.0)",
        gx1="where(condition, 0.0, gy)",
        symbol="where",
        condition=True,
    )
    floor_divide = Binary("floor_divide(x0, x1)", gx0="0.0", gx1="0.0", symbol="//", operator="floordiv")
    remainder = Binary("remainder(x0, x1)", gx0="gy", gx1="-gy * floor_divide(x0, x1)", symbol="%", operator="mod")
    fmod = Binary("fmod(x0, x1)", gx0="gy", gx1="-gy * trunc(x0 / x1)")
    hypot = Binary("hypot(x0, x1)", gx0="gy * x0 / y", gx1="gy * x1 / y")
    arctan2 = Binary(  # the slope at (0, 0) is 0, as in PyTorch
        "arctan2(x0, x1)",
        gx0="gy * x1 / where(is_zero(x0) & is_zero(x1), 1.0, x0 * x0 + x1 * x1)",
        gx1="-gy * x0 / where(is_zero(x0) & is_zero(x1), 1.0, x0 * x0 + x1 * x1)",
    )
    logaddexp = Binary("logaddexp(x0, x1)", gx0="gy * sigmoid(x0 - x1)", gx1="gy * sigmoid(x1 - x0)")

    abs = Unary("abs(x)", gx="gy * sign(x)", symbol="| |", operator="abs")
    sign = Unary("sign(x)", gx="0.0")
    # Steps: flat between their jumps.
    floor = Unary("floor(x)", gx="0.0", symbol="⌊ ⌋")
    ceil = Unary("ceil(x)", gx="0.0", symbol="⌈ ⌉")
    trunc = Unary("trunc(x)", gx="0.0")
    rint = Unary("rint(x)", gx="0.0", symbol="round")
    square = Unary("x * x", gx="gy * 2 * x", symbol="x²")
    reciprocal = Unary("1 / x", gx="-gy * y * y", symbol="1/x")
    sqrt = Unary("sqrt(x)", gx="gy / (2 * y)", symbol="√")
    cbrt = Unary("cbrt(x)", gx="gy / (3 * y * y)", symbol="∛")
    exp = Unary("exp(x)", gx="gy * y")
    exp2 = Unary("exp2(x)", gx="gy * y * ln2")
    expm1 = Unary("expm1(x)", gx="gy * exp(x)")
    log = Unary("log(x)", gx="gy / x")
    log2 = Unary("log2(x)", gx="gy / (x * ln2)")
    log10 = Unary("log10(x)", gx="gy / (x * ln10)")
    log1p = Unary("log1p(x)", gx="gy / (1 + x)")
    sin = Unary("sin(x)", gx="gy * cos(x)")
    cos = Unary("cos(x)", gx="-gy * sin(x)")
    tan = Unary("tan(x)", gx="gy * (1 + y * y)")
    arcsin = Unary("arcsin(x)", gx="gy / sqrt(1 - x * x)")
    arccos = Unary("arccos(x)", gx="-gy / sqrt(1 - x * x)")
    arctan = Unary("arctan(x)", gx="gy / (1 + x * x)")
    sinh = Unary("sinh(x)", gx="gy * cosh(x)")
    cosh = Unary("cosh(x)", gx="gy * sinh(x)")
    tanh = Unary("tanh(x)", gx="gy * (1 - y * y)")
    arcsinh = Unary("arcsinh(x)", gx="gy / sqrt(x * x + 1)")
    arccosh = Unary("arccosh(x)", gx="gy / sqrt(x * x - 1)")
    arctanh = Unary("arctanh(x)", gx="gy / (1 - x * x)")
    erf = Unary("erf(x)", gx="gy * two_over_sqrt_pi * exp(-x * x)")
    bce_with_logits = Binary(
        "maximum(x0, 0.0) - x0 * x1 + log1p(exp(-abs(x0)))", gx0="gy * (sigmoid(x0) - x1)", gx1="-gy * x0"
    )
    bce = Binary(
        "-(x1 * maximum(log(x0), -100.0) + (1 - x1) * maximum(log1p(-x0), -100.0))",
        gx0="gy * (x0 - x1) / maximum((1 - x0) * x0, 1e-12)",
        gx1="gy * (maximum(log1p(-x0), -100.0) - maximum(log(x0), -100.0))",
    )
    erfc = Unary("erfc(x)", gx="-gy * two_over_sqrt_pi * exp(-x * x)")
    clip = Unary(
        "minimum(maximum(x, min), max)", gx="where((x < min) | (x > max), 0.0, gy)", min=-math.inf, max=math.inf
    )

    # exp never sees a positive number here, so neither form overflows at either end.
    sigmoid = Unary("exp(minimum(x, 0.0)) / (1 + exp(-abs(x)))", gx="gy * y * (1 - y)", symbol="σ")
    softplus = Unary("maximum(x, 0.0) + log1p(exp(-abs(x)))", gx="gy * sigmoid(x)")
    relu = Unary("maximum(x, 0.0)", gx="where(x > 0.0, gy, 0.0)")
    leaky_relu = Unary("where(x > 0.0, x, slope * x)", gx="where(x > 0.0, gy, gy * slope)", slope=0.01)
    elu = Unary(
        "where(x > 0.0, x, alpha * expm1(minimum(x, 0.0)))",
        gx="where(x > 0.0, gy, gy * alpha * exp(where(x < 0.0, x, 0.0)))",
        alpha=1.0,
    )
    selu = Unary(
        "selu_scale * where(x > 0.0, x, selu_alpha * expm1(minimum(x, 0.0)))",
        gx="gy * selu_scale * where(x > 0.0, 1.0, selu_alpha * exp(where(x < 0.0, x, 0.0)))",
    )
    silu = Unary("x * sigmoid(x)", gx="gy * sigmoid(x) * (1 + x * sigmoid(-x))")
    mish = Unary(
        "x * tanh(softplus(x))",
        gx="gy * (tanh(softplus(x)) + x * sigmoid(x) * (1 - tanh(softplus(x)) * tanh(softplus(x))))",
    )
    softsign = Unary("x / (1 + abs(x))", gx="gy / ((1 + abs(x)) * (1 + abs(x)))")
    hardtanh = Unary(
        "minimum(maximum(x, min_val), max_val)",
        gx="where((x > min_val) & (x < max_val), gy, 0.0)",
        min_val=-1.0,
        max_val=1.0,
    )
    prelu = Binary(
        "where(x0 > 0.0, x0, x1 * x0)", gx0="where(x0 > 0.0, gy, gy * x1)", gx1="where(x0 > 0.0, 0.0, gy * x0)"
    )
    # The probability that a normal number is below x. erfc keeps its digits where 1 + erf(x) would cancel.
    ndtr = Unary("0.5 * erfc(-x * sqrt_half)", gx="gy * inv_sqrt_2pi * exp(-0.5 * x * x)", symbol="Φ")
    gelu = Unary("x * ndtr(x)", gx="gy * (ndtr(x) + x * inv_sqrt_2pi * exp(-0.5 * x * x))")
    gelu_tanh = Unary(
        "x * sigmoid(2 * sqrt_2_over_pi * (x + 0.044715 * x * x * x))",
        gx="gy * sigmoid(2 * sqrt_2_over_pi * (x + 0.044715 * x * x * x))"
        " * (1 + x * sigmoid(-2 * sqrt_2_over_pi * (x + 0.044715 * x * x * x))"
        " * 2 * sqrt_2_over_pi * (1 + 3 * 0.044715 * x * x))",
    )

    if TYPE_CHECKING:
        # What `install` makes of the rows that name an operator.
        def __pos__(self) -> Self: ...
        def __neg__(self) -> Self: ...
        def __abs__(self) -> Self: ...
        def __add__(self, other: Any) -> Self: ...
        def __radd__(self, other: Any) -> Self: ...
        def __sub__(self, other: Any) -> Self: ...
        def __rsub__(self, other: Any) -> Self: ...
        def __mul__(self, other: Any) -> Self: ...
        def __rmul__(self, other: Any) -> Self: ...
        def __truediv__(self, other: Any) -> Self: ...
        def __rtruediv__(self, other: Any) -> Self: ...
        def __pow__(self, other: Any) -> Self: ...
        def __rpow__(self, other: Any) -> Self: ...
        def __floordiv__(self, other: Any) -> Self: ...
        def __rfloordiv__(self, other: Any) -> Self: ...
        def __mod__(self, other: Any) -> Self: ...
        def __rmod__(self, other: Any) -> Self: ...


TABLE.update({name: row for name, row in vars(ElementwiseMethods).items() if isinstance(row, Elementwise)})
NODES |= TABLE
fill_vocabulary(FLOATS, "on_floats")


def install(
    cls: type,
    unary: Callable[[Elementwise], Any],
    binary: Callable[[Elementwise], tuple[Any, Any]],
) -> None:
    """Give ``cls`` a method for every row: ``unary`` makes it from a row, ``binary`` makes it and its reflection."""
    for name, row in TABLE.items():
        method, reflected = binary(row) if len(row.gx_texts) == 2 else (unary(row), None)
        for function in filter(None, (method, reflected)):
            function.__doc__ = row.__doc__
            function.__name__ = name
            function.__qualname__ = f"{cls.__name__}.{name}"
        setattr(cls, name, method)
        if row.operator:
            setattr(cls, f"__{row.operator}__", method)
            if reflected is not None:
                setattr(cls, f"__r{row.operator}__", reflected)


# NumPy's name of a row, where it is another.
NUMPY_NAMES = {
    "positive": "identity",
    "negative": "neg",
    "absolute": "abs",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "power": "pow",
}
