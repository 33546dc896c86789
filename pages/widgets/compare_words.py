"""What a comparison found, in words and cells: pure functions over its record's statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from core.strategies.catalogue import STRATEGIES
from core.strategies.plan import Arm, ReplayPlan
from pages.widgets.text import counted, escaped

Statistics = Mapping[str, Any]
MICRO, MACRO = "micro_f1", "macro_f1"
TITLES = {strategy.name: strategy.title for strategy in STRATEGIES}
FEW_SEEDS = 5  # below it, even all seeds agreeing may be chance (sign test, 2 / 2⁴ = 0.13)
MANY_ARMS = 5
NOTHING = (
    "No seed was played to its end by every strategy, so there is nothing to compare. "
    "Delete this comparison and run it again."
)


def arm_title(name: str) -> str:
    """`BALD` for `bald`; other names as they are."""
    return TITLES.get(name, name)


def verdict(statistics: Statistics) -> str:
    """The comparison in a sentence or two, the best strategy first."""
    if not statistics["seeds"]:
        return NOTHING
    if not statistics["differences"]:
        return "Only random was played, so there is nothing to compare it with."
    ranked = _ranked(statistics)
    ahead = [name for name in ranked if _side(statistics, name) > 0]
    behind = [name for name in ranked if _side(statistics, name) < 0]
    if len(statistics["seeds"]) == 1:
        first = "With one seed nothing can be told from chance; play three at least."
    elif ahead:
        first = f"{gain(statistics, ahead[0])}; on these documents."
    elif len(behind) == len(ranked):
        first = "Every strategy did worse than random here. Random is the one to use."
    else:
        first = nothing_told(statistics, [name for name in ranked if name not in behind])
    others = [f"{_bold(name)} also comes out ahead of random." for name in ahead[1:]]
    if behind and len(behind) < len(ranked) and len(statistics["seeds"]) > 1:
        did = _listed([_bold(name) for name in behind])
        others.append(f"{did} did worse than random.")
    return " ".join([first, *others])


def caveats(statistics: Statistics) -> str:
    """How far the verdict can be trusted."""
    n_seeds, n_arms = len(statistics["seeds"]), len(statistics["differences"])
    told = []
    if 1 < n_seeds < FEW_SEEDS:
        told.append(
            f"{n_seeds} seeds make narrow intervals that promise too much: repeat it with "
            f"{FEW_SEEDS} or more before you rely on small differences."
        )
    if n_arms > MANY_ARMS:
        told.append(f"Of {n_arms} strategies one may well look best by luck.")
    return " ".join(told)


def gain(statistics: Statistics, name: str) -> str:
    """What a strategy has over random: judgements saved for the highest target that tells."""
    told = statistics["differences"][name][MICRO]
    for share, saving in sorted(told["saving"].items(), key=lambda item: -float(item[0])):
        if saving["value"] is None:
            continue
        at_least = "at least " if saving["is_at_least"] else ""
        more = "fewer" if saving["value"] >= 0 else "more"
        saved = f"{at_least}{_percent(abs(saving['value']))} {more} judgements"
        return (
            f"{_bold(name)} needs **{saved}** than random for {_percent(float(share))} of the "
            "score with everything judged"
            f"{_saving_interval(saving)}"
        )
    area = told["area"]
    return (
        f"{_bold(name)} scores {_signed(area['mean'])} micro-F1 on average against random"
        f"{_ends(area)}, but did not come near the score with everything judged within "
        f"{statistics['n_judged'][-1]:,} judgements"
    )


def nothing_told(statistics: Statistics, names: Sequence[str]) -> str:
    """That these cannot be told apart from random, and by how much they might differ."""
    area = statistics["differences"][names[0]][MICRO]["area"]
    more = "More seeds, or more judged documents, may tell more."
    if area["low"] is None or area["high"] is None:
        return f"How {_bold(names[0])} compares with random is undefined here. {more}"
    which = f"{_bold(names[0])} and random" if len(names) == 1 else "The strategies and random"
    by = f"{_signed(area['mean'])} micro-F1 on average"
    between = f"{_signed(area['low'])} to {_signed(area['high'])}"
    return (
        f"**Nothing can be told apart.** {which} differ by less than chance does: "
        f"{arm_title(names[0])} against random {by}, 95 % interval {between}, which includes "
        f"zero. {more}"
    )


def leader(statistics: Statistics) -> str | None:
    """The arm that comes out ahead of random beyond chance, the largest difference first."""
    ranked = _ranked(statistics)
    return next((name for name in ranked if _side(statistics, name) > 0), None)


def best_arm(statistics: Statistics) -> str | None:
    """The arm with the highest area of all, random included."""
    arms = statistics["arms"]
    known = {n: a[MICRO]["area"]["mean"] for n, a in arms.items() if _mean_area(a) is not None}
    return max(known, key=lambda name: known[name]) if known else None


def results_table(statistics: Statistics) -> pd.DataFrame:
    """One row per strategy, the best first; what is undefined or was not reached says so."""
    arms, differences = statistics["arms"], statistics["differences"]
    names = sorted(arms, key=lambda name: -(_mean_area(arms[name]) or -1.0))
    shares = sorted(next(iter(arms.values()))[MICRO]["needed"]) if arms else []
    last = statistics["n_judged"][-1] if statistics["n_judged"] else 0
    rows = []
    for name in names:
        arm, against = arms[name], differences.get(name, {}).get(MICRO)
        row = {
            "Strategy": arm_title(name),
            "Mean micro-F1": _number(_mean_area(arm), ".3f"),
            "Against random": "the yardstick" if against is None else _between(against["area"]),
            "Seeds ahead": "" if against is None else _ahead(against["area"]),
        }
        for share in shares:
            needed = arm[MICRO]["needed"][share]["by_mean"]
            row[f"For {_percent(float(share))}"] = (
                f"not within {last:,}" if needed is None else f"{needed:,.0f}"
            )
        if shares:
            row[f"Saved at {_percent(float(shares[-1]))}"] = (
                "" if against is None else _saved(against["saving"][shares[-1]])
            )
        row["Mean macro-F1"] = _number(arm[MACRO]["area"]["mean"], ".3f")
        row["Query, s"] = _number(arm["query_seconds"]["mean"], ".2f")
        rows.append(row)
    return pd.DataFrame(rows)


def setting_words(plan: ReplayPlan, record: Mapping[str, Any]) -> str:
    """How it was played, for the small print."""
    data = record["data"]
    told = (
        f"{counted(data['n_pool'], 'document')} to ask about, {data['n_test']:,} to test on, "
        f"{counted(data['n_labels'], 'label')}; {plan.n_initial:,} judged at first, then "
        f"{counted(plan.n_rounds, 'round')} of {plan.batch_size:,}; "
        f"{counted(len(plan.seeds), 'seed')}, {plan.learner} learner. {data['note']}"
    )
    return told.strip()


def settings_of(arm: Arm) -> dict[str, Any]:
    """The project's settings under which its rounds ask as this arm did."""
    own = Arm.of(arm.recipe.strategy).recipe.to_json()
    asked = arm.recipe.to_json()
    changes = {key: value for key, value in asked.items() if value != own[key]}
    n_passes = changes.pop("n_passes", own["n_passes"])
    return {"strategy": arm.recipe.strategy, "recipe": changes, "n_passes": n_passes}


