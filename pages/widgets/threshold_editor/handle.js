// The handle: dragged by pointer or finger, moved by keys; tells of every move, and of the last.

const STEP = 0.01;
const LEAST = 0.01;
const MOST = 0.99;
const KEY_PAUSE_MS = 500; // between two presses that belong together

const KEYS = {
  ArrowLeft: (at) => at - STEP,
  ArrowDown: (at) => at - STEP,
  ArrowRight: (at) => at + STEP,
  ArrowUp: (at) => at + STEP,
  PageDown: (at) => at - 5 * STEP,
  PageUp: (at) => at + 5 * STEP,
  Home: () => LEAST,
  End: () => MOST,
};

const snapped = (value) => Math.min(MOST, Math.max(LEAST, Math.round(value / STEP) * STEP));

class Handle {
  constructor(thresholdAt, { onMove, onRelease }) {
    this.thresholdAt = thresholdAt; // of a pointer event
    this.onMove = onMove;
    this.onRelease = onRelease;
    this.isFree = true;
    this.root = shape("g", { class: "handle", role: "slider", tabindex: "0" });
    this.root.setAttribute("aria-orientation", "horizontal");
    this.root.setAttribute("aria-valuemin", String(LEAST));
    this.root.setAttribute("aria-valuemax", String(MOST));
    this.root.setAttribute("data-ref", "handle");
    this.root.append(
      shape("rect", { class: "reach", x: -22, width: 44, y: 0, height: HEIGHT - 16 }),
      shape("line", { class: "stem", x1: 0, x2: 0, y1: ROOM.top, y2: HEIGHT - ROOM.bottom }),
      shape("circle", { class: "ring", cx: 0, cy: HEIGHT - ROOM.bottom, r: 15 }),
      shape("circle", { class: "grip", cx: 0, cy: HEIGHT - ROOM.bottom, r: 10 }),
      ...[-3, 3].map((x) => {
        const [y1, y2] = [HEIGHT - ROOM.bottom - 4, HEIGHT - ROOM.bottom + 4];
        return shape("line", { class: "notch", x1: x, x2: x, y1, y2 });
      }),
    );
    this.root.addEventListener("pointerdown", (event) => this.take(event));
    // where touch-action is not heeded inside a picture, the page would scroll instead
    this.root.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    this.root.addEventListener("pointermove", (event) => this.drag(event));
    this.root.addEventListener("pointerup", () => this.letGo());
    this.root.addEventListener("pointercancel", () => this.giveUp());
    this.root.addEventListener("keydown", (event) => this.press(event));
    this.root.addEventListener("keyup", () => this.settleSoon());
    this.root.addEventListener("blur", () => this.settle());
  }

  get isBusy() {
    return this.before !== undefined;
  }

  free(isFree) {
    this.isFree = isFree;
    this.root.setAttribute("aria-disabled", String(!isFree));
  }

  place(value, x, words) {
    this.value = value;
    this.root.setAttribute("transform", `translate(${x.toFixed(1)} 0)`);
    this.root.setAttribute("aria-valuenow", told(value));
    this.root.setAttribute("aria-valuetext", words);
  }

  take(event) {
    if (!this.isFree || event.button !== 0) return;
    event.preventDefault();
    this.root.focus({ preventScroll: true });
    this.root.setPointerCapture(event.pointerId);
    this.root.dataset.held = "yes";
    this.before ??= this.value;
    this.isDragged = true;
    if (event.currentTarget !== this.root) this.drag(event);
  }

  drag(event) {
    if (this.isDragged) this.move(this.thresholdAt(event));
  }

  letGo() {
    if (!this.isDragged) return;
    this.isDragged = false;
    delete this.root.dataset.held;
    this.settle();
  }

  press(event) {
    if (event.key === "Escape" && this.isBusy) {
      event.stopPropagation();
      this.giveUp();
      return;
    }
    const next = KEYS[event.key];
    if (!next || !this.isFree || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    clearTimeout(this.timer);
    this.before ??= this.value;
    this.move(next(this.value));
  }

  move(value) {
    this.onMove(snapped(value));
  }

  settleSoon() {
    clearTimeout(this.timer);
    if (this.isBusy && !this.isDragged) this.timer = setTimeout(() => this.settle(), KEY_PAUSE_MS);
  }

  settle() {
    clearTimeout(this.timer);
    if (!this.isBusy || this.isDragged) return;
    const before = this.before;
    this.before = undefined;
    if (Math.abs(before - this.value) > 1e-9) this.onRelease(this.value);
  }

  giveUp() {
    clearTimeout(this.timer);
    this.isDragged = false;
    delete this.root.dataset.held;
    if (this.isBusy) this.onMove(this.before);
    this.before = undefined;
  }

  stop() {
    clearTimeout(this.timer);
  }
}
