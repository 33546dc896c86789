"""How a batch of questions is made: the strategy's own ways chosen, each of them changeable."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.domain import Aggregation, Batching, Posterior
from core.errors import InputError
from core.strategies.catalogue import Family, StrategyInfo
from core.strategies.recipe import ALL_LAYERS, Recipe

AGGREGATIONS = {
    Aggregation.MEAN: "All labels alike",
    Aggregation.SUM: "Sum over labels",
    Aggregation.MAX: "The most doubtful label",
    Aggregation.TOP: "The three most doubtful labels",
    Aggregation.RARITY: "Rare labels more",
    Aggregation.NEED: "Badly predicted labels more",
}
BATCHINGS = {
    Batching.TOP: "The highest scores",
    Batching.SOFT: "By lot, high scores likelier",
    Batching.GROUPS: "The best of each group of like texts",
    Batching.SOFT_GROUPS: "By lot, then the best of each group",
    Batching.SPREAD: "High scores far from each other",
    Batching.GREEDY: "One by one, unlike those before",
}
POSTERIORS = {
    Posterior.DROPOUT: "Passes with random parts switched off",
    Posterior.ENSEMBLE: "Several heads, trained apart",
}
LAYERS = {
    0: "The head alone",
    1: "The last encoder layer too",
    2: "The last two",
    ALL_LAYERS: "All",
}
COMPOSE_THEIR_OWN = {"random", "besra"}


def choose_recipe(
    info: StrategyInfo, remembered: dict[str, Any], *, project_id: int
) -> dict[str, Any]:
    """What is to be changed of the strategy's own recipe, as it stands on the page."""
    own = Recipe.of(info.name)
    usual = _usable(info.name, remembered)
    chosen: dict[str, Any] = {}
    if info.name not in COMPOSE_THEIR_OWN and info.family is not Family.BATCH:
        left, right = st.columns(2)
        with left:
            chosen["batching"] = _choice("The batch is", BATCHINGS, usual.batching, project_id)
        if info.family is Family.DOCUMENT:
            with right:
                chosen["aggregation"] = _choice(
                    "Doubts count", AGGREGATIONS, usual.aggregation, project_id
                )
    chosen |= _shares(usual, project_id)
    chosen |= _details(usual, info, project_id)
    own_values = own.to_json()
    return {key: value for key, value in chosen.items() if value != own_values[key]}


def _usable(strategy: str, remembered: dict[str, Any]) -> Recipe:
    """The remembered changes, where this strategy bears them."""
    known = {key: value for key, value in remembered.items() if key != "n_passes"}
    try:
        return Recipe.of(strategy, known)
    except InputError:
        return Recipe.of(strategy)


def _shares(usual: Recipe, project_id: int) -> dict[str, float]:
    """Parts of the batch that the strategy does not choose."""
    st.caption("Part of the batch, in percent, that is chosen otherwise:")
    columns = st.columns(3)
    asked = (
        ("random_share", "By lot", "A fair sample, against which the rest can be compared."),
        ("rare_share", "For rare labels", "Likely examples of the labels that have fewest."),
        ("coverage_share", "For coverage", "Typical of texts unlike any judged so far."),
    )
    return {
        key: column.number_input(
            title,
            0,
            100,
            round(100 * getattr(usual, key)),
            5,
            help=told,
            key=f"recipe_{key}_{project_id}",
        )
        / 100
        for column, (key, title, told) in zip(columns, asked, strict=True)
    }


def _details(usual: Recipe, info: StrategyInfo, project_id: int) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    left, right = st.columns(2)
    skips = left.toggle(
        "Leave out near-copies",
        usual.near_copy < 1,
        help="Of texts that hardly differ from each other or from a judged one, ask about one.",
        key=f"recipe_near_copy_{project_id}",
    )
    chosen["near_copy"] = (usual.near_copy if usual.near_copy < 1 else 0.95) if skips else 1.0
    chosen["per_second"] = right.toggle(
        "Mind the reading time",
        usual.per_second,
        help="Prefer what tells most per second, learned from how long judging took so far.",
        key=f"recipe_per_second_{project_id}",
    )
    if info.needs_samples:
        with left:
            chosen["posterior"] = _choice(
                "Opinions come from", POSTERIORS, usual.posterior, project_id
            )
        if info.name != "besra" and chosen["posterior"] == Posterior.DROPOUT:
            with right:
                chosen["stochastic_layers"] = st.selectbox(
                    "Random parts in",
                    list(LAYERS),
                    index=list(LAYERS).index(usual.stochastic_layers)
                    if usual.stochastic_layers in LAYERS
                    else 0,
                    format_func=LAYERS.__getitem__,
                    help="More layers are more faithful and take minutes; only the best by the "
                    "head alone are looked at so.",
                    key=f"recipe_layers_{project_id}",
                )
    return chosen


def _choice(title: str, choices: dict[Any, str], usual: Any, project_id: int) -> str:
    chosen = st.selectbox(
        title,
        list(choices),
        index=list(choices).index(usual),
        format_func=choices.__getitem__,
        key=f"recipe_{title}_{project_id}",
    )
    return str(chosen.value)
