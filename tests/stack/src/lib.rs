//! The whole stack, real processes.
