//! Bodies as they come: hostile ones, and what becomes of the rows that are not taken.

mod hostile;
mod rejects;
