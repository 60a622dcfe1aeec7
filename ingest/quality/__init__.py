"""Quality control: plausibility beside the raw value, never instead of it.

Flags are QARTOD's (https://ioos.noaa.gov/project/qartod/): 1 good, 2 not evaluated, 3 suspect,
4 fail, 9 missing. What each test does is in docs/quality.md.

`Quality` holds a `Watch` for every device and a `Track` for each of its channels. A track judges
readings one after the other; `Quality.scan` looks, once a minute, for what no single reading can
tell: silence, outages, a station that disagrees with its neighbours. All of it is pure: time comes
in as an argument, and only `QualityFile` touches the disk.
"""

from ingest.quality.file import QualityFile
from ingest.quality.flag import FAIL, GOOD, MISSING, NOT_EVALUATED, SUSPECT, Check
from ingest.quality.gross import good_span, gross_range
from ingest.quality.quality import Quality

__all__ = [
    "FAIL",
    "GOOD",
    "MISSING",
    "NOT_EVALUATED",
    "SUSPECT",
    "Check",
    "Quality",
    "QualityFile",
    "good_span",
    "gross_range",
]
