// A sample: what the net answers, and its own passes in the player's page, with this moment's weights and that sample's
// numbers in its link.

/** The class that the net answers with its `count` outputs in `z` from place `from` on. */
function answered(z, form, from = 0, count = z.length) {
  if (count === 1) return Number(z[from] > form.center);
  let best = 0;
  for (let k = 1; k < count; k += 1) if (z[from + k] > z[from + best]) best = k;
  return form.outputs[best];
}

/** The net's outputs for a sample of class `label` in words; logits also as probabilities. */
function answerText(outputs, form, label) {
  const { classes } = form;
  const texts = (numbers, digits) => numbers.map((x) => numberText(x, digits)).join(", ");
  const several = outputs.length > 1;
  let given = texts(outputs);
  if (form.logits && several) {
    const top = Math.max(...outputs);
    const parts = outputs.map((z) => Math.exp(z - top));
    const sum = parts.reduce((a, b) => a + b);
    given = `the logits ${given}: probabilities ${texts(parts.map((x) => x / sum), 3)} (softmax)`;
  } else if (form.logits) {
    given = `the logit ${given}: probability ${numberText(1 / (1 + Math.exp(-outputs[0])), 3)} of class ${classes[1]}`;
  }
  const best = answered(outputs, form);
  const verdict = best === label ? "right" : `wrong: the sample is of class ${classes[label]}`;
  return `The net gives ${given}. Its answer, ${best in classes ? `class ${classes[best]}` : "an output without a class"}, is ${verdict}.`;
}

/** The page that Python packed, as text. */
async function unpacked(base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
}

/** The numbers of a moment by the names that the player's link has for them. */
function sampleFragment({ state }, layers, names, row, target) {
  const parts = [["step", 0], ...names.map((name, i) => [name, row[i]]), ["y", target]];
  layers.forEach((layer, k) => {
    const { data } = state[layer.weight];
    for (let i = 0; i < layer.inputs; i += 1) {
      for (let j = 0; j < layer.units; j += 1) parts.push([`W${k + 1}[${i},${j}]`, data[i * layer.units + j]]);
    }
    for (let j = 0; j < layer.units; j += 1) parts.push([`b${k + 1}[${j}]`, state[layer.bias]?.data[j] ?? 0]);
  });
  return `#${parts.map(([key, x]) => `${encodeURIComponent(key)}=${x}`).join("&")}`;
}
