"""The registry's tables. Migrations create them; a test holds the two equal."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
)

from devices.database import Instant

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

ORDERED_ID = String(64).with_variant(String(64, collation="C"), "postgresql")
"""An id that sorts by its bytes in every database: pages continue at the same place."""

AREAS = Table(
    "areas",
    METADATA,
    Column("code", ORDERED_ID, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("geometry", JSON, nullable=False),
)

DEVICES = Table(
    "devices",
    METADATA,
    Column("id", ORDERED_ID, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("model", String(200)),
    Column("name", String(200), nullable=False),
    Column("latitude", Float(53)),
    Column("longitude", Float(53)),
    Column("area", ORDERED_ID, ForeignKey("areas.code")),
    Column("status", String(16), nullable=False),
    Column("address", String(200), unique=True),
    Column("attributes", JSON, nullable=False),
    Column("installed_by", String(200), nullable=False),
    Column("installed_at", Instant),
    Column("revision", BigInteger, nullable=False),
    CheckConstraint("status IN ('active', 'maintenance', 'retired')", name="status"),
    Index(None, "revision"),
)
"""Columns stand in the order of `Device`'s fields, so that a row becomes a device as it is."""

REVISION = Table(
    "revision",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="single"),
)
"""One row. Every writer updates it first, so writers stand in line and revisions have no gaps."""

API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)
"""`hash` is the SHA-256 of a key of 256 random bits, in hex: nothing to guess, nothing to salt."""

AUDIT = Table(
    "audit",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", String(200), nullable=False),
    Column("what", String(32), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Column("revision", BigInteger, nullable=False),
    Index(None, "subject", "id"),
)
"""Who did what to which device, key or set of areas."""
