// A sample's own passes: the player's page, with this moment's weights and that sample's numbers in its link.

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
