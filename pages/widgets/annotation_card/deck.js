// Documents in this client's hands, fetched well before they are needed.

const FEWEST_AHEAD = 15;
const MOST_AHEAD = 25;
const MOST_UNSENT = 60; // with more waiting to be sent, there is no point in asking for more
const LOOK_AGAIN_MS = 8000;

class Deck {
  constructor({ server, outbox }) {
    Object.assign(this, { server, outbox });
    this.documents = []; // the first is on the table
    this.isUsedUp = false; // nothing is left that we could be given
    this.isFetching = false;
    this.trouble = ""; // why the last question was not answered
    this.roundNumber = undefined; // in force, as of the last answer
    this.isOrdered = true; // until told otherwise
    this.isOutdated = false; // suggestions are of an earlier round
    this.thresholds = null; // in force, as of the last answer
    this.newestFinds = undefined; // the newest search, as of the last answer
    this.hasNewFinds = false; // somebody searched, and what was found comes before what is in hand
    this.isUnsure = false; // much may have happened since the last answer
    this.late = []; // what an earlier round put in this client's hands, not shown and given back
    this.leaseMs = 0;
    this.askedAt = 0;
    this.isDrafted = () => false;
    this.onSchema = () => {};
    this.onChange = () => {};
  }

  get needsMore() {
    const age = Date.now() - this.askedAt;
    const isStale = this.leaseMs > 0 && age > this.leaseMs / 3;
    const isAwaited = !this.isOrdered && age > LOOK_AGAIN_MS; // the first order may be there
    const isShort = this.documents.length < FEWEST_AHEAD;
    return isShort || this.isOutdated || this.hasNewFinds || this.isUnsure || isStale || isAwaited;
  }

  async refill() {
    const mayWait = this.isUsedUp && !this.isOutdated && !this.hasNewFinds && !this.isUnsure;
    const isSoon = mayWait && Date.now() - this.askedAt < LOOK_AGAIN_MS;
    if (this.isFetching || !this.needsMore || isSoon) return;
    if (this.outbox.entries.length > MOST_UNSENT) return;
    this.isFetching = true;
    this.askedAt = Date.now();
    try {
      this.take(await this.server.call("POST", "/queries", this.question()));
      this.trouble = "";
    } catch (error) {
      const isRefused = error instanceof Refused;
      this.trouble = isRefused ? error.message : "The server does not answer. Trying again…";
    } finally {
      this.isFetching = false;
      this.onChange();
    }
  }

  question() {
    const unsent = this.outbox.documentIds();
    const release = [];
    if (this.isOutdated) release.push(...this.late, ...this.untouched((doc) => this.isLate(doc)));
    else if (this.hasNewFinds) release.push(...this.untouched((doc) => this.mayGo(doc)));
    this.documents = this.documents.filter((doc) => !release.includes(doc.document_id));
    const held = this.documents.map((doc) => doc.document_id);
    this.asked = { n: Math.min(100, MOST_AHEAD + unsent.length), held };
    this.isOutdated = this.hasNewFinds = this.isUnsure = false;
    this.late = [];
    return {
      client_id: this.outbox.clientId,
      n: this.asked.n,
      have: [...new Set([...held, ...unsent])],
      release,
    };
  }

  // Not on the table.
  untouched(isWanted) {
    return this.documents
      .slice(1)
      .filter(isWanted)
      .map((doc) => doc.document_id);
  }

  // Chosen by an earlier round, or by chance before there was any order, and not begun: there are
  // better questions now.
  isLate(doc) {
    const isOld = doc.round_number !== this.roundNumber || (doc.isByChance && this.isOrdered);
    return isOld && this.mayGo(doc);
  }

  // What was drawn for the audit set or found by a search stays, whatever round is in force.
  mayGo(doc) {
    return doc.kind !== "audit" && doc.kind !== "search" && !this.isDrafted(doc.document_id);
  }

  take(lease) {
    this.leaseMs = lease.lease_s * 1000;
    this.drop(new Set(lease.in_hand));
    const known = new Set(this.documents.map((doc) => doc.document_id));
    const isNewRound = this.roundNumber !== undefined && this.roundNumber !== lease.round_number;
    const hasChanged = isNewRound || (lease.is_ordered && !this.isOrdered);
    this.hasNewFinds =
      this.newestFinds !== undefined && this.newestFinds !== lease.newest_finds;
    this.newestFinds = lease.newest_finds;
    this.thresholds = lease.thresholds;
    this.roundNumber = lease.round_number;
    this.isOrdered = lease.is_ordered;
    for (const doc of lease.documents) {
      if (known.has(doc.document_id)) continue;
      doc.isByChance = !lease.is_ordered;
      if (this.isLate(doc)) this.late.push(doc.document_id);
      else this.documents.push(doc);
    }
    this.isUsedUp = lease.in_hand.length < this.asked.n;
    this.isOutdated = hasChanged || this.late.length > 0;
    this.onSchema(lease.schema_version);
  }

  // Whether a probability says that a label applies; before the first answer nothing does.
  isPredicted(labelId, value) {
    if (!this.thresholds) return false;
    return value >= (this.thresholds.own[labelId] ?? this.thresholds.shared);
  }

  // Give up what somebody else has got meanwhile, but never what is on the table.
  drop(inHand) {
    if (inHand.size >= this.asked.n) return; // the list may have been cut
    const lost = new Set(this.asked.held.filter((id) => !inHand.has(id)));
    this.documents = this.documents.filter(
      (doc, place) => place === 0 || !lost.has(doc.document_id),
    );
  }
}
