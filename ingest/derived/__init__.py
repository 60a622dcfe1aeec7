"""What is computed from readings: indices, levels of service, siaga levels, hours and days.

Pure cores, one file each (`ispu`, `aqi`, `siaga`, `service`, `aggregates`, `calendar`), know
formulas and no store. `air`, `flood`, `traffic` and `rollup` feed them from the store and write
lines; `touched` remembers which windows new readings touched; `deriver` runs it all.
"""
