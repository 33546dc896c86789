// Turns keys, clicks and touches into what they mean.

const TEXT_FIELDS = "input, textarea, select, [contenteditable='true'], [role='combobox']";
const CONTROLS = "a, button, summary, [role='button'], [role='tab'], [role='option'], [tabindex='0']";
const MOVES = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
const LETTERS = { s: "skip", z: "undo", b: "back", u: "unsure", h: "suggestions", "?": "help", ".": "why" };

class Gestures {
  constructor(view, judging) {
    Object.assign(this, { view, judging });
    this.listeners = new AbortController();
    const listen = (target, kind, handle) =>
      target.addEventListener(kind, handle, { signal: this.listeners.signal });
    const { refs } = view;
    listen(document, "keydown", (event) => this.onKey(event));
    listen(refs.chips, "click", (event) => this.onChip(event));
    listen(refs.chips, "focusin", (event) => this.onFocus(event));
    listen(refs.choices, "click", (event) => this.onChoice(event));
    listen(refs.card, "click", (event) => this.onCommand(event));
    listen(refs.filter, "input", () => view.filterLabels());
    listen(refs.suggest, "change", () => view.toggleSuggestions());
    listen(refs.goOn, "change", () => view.toggleGoingOn());
    listen(refs.discard, "click", () => judging.discardRejected());
  }

  stop() {
    this.listeners.abort();
  }

  // ---- keys ----

  onKey(event) {
    const { refs } = this.view;
    if (event.defaultPrevented || event.isComposing || refs.dialog.open) return;
    const target = event.composedPath()[0];
    if (target === refs.filter) return this.onFilterKey(event);
    if (target instanceof Element && !refs.switches.contains(target) && target.closest(TEXT_FIELDS)) return;
    this.judging.touchedAt = Date.now();
    const meaning = this.meaning(event, target);
    if (!meaning) return;
    event.preventDefault();
    if (!event.repeat || meaning.mayRepeat) meaning.act();
  }

  meaning(event, target) {
    const { key } = event;
    const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
    if (hasModifier) {
      const isUndo = key.toLowerCase() === "z" && !event.altKey && !event.shiftKey;
      return isUndo ? this.command("undo") : null;
    }
    if (MOVES[key]) return this.movement(key, target);
    if (key === "Enter" || key === " ") return this.pressing(event, target);
    if (key === "Escape") return this.judging.reopened && this.command("leave");
    if (key === "/") return { act: () => this.view.refs.filter.focus() };
    return this.letter(event);
  }

  movement(key, target) {
    const step = MOVES[key];
    const { card, text } = this.view.refs;
    const scrolls = text.scrollHeight > text.clientHeight && (key === "ArrowUp" || key === "ArrowDown");
    const isHere =
      this.isChip(target) ||
      target === document.body ||
      target === card ||
      (target === text && !scrolls);
    return isHere ? { act: () => this.move(step), mayRepeat: true } : null;
  }

  // Enter and space belong to a button that has the focus, unless it is a label.
  pressing(event, target) {
    const isControl =
      target instanceof Element &&
      target.closest(CONTROLS) &&
      !this.isChip(target) &&
      target !== this.view.refs.text;
    if (isControl) return null;
    if (event.key === "Enter") return this.command(event.shiftKey ? "partial" : "complete");
    if (!this.isChip(target)) return null;
    return { act: () => this.judging.cycle(this.view.focusedId) };
  }

  letter(event) {
    const key = event.key.toLowerCase();
    if (LETTERS[key]) return this.command(LETTERS[key]);
    const digit = event.shiftKey ? null : /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1];
    const { labels } = this.judging.schema;
    const hit =
      labels.find((label) => label.key === key) ?? labels.find((label) => label.key === digit);
    return hit && { act: () => this.mark(hit.id) };
  }

  onFilterKey(event) {
    if (event.key === "Escape") {
      event.preventDefault();
      this.leaveFilter(this.view.focusedId);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const [first] = this.view.visibleIds();
      if (first === undefined) {
        this.view.say("No label is called that; add it under Labels.");
      } else if (this.view.refs.filter.value.trim()) {
        this.leaveFilter(first);
        this.mark(first);
      } else {
        this.leaveFilter(this.view.focusedId);
      }
    }
  }

  leaveFilter(labelId) {
    this.view.clearFilter();
    if (labelId === null) this.view.refs.text.focus({ preventScroll: true });
    else this.view.focusLabel(labelId);
  }

  // ---- what they mean ----

  command(name) {
    return { act: () => this.perform(name) };
  }

  perform(name) {
    const { judging, view } = this;
    const commands = {
      complete: () => judging.submitComplete(),
      partial: () => judging.submitPartial(),
      skip: () => judging.skip(),
      undo: () => judging.undo(),
      back: () => judging.back(),
      leave: () => judging.leaveReopened(),
      unsure: () => this.unsure(),
      suggestions: () => view.toggleSuggestions(),
      why: () => this.why(),
      help: () => view.refs.dialog.showModal(),
    };
    commands[name]();
  }

  mark(labelId) {
    if (!this.judging.shown) return;
    this.view.focusLabel(labelId);
    if (!this.view.goesOn) {
      this.judging.toggle(labelId);
      return;
    }
    this.judging.set(labelId, "present");
    this.judging.submitComplete();
  }

  unsure() {
    if (this.view.focusedId === null) this.view.say("Move to a label first, then press u.");
    else this.judging.toggleUnsure(this.view.focusedId);
  }

  why() {
    if (!this.view.evidence.toggle()) this.view.say("Nothing more is known of why it was chosen.");
  }

  move(step) {
    const ids = this.view.visibleIds();
    if (!ids.length) return;
    const place = ids.indexOf(this.view.focusedId);
    const next = place < 0 ? (step > 0 ? 0 : ids.length - 1) : place + step;
    this.view.focusLabel(ids[(next + ids.length) % ids.length], { scroll: true });
  }

  // ---- mouse and touch ----

  isChip(target) {
    return target instanceof Element && Boolean(target.closest("[data-label-id]"));
  }

  onChip(event) {
    const chip = event.target.closest("[data-label-id]");
    if (chip) this.mark(Number(chip.dataset.labelId));
  }

  onFocus(event) {
    const chip = event.target.closest("[data-label-id]");
    if (!chip) return;
    this.view.focusedId = Number(chip.dataset.labelId);
    this.view.drawFocused();
  }

  onChoice(event) {
    const choice = event.target.closest("[data-choice]")?.dataset.choice;
    if (choice) this.judging.set(this.view.focusedId, choice);
  }

  onCommand(event) {
    this.judging.touchedAt = Date.now();
    const name = event.target.closest("[data-do]")?.dataset.do;
    if (name) this.perform(name);
  }
}
