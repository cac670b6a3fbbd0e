//! The Bun front end: what it passes on, and that nobody can tell what came through it from what did not.

mod by_hand;
mod passage;
mod stack;
