"""How values are drawn: units, decimals, colour bands, and the words that codes stand for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from grafana_foundation_sdk.models import dashboard

from dashboards.site import Language, word
from dashboards.units import grafana_unit
from devices.kind import Metric, Text

NEUTRAL: Final = "#8ab8ff"
GREEN: Final = "#00cc00"
YELLOW: Final = "#cccc00"
ORANGE: Final = "#ff7e00"
RED: Final = "#cc0000"
_BELOW_ALL: Final = -1e9
"""Less than anything that a sensor measures."""
QUIET: Final = "#4d5766"
"""Of a number that is no reason to look."""
DOUBTFUL: Final = "#ff00ff"
"""Values that quality control has found fault with; no kind's band has this colour."""


@dataclass(frozen=True, slots=True)
class Step:
    """From `above` upwards (None: from the bottom) a value has this colour."""

    above: float | None
    color: str


@dataclass(frozen=True, slots=True)
class Code:
    """What a number or a text of the store is called, and its colour."""

    value: str
    name: Text
    color: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """How one quantity is drawn."""

    unit: str = "none"
    decimals: int | None = None
    steps: Sequence[Step] = (Step(None, NEUTRAL),)
    codes: Sequence[Code] = ()
    soft: tuple[float, float] | None = None

    @property
    def coloured(self) -> bool:
        """Whether its colour says anything."""
        return len(self.steps) > 1 or any(code.color for code in self.codes)

    def quiet_when_empty(self) -> "Drawn":
        """The same for a panel that fills itself with its colour: without a value it has none."""
        first, *others = self.steps
        return replace(self, steps=(Step(None, QUIET), Step(_BELOW_ALL, first.color), *others))

    def thresholds(self) -> dashboard.ThresholdsConfig:
        return dashboard.ThresholdsConfig(
            mode=dashboard.ThresholdsMode.ABSOLUTE,
            steps=[dashboard.Threshold(step.above, step.color) for step in self.steps],
        )

    def mappings(self, language: Language) -> list[dashboard.ValueMapping]:
        """Words in the place of values."""
        if not self.codes:
            return []
        results = {
            code.value: dashboard.ValueMappingResult(
                text=word(code.name, language), color=code.color, index=index
            )
            for index, code in enumerate(self.codes)
        }
        return [dashboard.ValueMap(options=results)]


def drawn(metric: Metric) -> Drawn:
    """A metric as its kind says."""
    bands = metric.drawing.bands
    return Drawn(
        unit=grafana_unit(metric),
        decimals=metric.drawing.decimals,
        steps=[Step(band.above, band.color) for band in bands] or (Step(None, NEUTRAL),),
        soft=metric.drawing.soft,
    )


def counted(code: Code, *, none: str = QUIET) -> Drawn:
    """How many stand at a code: in its colour, but in that of `none` while nobody does."""
    return Drawn(decimals=0, steps=(Step(None, none), Step(1, code.color or NEUTRAL)))


STATE: Final = Drawn(
    codes=(
        Code("ok", Text(en="Reporting", id="Melapor"), GREEN),
        Code("suspect", Text(en="Suspect", id="Meragukan"), YELLOW),
        Code("silent", Text(en="Silent", id="Diam"), RED),
        Code("maintenance", Text(en="In maintenance", id="Pemeliharaan"), NEUTRAL),
    )
)
"""The state of a device."""

FLAG: Final = Drawn(
    codes=(
        Code("1", Text(en="Good", id="Baik"), GREEN),
        Code("2", Text(en="Not evaluated", id="Tidak dinilai"), NEUTRAL),
        Code("3", Text(en="Suspect", id="Meragukan"), YELLOW),
        Code("4", Text(en="Wrong", id="Salah"), RED),
        Code("9", Text(en="Missing", id="Tidak ada nilai"), "#808080"),
    )
)
"""QARTOD's flags."""

