//! The `queryd` daemon.

fn main() -> std::process::ExitCode {
    queryd::keep_freed_memory();
    service::run(wire::DaemonName::Queryd, queryd::build)
}
