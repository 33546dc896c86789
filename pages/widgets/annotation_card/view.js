// Draws a Judging into the card, and changes only what has changed.

const SIGNS = { present: "✓", absent: "✕", unsure: "?", unjudged: "" };
const WORDS = { present: "present", absent: "absent", unsure: "unsure", unjudged: "not judged" };
const PRESSED = { present: "true", absent: "false", unsure: "mixed", unjudged: "false" };
const BADGES = {
  model: "model",
  cold_start: "first look",
  coverage: "coverage",
  rare: "rare label",
  search: "search",
  random: "random",
  audit: "audit",
};
const HINT_MS = 6000;
const MANY_LABELS = 9;

class View {
  constructor(root, judging) {
    this.root = root;
    this.judging = judging;
    this.refs = {};
    for (const element of root.querySelectorAll("[data-ref]")) {
      this.refs[element.dataset.ref] = element;
    }
    this.evidence = new Evidence(this.refs);
    this.chips = new Map(); // label id → its parts
    this.order = []; // label ids as shown
    this.focusedId = null; // the label that space and u are about
    this.hidesSuggestions = localStorage.getItem("marginalia|hide-suggestions") === "yes";
    this.wantsToGoOn = localStorage.getItem("marginalia|go-on") === "yes";
    this.options = {};
    this.isArriving = true; // no document has been shown by this view yet
  }

  draw() {
    const { judging, refs } = this;
    if (judging.schema !== this.drawnSchema) this.drawChips();
    const doc = judging.shown;
    if (doc !== this.drawnDocument) this.drawDocument(doc);
    else if (judging.deck.thresholds !== this.drawnThresholds) this.drawSuggestions(doc);
    if (judging.draft !== this.drawnDraft) this.drawStates();
    if (!doc) this.drawEmpty();
    this.drawProgress();
    this.drawBanners();
    const { documents } = judging.deck;
    refs.card.dataset.ahead = String(documents.length);
    refs.card.dataset.finds = String(documents.filter((one) => one.kind === "search").length);
    setHidden(refs.empty, Boolean(doc));
  }

  // ---- the document ----

  drawDocument(doc) {
    const { refs } = this;
    const isAnother = doc?.document_id !== this.drawnDocument?.document_id;
    this.drawnDocument = doc;
    refs.text.textContent = doc?.text ?? "";
    refs.text.scrollTop = 0;
    setHidden(refs.text, !doc);
    refs.card.dataset.documentId = doc ? String(doc.document_id) : "";
    this.drawReason(doc);
    this.drawSuggestions(doc);
    this.drawnDraft = null;
    if (isAnother && doc) this.moveOn(doc);
  }

  drawReason(doc) {
    const { refs } = this;
    const isReopened = Boolean(doc?.saidKind);
    const badge = isReopened ? "seen before" : (BADGES[doc?.kind] ?? "");
    setText(refs.badge, badge);
    setHidden(refs.badge, !badge);
    refs.badge.dataset.kind = isReopened ? "" : (doc?.kind ?? "");
    const said = { complete: "judged", partial: "judged in part", skip: "skipped" };
    setText(refs.reason, isReopened ? `You ${said[doc.saidKind]} this one.` : (doc?.reason ?? ""));
    const score = typeof doc?.score === "number" ? ` ${doc.score.toFixed(3)}` : "";
    const isChosen = doc?.strategy && doc.strategy !== "random" && !isReopened;
    setText(refs.strategy, isChosen ? `${doc.strategy}${score}` : "");
    setText(refs.skipWord, isReopened ? "Leave as is" : "Skip");
    this.drawEvidence();
  }

  drawEvidence() {
    const doc = this.judging.shown;
    this.evidence.draw(doc?.saidKind ? null : doc?.because, {
      labels: this.judging.schema.labels,
      showsProbabilities: this.showsSuggestions,
    });
  }

  get showsSuggestions() {
    return !this.hidesSuggestions && this.options.showSuggestions !== false;
  }

  // The next document is on the table: out of the last label, and tell who cannot see it.
  moveOn(doc) {
    this.focusedId = null;
    setHidden(this.refs.focused, true);
    const { text } = this.refs;
    const isWithin = this.root.activeElement && this.root.activeElement !== text;
    if (isWithin || (this.isArriving && this.mayTakeFocus())) text.focus({ preventScroll: true });
    this.isArriving = false;
    setText(this.refs.announce, `Next document. ${doc.reason ?? ""} ${doc.text.slice(0, 300)}`);
  }

