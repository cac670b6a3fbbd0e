//! Wire types of `pathwayd`. The durable log of what worked.
