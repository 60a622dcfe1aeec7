import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from ingest.identity import IdentityWindow, delivery_identity, timed_identity, topic_seed


@given(st.lists(st.integers(0, 60)), st.integers(2, 30))
def test_the_window_holds_at_least_the_last_half_and_at_most_all(
    added: list[int], size: int
) -> None:
    window = IdentityWindow(size=size)
    distinct: list[int] = []
    for identity in added:
        if identity not in window:
            window.add(identity)
            distinct.append(identity)
        assert identity in window
    for identity in distinct[-(size // 2) :]:
        assert identity in window
    assert sum(identity in window for identity in set(added)) <= size


def test_what_is_forgotten_may_come_again() -> None:
    window = IdentityWindow([1, 2, 3, 4], size=4)
    window.forget([1, 4])
    assert [identity in window for identity in (1, 2, 3, 4)] == [False, True, True, False]


def test_a_window_is_restored_from_what_was_kept() -> None:
    assert 7 in IdentityWindow([5, 6, 7])


@given(st.binary(), st.binary(), st.text(max_size=20))
def test_other_payload_other_identity(payload: bytes, other: bytes, topic: str) -> None:
    seed = topic_seed(topic)
    same = timed_identity(seed, payload) == timed_identity(seed, other)
    assert same == (payload == other)


@given(st.binary(), st.integers(1, 65535), st.integers(1, 65535))
def test_deliveries_differ_by_token_and_from_the_timed_identity(
    payload: bytes, token: int, other: int
) -> None:
    seed = topic_seed("sensors/a-1/up")
    same = delivery_identity(seed, payload, token) == delivery_identity(seed, payload, other)
    assert same == (token == other)
    assert delivery_identity(seed, payload, token) != timed_identity(seed, payload)


def test_the_topic_is_part_of_the_identity() -> None:
    first, second = topic_seed("sensors/a-1/up"), topic_seed("sensors/a-2/up")
    assert timed_identity(first, b"{}") != timed_identity(second, b"{}")


def test_identities_are_the_same_in_every_process() -> None:
    code = (
        "from ingest.identity import topic_seed, timed_identity, delivery_identity as d;"
        "s = topic_seed('sensors/a-1/up'); print(timed_identity(s, b'x'), d(s, b'x', 9))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    seed = topic_seed("sensors/a-1/up")
    assert said.stdout.split() == [
        str(timed_identity(seed, b"x")),
        str(delivery_identity(seed, b"x", 9)),
    ]
