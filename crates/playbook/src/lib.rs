//! Boost, inject, gates: the arithmetic of the learning loop, as pure functions.
