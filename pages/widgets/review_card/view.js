// Draws a Reviewing into the card, and changes only what has changed.

const HINT_MS = 6000;

class View {
  constructor(root, reviewing) {
    this.root = root;
    this.reviewing = reviewing;
    this.refs = {};
    for (const element of root.querySelectorAll("[data-ref]")) {
      this.refs[element.dataset.ref] = element;
    }
    this.labels = new Map();
    this.isArriving = true;
  }

  useLabels(labels) {
    this.labels = new Map(labels.map((label) => [label.id, label]));
    this.drawn = undefined;
  }

  draw() {
    const { reviewing, refs } = this;
    const item = reviewing.shown;
    if (item !== this.drawn) this.drawItem(item);
    if (!item) setText(refs.empty, emptyOf(reviewing));
    setHidden(refs.empty, Boolean(item));
    this.drawProgress();
    this.drawBanners();
  }

  // ---- one judgement ----

  drawItem(item) {
    const { refs, reviewing } = this;
    const isNext = item !== null && this.drawn !== undefined;
    this.drawn = item;
    for (const name of ["texts", "about", "commands", "why"]) setHidden(refs[name], !item);
    refs.card.dataset.cell = item ? cellOf(item) : "";
    refs.card.dataset.kind = reviewing.kind;
    if (!item) return;
    const label = this.labels.get(item.label_id);
    setText(refs.badge, BADGES[reviewing.kind] ?? "");
    const nameOf = (id) => this.labels.get(id)?.name ?? "another label";
    setText(refs.reason, whyOf(reviewing.kind, item, nameOf));
    refs.text.textContent = item.text;
    refs.text.scrollTop = 0;
    refs.dot.style.background = label?.colour || "";
    setText(refs.label, label?.name ?? "");
    refs.label.title = label?.description ?? "";
    this.drawState(refs.sign, item.state);
    setText(refs.said, saidOf(item));
    this.drawBeside(item);
    this.drawCommands(item, label);
    this.drawInstead(item);
    if (isNext) this.arrive(item, label);
  }

  drawState(sign, state) {
    setText(sign, SIGNS[state]);
    sign.dataset.state = state;
  }

  drawBeside(item) {
    const { refs } = this;
    const { beside } = item;
    setHidden(refs.beside, !beside);
    setHidden(refs.heading, !beside);
    if (!beside) return;
    const other = OPPOSITE[item.state];
    refs.otherText.textContent = beside.text;
    refs.otherText.scrollTop = 0;
    setText(refs.heading, `${item.external_id}: judged ${wordOf(item.state)}`);
    setText(refs.otherHeading, `${beside.external_id}: judged ${wordOf(other)}`);
  }

  drawCommands(item, label) {
    const { refs, reviewing } = this;
    const other = wordOf(OPPOSITE[item.state]);
    const instead = this.labels.get(this.insteadId(item));
    setText(refs.confirmWord, `Keep ${wordOf(item.state)}`);
    const isChoice = reviewing.isExclusive && item.state === "present";
    setText(refs.flipWord, isChoice ? `It is “${instead?.name ?? "another"}”` : `Make ${other}`);
    setHidden(refs.flipOther, !item.beside || reviewing.isExclusive);
    if (item.beside) setText(refs.flipOtherWord, `The other is wrong: make it ${wordOf(item.state)}`);
    refs.confirm.setAttribute("aria-label", `Keep ${label?.name} ${wordOf(item.state)}`);
  }

  // Where one label applies, a flip says which one does instead.
  drawInstead(item) {
    const { refs, reviewing } = this;
    const isChoice = reviewing.isExclusive && item.state === "present";
    setHidden(refs.insteadBox, !isChoice);
    if (!isChoice) return;
    const options = [...this.labels.values()]
      .filter((label) => label.id !== item.label_id)
      .map((label) => new Option(label.name, String(label.id)));
    refs.instead.replaceChildren(...options);
    refs.instead.value = String(this.insteadId(item) ?? "");
  }

  insteadId(item) {
    if (this.chosenFor === item && this.chosenId) return this.chosenId;
    return item.instead_id;
  }

  chooseInstead(labelId) {
    const { reviewing } = this;
    this.chosenFor = reviewing.shown;
    this.chosenId = labelId;
    this.drawCommands(reviewing.shown, this.labels.get(reviewing.shown.label_id));
  }

  // The next one is on the table: tell who cannot see it.
  arrive(item, label) {
    const { text, announce } = this.refs;
    const isWithin = this.root.activeElement && this.root.activeElement !== text;
    if (isWithin || this.isArriving) text.focus({ preventScroll: true });
    this.isArriving = false;
    setText(announce, `${label?.name ?? ""}, ${saidOf(item)}. ${item.text.slice(0, 300)}`);
  }

  // ---- the rest ----

  drawProgress() {
    const { reviewing, refs } = this;
    const left = reviewing.nLeft === null ? "" : `${reviewing.nLeft.toLocaleString("en")} left`;
    setText(refs.count, [`${reviewing.nDone} looked at`, left].filter(Boolean).join(" · "));
    const waiting = reviewing.outbox.entries.length;
    setText(refs.saved, waiting ? `${waiting} being saved …` : reviewing.hasSaid ? "saved ✓" : "");
  }

  drawBanners() {
    const { reviewing, refs } = this;
    const { rejected, isOffline } = reviewing.outbox;
    setHidden(refs.banner, !isOffline);
    setText(refs.banner, "The server does not answer; what you decide is kept and sent later.");
    setHidden(refs.problem, !rejected.length);
    if (rejected.length) setText(refs.problemText, `A verdict was refused. ${rejected[0].message}`);
  }

  say(words) {
    setText(this.refs.hint, words);
    clearTimeout(this.hintTimer);
    this.hintTimer = setTimeout(() => setText(this.refs.hint, ""), HINT_MS);
  }
}

function setText(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function setHidden(element, isHidden) {
  if (element.hidden !== isHidden) element.hidden = isHidden;
}
