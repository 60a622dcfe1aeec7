"""Scenarios: the shipped ones load, wrong ones are named by line and key."""

from pathlib import Path
from typing import get_args

import pytest

from devices.errors import InvalidDeclarationError, UnknownScenarioError
from devices.simulator.scenario import Fault, Silence, load_scenario
from tests.devices.simulator.scene import CITY, SCENARIOS, scenario, troupe, world


@pytest.mark.parametrize("name", SCENARIOS)
def test_shipped_scenarios_can_be_played(name: str) -> None:
    assert troupe(world(name), count=200)


def test_the_faults_scenario_shows_every_fault() -> None:
    options = get_args(get_args(Fault)[0])
    known = {get_args(option.model_fields["fault"].annotation)[0] for option in options}
    assert {fault.fault for fault in load_scenario(CITY, "faults").faults} == known


def test_an_unknown_scenario_is_told_with_the_known_ones() -> None:
    with pytest.raises(UnknownScenarioError, match=r"'storm' is .*\(calm, faults, flood_night\)"):
        load_scenario(CITY, "storm")


def test_a_scenario_is_found_by_its_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('name = { en = "Mine", id = "Milik" }\nstarts_at = "05:30"\n')
    assert load_scenario(CITY, str(file)).starts_at_hour == 5.5


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ('starts_at = "5pm"', "line 2, key starts_at: '5pm' is not a time of day"),
        ("repeat_min = 60", "line 2, key repeat_min: Input should be greater than or equal"),
        ('[[fault]]\nfault = "tired"\nkind = "air"', "line 2, key fault.0: Input tag 'tired'"),
        (
            (
                '[[fault]]\nfault = "silence"\nkind = "air"\n\n[[fault]]\nfault = "spike"\n'
                'kind = "air"\nmetric = "pm25"\namount = "big"'
            ),
            "line 10, key fault.1.spike.amount: Input should be a valid number",
        ),
    ],
)
def test_a_wrong_scenario_is_named_by_line_and_key(lines: str, wanted: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(f'name = {{ en = "Wrong", id = "Salah" }}\n{lines}\n')
    with pytest.raises(InvalidDeclarationError) as caught:
        load_scenario(CITY, str(file))
    (problem,) = caught.value.problems
    assert problem.startswith(wanted)


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        ({"fault": "silence", "kind": "noise"}, "key fault.0.kind: there is no kind 'noise'"),
        (
            {"fault": "drift", "kind": "air", "metric": "level", "per_hour": 1},
            "key fault.0.metric: kind 'air' has no metric 'level'",
        ),
    ],
)
def test_a_fault_of_what_there_is_not_is_named(fault: dict[str, object], wanted: str) -> None:
    with pytest.raises(InvalidDeclarationError) as caught:
        troupe(world(scenario(fault=[fault])))
    assert caught.value.problems == [wanted]


def test_a_fault_lasts_from_its_start_for_its_minutes() -> None:
    fault = Silence(fault="silence", kind="air", start_min=2, minutes=3)
    assert [fault.active(at) for at in (0, 119, 120, 299, 300)] == [False, False, True, True, False]
    assert Silence(fault="silence", kind="air", start_min=2).active(1e9)
