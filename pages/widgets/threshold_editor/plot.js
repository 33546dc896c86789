// The curves as SVG. Everything but the handle is drawn anew when data or width change.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 300;
const ROOM = { left: 34, right: 14, top: 18, bottom: 46 };

function shape(name, attributes = {}, words = null) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (words !== null) made.textContent = words;
  return made;
}

const two = (value) => (value === null || value === undefined ? "–" : value.toFixed(2));

// A threshold under 0.1 needs a third decimal to be told from its neighbours.
const told = (threshold) => threshold.toFixed(threshold < 0.0995 && threshold > 0 ? 3 : 2);

function nearest(grid, value) {
  let best = 0;
  grid.forEach((at, i) => {
    if (Math.abs(at - value) < Math.abs(grid[best] - value)) best = i;
  });
  return best;
}

class Scale {
  constructor(width) {
    this.width = Math.max(width, 200);
  }

  x(value) {
    return ROOM.left + value * (this.width - ROOM.left - ROOM.right);
  }

  y(value) {
    return HEIGHT - ROOM.bottom - value * (HEIGHT - ROOM.top - ROOM.bottom);
  }

  threshold(pixels) {
    return (pixels - ROOM.left) / (this.width - ROOM.left - ROOM.right);
  }
}

// A path that lifts the pen where a score is undefined.
function pathOf(grid, values, scale) {
  let isDown = false;
  return grid
    .map((at, i) => {
      if (values[i] === null) {
        isDown = false;
        return "";
      }
      const step = `${isDown ? "L" : "M"}${scale.x(at).toFixed(1)} ${scale.y(values[i]).toFixed(1)}`;
      isDown = true;
      return step;
    })
    .join("");
}

function areaOf(grid, low, high, scale) {
  const known = grid.map((_, i) => i).filter((i) => low[i] !== null && high[i] !== null);
  if (known.length < 2) return "";
  const point = (values) => (i) => `${scale.x(grid[i]).toFixed(1)} ${scale.y(values[i]).toFixed(1)}`;
  return `M${known.map(point(high)).join("L")}L${known.reverse().map(point(low)).join("L")}Z`;
}

function axes(scale, words) {
  const parts = [];
  for (const at of [0, 0.25, 0.5, 0.75, 1]) {
    const y = scale.y(at);
    parts.push(shape("line", { class: "rule", x1: scale.x(0), x2: scale.x(1), y1: y, y2: y }));
    parts.push(shape("text", { x: scale.x(0) - 6, y: y + 4, "text-anchor": "end" }, at.toFixed(2)));
  }
  for (const at of [0, 0.2, 0.4, 0.6, 0.8, 1]) {
    const place = { x: scale.x(at), y: HEIGHT - ROOM.bottom + 28, "text-anchor": "middle" };
    parts.push(shape("text", place, at.toFixed(1)));
  }
  const title = { x: scale.x(0.5), y: HEIGHT - 3, "text-anchor": "middle" };
  parts.push(shape("text", title, words));
  return parts;
}

function curves({ grid, series, band }, scale) {
  const parts = [];
  if (band) {
    const d = areaOf(grid, band.low, band.high, scale);
    parts.push(shape("path", { class: "band", d, fill: series[0].colour }));
  }
  for (const one of [...series].reverse()) {
    parts.push(
      shape("path", {
        class: "curve",
        d: pathOf(grid, one.values, scale),
        stroke: one.colour,
        "stroke-width": one.width,
        "stroke-dasharray": one.dash,
      }),
    );
  }
  return parts;
}

function mark(value, words, scale) {
  const x = scale.x(value);
  const isRight = value > 0.6; // words stay inside the picture
  return [
    shape("line", { class: "in-force", x1: x, x2: x, y1: scale.y(1.0), y2: scale.y(0) }),
    shape(
      "text",
      { x: x + (isRight ? -4 : 4), y: ROOM.top - 6, "text-anchor": isRight ? "end" : "start" },
      words,
    ),
  ];
}

function star(best, colour, scale) {
  const [x, y] = [scale.x(best.at), scale.y(best.score)];
  const points = Array.from({ length: 10 }, (_, i) => {
    const [reach, turn] = [i % 2 ? 3.4 : 8, (Math.PI * i) / 5];
    return `${(x + reach * Math.sin(turn)).toFixed(1)},${(y - reach * Math.cos(turn)).toFixed(1)}`;
  });
  return shape("polygon", { class: "spot", points: points.join(" "), fill: colour });
}

function swatch({ colour, dash, width }) {
  const drawn = shape("svg", { "aria-hidden": "true", viewBox: "0 0 26 8" });
  const look = { class: "swatch", stroke: colour, "stroke-dasharray": dash, "stroke-width": width };
  drawn.append(shape("line", { ...look, x1: 0, x2: 26, y1: 4, y2: 4 }));
  return drawn;
}
