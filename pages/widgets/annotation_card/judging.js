// What one annotator does in one project, from the first look to the submission. It knows
// nothing of how things look, and it lives on while its card is not on the page.

const LONGEST_HISTORY = 300;
const TEXTS_KEPT = 40;
const TICK_MS = 1000;
const IDLE_MS = 10 * 60 * 1000; // from then on, what is in hand may go to others
const STATE_KEPT_MS = 7 * 24 * 3600 * 1000;
const BLANK = Object.freeze({}); // a document on which nothing is marked

class Judging {
  constructor({ apiBase, project, annotator }) {
    const scope = `${project.storage}|${annotator}`;
    this.keep = new Keep(`marginalia|1|${scope}|`);
    this.server = new Server(`${apiBase}/projects/${project.id}`);
    this.claims = new Claims(this.keep);
    const slot = `marginalia|client|${scope}`;
    this.outbox = new Outbox({ keep: this.keep, server: this.server, claims: this.claims, slot });
    this.deck = new Deck({ server: this.server, outbox: this.outbox });
    this.slot = slot;
    this.schema = { version: 0, labels: [], exclusive: false }; // exclusive: exactly one applies
    this.reopened = null; // an earlier document that is looked at again
    this.isOpening = false;
    this.texts = new Map(); // documents seen lately, by id
    this.shownAt = performance.now();
    this.problem = ""; // what keeps us from going on
    this.isReady = false;
    this.isShown = false; // a card draws us
    this.touchedAt = Date.now();
    this.draw = () => {};
    this.say = () => {};
    this.onUsedUp = () => {};
  }

  async start() {
    const { deck, outbox } = this;
    const before = sessionStorage.getItem(this.slot);
    outbox.clientId = await ownClientId(this.claims, this.slot);
    this.restore(before);
    outbox.nextSequence = () => this.nextSequence();
    outbox.onChange = () => this.changed();
    outbox.onRekeyed = (renamed) => this.rekeyed(renamed);
    deck.isDrafted = (id) => Boolean(this.state.drafts[id]);
    deck.onSchema = (version) => this.followSchema(version);
    deck.onChange = () => this.changed();
    await outbox.takeUp();
    this.isReady = true;
    this.sweep();
    await deck.refill();
    setInterval(() => this.tick(), TICK_MS);
  }

  // What is kept under the name of this client, or under the name this tab had before.
  restore(before) {
    const { clientId } = this.outbox;
    const kept = this.keep.read(`state|${clientId}`) ?? this.keep.read(`state|${before}`);
    this.state = kept ?? {
      sequence: 0,
      nJudged: 0,
      drafts: {}, // document id → {label id: state}
      history: [], // submissions that may be undone or looked at again, oldest first
    };
    if (kept && before !== clientId) this.save();
  }

  // States of tabs that were closed long ago; what they could not send has been taken up.
  sweep() {
    for (const name of this.keep.names("state|")) {
      const age = Date.now() - (this.keep.read(name)?.at ?? 0);
      if (age > STATE_KEPT_MS && name !== `state|${this.outbox.clientId}`) this.keep.remove(name);
    }
  }

  tick() {
    this.nTicks = (this.nTicks ?? 0) + 1;
    if (this.nTicks % 10 === 0) this.outbox.takeUp();
    const isIdle = Date.now() - this.touchedAt > IDLE_MS;
    if (this.isShown && !isIdle && document.visibilityState === "visible") this.deck.refill();
    this.outbox.pump();
  }

  // Newer wins: a page run may bring an older list of labels than the API has told us already.
  useSchema(schema) {
    if (schema.version > this.schema.version) this.schema = schema;
  }

  async followSchema(version) {
    if (version === this.schema.version) return;
    try {
      const { schema_version, labels, exclusive } = await this.server.call("GET", "/labels");
      this.useSchema({ version: schema_version, labels, exclusive });
    } catch (error) {
      this.schema = { ...this.schema }; // the next lease asks again
    }
    this.changed();
  }

  changed() {
    const now = this.shown?.document_id;
    if (now !== this.lastShown) {
      this.lastShown = now;
      this.shownAt = performance.now();
    }
    if (this.isReady && this.deck.isUsedUp && !this.shown && !this.outbox.entries.length) {
      if (!this.saidUsedUp) this.onUsedUp();
      this.saidUsedUp = true;
    } else if (this.shown) {
      this.saidUsedUp = false;
    }
    this.draw();
  }

