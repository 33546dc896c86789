"""Learning curves of a comparison, as they are drawn."""

from __future__ import annotations

import pytest

from core.charts.replay_curves import replay_curves
from core.charts.style import NEUTRAL


def told(mean, sd):
    return {"mean": mean, "sd": sd}


def statistics(**changed):
    return {
        "seeds": [0, 1],
        "n_judged": [100, 150],
        "baseline": "random",
        "full_data": {"micro_f1": {"mean": 0.7}, "macro_f1": {"mean": None}},
        "arms": {
            "bald": {
                "micro_f1": told([0.5, 0.6], [0.1, 0.2]),
                "macro_f1": told([0.3, 0.4], [0.0, 0.0]),
            },
            "random": {
                "micro_f1": told([0.5, 0.55], [0.1, 0.1]),
                "macro_f1": told([None, 0.4], [None, 0.1]),
            },
        },
        **changed,
    }


def lines(figure):
    return {trace.name: trace for trace in figure.data if trace.fill is None}


def bands(figure):
    return {trace.legendgroup: trace for trace in figure.data if trace.fill is not None}


def test_every_arm_has_a_line_of_means_and_a_band_of_a_standard_deviation() -> None:
    figure = replay_curves(statistics())
    assert set(lines(figure)) == {"bald", "random", "everything judged"}
    assert list(lines(figure)["bald"].x) == [100, 150]
    assert list(lines(figure)["bald"].y) == [0.5, 0.6]
    band = bands(figure)["bald"]
    assert list(band.x) == [100, 150, 150, 100]
    assert list(band.y) == pytest.approx([0.6, 0.8, 0.4, 0.4])
    assert "2 seeds" in figure.layout.yaxis.title.text


def test_the_baseline_is_grey_and_the_others_are_not() -> None:
    found = lines(replay_curves(statistics()))
    assert found["random"].line.color == NEUTRAL
    assert found["bald"].line.color != NEUTRAL


def test_where_something_is_undefined_there_is_a_gap() -> None:
    figure = replay_curves(statistics(), measure="macro_f1")
    assert list(lines(figure)["random"].y) == [None, 0.4]
    assert list(bands(figure)["random"].x) == [150, 150]
    assert "everything judged" not in lines(figure)


def test_one_seed_has_no_band_and_says_so() -> None:
    arm = told([0.5, 0.6], [None, None])
    figure = replay_curves(statistics(seeds=[0], arms={"bald": {"micro_f1": arm}}, baseline=None))
    assert not bands(figure)
    assert "one seed" in figure.layout.yaxis.title.text


def test_before_a_seed_is_played_to_its_end_a_sentence_stands_there() -> None:
    figure = replay_curves(statistics(seeds=[], n_judged=[], arms={}))
    assert "No seed" in figure.layout.annotations[0].text


def test_names_are_drawn_as_they_are() -> None:
    arm = {"micro_f1": told([0.5, 0.6], [0.1, 0.1])}
    figure = replay_curves(statistics(arms={"a <b>": arm}))
    assert "a &lt;b&gt;" in lines(figure)
