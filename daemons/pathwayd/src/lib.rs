//! The durable log of what worked.
