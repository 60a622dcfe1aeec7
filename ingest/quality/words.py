"""What findings are called, for people, in English and Indonesian."""

from collections.abc import Mapping
from typing import Final

from ingest.quality.flag import Check

CHECKS: Final[Mapping[Check, tuple[str, str]]] = {
    Check.GROSS_RANGE: (
        "{metric} reads {value}, outside {low} to {high}",
        "{metric} terbaca {value}, di luar {low} sampai {high}",
    ),
    Check.CLIMATOLOGY: (
        "{metric} reads {value}; usual at this time is {low} to {high}",
        "{metric} terbaca {value}; biasanya pada waktu ini {low} sampai {high}",
    ),
    Check.SPIKE: (
        "{metric} spikes, {count} times; the last jumped to {value}",
        "{metric} melonjak sesaat, {count} kali; terakhir ke {value}",
    ),
    Check.RATE: (
        "{metric} changes too fast, {count} times; the last jumped to {value}",
        "{metric} berubah terlalu cepat, {count} kali; terakhir ke {value}",
    ),
    Check.FLAT: (
        "{metric} has not moved for {duration}",
        "{metric} tidak berubah selama {duration}",
    ),
    Check.SEQUENCE: (
        "The sequence number stands still, for {count} messages",
        "Nomor urut tidak bertambah, selama {count} pesan",
    ),
    Check.CLOCK: (
        "The clock is wrong, by {duration} or more",
        "Jam perangkat meleset, {duration} atau lebih",
    ),
    Check.NEIGHBOURS: (
        "{metric} reads {value}; stations around it read {low} to {high}",
        "{metric} terbaca {value}; stasiun di sekitarnya {low} sampai {high}",
    ),
    Check.SILENCE: (
        "Silent for {duration}; usually heard every {usual}",
        "Tidak ada kabar selama {duration}; biasanya setiap {usual}",
    ),
}

OUTAGES: Final[Mapping[str, tuple[str, str]]] = {
    "all": ("All sensors fell silent together", "Semua sensor diam bersamaan"),
    "network": ("Network {name} fell silent", "Jaringan {name} diam"),
    "kind": ("Sensors of kind {name} fell silent", "Sensor jenis {name} diam"),
    "area": ("Sensors in area {name} fell silent", "Sensor di wilayah {name} diam"),
}
