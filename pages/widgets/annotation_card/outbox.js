// Submissions that the server has not acknowledged yet. Each is kept in localStorage before
// anything else happens, sent until it is acknowledged, and only then forgotten.

const LARGEST_BATCH = 50;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5000;
const LARGEST_FAREWELL = 60000; // characters; browsers refuse more while a page goes away

class Outbox {
  constructor({ keep, server, claims, slot, path = "/judgements" }) {
    Object.assign(this, { keep, server, claims, slot, path });
    this.entries = []; // {name, body}, oldest first
    this.clientId = "";
    this.isSending = false;
    this.failures = 0; // in a row
    this.nRejections = 0; // grows whenever the list of refused ones changes
    this.singly = 0; // so many are sent one by one, to find the one that is refused
    this.wake = () => {};
    this.onChange = () => {};
    this.onRekeyed = () => {};
    this.nextSequence = () => 0;
    addEventListener("online", () => this.wake());
    addEventListener("beforeunload", (event) => this.entries.length && event.preventDefault());
    addEventListener("pagehide", () => this.sendFarewell());
  }

  get isOffline() {
    return this.failures > 0;
  }

  get rejected() {
    return this.keep.names("rejected|").map((name) => ({ name, ...this.keep.read(name) }));
  }

  // Take up what this client, and every client whose tab is gone, left unsent. Should such a tab
  // come back, both send it: the server stores it once.
  async takeUp() {
    const owners = new Set(this.keep.names("out|").map((name) => name.split("|")[1]));
    for (const owner of owners) await this.claims.borrow(owner, () => this.takeUpFrom(owner));
    this.onChange();
    this.pump();
  }

  takeUpFrom(owner) {
    const known = new Set(this.entries.map((entry) => entry.name));
    for (const name of this.keep.names(`out|${owner}|`)) {
      const body = this.keep.read(name);
      if (body && !known.has(name)) this.entries.push({ name, body });
    }
  }

  // Throws NoRoom when the browser cannot keep it; then nothing has happened.
  add(body) {
    this.entries.push(this.kept(body));
    this.pump();
  }

  kept(body) {
    const name = `out|${body.client_id}|${String(body.sequence).padStart(8, "0")}`;
    this.keep.write(name, body);
    return { name, body };
  }

  documentIds() {
    return this.entries.map((entry) => entry.body.document_id);
  }

  async pump() {
    if (this.isSending) return;
    this.isSending = true;
    await null; // what is pressed in this very moment goes along
    try {
      while (this.entries.length && !this.server.needsToken) await this.sendSome();
    } finally {
      this.isSending = false;
      this.onChange();
    }
  }

  async sendSome() {
    const batch = this.entries.slice(0, this.singly > 0 ? 1 : LARGEST_BATCH);
    try {
      await this.server.call("POST", this.path, this.message(batch));
      this.failures = 0;
      this.settle(batch);
    } catch (error) {
      if (error instanceof Refused) await this.sortOut(batch, error);
      else if (!(error instanceof TokenNeeded)) await this.waitABit();
    }
  }

  message(batch) {
    return { source: "card", submissions: batch.map((entry) => entry.body) };
  }

  settle(batch) {
    this.singly = Math.max(0, this.singly - batch.length);
    for (const entry of batch) this.keep.remove(entry.name);
    this.entries = this.entries.filter((entry) => !batch.includes(entry));
    this.onChange();
  }

  async waitABit() {
    this.failures += 1;
    this.onChange();
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.failures - 1));
    const woken = new Promise((resolve) => (this.wake = resolve));
    await Promise.race([pause(longest * (0.5 + Math.random() / 2)), woken]);
  }

  async sortOut(batch, refusal) {
    if (batch.length > 1) {
      this.singly = batch.length;
    } else if (refusal.kind === "already_undone") {
      this.settle(batch); // by another tab: what was wanted is so
    } else if (refusal.kind === "conflict") {
      await this.resolveClash(batch[0]);
    } else {
      this.nRejections += 1;
      this.keep.write(`rejected|${batch[0].name}`, {
        body: batch[0].body,
        message: refusal.message,
      });
      this.settle(batch);
    }
  }

  // A clash is its owner's to resolve; another tab does it only when the owner is gone for good.
  async resolveClash(refused) {
    const owner = refused.body.client_id;
    if (owner === this.clientId) {
      await this.rekey(refused);
      return;
    }
    let isLeft = false;
    await this.claims.borrow(owner, () => (isLeft = this.keep.read(refused.name) !== null));
    if (isLeft) await this.rekey(refused);
    else this.entries = this.entries.filter((entry) => entry !== refused);
  }

  // The server knows something else under this client id and number (a duplicated tab, say), so
  // what is left of this client goes out under a fresh id.
  async rekey(refused) {
    const old = refused.body.client_id;
    const isOwn = old === this.clientId;
    const fresh = isOwn ? await newClientId(this.claims, this.slot) : this.clientId;
    const renamed = new Map();
    const moving = isOwn ? this.entries.filter((e) => e.body.client_id === old) : [refused];
    for (const entry of moving) {
      const sequence = isOwn ? entry.body.sequence : this.nextSequence();
      renamed.set(`${old}|${entry.body.sequence}`, { client_id: fresh, sequence });
    }
    for (const entry of moving) {
      const { client_id, sequence, undoes_client_id, undoes_sequence } = entry.body;
      const target = renamed.get(`${undoes_client_id}|${undoes_sequence}`);
      const body = { ...entry.body, ...renamed.get(`${client_id}|${sequence}`) };
      if (target) {
        body.undoes_client_id = target.client_id;
        body.undoes_sequence = target.sequence;
      }
      const before = entry.name;
      Object.assign(entry, this.kept(body));
      this.keep.remove(before);
    }
    if (isOwn) this.clientId = fresh;
    this.onRekeyed(renamed);
  }

  sendFarewell() {
    const batch = this.entries.slice(0, LARGEST_BATCH);
    const message = this.message(batch);
    if (batch.length && JSON.stringify(message).length < LARGEST_FAREWELL) {
      this.server.farewell(this.path, message);
    }
  }
}
