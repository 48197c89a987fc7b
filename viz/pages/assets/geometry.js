// Curves between boxes.

/** The points of a curve from the box `a` to the box `b`, by way of `bends` [left, right, y]. */
function curve(a, b, bends = [], shift = 0) {
  let from = [a[0] + a[2], a[1] + a[3] / 2 + shift];
  const points = [from];
  const to = (x, y) => {
    const reach = Math.max(x > from[0] ? 0 : 24, Math.abs(x - from[0]) / 2);
    points.push([from[0] + reach, from[1]], [x - reach, y], [x, y]);
    from = [x, y];
  };
  for (const [left, right, y] of bends) {
    to(left, y);
    if (right > left) to(right, y);
  }
  to(b[0] - 2, b[1] + b[3] / 2 + shift);
  return points;
}

/** SVG path data of a chain of cubic curves through `points`. */
function pathData(points) {
  const text = points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`);
  return `M${text[0]}C${text.slice(1).join(" ")}`;
}

/** The point in the middle of a chain of cubic curves. */
function middleOf(points) {
  const segments = (points.length - 1) / 3;
  const at = 3 * Math.floor(segments / 2);
  if (segments % 2 === 0) return points[at];
  const [a, b, c, d] = points.slice(at, at + 4);
  return [0, 1].map((i) => (a[i] + 3 * b[i] + 3 * c[i] + d[i]) / 8);
}
