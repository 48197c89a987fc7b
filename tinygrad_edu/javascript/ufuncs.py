"""NumPy's functions of single numbers as JavaScript, each with its own loop.

One loop for all functions, with a call for each entry, would be shorter. But V8 does not inline such a call, and a
number that is passed to a function is on the heap: the loop takes several times as long.
"""

import textwrap

from tinygrad_edu.javascript.rows import VOCABULARY, word

_UNARY = """
function NAME(a) {
  if (!isArray(a)) return ((x) => BODY)(a);
  const out = empty(a.shape, TYPE);
  const [X, Y] = [a.data, out.data];
  for (let i = 0; i < Y.length; i += 1) {
    const x = X[i];
    Y[i] = BODY;
  }
  return out;
}"""
# `paired` says where the entries of each operand are: they advance along a row, and from row to row.
_BINARY = """
function NAME(a, b) {
  if (!isArray(a) && !isArray(b)) return ((x, y) => BODY)(a, b);
  const { out, X, Y, length, alongX, alongY, rowX, rowY } = paired(a, b, TYPE);
  const Z = out.data;
  for (let start = 0, p = 0, q = 0; start < Z.length; start += length, p += rowX, q += rowY) {
    for (let i = 0, k = p, l = q; i < length; i += 1, k += alongX, l += alongY) {
      const x = X[k];
      const y = Y[l];
      Z[start + i] = BODY;
    }
  }
  return out;
}"""

_WORDS = "sqrt cbrt exp exp2 expm1 log log1p log2 log10 sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh"
_FLOATS = {name: word(name, "x") for name in (*_WORDS.split(), "arctanh", "erf", "erfc", "ndtr")}
_FLOATS |= {"reciprocal": "1 / x", "floor": "Math.floor(x)", "ceil": "Math.ceil(x)", "rint": word("rint", "x")}
_SAME = {"positive": "x", "negative": "-x", "absolute": "Math.abs(x)", "square": "x * x", "sign": "sign(x)"}
_SAME |= {"trunc": "Math.trunc(x)"}
_TESTS = {"isfinite": "Number.isFinite(x)", "isnan": "x !== x", "isinf": "x === Infinity || x === -Infinity"}
_TESTS |= {"invert": "!x", "logical_not": "!x"}
_PAIRS = {"add": "x + y", "subtract": "x - y", "multiply": "x * y", "floor_divide": "Math.floor(x / y)"}
_PAIRS |= {"remainder": "modulo(x, y)"} | {name: f"{name}(x, y)" for name in ("power", "maximum", "minimum")}
_FLOAT_PAIRS = {"divide": "x / y", "logaddexp": "logaddexp(x, y)"}
_FLOAT_PAIRS |= {name: word(name, "x, y") for name in ("hypot", "arctan2")}
_FLOAT_PAIRS |= {"copysign": "y < 0 || Object.is(y, -0) ? -Math.abs(x) : Math.abs(x)"}
_COMPARISONS = {"equal": "x === y", "not_equal": "x !== y", "less": "x < y", "less_equal": "x <= y"}
_COMPARISONS |= {"greater": "x > y", "greater_equal": "x >= y"}
# Of integers, the bitwise ones are others: the emitter refuses them.
_COMPARISONS |= dict.fromkeys(("bitwise_and", "logical_and"), "x && y")
_COMPARISONS |= dict.fromkeys(("bitwise_or", "logical_or"), "x || y") | {"bitwise_xor": "!x !== !y"}

# Template, type of the result, and what is computed of the entries x and y.
_TABLE: dict[str, tuple[str, str, str]] = {
    **{name: (_UNARY, "floating(a)", body) for name, body in _FLOATS.items()},
    **{name: (_UNARY, "counted(a)", body) for name, body in _SAME.items()},
    **{name: (_UNARY, '"bool"', body) for name, body in _TESTS.items()},
    **{name: (_BINARY, "promoted(a, b)", body) for name, body in _PAIRS.items()},
    **{name: (_BINARY, "floating(a, b)", body) for name, body in _FLOAT_PAIRS.items()},
    **{name: (_BINARY, '"bool"', body) for name, body in _COMPARISONS.items()},
}
UFUNCS = frozenset(_TABLE)


def ufuncs_source() -> str:
    """The object ``ufuncs`` with all of them."""
    texts = [
        template.replace("NAME", name).replace("TYPE", kind).replace("BODY", body).removeprefix("\n")
        for name, (template, kind, body) in _TABLE.items()
    ]
    functions = textwrap.indent("\n".join(texts), "  ")
    # These have the names of the vocabulary's functions, which they call: so they get a prefix.
    for name in VOCABULARY:
        functions = functions.replace(f"function {name}(", f"function np_{name}(")
    offered = ", ".join(f"{name}: np_{name}" if name in VOCABULARY else name for name in _TABLE)
    return f"const ufuncs = (() => {{\n{functions}\n  return {{ {offered} }};\n}})();\n"
