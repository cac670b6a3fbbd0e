//! Tests only: see `tests/lake_faults`.
