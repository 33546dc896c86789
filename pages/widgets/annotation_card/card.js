// The component: finds or starts the Judging of this project and annotator, and shows it.
//
// It is called again at every run of the page, with new data. What is being judged outlives
// that, and also a visit to another page.

const TOKEN_PAUSE_MS = 3000;
const LIVE = Symbol.for("marginalia.judging");

function judgingFor(data) {
  const all = (globalThis[LIVE] ??= new Map());
  const name = `${data.api_base}|${data.project.storage}|${data.annotator}`;
  if (!all.has(name)) {
    const judging = new Judging({
      apiBase: data.api_base,
      project: data.project,
      annotator: data.annotator,
    });
    all.set(name, judging);
    judging.started = judging.start();
  }
  return all.get(name);
}

class Mounted {
  constructor(root, judging) {
    this.judging = judging;
    this.view = new View(root, judging);
    this.gestures = new Gestures(this.view, judging);
  }

  use(data, setTriggerValue) {
    const { judging, view } = this;
    judging.isShown = true;
    judging.server.token = data.token;
    judging.server.onTokenNeeded = () => this.askForToken(setTriggerValue);
    judging.onUsedUp = () => setTriggerValue("used_up", true);
    judging.useSchema({
      version: data.project.schema_version,
      labels: data.labels,
      exclusive: data.project.exclusive,
    });
    judging.draw = () => view.draw();
    judging.say = (words) => view.say(words);
    view.options = { showSuggestions: data.options.show_suggestions };
    setHidden(view.refs.suggestSwitch, data.options.show_suggestions === false);
    view.drawDocument(view.drawnDocument ?? null);
    view.draw();
    judging.deck.isUnsure = true; // a round may have ended while another page was open
    judging.started.then(() => {
      judging.changed();
      this.lookAt(data.options.document);
    });
    judging.outbox.pump();
  }

  // The address may ask for one document; it does so once.
  lookAt(documentId) {
    if (!documentId || documentId === this.lookedAt) return;
    this.lookedAt = documentId;
    this.judging.look(documentId);
  }

  // The page makes a new token whenever it runs.
  askForToken(setTriggerValue) {
    if (Date.now() - (this.askedAt ?? 0) < TOKEN_PAUSE_MS) return;
    this.askedAt = Date.now();
    setTriggerValue("token_needed", true);
  }

  leave() {
    this.gestures.stop();
    this.judging.isShown = false;
    this.judging.draw = () => {};
    this.judging.say = () => {};
  }
}

const mountedOn = new WeakMap();

export default function annotationCard({ data, parentElement, setTriggerValue }) {
  const judging = judgingFor(data);
  let mounted = mountedOn.get(parentElement);
  if (mounted?.judging !== judging) {
    mounted?.leave();
    mounted = new Mounted(parentElement, judging);
    mountedOn.set(parentElement, mounted);
  }
  mounted.use(data, setTriggerValue);
  return () => {
    mounted.leave();
    mountedOn.delete(parentElement);
  };
}
