"""Where to cut the probabilities, for what aim, what that gives, and putting it in force."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.charts import figures as charts
from core.domain import PRESENT
from core.errors import NotReady
from core.evaluation import advice
from core.evaluation.advice_thresholds import what_it_suggests_label_sweep
from core.evaluation.counts import masked_truth
from core.evaluation.operating_points import Aim, Goal
from core.evaluation.wording import FEW_POSITIVES, measured_on
from core.services.operating_points import reset_operating_point, set_operating_point
from core.services.projects import ProjectSettings, choose_aim
from pages.widgets.chart import draw_chart
from pages.widgets.dashboard.threshold_aim import BY_HAND, choose_aim_to_try
from pages.widgets.dashboard.threshold_desk import (
    Desk,
    Draft,
    desk_of,
    forget,
    give_back,
    hand_key,
    move,
    moved,
)
from pages.widgets.dashboard.threshold_results import draw_results, draw_table
from pages.widgets.dashboard.threshold_words import aim_in_words, point_in_words
from pages.widgets.dashboard.view import NO_OUTPUTS, View
from pages.widgets.errors import shown_errors
from pages.widgets.text import counted, escaped
from pages.widgets.threshold_editor import Curves, Point, moved_to, threshold_editor

ALL = -1  # the position that stands for all labels
HINT = "Drag the point, or focus it and use ← →. It is tried when you let go."

NOT_USED = (
    "Every label has a threshold of its own, so this one is not used; choose a label above to "
    "move its."
)


def draw(view: View) -> None:
    """The sweep with a point to move, what the choice gives, and a button to use it."""
    desk = desk_of(view)
    if desk is None:
        _draw_still(view)
        return
    _draw_in_force(desk)
    aim = choose_aim_to_try(desk.view.round_.id)
    draft = _draft(desk, aim)
    editor, results = st.columns([4, 3], gap="small")
    with editor, st.container(border=True, key="chart_threshold_sweep"):
        _draw_editor(desk, draft)
    with results, st.container(border=True, key="threshold_results"):
        st.markdown("#### What it gives")
        draw_results(desk, draft, aim or desk.point.aim or Aim())
        _draw_use(desk, draft)
    draw_table(desk, draft)


def _draw_still(view: View) -> None:
    """Rounds without measured documents have a picture, and nothing to move."""
    draw_chart(
        "Threshold sweep",
        charts.threshold_sweep(view.evaluation),
        how=advice.how_to_read_threshold_sweep(),
        suggests=advice.what_it_suggests_threshold_sweep(view.evaluation),
        key="threshold_sweep",
        measured=measured_on(view.evaluation),
    )
    if view.outputs() is None:
        st.caption(NO_OUTPUTS)


def _draw_in_force(desk: Desk) -> None:
    point, words = desk.point, point_in_words(desk.point, len(desk.outputs.names))
    if not desk.view.round_.is_active:
        words += " This round itself is not in force."
    if point.is_own_of_round:
        st.markdown(f":material/target: {words}")
        return
    words += " The figures at the top of the page are of the round's own thresholds."
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/target: {words}")
        st.button("Back to the round's own", key="thresholds_back", on_click=_go_back, args=(desk,))


def _go_back(desk: Desk) -> None:
    view = desk.view
    with shown_errors(), view.here.store.write() as session:
        reset_operating_point(
            session, view.project.id, view.round_.id, annotator=view.here.annotator
        )
    _begin_again(desk.view.round_.id)


def _begin_again(round_id: int) -> None:
    """What is in force is what is on the desk."""
    forget(round_id)
    st.session_state[f"aim_{round_id}"] = BY_HAND


def _draft(desk: Desk, aim: Aim | None) -> Draft:
    if aim is None:
        return moved(desk, desk.in_force)
    try:
        cuts = desk.trial(aim).cuts
    except NotReady as error:
        st.info(str(error))
        return moved(desk, desk.in_force)
    own = {
        id_: float(at)
        for id_, at, is_own in zip(
            desk.outputs.label_ids, cuts.thresholds, cuts.is_own, strict=True
        )
        if is_own
    }
    return moved(desk, Draft(cuts.shared, own, aim))


def _draw_editor(desk: Desk, draft: Draft) -> None:
    st.markdown("#### Threshold sweep")
    label = _choose_label(desk, draft)
    sharing = desk.sharing(draft)
    positions = (sharing or list(range(len(desk.outputs.names)))) if label == ALL else [label]
    st.caption(f":material/straighten: {escaped(_measured(desk, label))}")
    if not _can_be_drawn(desk, positions, label):
        return
    swept, interval = desk.curves(positions, draft)
    curves = Curves(swept, interval, is_of_one_label=len(positions) == 1)
    key = f"threshold_editor_{desk.view.round_.id}"
    threshold_editor(
        curves,
        _point(desk, draft, label),
        key=key,
        on_moved=lambda: _take_move(key, desk.view.round_.id),
    )
    if label != ALL and (label_id := desk.outputs.label_ids[label]) in draft.own:
        st.button(
            f"Let it share {draft.shared:.2f}",
            key="threshold_share",
            on_click=give_back,
            args=(desk.view.round_.id, label_id),
        )
    suggests = _by_f1(desk, draft) + _suggestion(desk, label, curves)
    st.markdown(f":material/lightbulb: {escaped(suggests)}")
    st.caption(advice.how_to_read_threshold_sweep())


def _choose_label(desk: Desk, draft: Draft) -> int:
    names, ids = desk.outputs.names, desk.outputs.label_ids
    n_sharing = len(desk.sharing(draft))

    def told(position: int) -> str:
        if position == ALL and n_sharing in (0, len(names)):
            return "All labels"
        if position == ALL:
            return f"The {n_sharing} that share one" if n_sharing > 1 else "The one without its own"
        own = f" · {draft.own[ids[position]]:.2f}" if ids[position] in draft.own else ""
        return f"{names[position]}{own}"

    return st.selectbox(
        "Threshold of",
        [ALL, *range(len(names))],
        format_func=told,
        key=f"threshold_of_{desk.view.round_.id}",
    )


def _measured(desk: Desk, label: int) -> str:
    return measured_on(desk.choosing, None if label == ALL else label)


def _can_be_drawn(desk: Desk, positions: list[int], label: int) -> bool:
    truth = masked_truth(desk.choosing.proba, desk.choosing.truth)[:, positions]
    n = int((truth == PRESENT).sum())
    if n >= FEW_POSITIVES:
        return True
    whose = "these labels" if label == ALL else f"“{desk.outputs.names[label]}”"
    st.info(
        escaped(
            f"{counted(n, 'document')} judged to have {whose} cannot show a sweep; from "
            f"{FEW_POSITIVES} on it is drawn. Until then the shared threshold counts."
        )
    )
    return False


def _point(desk: Desk, draft: Draft, label: int) -> Point:
    if label == ALL:
        what = "Threshold of all labels" if not draft.own else "Shared threshold"
        is_used = bool(desk.sharing(draft))
        return Point(
            scope=f"{desk.view.round_.id}/all",
            what=what,
            value=draft.shared,
            in_force=desk.point.shared,
            hint=HINT if is_used else NOT_USED,
            is_free=is_used,
        )
    label_id = desk.outputs.label_ids[label]
    shares = "" if label_id in draft.own else " It shares its threshold until you move the point."
    return Point(
        scope=f"{desk.view.round_.id}/{label_id}",
        what=f"Threshold of “{desk.outputs.names[label]}”",
        value=draft.of(label_id),
        in_force=desk.in_force.of(label_id),
        hint=HINT + shares,
    )


def _take_move(key: str, round_id: int) -> None:
    if (moved_point := moved_to(key)) is None:
        return
    (of_round, _, whose), threshold = moved_point[0].partition("/"), moved_point[1]
    if of_round == str(round_id):
        move(round_id, None if whose == "all" else int(whose), round(threshold, 4))


def _by_f1(desk: Desk, draft: Draft) -> str:
    """Said first where something else than F1 is aimed at: the sweep speaks of F1 alone."""
    aim = draft.aim or desk.point.aim
    if aim is None or aim.goal is Goal.F1:
        return ""
    return f"The sweep goes by F1 alone, not by {aim_in_words(aim)}. "


def _suggestion(desk: Desk, label: int, curves: Curves) -> str:
    if label == ALL and desk.point.own:
        n, n_own = len(desk.outputs.names), len(desk.point.own)
        return (
            f"{n_own} of {counted(n, 'label')} are cut at thresholds of their own now; the curves "
            "show what one threshold gives the labels that share it."
        )
    if label == ALL:
        measured = replace(desk.evaluation_of_choosing(), threshold=desk.point.shared)
        return advice.what_it_suggests_threshold_sweep(measured)
    truth = masked_truth(desk.choosing.proba, desk.choosing.truth)[:, label]
    threshold = desk.in_force.of(desk.outputs.label_ids[label])
    return what_it_suggests_label_sweep(
        curves.sweep,
        name=desk.outputs.names[label],
        n_present=int((truth == PRESENT).sum()),
        threshold=threshold,
        doubt=_doubt(curves, threshold),
    )


def _doubt(curves: Curves, threshold: float) -> float:
    """Half the width of the interval of F1 at a threshold."""
    if curves.interval is None:
        return 1.0
    low, high = (float(ends[curves.sweep.at(threshold)]) for ends in curves.interval)
    return 1.0 if low != low else (high - low) / 2


def _draw_use(desk: Desk, draft: Draft) -> None:
    """The buttons, and what would be set."""
    round_id = desk.view.round_.id
    changes = not desk.is_as_in_force(draft)
    settings = ProjectSettings.of(desk.view.project)
    for_future = False
    if draft.aim is not None and draft.aim != settings.full_aim:
        for_future = st.checkbox(
            "and choose future rounds' thresholds by this aim", key=f"aim_for_future_{round_id}"
        )
    with st.container(horizontal=True):
        used = st.button(
            "Use these thresholds",
            type="primary",
            disabled=not (changes or for_future),
            key="thresholds_use",
        )
        if draft.is_moved:
            st.button("Undo the moves", key="thresholds_undo", on_click=forget, args=(round_id,))
    if not changes:
        st.caption("This is what is in force.")
    st.caption(f"Future rounds choose their thresholds for {aim_in_words(settings.full_aim)}.")
    if used:
        with shown_errors():
            _use(desk, draft, for_future=for_future)
            st.session_state.pop(hand_key(round_id), None)
            st.rerun()


def _use(desk: Desk, draft: Draft, *, for_future: bool) -> None:
    view = desk.view
    with view.here.store.write() as session:
        set_operating_point(
            session,
            view.project.id,
            view.round_.id,
            shared=draft.shared,
            own=draft.own,
            aim=draft.aim,
            annotator=view.here.annotator,
        )
        if for_future and draft.aim is not None:
            choose_aim(session, view.project.id, draft.aim)
    st.toast("In force now: suggestions, exports and models that leave use these thresholds.")
