"""The documents say what the program does."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from dashboards.build import build_dashboards
from dashboards.site import Site
from devices.gauge import load_gauges
from devices.kind import Kind, Metric, load_kinds, parse_kind
from devices.model import Model, check_model, load_models
from devices.place import Moment
from devices.road import load_road_rules
from devices.source import MetricSource
from gateway.docs import HOUSE, PARTS, MissingMarkerError, fill, stale
from gateway.settings import Settings
from ingest.dialects import DIALECTS
from ingest.types import Reason

DOCS = HOUSE / "docs"


def example() -> str:
    """The kind that docs/kinds.md teaches with."""
    text = (DOCS / "kinds.md").read_text(encoding="utf-8")
    (found,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    return str(found)


def test_the_documents_are_up_to_date() -> None:
    assert stale() == [], "run: python -m gateway.docs"


def test_a_changed_table_is_found_and_written_again(tmp_path: Path) -> None:
    for document in PARTS:
        (tmp_path / document).parent.mkdir(exist_ok=True)
        shutil.copy(HOUSE / document, tmp_path / document)
    file = tmp_path / "docs" / "settings.md"
    right = file.read_text(encoding="utf-8")
    file.write_text(right.replace("`KOTAHUB_CITY`", "`KOTAHUB_TOWN`"), encoding="utf-8")
    assert stale(tmp_path) == ["docs/settings.md"]
    assert fill("docs/settings.md", file.read_text(encoding="utf-8")) == right


def test_a_missing_marker_is_told() -> None:
    with pytest.raises(MissingMarkerError, match=r"docs/kinds\.md has no"):
        fill("docs/kinds.md", "# Kinds\n<!-- end: kinds -->")


def test_every_setting_reason_and_metric_is_in_its_document() -> None:
    text = {document: (HOUSE / document).read_text(encoding="utf-8") for document in PARTS}
    for name, field in Settings.model_fields.items():
        assert f"| `KOTAHUB_{name.upper()}` |" in text["docs/settings.md"]
        assert field.description, f"{name} says what it is"
    for reason in Reason:
        assert f"| `{reason}` |" in text["docs/quarantine.md"]
    for kind in load_kinds().values():
        section = text["docs/kinds.md"].partition(f"### `{kind.id}`")[2].partition("###")[0]
        assert all(f"| `{name}` |" in section for name in kind.fields)


def test_every_dashboard_and_panel_is_in_its_document() -> None:
    text = (HOUSE / "dashboards" / "README.md").read_text(encoding="utf-8")
    for board in build_dashboards(Site(), "en").values():
        section = text.partition(f"### {board['title']} / ")[2].partition("###")[0]
        titles = [panel["title"] for panel in board["panels"]]
        assert titles
        assert [title for title in titles if title not in section] == []


def test_no_secret_has_a_default_in_the_document() -> None:
    lines = (DOCS / "settings.md").read_text(encoding="utf-8").splitlines()
    secret = [line for line in lines if "| secret text |" in line]
    assert len(secret) >= 3
    assert all("| secret text | none |" in line for line in secret)


def test_the_taught_kind_is_right_and_about_sixty_lines() -> None:
    kind = parse_kind(example(), "parking.toml")
    assert kind.id == "parking"
    assert kind.fields == ("free", "taken")
    assert 40 <= len(example().splitlines()) <= 70


def test_every_key_of_a_kind_is_taught() -> None:
    text = (DOCS / "kinds.md").read_text(encoding="utf-8")
    for name in (*Kind.model_fields, *Metric.model_fields):
        assert re.search(rf"`{name}[`.]|\.{name}`", text), name
    for name in tomllib.loads(example())["metrics"]["free"]["play"]:
        assert re.search(rf"\b{name}\b", text.partition("## How a metric is played")[2]), name


def test_the_taught_model_is_right(tmp_path: Path) -> None:
    text = (DOCS / "models.md").read_text(encoding="utf-8")
    (taught,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    file = tmp_path / "acme-radar-7.toml"
    file.write_text(taught, encoding="utf-8")
    model = check_model(file, load_kinds())
    (now, late) = model.read(
        {
            "measured_at": 1767582000000,
            "dist": "2780 mm",
            "err1": 1,
            "history": [{"at": 1767581940, "dist": 2790}],
        },
        {"mount_height_m": "4.2"},
    )
    assert (now.values, now.unknown) == ({"distance": 2.78, "level": 1.42}, ())
    assert late.values["level"] == 1.41


def test_every_key_of_a_model_is_taught() -> None:
    text = (DOCS / "models.md").read_text(encoding="utf-8").partition("## Shipped models")[0]
    names = {*Model.model_fields, *MetricSource.model_fields, *Moment.model_fields}
    for name in names - {"series"} | {"list"}:
        assert re.search(rf"`{name}[`.<]|\b{name}\b[\].]* ?[=\]]", text), name


def test_every_dialect_and_model_is_in_its_document() -> None:
    models = (DOCS / "models.md").read_text(encoding="utf-8")
    assert all(f"| `{model}` |" in models for model in load_models(None, load_kinds()))
    dialects = (DOCS / "dialects.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in dialects for name in DIALECTS)


def test_the_taught_gauge_and_rules_are_right(tmp_path: Path) -> None:
    text = (DOCS / "indices.md").read_text(encoding="utf-8")
    gauges, rules = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "gauges.toml").write_text(gauges, encoding="utf-8")
    (tmp_path / "roads.toml").write_text(rules, encoding="utf-8")
    versions = load_gauges(tmp_path)["flood-deli-01"].versions
    assert [version.begins_m for version in versions] == [
        (1.5, 2.0, 2.5),
        pytest.approx((1.5, 2.0, 2.5)),
    ]
    assert load_road_rules(tmp_path).population == 2_500_000
