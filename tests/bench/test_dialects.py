from bench.dialects import costs, dialect_of
from ingest.dialects import DIALECTS
from tests.case import find_cases


def test_every_dialect_has_a_message_to_be_measured() -> None:
    accepted = [case for case in find_cases() if case.lines() and case.fault() is None]
    assert {dialect_of(case) for case in accepted} == set(DIALECTS)


def test_a_cost_is_one_of_each_case() -> None:
    cases = [case for case in find_cases() if case.folder.parent.name == "sparkplug"]
    found = costs(cases, rounds=1)
    assert set(found) == {"sparkplug"}
    accepted = [case for case in cases if case.lines() and case.fault() is None]
    assert len(found["sparkplug"]) == len(accepted)
    for cost in found["sparkplug"]:
        assert cost.bytes > 0
        assert cost.whole > 0