  get shown() {
    if (this.isOpening) return null;
    return this.reopened ?? this.deck.documents[0] ?? null;
  }

  get draft() {
    return (this.shown && this.state.drafts[this.shown.document_id]) ?? BLANK;
  }

  get nWaiting() {
    return this.outbox.entries.length;
  }

  // Keeps the state, or says why nothing goes on until it can be kept.
  save() {
    try {
      this.keep.write(`state|${this.outbox.clientId}`, { ...this.state, at: Date.now() });
      this.problem = "";
      return true;
    } catch (error) {
      this.stopForLackOfRoom();
      return false;
    }
  }

  stopForLackOfRoom() {
    this.problem =
      "This browser has no room left to keep judgements safe, so nothing more is taken. " +
      "What waits is still being sent; free some space (other sites' data) and try again.";
    this.draw();
  }

  // ---- one document ----

  set(labelId, state) {
    if (!this.shown) return;
    const draft = { ...this.draft };
    if (state === "present" && this.schema.exclusive) dropPresent(draft);
    if (state === "unjudged") delete draft[labelId];
    else draft[labelId] = state;
    const before = this.state.drafts;
    this.state.drafts = { ...before, [this.shown.document_id]: draft };
    if (!this.save()) this.state.drafts = before;
    this.draw();
  }

  toggle(labelId) {
    this.set(labelId, this.draft[labelId] === "present" ? "unjudged" : "present");
  }

  cycle(labelId) {
    const next = { present: "absent", absent: "unjudged" };
    this.set(labelId, next[this.draft[labelId]] ?? "present");
  }

  toggleUnsure(labelId) {
    this.set(labelId, this.draft[labelId] === "unsure" ? "unjudged" : "unsure");
  }

  // The labels on the card that are marked as present.
  get present() {
    return this.schema.labels.filter(({ id }) => this.draft[id] === "present");
  }

  submitComplete() {
    const { present, schema } = this;
    if (schema.exclusive && this.shown && present.length !== 1) {
      this.say("Choose the one label that applies first; then press Enter.");
      return;
    }
    const named = schema.exclusive
      ? [[present[0]?.id, "present"]]
      : Object.entries(this.draft).filter(([, state]) => state !== "absent");
    this.submit("complete", Object.fromEntries(named));
  }

  // Where one label applies, naming it judges all of them; else some are ruled out.
  submitPartial() {
    if (this.schema.exclusive && this.present.length) {
      this.submitComplete();
      return;
    }
    const withdrawn = Object.keys(this.reopened?.saidStates ?? {})
      .filter((labelId) => !this.draft[labelId])
      .map((labelId) => [labelId, "withdrawn"]);
    const states = { ...this.draft, ...Object.fromEntries(withdrawn) };
    if (Object.keys(states).length === 0) {
      this.say("Nothing is marked yet: mark a label first, or press Enter to judge them all.");
      return;
    }
    this.submit("partial", states);
  }

  skip() {
    if (this.reopened) this.leaveReopened();
    else this.submit("skip", {});
  }

  submit(kind, states) {
    const doc = this.shown;
    if (!doc || this.problem) return;
    const submission = {
      client_id: this.outbox.clientId,
      sequence: this.nextSequence(),
      document_id: doc.document_id,
      kind,
      states: this.known(states),
      query_id: doc.query_id ?? null,
      schema_version: this.schema.version,
      seconds: Math.round(performance.now() - this.shownAt) / 1000,
    };
    if (!this.handIn(submission)) return;
    const { client_id, sequence, document_id } = submission;
    this.state.history.push({ client_id, sequence, document_id, kind, states: this.draft });
    this.state.history = this.state.history.slice(-LONGEST_HISTORY);
    if (kind !== "skip") this.state.nJudged += 1;
    this.state.drafts = without(this.state.drafts, document_id);
    this.remember(doc);
    if (this.reopened) this.reopened = null;
    else this.deck.documents.shift();
    this.save();
    this.changed();
    this.deck.refill();
  }

  // A label may have been retired while its chip was marked; the server still knows it.
  known(states) {
    return Object.fromEntries(Object.entries(states).map(([id, state]) => [Number(id), state]));
  }

