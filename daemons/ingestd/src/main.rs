//! The `ingestd` daemon.

fn main() -> std::process::ExitCode {
    service::run(wire::DaemonName::Ingestd, ingestd::build)
}
