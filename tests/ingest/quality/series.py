"""Series of readings for the tests of quality control."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from devices.device import Device
from devices.kind import Kind, Limits, load_kinds
from ingest.line import LineWriter
from ingest.quality import Quality

if TYPE_CHECKING:
    from ingest.quality.watch import Watch

KINDS: Final = load_kinds()
START_NS: Final = 1_764_000_000_000_000_000
SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS


def kind_with(
    metric: str, limits: Limits, *, valid: tuple[float, float] | None = None, kind: str = "air"
) -> Kind:
    """A kind with just these limits of one metric, and none of the others."""
    base = KINDS[kind]
    metrics = {
        name: one.model_copy(update={"limits": limits if name == metric else Limits()})
        for name, one in base.metrics.items()
    }
    if valid is not None:
        metrics[metric] = metrics[metric].model_copy(update={"valid": valid})
    return base.model_copy(update={"metrics": metrics})


class Station:
    """One device of a kind, that is told its readings."""

    def __init__(self, kind: Kind = KINDS["air"], device: str = "air-1") -> None:
        self.quality = Quality({kind.id: kind})
        self.device = Device(device, kind.id, area="12.71.01")
        self.watch: Watch = self.quality.watch(self.device, None)
        self._writer = LineWriter(kind)

    def say(self, values: dict[str, float | None], at_ns: int, seq: int | None = None) -> list[int]:
        """The flags of a reading's metrics, in declared order."""
        shape = self._writer.shape(values)
        track = self.watch.main
        flags = track.judge(shape, shape.pick(values), at_ns, seq)
        return [1] * len(shape.metrics) if flags is None else list(flags)

    def series(
        self,
        metric: str,
        values: Iterable[float | None],
        *,
        every_ns: int = MINUTE_NS,
        start_ns: int = START_NS,
        closely: bool = False,
    ) -> list[int]:
        """The flags of a series as they stand in the end, with all corrections."""
        flags: dict[int, int] = {}
        for number, value in enumerate(values):
            at_ns = start_ns + number * every_ns
            if closely:
                self.watch.main.look_closer()
            (flags[at_ns],) = self.say({metric: value}, at_ns)
            for correction in self.watch.main.corrections:
                flags[correction.time_ns] = correction.flag
            self.watch.main.write_corrections(b"", [])
        return list(flags.values())

    def checks(self) -> set[str]:
        return {finding.check.value for finding in self.watch.findings}


def flagged(
    kind: Kind, metric: str, values: Sequence[float | None], every_ns: int = MINUTE_NS
) -> list[int]:
    """The flags of a fresh device's series."""
    return Station(kind).series(metric, values, every_ns=every_ns)
