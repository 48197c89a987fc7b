// Windows that move over an array: convolution and pooling, in any number of dimensions. The axes are (n, channels,
// ...lengths), those of a weight (out channels, channels of a group, ...size).

/** Where each entry of each window is within the lengths, -1 in the margin; entry k of window p is at k * count + p. */
function windowPlaces(lengths, { size, stride, padding, dilation }) {
  const places = lengths.map(
    (n, a) => Math.floor((n + padding[a][0] + padding[a][1] - dilation[a] * (size[a] - 1) - 1) / stride[a]) + 1,
  );
  const [entries, count] = [sizeOf(size), sizeOf(places)];
  const at = new Int32Array(entries * count);
  const [sizeSteps, placeSteps, steps] = [size, places, lengths].map(stridesOf);
  for (let k = 0; k < entries; k += 1) {
    for (let p = 0; p < count; p += 1) {
      let place = 0;
      for (let a = 0; a < lengths.length && place >= 0; a += 1) {
        const within = Math.floor(k / sizeSteps[a]) % size[a];
        const i = (Math.floor(p / placeSteps[a]) % places[a]) * stride[a] + within * dilation[a] - padding[a][0];
        place = i < 0 || i >= lengths[a] ? -1 : place + i * steps[a];
      }
      at[k * count + p] = place;
    }
  }
  return { at, entries, count, places };
}

/**
 * Call `visit(x, w, y)` for each product of a convolution: the places of its factors and of what it is added to, for
 * an input of these lengths.
 */
function eachProduct(n, weightShape, lengths, settings, visit) {
  const { groups } = settings;
  const [outputs, inputs, ...size] = weightShape;
  const { at, entries, count } = windowPlaces(lengths, { ...settings, size });
  const plane = sizeOf(lengths);
  for (let i = 0; i < n; i += 1) {
    for (let o = 0; o < outputs; o += 1) {
      const group = Math.floor(o / (outputs / groups));
      for (let c = 0; c < inputs; c += 1) {
        const from = (i * inputs * groups + group * inputs + c) * plane;
        for (let k = 0; k < entries; k += 1) {
          const w = (o * inputs + c) * entries + k;
          for (let p = 0; p < count; p += 1) {
            const place = at[k * count + p];
            if (place >= 0) visit(from + place, w, (i * outputs + o) * count + p);
          }
        }
      }
    }
  }
}

function convolve(x, w, settings) {
  const lengths = x.shape.slice(2);
  const { places } = windowPlaces(lengths, { ...settings, size: w.shape.slice(2) });
  const y = full([x.shape[0], w.shape[0], ...places], 0, promoted(x, w));
  eachProduct(x.shape[0], w.shape, lengths, settings, (i, k, p) => (y.data[p] += x.data[i] * w.data[k]));
  return y;
}

function convolve_input(gy, w, { lengths, ...settings }) {
  const gx = full([gy.shape[0], w.shape[1] * settings.groups, ...lengths], 0, promoted(gy, w));
  eachProduct(gy.shape[0], w.shape, lengths, settings, (i, k, p) => (gx.data[i] += gy.data[p] * w.data[k]));
  return gx;
}

function convolve_weight(x, gy, { size, ...settings }) {
  const gw = full([gy.shape[1], x.shape[1] / settings.groups, ...size], 0, promoted(x, gy));
  eachProduct(x.shape[0], gw.shape, x.shape.slice(2), settings, (i, k, p) => (gw.data[k] += x.data[i] * gy.data[p]));
  return gw;
}

/** All windows, whose entries are the first axis. */
function take_windows(x, settings) {
  const [n, channels, ...lengths] = x.shape;
  const { at, entries, count, places } = windowPlaces(lengths, settings);
  const out = empty([entries, n, channels, ...places], x.dtype);
  const plane = sizeOf(lengths);
  for (let k = 0; k < entries; k += 1) {
    for (let c = 0; c < n * channels; c += 1) {
      for (let p = 0; p < count; p += 1) {
        const place = at[k * count + p];
        out.data[(k * n * channels + c) * count + p] = place < 0 ? 0 : x.data[c * plane + place];
      }
    }
  }
  return out;
}

/** Zeros of these lengths, to which every entry of a window is added where `take_windows` takes it. */
function add_windows(windows, { lengths, ...settings }) {
  const [, n, channels] = windows.shape;
  const { at, entries, count } = windowPlaces(lengths, settings);
  const out = full([n, channels, ...lengths], 0, windows.dtype);
  const plane = sizeOf(lengths);
  for (let k = 0; k < entries; k += 1) {
    for (let c = 0; c < n * channels; c += 1) {
      for (let p = 0; p < count; p += 1) {
        const place = at[k * count + p];
        if (place >= 0) out.data[c * plane + place] += windows.data[(k * n * channels + c) * count + p];
      }
    }
  }
  return out;
}

/** Call `visit(y, k, x)` for each entry k of each window: the places of the window and of the entry, -1 in the margin. */
function eachEntry(shape, settings, visit) {
  const [n, channels, ...lengths] = shape;
  const { at, entries, count, places } = windowPlaces(lengths, settings);
  const plane = sizeOf(lengths);
  for (let c = 0; c < n * channels; c += 1) {
    for (let k = 0; k < entries; k += 1) {
      for (let p = 0; p < count; p += 1) {
        const place = at[k * count + p];
        visit(c * count + p, k, place < 0 ? -1 : c * plane + place);
      }
    }
  }
  return places;
}

const pooledShape = (shape, settings) => [...shape.slice(0, 2), ...windowPlaces(shape.slice(2), settings).places];

/** The largest entry of each window; a margin is never among them. */
function largest_of_window(x, settings) {
  const out = full(pooledShape(x.shape, settings), -Infinity, x.dtype);
  eachEntry(x.shape, settings, (y, _, i) => {
    if (i >= 0 && (x.data[i] > out.data[y] || x.data[i] !== x.data[i])) out.data[y] = x.data[i];
  });
  return out;
}

/** The number of the largest entry of each window, the first of equal ones. */
function winners_of(x, size, stride, padding, dilation) {
  const settings = { size, stride, padding, dilation };
  const shape = pooledShape(x.shape, settings);
  const [best, winners] = [full(shape, -Infinity, x.dtype), full(shape, 0, "int64")];
  eachEntry(x.shape, settings, (y, k, i) => {
    if (i < 0 || !(x.data[i] > best.data[y] || x.data[i] !== x.data[i])) return;
    [best.data[y], winners.data[y]] = [x.data[i], k];
  });
  return winners;
}

/** From each window, the entry that has the winner's number. */
function pick(x, { winners, ...settings }) {
  const out = full(winners.shape, 0, x.dtype);
  eachEntry(x.shape, settings, (y, k, i) => {
    if (winners.data[y] === k && i >= 0) out.data[y] = x.data[i];
  });
  return out;
}

/** Zeros of these lengths, to which each number is added where `pick` takes it. */
function put(gy, { winners, lengths, ...settings }) {
  const out = full([...gy.shape.slice(0, 2), ...lengths], 0, gy.dtype);
  eachEntry(out.shape, settings, (y, k, i) => {
    if (winners.data[y] === k && i >= 0) out.data[i] += gy.data[y];
  });
  return out;
}