  handIn(submission) {
    try {
      this.outbox.add(submission);
      return true;
    } catch (error) {
      this.stopForLackOfRoom();
      return false;
    }
  }

  nextSequence() {
    this.state.sequence += 1;
    return this.state.sequence;
  }

  // ---- earlier documents ----

  async undo() {
    const last = this.state.history.at(-1);
    if (!last) {
      this.say("There is nothing to take back.");
      return;
    }
    if (this.problem || this.isOpening) return;
    const doc = await this.open(last.document_id);
    if (!doc || this.state.history.at(-1) !== last) return;
    const isHandedIn = this.handIn({
      client_id: this.outbox.clientId,
      sequence: this.nextSequence(),
      document_id: last.document_id,
      kind: "undo",
      undoes_client_id: last.client_id,
      undoes_sequence: last.sequence,
    });
    if (!isHandedIn) return;
    this.state.history.pop();
    if (last.kind !== "skip") this.state.nJudged -= 1;
    this.state.drafts = { ...this.state.drafts, [last.document_id]: last.states };
    this.reopened = null;
    this.deck.documents = [doc, ...this.deck.documents.filter((other) => other !== doc)];
    this.save();
    this.say("Taken back. Judge it again.");
    this.changed();
  }

  async back() {
    const earlier = [...new Set(this.state.history.map((one) => one.document_id).reverse())];
    const place = this.reopened ? earlier.indexOf(this.reopened.document_id) + 1 : 0;
    if (place >= earlier.length) {
      this.say(place ? "This is the first document of this session." : "Nothing judged here yet.");
      return;
    }
    if (this.isOpening) return;
    const doc = await this.open(earlier[place]);
    if (!doc) return;
    const said = this.state.history.findLast((one) => one.document_id === doc.document_id);
    this.reopened = { ...doc, saidKind: said.kind, saidStates: said.states };
    if (!this.state.drafts[doc.document_id]) {
      this.state.drafts = { ...this.state.drafts, [doc.document_id]: said.states };
    }
    this.save();
    this.changed();
  }

  // A document that another page asks for, with what this annotator said of it.
  async look(documentId) {
    if (this.isOpening) return;
    const doc = await this.open(documentId);
    if (!doc) return;
    const said = doc.said ?? {};
    this.reopened = { ...doc, saidKind: doc.said_kind ?? null, saidStates: said };
    if (!this.state.drafts[documentId] && Object.keys(said).length) {
      this.state.drafts = { ...this.state.drafts, [documentId]: said };
    }
    this.save();
    this.changed();
  }

  leaveReopened() {
    if (!this.reopened) return;
    this.state.drafts = without(this.state.drafts, this.reopened.document_id);
    this.reopened = null;
    this.save();
    this.changed();
  }

  // The document with this id, from memory or from the server; null when neither has it.
  async open(documentId) {
    const known = this.texts.get(documentId);
    if (known) return known;
    this.isOpening = true;
    this.changed();
    try {
      const doc = await this.server.call("GET", `/documents/${documentId}`);
      this.remember(doc);
      return doc;
    } catch (error) {
      const why = error instanceof Refused ? error.message : "The server does not answer.";
      this.say(`That document cannot be opened now. ${why}`);
      return null;
    } finally {
      this.isOpening = false;
      this.changed();
    }
  }

  remember(doc) {
    this.texts.delete(doc.document_id);
    this.texts.set(doc.document_id, doc);
    if (this.texts.size > TEXTS_KEPT) this.texts.delete(this.texts.keys().next().value);
  }

  // Our client id had to change: what is on record under the old one keeps it.
  rekeyed(renamed) {
    for (const one of this.state.history) {
      Object.assign(one, renamed.get(`${one.client_id}|${one.sequence}`) ?? {});
    }
    this.save();
  }

  discardRejected() {
    for (const { name } of this.outbox.rejected) this.keep.remove(name);
    this.outbox.nRejections += 1;
    this.draw();
  }
}

function dropPresent(draft) {
  for (const [id, state] of Object.entries(draft)) {
    if (state === "present") delete draft[id];
  }
}

function without(record, key) {
  const { [key]: _gone, ...rest } = record;
  return rest;
}
