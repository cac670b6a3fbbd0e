//! matrixd's router against peers that answer, fail, lie or are not there.

mod peers_that_fail;
mod playbooks;
mod retrieve;
mod search;
mod support;
