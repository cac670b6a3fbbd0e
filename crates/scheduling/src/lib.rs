//! When a thread runs, and on which core: what Linux lets an unprivileged program wish for. Elsewhere nothing is wished.

mod cores;
mod turns;

pub use cores::Cores;
pub use turns::{SHORT, ask_for, go_first, step_back};
