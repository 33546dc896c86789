// Which client this tab is, and which clients' outboxes it may send.
//
// A client id lives as long as its tab, and so does its claim: two live tabs never share one. What
// a closed tab left unsent is sent by others. They borrow its claim for a moment and never keep
// it, since the tab may only be reloading, and has to find its claim free.

const BEAT_MS = 2000;
const SILENT_MS = 10000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function freshId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

class Claims {
  constructor(keep) {
    this.keep = keep;
    this.held = new Set();
    this.hasLocks = Boolean(globalThis.navigator.locks); // only over https or on this machine
    if (!this.hasLocks) {
      setInterval(() => this.beat(), BEAT_MS);
      addEventListener("pagehide", () => this.held.forEach((id) => this.keep.remove(`beat|${id}`)));
      addEventListener("pageshow", () => this.beat());
    }
  }

  // Resolves to whether the claim is ours now; it stays ours until the tab is gone.
  async take(clientId) {
    if (this.held.has(clientId)) return true;
    const isOurs = this.hasLocks ? await this.lock(clientId) : this.isSilent(clientId);
    if (isOurs) {
      this.held.add(clientId);
      if (!this.hasLocks) this.beat();
    }
    return isOurs;
  }

  // Runs `use` if nobody is this client just now; resolves to whether it ran.
  async borrow(clientId, use) {
    if (this.held.has(clientId)) {
      use();
      return true;
    }
    if (this.hasLocks) return this.lockWhile(clientId, use);
    const isFree = this.isSilent(clientId);
    if (isFree) use();
    return isFree;
  }

  lockWhile(clientId, use) {
    const whenAsked = (lock) => {
      if (lock !== null) use();
      return lock !== null;
    };
    const name = this.keep.prefix + clientId;
    return navigator.locks.request(name, { ifAvailable: true }, whenAsked).catch(() => false);
  }

  lock(clientId) {
    return new Promise((resolve) => {
      const whenAsked = (lock) => {
        resolve(lock !== null);
        return lock === null ? undefined : new Promise(() => {}); // held until the tab is gone
      };
      navigator.locks
        .request(this.keep.prefix + clientId, { ifAvailable: true }, whenAsked)
        .catch(() => resolve(false));
    });
  }

  isSilent(clientId) {
    return Date.now() - (this.keep.read(`beat|${clientId}`) ?? 0) > SILENT_MS;
  }

  beat() {
    for (const id of this.held) {
      try {
        this.keep.write(`beat|${id}`, Date.now());
      } catch {
        // no room: the card itself says so when it next keeps something
      }
    }
  }
}

// The id this tab had before a reload, or a fresh one: a duplicated tab has the same memory, but
// not the claim. A tab that is just reloading lets go of its claim within a moment.
async function ownClientId(claims, slot) {
  const known = sessionStorage.getItem(slot);
  for (let attempt = 0; known && attempt < 5; attempt += 1) {
    if (await claims.take(known)) return known;
    await pause(120);
  }
  return newClientId(claims, slot);
}

async function newClientId(claims, slot) {
  const id = freshId();
  await claims.take(id);
  sessionStorage.setItem(slot, id);
  return id;
}
