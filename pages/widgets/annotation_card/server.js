// Calls to the API. What comes back is an answer, a refusal with a reason, or silence.

const TIMEOUT_MS = 20000;

class Refused extends Error {
  constructor(status, kind, message) {
    super(message);
    this.status = status;
    this.kind = kind;
  }
}

class Silent extends Error {} // not reached, or not well: trying again is right

class TokenNeeded extends Silent {}

class Server {
  constructor(base) {
    this.base = base;
    this.token = "";
    this.staleToken = null; // the one the server would not take
    this.onTokenNeeded = () => {};
  }

  get needsToken() {
    return this.token === this.staleToken;
  }

  async call(method, path, body) {
    if (this.needsToken) throw new TokenNeeded("no valid token");
    const token = this.token;
    let response, answer;
    try {
      response = await fetch(this.base + path, {
        ...this.request(method, body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      answer = await response.json();
    } catch (error) {
      throw new Silent(String(error));
    }
    if (response.ok) return answer;
    if (response.status === 401 || response.status === 403) {
      this.staleToken = token;
      this.onTokenNeeded();
      throw new TokenNeeded(answer?.error?.message);
    }
    const failure = answer?.error;
    if (!failure || response.status >= 500 || failure.kind === "not_ready") {
      throw new Silent(failure?.message ?? `HTTP ${response.status}`);
    }
    throw new Refused(response.status, failure.kind, failure.message);
  }

  // Sent while the page goes away; nobody waits for the answer.
  farewell(path, body) {
    if (!this.needsToken) {
      fetch(this.base + path, { ...this.request("POST", body), keepalive: true }).catch(() => {});
    }
  }

  request(method, body) {
    return {
      method,
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${this.token}` },
      body: body === undefined ? undefined : JSON.stringify(body),
    };
  }
}
