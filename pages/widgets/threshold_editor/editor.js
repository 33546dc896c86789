// The component: curves, a handle on them, and the scores at the handle in words.
//
// It is called again at every run of the page. The page's value is taken over when it is
// another than the page's last one, and nobody is moving the handle meanwhile.

class Editor {
  constructor(root) {
    this.refs = {};
    for (const part of root.querySelectorAll("[data-ref]")) this.refs[part.dataset.ref] = part;
    this.scale = new Scale(600);
    this.svg = shape("svg");
    this.picture = shape("g", { "aria-hidden": "true" });
    this.field = shape("rect", { class: "field", fill: "transparent", y: 0, height: HEIGHT });
    this.spots = shape("g", { "aria-hidden": "true" });
    this.handle = new Handle((event) => this.thresholdAt(event), {
      onMove: (value) => this.show(value),
      onRelease: (value) => this.send({ scope: this.data.scope, threshold: value }),
    });
    // a mouse may press anywhere; a finger beside the handle scrolls the page
    this.field.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse") this.handle.take(event);
    });
    this.svg.append(this.picture, this.field, this.spots, this.handle.root);
    this.refs.plot.append(this.svg);
    this.watch = new ResizeObserver(() => this.fit());
  }

  use(data, setTriggerValue) {
    const isSame = this.data?.scope === data.scope;
    const isNews = !isSame || Math.abs(this.data.value - data.value) > 1e-9;
    this.data = data;
    this.send = (moved) => setTriggerValue("moved", moved);
    this.watch.observe(this.refs.plot);
    if (!isSame) this.handle.before = undefined;
    this.refs.what.textContent = data.what;
    this.refs.hint.textContent = data.hint;
    this.refs.plot.dataset.free = data.free ? "yes" : "no";
    this.handle.free(data.free);
    this.handle.root.setAttribute("aria-label", data.what);
    this.legend();
    this.scale = new Scale(this.refs.plot.clientWidth || this.scale.width);
    this.paint();
    this.show(isNews && !this.handle.isBusy ? data.value : this.handle.value);
  }

  fit() {
    const width = this.refs.plot.clientWidth;
    if (!this.data || !width || width === this.scale.width) return;
    this.scale = new Scale(width);
    this.paint();
    this.show(this.handle.value);
  }

  legend() {
    this.figures = this.data.series.map((one) => {
      const figure = Object.assign(document.createElement("span"), { className: "figure" });
      const interval = Object.assign(document.createElement("span"), { className: "interval" });
      const item = document.createElement("li");
      item.append(swatch(one), one.name, figure, interval);
      return { item, figure, interval };
    });
    this.refs.scores.replaceChildren(...this.figures.map(({ item }) => item));
  }

  paint() {
    const { data, scale } = this;
    this.svg.setAttribute("viewBox", `0 0 ${scale.width} ${HEIGHT}`);
    this.field.setAttribute("x", scale.x(0));
    this.field.setAttribute("width", scale.x(1) - scale.x(0));
    const parts = [...axes(scale, data.axis), ...curves(data, scale)];
    if (data.best) parts.push(star(data.best, data.series[0].colour, scale));
    if (data.in_force !== null) parts.push(...mark(data.in_force, data.in_force_words, scale));
    this.picture.replaceChildren(...parts);
  }

  show(value) {
    const { data, scale } = this;
    const i = nearest(data.grid, value);
    this.refs.value.textContent = told(value);
    data.series.forEach((one, n) => {
      this.figures[n].figure.textContent = two(one.values[i]);
      const isKnown = n === 0 && data.band && data.band.low[i] !== null;
      this.figures[n].interval.textContent = isKnown
        ? `(${two(data.band.low[i])} to ${two(data.band.high[i])})`
        : "";
    });
    this.spots.replaceChildren(...this.spotsAt(scale.x(value), i));
    const scores = data.series.map((one) => `${one.name} ${two(one.values[i])}`).join(", ");
    this.handle.place(value, scale.x(value), `threshold ${told(value)}, ${scores}`);
  }

  spotsAt(x, i) {
    const { series, band } = this.data;
    const parts = [];
    if (band && band.low[i] !== null) {
      const ends = { y1: this.scale.y(band.low[i]), y2: this.scale.y(band.high[i]) };
      parts.push(shape("line", { class: "whisker", x1: x, x2: x, ...ends, stroke: series[0].colour }));
    }
    for (const one of [...series].reverse()) {
      if (one.values[i] === null) continue;
      const place = { cx: x, cy: this.scale.y(one.values[i]), r: 4.5 };
      parts.push(shape("circle", { class: "spot", ...place, fill: one.colour }));
    }
    return parts;
  }

  thresholdAt(event) {
    const box = this.svg.getBoundingClientRect();
    return this.scale.threshold(((event.clientX - box.left) / box.width) * this.scale.width);
  }

  leave() {
    this.watch.disconnect();
    this.handle.stop();
  }
}

const editors = new WeakMap();

export default function thresholdEditor({ data, parentElement, setTriggerValue }) {
  if (!editors.has(parentElement)) editors.set(parentElement, new Editor(parentElement));
  const editor = editors.get(parentElement);
  editor.use(data, setTriggerValue);
  return () => {
    editor.leave();
    editors.delete(parentElement);
  };
}
