from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from ingest.quality.outage import Outage, Scope, Silence, find_outages
from tests.ingest.quality.series import MINUTE_NS, START_NS

ALL, KIND, SOUTH, NORTH = (
    Scope("all", ""),
    Scope("kind", "air"),
    Scope("area", "south"),
    Scope("area", "north"),
)


def fleet(south: Sequence[int], north: Sequence[int]) -> dict[Scope, Outage]:
    """Outages of devices, each with the minute in which it was last heard; 0: it is heard."""
    silent, sizes = [], Counter[Scope]()
    for area, minutes in ((SOUTH, south), (NORTH, north)):
        for number, minute in enumerate(minutes):
            scopes = (ALL, Scope("network", "native"), KIND, area)
            sizes.update(scopes)
            if minute:
                at_ns = START_NS + minute * MINUTE_NS
                silent.append(Silence(f"{area.name}-{number}", scopes, at_ns, MINUTE_NS))
    return find_outages(silent, sizes, {})


def test_an_area_that_falls_silent_is_one_event() -> None:
    found = fleet(south=[100 + n % 3 for n in range(20)], north=[0] * 200)
    assert set(found) == {SOUTH}
    assert len(found[SOUTH].members) == 20
    assert found[SOUTH].since_ns == START_NS + 100 * MINUTE_NS


def test_everything_is_one_event_not_one_an_area() -> None:
    assert set(fleet(south=[100] * 20, north=[101] * 30)) == {ALL}


def test_devices_that_failed_one_by_one_are_no_outage() -> None:
    assert fleet(south=[100 * n for n in range(1, 11)], north=[0] * 10) == {}


def test_few_devices_and_small_shares_are_no_outage() -> None:
    assert fleet(south=[100] * 4, north=[0] * 20) == {}
    assert fleet(south=[100] * 9 + [0] * 11, north=[0] * 60) == {}


def test_an_outage_goes_on_until_most_are_back() -> None:
    scopes = (ALL, KIND, SOUTH)
    sizes = Counter(dict.fromkeys(scopes, 20) | {ALL: 100, KIND: 100})
    before = {SOUTH: Outage(SOUTH, START_NS, frozenset(f"d{n}" for n in range(20)))}

    def left(count: int) -> dict[Scope, Outage]:
        silent = [Silence(f"d{n}", scopes, START_NS, MINUTE_NS) for n in range(count)]
        return find_outages(silent, sizes, before)

    assert len(left(4)[SOUTH].members) == 4
    assert left(3) == {}


@given(st.lists(st.integers(0, 60), max_size=40), st.lists(st.integers(0, 60), max_size=40))
def test_no_device_is_in_two_outages(south: list[int], north: list[int]) -> None:
    members = [one for outage in fleet(south, north).values() for one in outage.members]
    assert len(members) == len(set(members))
