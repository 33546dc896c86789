// The component: finds or starts the Reviewing of this project, annotator and kind, and shows it.
//
// It is called again at every run of the page, with new data. What is being looked at outlives
// that, and also a visit to another page.

const TOKEN_PAUSE_MS = 3000;
const LIVE = Symbol.for("marginalia.reviewing");

function reviewingFor(data) {
  const all = (globalThis[LIVE] ??= new Map());
  const name = `${data.api_base}|${data.project.storage}|${data.annotator}|${data.kind}`;
  if (!all.has(name)) {
    const reviewing = new Reviewing({
      apiBase: data.api_base,
      project: data.project,
      annotator: data.annotator,
      kind: data.kind,
    });
    all.set(name, reviewing);
  }
  return all.get(name);
}

class Mounted {
  constructor(root, reviewing) {
    this.reviewing = reviewing;
    this.view = new View(root, reviewing);
    this.gestures = new Gestures(this.view, reviewing);
  }

  use(data, setTriggerValue) {
    const { reviewing, view } = this;
    reviewing.isShown = true;
    reviewing.server.token = data.token;
    reviewing.server.onTokenNeeded = () => this.askForToken(setTriggerValue);
    reviewing.draw = () => view.draw();
    reviewing.say = (words) => view.say(words);
    view.useLabels(data.labels);
    view.draw();
    reviewing.started ??= reviewing.start();
    reviewing.started.then(() => {
      reviewing.outbox.pump();
      reviewing.refill();
      view.draw();
    });
  }

  // The page makes a new token whenever it runs.
  askForToken(setTriggerValue) {
    if (Date.now() - (this.askedAt ?? 0) < TOKEN_PAUSE_MS) return;
    this.askedAt = Date.now();
    setTriggerValue("token_needed", true);
  }

  leave() {
    this.gestures.stop();
    this.reviewing.isShown = false;
    this.reviewing.draw = () => {};
    this.reviewing.say = () => {};
  }
}

const mountedOn = new WeakMap();

export default function reviewCard({ data, parentElement, setTriggerValue }) {
  const reviewing = reviewingFor(data);
  let mounted = mountedOn.get(parentElement);
  if (mounted?.reviewing !== reviewing) {
    mounted?.leave();
    mounted = new Mounted(parentElement, reviewing);
    mountedOn.set(parentElement, mounted);
  }
  mounted.use(data, setTriggerValue);
  return () => {
    mounted.leave();
    mountedOn.delete(parentElement);
  };
}