  // The link or button that led here would take the first Enter for itself.
  mayTakeFocus() {
    return !document.activeElement?.closest(TEXT_FIELDS);
  }

  // ---- labels ----

  drawChips() {
    const { schema } = this.judging;
    this.drawnSchema = schema;
    this.chips.clear();
    this.order = schema.labels.map((label) => label.id);
    this.refs.chips.replaceChildren(...schema.labels.map((label) => this.chip(label)));
    const keyed = schema.labels.every((label) => label.key);
    this.refs.card.dataset.exclusive = schema.exclusive ? "yes" : "no";
    this.refs.goOn.checked = this.wantsToGoOn;
    setHidden(this.refs.filterBox, keyed && schema.labels.length <= MANY_LABELS);
    this.drawnDraft = null;
    this.drawSuggestions(this.judging.shown);
    this.drawEvidence();
  }

  chip(label) {
    const parts = {
      label,
      button: element("button", "chip", { type: "button", title: label.description || label.name }),
      sign: element("span", "sign", { "aria-hidden": "true" }),
      state: element("span", "unseen"),
      probability: element("span", "probability"),
      number: element("span", "number"),
    };
    const dot = dotOf(label);
    const key = element("kbd", label.key ? "key" : "key none", { "aria-hidden": "true" });
    key.textContent = label.key ?? "";
    const name = element("span", "name", { dir: "auto" });
    name.textContent = label.name;
    parts.button.dataset.labelId = String(label.id);
    if (label.key) parts.button.setAttribute("aria-keyshortcuts", label.key);
    parts.bar = element("span", "bar", { "aria-hidden": "true" });
    const unseen = element("span", "unseen");
    unseen.textContent = ", suggested ";
    parts.probability.append(parts.bar, unseen, parts.number);
    parts.button.append(parts.sign, dot, name, parts.state, parts.probability, key);
    this.chips.set(label.id, parts);
    return parts.button;
  }

  drawStates() {
    const draft = this.judging.draft;
    this.drawnDraft = draft;
    for (const [labelId, { button, sign, state }] of this.chips) {
      const value = draft[labelId] ?? "unjudged";
      if (button.dataset.state === value) continue;
      button.dataset.state = value;
      button.setAttribute("aria-pressed", PRESSED[value]);
      sign.textContent = SIGNS[value];
      state.textContent = `, ${WORDS[value]}`;
    }
    this.drawFocused();
  }

  drawSuggestions(doc) {
    const suggested = this.showsSuggestions ? (doc?.suggestions ?? {}) : {};
    const { deck, schema } = this.judging;
    const likeliest = schema.exclusive ? likeliestOf(suggested) : null;
    this.drawnThresholds = deck.thresholds;
    for (const [labelId, { button, probability, bar, number }] of this.chips) {
      const value = suggested[labelId];
      const isPredicted = !schema.exclusive && deck.isPredicted(labelId, value);
      const mark = isPredicted ? "predicted" : "";
      button.dataset.suggested = labelId === likeliest ? "likeliest" : mark;
      setHidden(probability, value === undefined);
      if (value === undefined) continue;
      bar.style.setProperty("--probability", value.toFixed(3));
      setText(number, value.toFixed(2));
    }
    this.refs.suggest.checked = !this.hidesSuggestions;
  }

  // ---- the label one is on ----

  focusLabel(labelId, { scroll = false } = {}) {
    const parts = this.chips.get(labelId);
    if (!parts) return;
    this.focusedId = labelId;
    parts.button.focus({ preventScroll: !scroll });
    this.drawFocused();
  }

  drawFocused() {
    const parts = this.chips.get(this.focusedId);
    setHidden(this.refs.focused, !parts);
    if (!parts) return;
    setText(this.refs.focusedName, parts.label.name);
    setText(this.refs.focusedDescription, parts.label.description);
    const value = this.judging.draft[this.focusedId] ?? "unjudged";
    for (const button of this.refs.choices.children) {
      button.setAttribute("aria-pressed", String(button.dataset.choice === value));
    }
  }

  visibleIds() {
    return this.order.filter((id) => !this.chips.get(id).button.hidden);
  }

