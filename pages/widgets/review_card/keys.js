// Turns keys and clicks into what they mean.

const TEXT_FIELDS = "input, textarea, select, [contenteditable='true'], [role='combobox']";
const KEYS = {
  c: "confirm",
  f: "flip",
  o: "flipOther",
  u: "unsure",
  z: "undo",
  backspace: "undo",
  arrowright: "skip",
};

const VERDICTS = new Set(["confirm", "flip", "flipOther", "unsure"]);

class Gestures {
  constructor(view, reviewing) {
    Object.assign(this, { view, reviewing });
    this.listeners = new AbortController();
    const listen = (target, kind, handle) =>
      target.addEventListener(kind, handle, { signal: this.listeners.signal });
    const { refs } = view;
    listen(document, "keydown", (event) => this.onKey(event));
    listen(refs.card, "click", (event) => this.onClick(event));
    listen(refs.instead, "change", () => view.chooseInstead(Number(refs.instead.value)));
    listen(refs.discard, "click", () => reviewing.discardRejected());
  }

  stop() {
    this.listeners.abort();
  }

  onKey(event) {
    if (event.defaultPrevented || event.isComposing || event.repeat) return;
    const target = event.composedPath()[0];
    if (target instanceof Element && target.closest(TEXT_FIELDS)) return;
    const key = event.key.toLowerCase();
    const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
    if (hasModifier && !(key === "z" && !event.altKey && !event.shiftKey)) return;
    const name = KEYS[key];
    if (!name || (name === "skip" && !this.isOurs(target))) return;
    event.preventDefault();
    this.perform(name);
  }

  // Arrows belong to whatever else has the focus.
  isOurs(target) {
    return target === document.body || this.view.refs.card.contains(target);
  }

  onClick(event) {
    const name = event.target.closest("[data-do]")?.dataset.do;
    // The second click of a double click would decide a judgement that nobody has read.
    if (VERDICTS.has(name) && event.detail > 1) return;
    if (name) this.perform(name);
  }

  perform(name) {
    const { reviewing, view } = this;
    const item = reviewing.shown;
    const commands = {
      confirm: () => reviewing.decide("confirmed"),
      flip: () => this.flip(item),
      flipOther: () => this.flipOther(item),
      unsure: () => reviewing.decide("unsure"),
      undo: () => reviewing.undo(),
      skip: () => reviewing.skip(),
    };
    commands[name]();
    view.draw();
  }

  flip(item) {
    if (!item) return;
    const isChoice = this.reviewing.isExclusive && item.state === "present";
    const insteadId = isChoice ? this.view.insteadId(item) : null;
    if (isChoice && !insteadId) {
      this.view.say("Choose the label that applies instead first; then press f.");
      return;
    }
    this.reviewing.decide("flipped", { insteadId });
  }

  flipOther(item) {
    if (!item?.beside || this.reviewing.isExclusive) return;
    this.reviewing.decide("flipped", { isOther: true });
  }
}
