"""Schema versions of the registry, one file each, applied by Alembic."""
