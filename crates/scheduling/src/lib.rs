//! When a thread runs, and on which core: what Linux lets an unprivileged program wish for. Elsewhere nothing is wished.

mod cores;
mod lanes;
mod turns;

pub use cores::Cores;
pub use lanes::{PerLane, enter_lane};
pub use turns::{SHORT, ask_for, go_first, step_back};
