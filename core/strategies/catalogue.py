"""What a page needs to know of the strategies: names, titles, what they cost and whence they come.

Data only, so that the server can list strategies without loading torch; the
maths is in `scores`, the small-text classes in `query`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from core.errors import InputError

BEAL = (
    "Wang, Zhang, Zhang, Dai, Liang, Shi (2024), Deep active learning for multi label text "
    "classification, Scientific Reports 14:28246 (a reading of its abstract, not its formula)"
)


@dataclass(frozen=True)
class StrategyInfo:
    """One way of choosing what to ask next."""

    name: str
    title: str
    description: str
    needs_samples: bool  # Monte Carlo passes: about ten times the scoring work of one pass
    paper: str
    is_diverse: bool = False  # its batches avoid near-copies, see `diversity`


STRATEGIES: tuple[StrategyInfo, ...] = (
    StrategyInfo(
        name="bald",
        title="BALD",
        description=(
            "Asks where repeated passes of the model contradict each other: what it does not "
            "know yet, rather than what nobody can know. Avoids near-copies. The default."
        ),
        needs_samples=True,
        paper=(
            "Houlsby, Huszár, Ghahramani, Lengyel (2011), Bayesian active learning for "
            "classification and preference learning; Gal, Islam, Ghahramani (2017), Deep Bayesian "
            "active learning with image data; batches after Kirsch et al. (2023), Stochastic "
            "batch acquisition"
        ),
        is_diverse=True,
    ),
    StrategyInfo(
        name="entropy",
        title="Entropy",
        description=(
            "Asks where the labels are closest to fifty-fifty on average. Fast; also asks about "
            "texts on which people would disagree."
        ),
        needs_samples=False,
        paper="Shannon (1948), A mathematical theory of communication, per label",
    ),
    StrategyInfo(
        name="random",
        title="Random",
        description=(
            "Asks about documents drawn by lot. The yardstick for every other strategy, and a "
            "fair picture of the pool."
        ),
        needs_samples=False,
        paper="",
    ),
    StrategyInfo(
        name="beal-mean",
        title="BEAL (a): confidence of the mean",
        description=(
            "Asks where the averaged probability of a label is least confident, averaged over "
            "labels; disagreement between passes counts as doubt."
        ),
        needs_samples=True,
        paper=BEAL,
    ),
    StrategyInfo(
        name="beal-posterior",
        title="BEAL (b): mean of the confidences",
        description=(
            "Asks where single passes are least confident on average; passes that are sure but "
            "contradict each other do not count as doubt."
        ),
        needs_samples=True,
        paper=BEAL,
    ),
    StrategyInfo(
        name="beal-expected",
        title="BEAL (c): expected confidence",
        description=(
            "Asks where the probability given to the answer is expected to be lowest, averaged "
            "over labels."
        ),
        needs_samples=True,
        paper=BEAL,
    ),
    StrategyInfo(
        name="beal-joint",
        title="BEAL (d): confidence in the whole label set",
        description=(
            "Asks where the most likely set of labels as a whole is least sure; one very unsure "
            "label weighs more than in the other readings."
        ),
        needs_samples=True,
        paper=BEAL,
    ),
)


def strategy_info(name: str) -> StrategyInfo:
    """Find a strategy; raises InputError naming the nearest right name."""
    by_name = {info.name: info for info in STRATEGIES}
    if name in by_name:
        return by_name[name]
    near = difflib.get_close_matches(name.lower(), by_name, n=1, cutoff=0.0)
    raise InputError(
        f"There is no strategy '{name}'; did you mean '{near[0]}'? "
        f"There are {', '.join(sorted(by_name))}."
    )
