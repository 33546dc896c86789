"""Where a plan's values come from, and which one counts."""

import pytest
import yaml

from core.errors import InputError
from core.replay.config import as_yaml, preset_names, read_yaml, resolve_plan
from core.replay.options import check_learners
from core.settings import Settings
from core.strategies.plan import ReplayPlan


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path, encoder="of-the-settings")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text("data: mine.csv\nbatch_size: 7\nseeds: [3, 5]\n", encoding="utf-8")
    return path


def test_said_counts_before_file_before_preset_before_defaults(settings, file):
    given = {"batch_size": 9, "n_rounds": None}
    plan = resolve_plan(given, settings=settings, preset="fast", config=file)
    assert plan.batch_size == 9  # said
    assert plan.seeds == (3, 5)  # in the file, and in the preset
    assert plan.n_rounds == 8  # in the preset alone
    assert plan.encoder == "of-the-settings"
    assert (plan.data, plan.name) == ("mine.csv", "mine")
    assert resolve_plan({}, settings=settings, config=file).batch_size == 7
    assert resolve_plan({}, settings=settings).batch_size == ReplayPlan.batch_size


def test_another_learner_takes_back_the_options_of_the_one_below(settings):
    plan = resolve_plan({"learner": "quick"}, settings=settings, preset="paper")
    assert plan.learner_options == {}
    same = resolve_plan({"learner": "deep"}, settings=settings, preset="paper")
    assert same.learner_options["epochs"] == 10


def test_a_budget_takes_back_the_rounds_of_the_layer_below(settings):
    plan = resolve_plan({"budget": 150}, settings=settings, preset="fast")
    assert plan.n_rounds == 2


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_plans_that_can_be_played(name, settings):
    plan = resolve_plan({}, settings=settings, preset=name)
    check_learners(plan)
    assert plan.baseline == "random"
    assert len(plan.seeds) > 1
    assert preset_names() == ["fast", "paper"]


def test_the_paper_preset_is_the_papers_protocol(settings):
    plan = resolve_plan({}, settings=settings, preset="paper")
    assert (plan.learner, plan.encoder, len(plan.seeds)) == ("deep", "bert-base-uncased", 5)
    assert {arm.recipe.batching.value for arm in plan.arms} == {"top"}


def test_a_plan_shown_as_yaml_is_the_plan(settings, tmp_path):
    plan = resolve_plan({"data": "x.csv"}, settings=settings, preset="paper")
    shown = tmp_path / "shown.yaml"
    shown.write_text(as_yaml(plan), encoding="utf-8")
    assert resolve_plan({}, settings=settings, config=shown) == plan
    assert "arms" in yaml.safe_load(as_yaml(plan))


def test_unknown_keys_presets_and_files_are_named(settings, tmp_path, file):
    file.write_text("batchsize: 7\n", encoding="utf-8")
    with pytest.raises(InputError, match="no 'batchsize'; did you mean 'batch_size'"):
        resolve_plan({}, settings=settings, config=file)
    with pytest.raises(InputError, match="no preset 'fsat'; did you mean 'fast'"):
        resolve_plan({}, settings=settings, preset="fsat")
    with pytest.raises(InputError, match="There is no file"):
        resolve_plan({}, settings=settings, config=tmp_path / "none.yaml")


@pytest.mark.parametrize("text", ["- a\n- b\n", "", "{", "a: [\x01"])
def test_a_file_that_is_no_plan_is_refused(text, file):
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"plan\.yaml"):
        read_yaml(file)
