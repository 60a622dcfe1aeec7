from ingest.outbox import Outbox, Outgoing


def test_what_is_put_is_taken_once_and_in_order() -> None:
    outbox = Outbox()
    messages = [Outgoing(f"topic/{number}", b"x") for number in range(3)]
    for message in messages:
        outbox.put(message)
    assert outbox.take() == messages
    assert outbox.take() == []


def test_the_oldest_fall_out_of_a_full_box() -> None:
    outbox = Outbox(size=2)
    for number in range(5):
        outbox.put(Outgoing(str(number), b""))
    assert [message.topic for message in outbox.take()] == ["3", "4"]
