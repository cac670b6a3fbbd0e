//! Wire types of `observerd`. Events and their statistics.
