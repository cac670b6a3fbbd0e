//! Queries over real tables in a temporary warehouse; the catalogue is a map.
#![allow(clippy::unwrap_used, reason = "in a helper too, it fails the test")]

mod evolution;
mod fixture;
mod limits;
mod optimizer;
mod queries;
mod refusals;
mod time_travel;
