//! The arithmetic that everything waits for, in a portable form and in those of the CPU at hand, chosen at run time.

mod byte;
mod float;

pub(crate) use byte::{Isa, prefetch};
pub(crate) use float::{dot, squared_euclidean};
