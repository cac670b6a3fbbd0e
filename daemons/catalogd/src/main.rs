//! The Iceberg REST catalogue.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::run(wire::DaemonName::Catalogd, catalogd::build)
}
