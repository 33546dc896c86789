// What the choice of a document rests on: drawn only while somebody wants to see it.

class Evidence {
  constructor(refs) {
    this.refs = refs;
    this.isOpen = false;
    this.because = null;
    this.known = {};
  }

  get hasAny() {
    return Boolean(this.because?.labels.length || this.because?.neighbours.length);
  }

  // Opens or closes it, for the documents to come as well; says whether there is anything to see.
  toggle() {
    if (!this.hasAny) return false;
    this.isOpen = !this.isOpen;
    this.show();
    return true;
  }

  draw(because, { labels, showsProbabilities }) {
    this.because = because ?? null;
    this.known = { labels: new Map(labels.map((label) => [label.id, label])), showsProbabilities };
    this.show();
  }

  show() {
    const { refs, because } = this;
    const isShown = this.isOpen && this.hasAny;
    setHidden(refs.why, !this.hasAny);
    refs.why.setAttribute("aria-expanded", String(isShown));
    setHidden(refs.evidence, !isShown);
    if (!isShown) return;
    const isWanted = because.wanted_label_id !== null;
    setText(refs.drivingTitle, isWanted ? "Sought as an example of" : "Labels that decided");
    this.fill(refs.driving, refs.drivingLabels, because.labels, (one) => this.drivingLabel(one));
    this.fill(refs.near, refs.neighbours, because.neighbours, (one) => this.neighbour(one));
  }

  // One line for each; without any, the part with its title is left out.
  fill(part, list, items, drawn) {
    const lines = items.map(drawn).filter(Boolean);
    list.replaceChildren(...lines);
    setHidden(part, lines.length === 0);
  }

  // A label may have been retired since.
  drivingLabel({ label_id, share, proba }) {
    const label = this.known.labels.get(label_id);
    if (!label) return null;
    const line = element("li", "driving");
    line.append(...named(label));
    if (this.known.showsProbabilities) {
      const bar = element("span", "bar", { "aria-hidden": "true" });
      bar.style.setProperty("--probability", proba.toFixed(3));
      line.append(bar, words("number", proba.toFixed(2)));
    }
    const percent = Math.round(share * 100);
    if (percent < 100) line.append(words("share", `${percent} % of the score`));
    return line;
  }

  neighbour({ similarity, excerpt, present }) {
    const line = element("li", "neighbour");
    const quote = words("quote", excerpt);
    quote.dir = "auto";
    quote.title = excerpt;
    const alike = words("number", similarity.toFixed(2));
    alike.title = "Cosine similarity: 1 is the same, 0 has nothing in common";
    const labels = present.map((id) => this.known.labels.get(id)).filter(Boolean);
    const tags = element("span", "tags");
    tags.append(
      ...labels.map((label) => {
        const tag = element("span", "tag");
        tag.append(...named(label));
        return tag;
      }),
    );
    if (!labels.length) tags.append(words("none", "no label"));
    line.append(alike, quote, tags);
    return line;
  }
}

function named(label) {
  const name = words("name", label.name);
  name.dir = "auto";
  return [dotOf(label), name];
}

function words(className, said) {
  const made = element("span", className);
  made.textContent = said;
  return made;
}