SIAGA: Final = Drawn(
    decimals=0,
    codes=(
        Code("4", Text(en="Normal (siaga IV)", id="Normal (Siaga IV)"), GREEN),
        Code("3", Text(en="Watch (siaga III)", id="Waspada (Siaga III)"), YELLOW),
        Code("2", Text(en="Alert (siaga II)", id="Siaga (Siaga II)"), ORANGE),
        Code("1", Text(en="Danger (siaga I)", id="Awas (Siaga I)"), RED),
    ),
)

LEVEL_OF_SERVICE: Final = Drawn(
    decimals=0,
    codes=(
        Code("1", Text(en="A: free flow", id="A: arus bebas"), "#00cc00"),
        Code("2", Text(en="B: stable flow", id="B: arus stabil"), "#66cc00"),
        Code(
            "3",
            Text(en="C: stable, speed limited", id="C: stabil, kecepatan terbatas"),
            "#cccc00",
        ),
        Code("4", Text(en="D: nearly unstable", id="D: mendekati tidak stabil"), "#ff9900"),
        Code(
            "5",
            Text(en="E: unstable, at capacity", id="E: tidak stabil, sebatas kapasitas"),
            "#cc0000",
        ),
        Code("6", Text(en="F: forced, jammed", id="F: dipaksakan, macet"), "#660000"),
    ),
)

ISPU: Final = Drawn(
    decimals=0,
    steps=(
        Step(None, "#00cc00"),
        Step(51, "#0000cc"),
        Step(101, "#cccc00"),
        Step(201, "#cc0000"),
        Step(301, "#000000"),
    ),
    soft=(0, 150),
)
"""Colours of Permen LHK P.14/2020."""

AQI: Final = Drawn(
    decimals=0,
    steps=(
        Step(None, "#00e400"),
        Step(51, "#ffff00"),
        Step(101, "#ff7e00"),
        Step(151, "#ff0000"),
        Step(201, "#8f3f97"),
        Step(301, "#7e0023"),
    ),
    soft=(0, 150),
)
"""Colours of the US EPA."""

SHARE: Final = Drawn(
    unit="percentunit",
    decimals=0,
    steps=(Step(None, RED), Step(0.5, YELLOW), Step(0.75, GREEN)),
    soft=(0, 1),
)
"""Completeness: green from where indices are computed."""

LAG: Final = Drawn(
    unit="s", decimals=0, steps=(Step(None, GREEN), Step(60, YELLOW), Step(600, RED))
)
COUNT: Final = Drawn(unit="none", decimals=0)
GOOD_COUNT: Final = Drawn(unit="none", decimals=0, steps=(Step(None, GREEN),))
ODD_COUNT: Final = Drawn(unit="none", decimals=0, steps=(Step(None, GREEN), Step(1, YELLOW)))
BAD_COUNT: Final = Drawn(unit="none", decimals=0, steps=(Step(None, GREEN), Step(1, RED)))
SATURATION: Final = Drawn(
    decimals=2,
    steps=(Step(None, GREEN), Step(0.7, YELLOW), Step(0.9, RED)),
    soft=(0, 1.2),
)
METRES: Final = Drawn(unit="suffix: m", decimals=2)
RISE: Final = Drawn(
    unit="suffix: m/h", decimals=2, steps=(Step(None, GREEN), Step(0.1, YELLOW), Step(0.5, RED))
)
MINUTES_LEFT: Final = Drawn(
    unit="m", decimals=0, steps=(Step(None, RED), Step(60, YELLOW), Step(180, GREEN))
)
BATTERY: Final = Drawn(
    unit="percent", decimals=0, steps=(Step(None, RED), Step(20, YELLOW), Step(40, GREEN))
)
SIGNAL: Final = Drawn(
    unit="suffix: dBm", decimals=0, steps=(Step(None, RED), Step(-110, YELLOW), Step(-95, GREEN))
)
MOMENT: Final = Drawn(unit="dateTimeAsIso")
BYTES: Final = Drawn(unit="bytes", decimals=1)
YES_NO: Final = Drawn(
    codes=(
        Code("1", Text(en="Connected", id="Terhubung"), GREEN),
        Code("0", Text(en="Away", id="Putus"), RED),
    )
)
