"""Runs the migrations on the connection that `Ledger` hands over."""

from __future__ import annotations

from alembic import context

from arena_pipeline.warehouse.research_tables import extractions

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=extractions.metadata,
    render_as_batch=True,
)
context.run_migrations()
