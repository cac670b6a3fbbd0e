//! Queries over real tables in a temporary warehouse; the catalogue is a map.

mod fixture;
mod limits;
mod queries;
mod refusals;
