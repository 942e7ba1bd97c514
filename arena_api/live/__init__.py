"""What happens in the arena, as it happens: the ledger's outbox, told to listeners over WebSocket and SSE."""
