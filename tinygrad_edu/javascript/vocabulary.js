// The words of the operation table that JavaScript lacks, or defines in another way than NumPy.

/** x0 ** x1. One to any power is 1, and so is -1 to an infinite power, where Math.pow says NaN. */
function power(x0, x1) {
  if (x0 === 1 || (x0 === -1 && (x1 === Infinity || x1 === -Infinity))) return 1;
  return Math.pow(x0, x1);
}

/** The larger number, or the first NaN. Math.max orders -0 before 0; here the second of two equal numbers is taken. */
function maximum(x0, x1) {
  return x0 > x1 || x0 !== x0 ? x0 : x1;
}

/** The smaller number, or the first NaN. */
function minimum(x0, x1) {
  return x0 < x1 || x0 !== x0 ? x0 : x1;
}

/** -1, 0 or 1, without a negative zero. */
function sign(x) {
  return x !== x ? x : Number(x > 0) - Number(x < 0);
}

/** log(exp(x0) + exp(x1)), without overflow. */
function logaddexp(x0, x1) {
  if (x0 === x1) return x0 + Math.LN2; // two infinities of one sign have no difference
  return Math.max(x0, x1) + Math.log1p(Math.exp(-Math.abs(x0 - x1)));
}

/** The nearest whole number; of two equally near ones the even one. */
function nearestEven(x) {
  const below = Math.floor(x);
  const rest = x - below;
  if (!Number.isFinite(x) || rest === 0) return x;
  const y = rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
  return y === 0 && x < 0 ? -0 : y;
}

/** x0 - x1 * n for the whole number n towards zero: it has the sign of x0. */
function truncatedRemainder(x0, x1) {
  return x0 % x1;
}

/** x0 - x1 * n for the whole number n below x0 / x1: it has the sign of x1. */
function flooredRemainder(x0, x1) {
  const y = x0 % x1;
  if (y === 0) return x1 < 0 || Object.is(x1, -0) ? -0 : 0;
  return y < 0 !== x1 < 0 ? y + x1 : y;
}

/** The whole number below x0 / x1, in agreement with the remainder. */
function flooredQuotient(x0, x1) {
  if (x1 === 0) return x0 / x1;
  const y = x0 % x1;
  const quotient = (x0 - y) / x1 - Number(y !== 0 && y < 0 !== x1 < 0);
  if (quotient === 0) return x0 / x1 < 0 || Object.is(x0 / x1, -0) ? -0 : 0;
  const below = Math.floor(quotient);
  return quotient - below > 0.5 ? below + 1 : below;
}

// The error function by its power series near 0:  erf(x) = 2/√π · Σ (-1)ⁿ x²ⁿ⁺¹ / (n! (2n+1)).
const ERF_SERIES = [];
for (let n = 0, factorial = 1; n < 20; n += 1, factorial *= n) {
  ERF_SERIES.push((n % 2 ? -1 : 1) / (factorial * (2 * n + 1)));
}
const TWO_OVER_SQRT_PI = 1.1283791670955126;

function erfNearZero(x) {
  const square = x * x;
  let sum = 0;
  for (let n = ERF_SERIES.length - 1; n >= 0; n -= 1) sum = sum * square + ERF_SERIES[n];
  return TWO_OVER_SQRT_PI * x * sum;
}

// (1 + 2x) exp(x²) erfc(x) for x >= 0, as a Chebyshev series in t = (x - 3.75) / (x + 3.75): the form of Shepherd and
// Laframboise, "Chebyshev approximation of (1 + 2x) exp(x²) erfc x" (1981). These coefficients were computed with 50
// digits.
const ERFC_SERIES = [
  1.1775789345674017, -0.004590054580646478, -0.08424913336651792, 0.05920993999819189, -0.026658668435305753,
  0.009074997670705265, -0.002413163540417608, 0.0004907758365258086, -6.916973302501207e-5, 4.13902798607301e-6,
  7.74038306619849e-7, -2.1886401049234397e-7, 1.076499946567091e-8, 4.521959811218287e-9, -7.754400208831351e-10,
  -6.318088340886684e-11, 2.86879501093067e-11, 1.9455868545777347e-13, -9.65469674843344e-13, 3.25254814814874e-14,
  3.3478119482868056e-14, -1.864562880419313e-15, -1.2507950530688648e-15, 7.418235256624044e-17,
  5.068148904796111e-17,
];

function erfcOfLarge(x) {
  const t = (x - 3.75) / (x + 3.75);
  let b1 = 0;
  let b2 = 0;
  for (let n = ERFC_SERIES.length - 1; n > 0; n -= 1) {
    const b0 = 2 * t * b1 - b2 + ERFC_SERIES[n];
    b2 = b1;
    b1 = b0;
  }
  const scaled = (t * b1 - b2 + ERFC_SERIES[0]) / (1 + 2 * x);
  const head = Math.fround(x); // head² is exact, so that the rounding of x² does not grow in exp
  return Math.exp(-head * head) * Math.exp((head - x) * (head + x)) * scaled;
}

/** The error function. */
function erf(x) {
  const size = Math.abs(x);
  if (size < 1) return erfNearZero(x);
  if (size > 6) return Math.sign(x);
  return x !== x ? x : Math.sign(x) * (1 - erfcOfLarge(size));
}

/** 1 - erf(x), with all its digits. */
function erfc(x) {
  if (x < -6) return 2;
  if (x > 28) return 0;
  if (x < -0.5) return 1 + erf(-x);
  return x < 0.5 ? 1 - erfNearZero(x) : erfcOfLarge(x);
}

/** The probability that a normal number is below x. */
function ndtr(x) {
  return 0.5 * erfc(-x * Math.SQRT1_2);
}