def _ranked(statistics: Statistics) -> list[str]:
    """The arms beside the baseline, the largest difference in area first; undefined ones last."""
    areas = {n: told[MICRO]["area"]["mean"] for n, told in statistics["differences"].items()}
    return sorted(areas, key=lambda name: -(areas[name] if areas[name] is not None else -1.0))


def _side(statistics: Statistics, name: str) -> int:
    """1 ahead of random, -1 behind, 0 where the interval includes zero or is undefined."""
    area = statistics["differences"][name][MICRO]["area"]
    if area["low"] is None or area["high"] is None:
        return 0
    return (area["low"] > 0) - (area["high"] < 0)


def _saving_interval(saving: Mapping[str, Any]) -> str:
    low, high = saving["low"], saving["high"]
    if high is None:
        return ""
    if low is None:
        return f" (95 % interval: from not getting there at all to {_percent(high)} fewer)"
    told = f" (95 % interval {_percent(low)} to {_percent(high)})"
    return told + (", which includes no saving at all" if low <= 0 <= high else "")


def _saved(saving: Mapping[str, Any]) -> str:
    if saving["value"] is None:
        return "never reached"
    at_least = "≥ " if saving["is_at_least"] else ""
    if saving["high"] is None:
        return f"{at_least}{_percent(saving['value'])}"
    low = "not reached" if saving["low"] is None else _percent(saving["low"])
    return f"{at_least}{_percent(saving['value'])} ({low} to {_percent(saving['high'])})"


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("-", "−").replace("%", " %")


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _between(told: Mapping[str, Any]) -> str:
    if told["mean"] is None:
        return "undefined"
    return f"{_signed(told['mean'])}{_ends(told)}"


def _ends(told: Mapping[str, Any]) -> str:
    if told["low"] is None or told["high"] is None:
        return ""
    return f" ({_signed(told['low'])} to {_signed(told['high'])})"


def _ahead(area: Mapping[str, Any]) -> str:
    return f"{area['n_ahead']} of {len(area['by_seed'])}"


def _number(value: float | None, form: str) -> str:
    return "undefined" if value is None else format(value, form)


def _mean_area(arm: Mapping[str, Any]) -> float | None:
    area: float | None = arm[MICRO]["area"]["mean"]
    return area


def _bold(name: str) -> str:
    return f"**{escaped(arm_title(name))}**"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
