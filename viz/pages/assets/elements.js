// Elements of the page, made of names, attributes and children.

const SVG = "http://www.w3.org/2000/svg";

/** A new element with attributes and children; strings become text, so that no label is ever read as markup. */
function make(name, attributes = {}, ...children) {
  const svg = ["svg", "g", "rect", "path", "text", "tspan", "title", "circle", "line", "polyline"].includes(name);
  const element = svg ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** A text cut to what fits into `width`. */
function cut(text, width, size = 7.4) {
  const room = Math.max(3, Math.floor(width / size));
  const letters = [...text];
  return letters.length <= room ? text : `${letters.slice(0, room - 1).join("")}…`;
}
