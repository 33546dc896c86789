// What one annotator looks at again in one project: the queue, the verdicts, and taking them
// back. It knows nothing of how things look, and lives on while its card is not on the page.

const FEWEST_AHEAD = 8;
const PAGE = 20;
const LOOK_AGAIN_MS = 15000;
const TICK_MS = 1000;
const LONGEST_HISTORY = 200;

class VerdictOutbox extends Outbox {
  message(batch) {
    return { source: "card", verdicts: batch.map((entry) => entry.body) };
  }
}

const cellOf = ({ document_id, label_id }) => `${document_id}|${label_id}`;

class Reviewing {
  constructor({ apiBase, project, annotator, kind }) {
    const scope = `${project.storage}|${annotator}`;
    const slot = `marginalia|reviewer|${kind}|${scope}`;
    this.kind = kind;
    this.isExclusive = project.exclusive;
    this.keep = new Keep(`marginalia|review|1|${scope}|`);
    this.server = new Server(`${apiBase}/projects/${project.id}`);
    this.claims = new Claims(this.keep);
    this.outbox = new VerdictOutbox({
      keep: this.keep,
      server: this.server,
      claims: this.claims,
      slot,
      path: "/reviews",
    });
    this.slot = slot;
    this.items = []; // the first is on the table
    this.settled = new Set(); // cells that were decided or left for later here
    this.history = []; // {item, sequence, client_id} or {item, isSkip}, oldest first
    this.after = null;
    this.roundId = null;
    this.nLeft = null;
    this.nDone = 0;
    this.hasSaid = false; // something was handed in since the card was opened
    this.isReady = null; // whether a round has looked for doubts; null: not known yet
    this.isEnd = false;
    this.isFetching = false;
    this.askedAt = 0;
    this.problem = "";
    this.isShown = false;
    this.draw = () => {};
    this.say = () => {};
  }

  async start() {
    const { outbox } = this;
    outbox.clientId = await ownClientId(this.claims, this.slot);
    outbox.nextSequence = () => this.nextSequence();
    outbox.onChange = () => this.draw();
    outbox.onRekeyed = (renamed) => this.rekeyed(renamed);
    await outbox.takeUp();
    for (const { body } of outbox.entries) if (body.verdict) this.settled.add(cellOf(body));
    await this.refill();
    setInterval(() => this.tick(), TICK_MS);
  }

  tick() {
    this.outbox.pump();
    if (this.isShown && document.visibilityState === "visible") this.refill();
  }

  get shown() {
    return this.items[0] ?? null;
  }

  // Numbers are kept apart for each client: one that is used twice would be refused.
  nextSequence() {
    const name = `sequence|${this.outbox.clientId}`;
    const next = (this.keep.read(name) ?? 0) + 1;
    this.keep.write(name, next);
    return next;
  }

  // ---- the queue ----

  async refill() {
    const isLate = Date.now() - this.askedAt > LOOK_AGAIN_MS;
    const isShort = this.items.length < FEWEST_AHEAD;
    if (this.isFetching || !isShort || (this.isEnd && !isLate) || this.server.needsToken) return;
    this.isFetching = true;
    this.askedAt = Date.now();
    try {
      if (this.isEnd) this.after = null; // a round may have ended, a verdict been taken back
      this.takeIn(await this.server.call("GET", `/reviews?${this.asked()}`));
    } catch (error) {
      if (error instanceof Refused) this.problem = error.message;
    } finally {
      this.isFetching = false;
    }
    this.draw();
    if (!this.isEnd && this.items.length < FEWEST_AHEAD && !this.problem) await this.refill();
  }

  asked() {
    const asked = new URLSearchParams({ kind: this.kind, n: PAGE });
    if (this.after !== null) asked.set("after", this.after);
    if (this.roundId !== null) asked.set("round_id", this.roundId);
    return asked;
  }

  takeIn(page) {
    if (this.roundId !== null && page.round_id !== this.roundId) {
      this.items = []; // another round doubts other judgements
      this.settled.clear();
      for (const { body } of this.outbox.entries) if (body.verdict) this.settled.add(cellOf(body));
    }
    const known = new Set(this.items.map(cellOf));
    const fresh = page.items.filter((item) => {
      const cell = cellOf(item);
      return !known.has(cell) && !this.settled.has(cell);
    });
    this.items.push(...fresh);
    this.isReady = page.is_ready;
    this.roundId = page.round_id;
    this.nLeft = Math.max(page.n_left - this.nUnsent, this.items.length);
    this.after = page.next_after;
    this.isEnd = page.next_after === null;
  }

  get nUnsent() {
    return this.outbox.entries.filter(({ body }) => body.verdict).length;
  }

  // ---- verdicts ----

  // `of` is the judgement on the card, or with `isOther` that of the text beside it.
  decide(verdict, { insteadId = null, isOther = false } = {}) {
    const item = this.shown;
    if (!item || this.problem) return;
    const seen = isOther ? OPPOSITE[item.state] : item.state;
    const body = {
      client_id: this.outbox.clientId,
      sequence: 0,
      document_id: isOther ? item.beside.document_id : item.document_id,
      label_id: item.label_id,
      kind: this.kind,
      verdict,
      seen,
      instead_id: insteadId,
    };
    if (!this.handIn(body)) return;
    const { client_id, sequence, document_id } = body;
    this.history.push({ item, client_id, sequence, document_id });
    this.moveOn(item);
    this.nDone += 1;
    this.nLeft = Math.max((this.nLeft ?? 1) - 1, 0);
    this.draw();
    this.refill();
  }

  skip() {
    const item = this.shown;
    if (!item) return;
    this.history.push({ item, isSkip: true });
    this.moveOn(item);
    this.draw();
    this.refill();
  }

  moveOn(item) {
    this.settled.add(cellOf(item));
    this.items.shift();
    this.history = this.history.slice(-LONGEST_HISTORY);
  }

  undo() {
    const last = this.history.at(-1);
    if (!last) {
      this.say("There is nothing to take back.");
      return;
    }
    if (!last.isSkip) {
      const { client_id, sequence, document_id } = last;
      const body = {
        client_id: this.outbox.clientId,
        sequence: 0,
        document_id,
        undoes_client_id: client_id,
        undoes_sequence: sequence,
      };
      if (!this.handIn(body)) return;
      this.nDone -= 1;
      this.nLeft = (this.nLeft ?? 0) + 1;
    }
    this.history.pop();
    this.settled.delete(cellOf(last.item));
    this.items = [last.item, ...this.items.filter((item) => cellOf(item) !== cellOf(last.item))];
    this.say(last.isSkip ? "Back to the one before." : "Taken back. Decide again.");
    this.draw();
  }

  // Kept in the browser before anything else happens; false where there is no room.
  handIn(body) {
    try {
      body.sequence = this.nextSequence();
      this.outbox.add(body);
      this.hasSaid = true;
      return true;
    } catch (error) {
      this.problem =
        "This browser has no room left to keep verdicts safe, so nothing more is taken. " +
        "Free some space (other sites' data) and reload.";
      this.draw();
      return false;
    }
  }

  // Our client id had to change: what is on record under the old one keeps it.
  rekeyed(renamed) {
    for (const one of this.history) {
      Object.assign(one, renamed.get(`${one.client_id}|${one.sequence}`) ?? {});
    }
  }

  discardRejected() {
    for (const { name } of this.outbox.rejected) this.keep.remove(name);
    this.outbox.nRejections += 1;
    this.draw();
  }
}

const OPPOSITE = { present: "absent", absent: "present" };
