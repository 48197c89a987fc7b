// Everything up to here, in the link: the net, the seed, every change with its step, and the step. Training is exact, so a
// page that opens the link runs the same steps.

function encodedLink(content) {
  const bytes = new TextEncoder().encode(JSON.stringify(content));
  return `#run=${btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

/** What a link says, or null: anybody can write one. */
function decodedLink(hash, programs) {
  const match = /^#run=([\w-]+)$/.exec(hash);
  if (!match) return null;
  try {
    const text = atob(match[1].replaceAll("-", "+").replaceAll("_", "/"));
    const content = JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (c) => c.charCodeAt(0))));
    const isWhole = (x) => Number.isInteger(x) && x >= 0 && x < 1e6;
    const isSound = isWhole(content.net) && content.net < programs.length && isWhole(content.seed) && isWhole(content.step);
    return isSound && Array.isArray(content.changes) && content.changes.every(isChange) ? content : null;
  } catch {
    return null;
  }
}

function isChange(entry) {
  if (!Array.isArray(entry) || !Number.isInteger(entry[0]) || typeof entry[1] !== "object" || !entry[1]) return false;
  const { kind, value, name, spec, row } = entry[1];
  const isName = typeof name === "string" && /^[\p{L}\p{N}_]+$/u.test(name);
  if (kind === "setting" || kind === "weight") return isName && Number.isFinite(value);
  if (kind === "batch") return Number.isInteger(value) && value >= 0;
  if (kind === "hide") return typeof value === "boolean" && Number.isInteger(entry[1].layer) && Number.isInteger(entry[1].unit);
  if (kind === "data") return spec?.kind === "own" || (spec?.kind in SHAPES && spec.count > 1 && spec.count < 1e5 && spec.noise >= 0);
  return kind === "point" && Array.isArray(row) && row.every(Number.isFinite) && Number.isInteger(entry[1].index);
}
