"""What a page needs to know of the strategies: names, titles, what they cost and whence they come.

Data only, so that the server can list strategies without loading torch; the
maths is in `scores`, the small-text classes in `query`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.errors import InputError

BEAL = (
    "Wang, Zhang, Zhang, Dai, Liang, Shi (2024), Deep active learning for multi label text "
    "classification, Scientific Reports 14:28246 (a reading of its abstract, not its formula)"
)


class Family(StrEnum):
    """What a strategy looks at, and so how it is computed."""

    DOCUMENT = "document"  # one document's probabilities or passes at a time
    POOL = "pool"  # the whole pool's probabilities, and what is judged
    BATCH = "batch"  # composes the batch itself, from vectors


@dataclass(frozen=True)
class StrategyInfo:
    """One way of choosing what to ask next."""

    name: str
    title: str
    description: str
    needs_samples: bool  # Monte Carlo passes: about ten times the scoring work of one pass
    paper: str
    family: Family = Family.DOCUMENT
    recipe: Mapping[str, Any] = field(default_factory=dict)  # what it changes of Recipe's defaults


STRATEGIES: tuple[StrategyInfo, ...] = (
    StrategyInfo(
        name="bait",
        title="BAIT",
        description=(
            "Asks the batch that would leave the least uncertainty over all texts: unlike each "
            "other, standing for many others, and doubtful, as far as doubt has foretold "
            "mistakes. A tenth is drawn by lot, a tenth for rare labels. The default."
        ),
        needs_samples=False,
        paper=(
            "Ash, Goel, Krishnamurthy, Kakade (2021), Gone fishing: neural active learning with "
            "Fisher embeddings, NeurIPS; one Fisher matrix for all labels"
        ),
        family=Family.BATCH,
        recipe={"random_share": 0.1, "rare_share": 0.1},
    ),
    StrategyInfo(
        name="bald",
        title="BALD",
        description=(
            "Asks where repeated passes of the model contradict each other: what it does not "
            "know yet, rather than what nobody can know. Avoids near-copies."
        ),
        needs_samples=True,
        paper=(
            "Houlsby, Huszár, Ghahramani, Lengyel (2011), Bayesian active learning for "
            "classification and preference learning; Gal, Islam, Ghahramani (2017), Deep Bayesian "
            "active learning with image data; batches after Kirsch et al. (2023), Stochastic "
            "batch acquisition"
        ),
        recipe={"batching": "soft-groups"},
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
    # --- one document's probabilities -----------------------------------------------------
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
        name="margin",
        title="Margin",
        description=(
            "Asks where present and absent are nearly as likely, by their difference per label. "
            "Like entropy, with less weight on the sure labels."
        ),
        needs_samples=False,
        paper=(
            "Scheffer, Decomain, Wrobel (2001), Active hidden Markov models for information "
            "extraction, per label"
        ),
    ),
    StrategyInfo(
        name="least-confidence",
        title="Least confidence",
        description="Asks where the likelier answer of each label is least likely on average.",
        needs_samples=False,
        paper=(
            "Culotta, McCallum (2005), Reducing labeling effort for structured prediction tasks, "
            "per label"
        ),
    ),
    # --- one document's passes ------------------------------------------------------------
    StrategyInfo(
        name="variance",
        title="Variance",
        description=(
            "Asks where the probabilities of repeated passes scatter most. Near to BALD, kinder "
            "to sure answers."
        ),
        needs_samples=True,
        paper="Gal, Islam, Ghahramani (2017), Deep Bayesian active learning with image data",
        recipe={"batching": "soft-groups"},
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
        recipe={"aggregation": "sum"},
    ),
    StrategyInfo(
        name="besra",
        title="BESRA",
        description=(
            "Asks whose answer would improve the predictions on other texts most, by a score "
            "that minds rare labels; spreads its batch over different kinds of improvement."
        ),
        needs_samples=True,
        paper=(
            "Tan, Nguyen, Du, Buntine (2024), Harnessing the power of beta scoring in deep "
            "active learning for multi-label text classification, AAAI 38(14)"
        ),
    ),
    # --- the whole pool's probabilities ---------------------------------------------------
    StrategyInfo(
        name="lci",
        title="Label cardinality",
        description=(
            "Asks where the number of predicted labels is furthest from what judged documents "
            "have on average."
        ),
        needs_samples=False,
        paper="Li, Guo (2013), Active learning with multi-label SVM classification, IJCAI",
        family=Family.POOL,
    ),
    StrategyInfo(
        name="adaptive",
        title="Adaptive",
        description="Asks where both the margin is small and the number of labels is odd.",
        needs_samples=False,
        paper="Li, Guo (2013), Active learning with multi-label SVM classification, IJCAI",
        family=Family.POOL,
    ),
    StrategyInfo(
        name="cvirs",
        title="CVIRS",
        description=(
            "Asks where many labels rank among their least sure and the predicted label set is "
            "unlike the judged ones."
        ),
        needs_samples=False,
        paper=(
            "Reyes, Morell, Ventura (2018), Effective active learning strategy for multi-label "
            "learning, Neurocomputing 273"
        ),
        family=Family.POOL,
    ),
    StrategyInfo(
        name="mmc",
        title="Maximum loss reduction",
        description=(
            "Guesses how many labels a text has, takes the likeliest ones, and asks where the "
            "probabilities fit that guess worst."
        ),
        needs_samples=False,
        paper=(
            "Yang, Sun, Wang, Chen (2009), Effective multi-label active learning for text "
            "classification, KDD"
        ),
        family=Family.POOL,
    ),
    StrategyInfo(
        name="audi",
        title="AUDI",
        description=(
            "Asks where the number of predicted labels is odd, most of all in documents whose "
            "labels were hardly judged."
        ),
        needs_samples=False,
        paper=(
            "Huang, Zhou (2013), Active query driven by uncertainty and diversity for "
            "incremental multi-label learning, ICDM"
        ),
        family=Family.POOL,
    ),
    StrategyInfo(
        name="contrastive",
        title="Contrastive",
        description=(
            "Asks where the model answers otherwise than on the judged documents that are most "
            "alike."
        ),
        needs_samples=False,
        paper=(
            "Margatina, Vernikos, Barrault, Aletras (2021), Active learning by acquiring "
            "contrastive examples, EMNLP"
        ),
        family=Family.POOL,
    ),
    # --- the vectors ----------------------------------------------------------------------
    StrategyInfo(
        name="badge",
        title="BADGE",
        description=(
            "Asks about texts that would each pull the model hard, and in different directions."
        ),
        needs_samples=False,
        paper=(
            "Ash, Zhang, Krishnamurthy, Langford, Agarwal (2020), Deep batch active learning by "
            "diverse, uncertain gradient lower bounds, ICLR; a gradient per label"
        ),
        family=Family.BATCH,
    ),
    StrategyInfo(
        name="core-set",
        title="Core-set",
        description="Asks about the texts furthest from all judged ones. Looks at no prediction.",
        needs_samples=False,
        paper=(
            "Sener, Savarese (2018), Active learning for convolutional neural networks: a "
            "core-set approach, ICLR"
        ),
        family=Family.BATCH,
    ),
    StrategyInfo(
        name="prob-cover",
        title="ProbCover",
        description=(
            "Asks about the texts with most others near them that no judged one is near to. "
            "Looks at no prediction; good for a start."
        ),
        needs_samples=False,
        paper=(
            "Yehuda, Dekel, Hacohen, Weinshall (2022), Active learning through a covering lens, "
            "NeurIPS"
        ),
        family=Family.BATCH,
    ),
    StrategyInfo(
        name="typiclust",
        title="TypiClust",
        description=(
            "Asks about the most typical text of each group that has no judged one. Looks at no "
            "prediction; good for a start."
        ),
        needs_samples=False,
        paper=(
            "Hacohen, Dekel, Weinshall (2022), Active learning on a budget: opposite strategies "
            "suit high and low budgets, ICML"
        ),
        family=Family.BATCH,
    ),
    StrategyInfo(
        name="embedding-kmeans",
        title="Groups of texts",
        description="Groups the texts by likeness and asks about the middle of each group.",
        needs_samples=False,
        paper="Yuan, Lin, Boyd-Graber (2020), Cold-start active learning, EMNLP",
        family=Family.BATCH,
    ),
    StrategyInfo(
        name="discriminative",
        title="Discriminative",
        description="Asks about the texts easiest to tell from the judged ones.",
        needs_samples=False,
        paper="Gissin, Shalev-Shwartz (2019), Discriminative active learning",
        family=Family.BATCH,
    ),
    # --- small-text's own that are right for several labels --------------------------------
    StrategyInfo(
        name="small-text-kmeans",
        title="small-text: EmbeddingKMeans",
        description="The library's own grouping of texts, on at most 20,000 of them.",
        needs_samples=False,
        paper="Yuan, Lin, Boyd-Graber (2020), Cold-start active learning, EMNLP",
        family=Family.BATCH,
    ),
    StrategyInfo(
        name="small-text-core-set",
        title="small-text: GreedyCoreset",
        description="The library's own core-set, on at most 1,000 texts.",
        needs_samples=False,
        paper=(
            "Sener, Savarese (2018), Active learning for convolutional neural networks: a "
            "core-set approach, ICLR"
        ),
        family=Family.BATCH,
    ),
    StrategyInfo(
        name="small-text-light-core-set",
        title="small-text: LightweightCoreset",
        description=(
            "The library's own draw by distance from the average text, on at most 20,000 texts."
        ),
        needs_samples=False,
        paper="Bachem, Lucic, Krause (2018), Scalable k-means clustering via lightweight coresets",
        family=Family.BATCH,
    ),
    StrategyInfo(
        name="small-text-prob-cover",
        title="small-text: ProbCover",
        description="The library's own covering of the pool, on at most 1,000 texts.",
        needs_samples=False,
        paper=(
            "Yehuda, Dekel, Hacohen, Weinshall (2022), Active learning through a covering lens, "
            "NeurIPS"
        ),
        family=Family.BATCH,
    ),
)
DEFAULT_STRATEGY = STRATEGIES[0].name


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
