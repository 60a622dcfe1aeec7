"""The registry: devices, areas, revision, API keys, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the first schema."""
    ordered_id = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "areas",
        sa.Column("code", ordered_id, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("geometry", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_areas"),
    )
    op.create_table(
        "devices",
        sa.Column("id", ordered_id, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("model", sa.String(200)),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("latitude", sa.Float(53)),
        sa.Column("longitude", sa.Float(53)),
        sa.Column("area", ordered_id),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("address", sa.String(200)),
        sa.Column("attributes", sa.JSON, nullable=False),
        sa.Column("installed_by", sa.String(200), nullable=False),
        sa.Column("installed_at", moment),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_devices"),
        sa.ForeignKeyConstraint(["area"], ["areas.code"], name="fk_devices_area"),
        sa.UniqueConstraint("address", name="uq_devices_address"),
        sa.CheckConstraint(
            "status IN ('active', 'maintenance', 'retired')", name="ck_devices_status"
        ),
    )
    op.create_index("ix_devices_revision", "devices", ["revision"])
    counter = op.create_table(
        "revision",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revision"),
        sa.CheckConstraint("id = 1", name="ck_revision_single"),
    )
    op.bulk_insert(counter, [{"id": 1, "number": 0}])
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("revoked_at", moment),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("hash", name="uq_api_keys_hash"),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("before", sa.JSON),
        sa.Column("after", sa.JSON),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_subject", "audit", ["subject", "id"])
