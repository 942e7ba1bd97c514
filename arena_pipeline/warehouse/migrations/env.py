"""Runs the migrations on the connection that `Ledger` hands over."""

from __future__ import annotations

from alembic import context

from arena_pipeline.warehouse.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
