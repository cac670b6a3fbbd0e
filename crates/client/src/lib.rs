//! Typed clients for every daemon: deadlines, bounded retry of idempotent calls, request-id propagation.
