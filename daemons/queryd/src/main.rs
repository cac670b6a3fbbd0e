//! The `queryd` daemon.

fn main() -> std::process::ExitCode {
    service::run(wire::DaemonName::Queryd, queryd::build)
}
