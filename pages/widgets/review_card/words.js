// What is written on the card.

const SIGNS = { present: "✓", absent: "✕" };
const BADGES = {
  suspect: "suspect",
  copies: "copies",
  pair: "unusual pair",
  companion: "missing companion",
  map: "map",
};
const NOTHING_LEFT = {
  suspect: "Nothing suspicious is left.",
  copies: "No texts that say the same are judged differently any more.",
  pair: "No unusual pair of labels is left.",
  companion: "No label lacks its companion any more.",
};
const NOT_READY = "Run a round first: it finds the judgements worth looking at again.";
const MONTH = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric" });

const wordOf = (state) => (state === "present" ? "present" : "absent");

// "judged present by anna in March 2026; a model that did not see it gives 0.03"
function saidOf(item) {
  const judged = `judged ${wordOf(item.state)} by ${item.judged_by} in ${monthOf(item.judged_at)}`;
  if (item.proba === null) return judged;
  return `${judged}; a model that did not see it gives ${item.proba.toFixed(2)}`;
}

function monthOf(moment) {
  const date = new Date(moment);
  return Number.isNaN(date.getTime()) ? "the past" : MONTH.format(date);
}

// `nameOf` gives a label's name.
function whyOf(kind, item, nameOf) {
  if (kind === "copies") {
    const alike = item.beside?.cosine >= 0.9995 ? "the same words" : "nearly the same words";
    return `Two texts with ${alike} were judged differently; this judgement is the likelier mistake.`;
  }
  if (item.suspicion === null) return "";
  if (item.with_id) return besideOf(item, nameOf);
  const doubt = `${Math.round(item.suspicion * 100)} %`;
  return `Wrong with a probability of about ${doubt}, as far as the model can tell.`;
}

// "98 % of the documents with “refund” do not have “billing”." Never all: this one differs.
function besideOf(item, nameOf) {
  const share = item.suspicion < 0.995 ? `${Math.round(item.suspicion * 100)} %` : "Over 99 %";
  const rule = item.state === "present" ? "do not have" : "also have";
  return `${share} of the documents with “${nameOf(item.with_id)}” ${rule} “${nameOf(item.label_id)}”.`;
}

function emptyOf(reviewing) {
  if (reviewing.problem) return reviewing.problem;
  if (reviewing.isReady === null) return "Looking for doubtful judgements …";
  if (!reviewing.isReady) return NOT_READY;
  if (!reviewing.isEnd) return "Looking for doubtful judgements …";
  return NOTHING_LEFT[reviewing.kind] ?? "Nothing is left to look at again.";
}