  filterLabels() {
    const wanted = plain(this.refs.filter.value);
    for (const { label, button } of this.chips.values()) {
      setHidden(button, Boolean(wanted) && !plain(label.name).includes(wanted));
    }
  }

  clearFilter() {
    this.refs.filter.value = "";
    this.filterLabels();
  }

  toggleSuggestions() {
    this.hidesSuggestions = !this.hidesSuggestions;
    try {
      localStorage.setItem("marginalia|hide-suggestions", this.hidesSuggestions ? "yes" : "no");
    } catch {
      // it will be asked again after a reload, no more
    }
    this.drawSuggestions(this.judging.shown);
    this.drawEvidence();
  }

  // Where one label applies: choosing it judges the document, and the next one comes.
  get goesOn() {
    return this.wantsToGoOn && this.judging.schema.exclusive;
  }

  toggleGoingOn() {
    this.wantsToGoOn = this.refs.goOn.checked;
    try {
      localStorage.setItem("marginalia|go-on", this.wantsToGoOn ? "yes" : "no");
    } catch {
      // it will be asked again after a reload, no more
    }
  }

  // ---- around it ----

  drawProgress() {
    const { state, nWaiting, isReady } = this.judging;
    if (!isReady) return;
    const hasSent = state.history.length > 0;
    setText(this.refs.count, `${state.nJudged} judged here`);
    setText(this.refs.saved, nWaiting ? `· saving ${nWaiting}…` : hasSent ? "· saved ✓" : "");
  }

  drawBanners() {
    const { nWaiting, outbox, problem } = this.judging;
    const { refs } = this;
    const wait = nWaiting === 1 ? "1 judgement waits" : `${nWaiting} judgements wait`;
    const isOffline = outbox.isOffline && nWaiting > 0;
    setHidden(refs.banner, !isOffline);
    if (isOffline) {
      setText(refs.banner, `${wait} in this browser; sent as soon as the server answers.`);
    }
    const rejected = this.rejectedOnce();
    const refusal = rejected.length
      ? `${rejected.length} could not be saved: ${rejected[0].message}`
      : "";
    setText(refs.problemText, problem || refusal);
    setHidden(refs.problem, !(problem || refusal));
    setHidden(refs.discard, Boolean(problem) || !refusal);
  }

  // Looked up in localStorage only after something was sent, not at every stroke.
  rejectedOnce() {
    const { outbox } = this.judging;
    if (this.seenRejections !== outbox.nRejections) {
      this.seenRejections = outbox.nRejections;
      this.rejected = outbox.rejected;
    }
    return this.rejected ?? [];
  }

  drawEmpty() {
    setText(this.refs.empty, this.emptyWords());
  }

  emptyWords() {
    const { isReady, isOpening, deck, nWaiting, server } = this.judging;
    if (isOpening) return "Opening…";
    if (server.needsToken) return "Signing in again…";
    if (deck.trouble) return deck.trouble;
    if (!isReady || deck.isFetching || !deck.isUsedUp) return "Fetching documents…";
    if (nWaiting) return "Saving…";
    return (
      "All documents are judged, or in somebody else's hands. Run a round under Train to see " +
      "how good the model is, upload more documents, or export the labels."
    );
  }

  say(words) {
    setText(this.refs.hint, words);
    clearTimeout(this.hintTimer);
    this.hintTimer = setTimeout(() => setText(this.refs.hint, ""), HINT_MS);
  }
}

function likeliestOf(suggested) {
  const [best] = Object.entries(suggested).sort(([, a], [, b]) => b - a);
  return best ? Number(best[0]) : null;
}

function element(tag, className, attributes = {}) {
  const made = document.createElement(tag);
  made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function dotOf(label) {
  const dot = element("span", "dot", { "aria-hidden": "true" });
  if (/^#[0-9a-f]{6}$/i.test(label.colour)) dot.style.background = label.colour;
  return dot;
}

function setText(target, words) {
  if (target.textContent !== words) target.textContent = words;
}

function setHidden(target, isHidden) {
  if (target.hidden !== isHidden) target.hidden = isHidden;
}

// Without case and accents, as one types.
function plain(words) {
  return words.normalize("NFD").replace(/\p{Mark}/gu, "").toLowerCase().trim();
}
