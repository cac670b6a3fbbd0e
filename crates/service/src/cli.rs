//! The flags that every daemon takes; they win over the environment and the configuration file.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};
use wire::DaemonName;

/// The flags of one start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    pub(crate) config: Option<PathBuf>,
    pub(crate) bind: Option<SocketAddr>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) listen_file: Option<PathBuf>,
    pub(crate) is_check_only: bool,
}

impl Flags {
    /// Reads the process's arguments; on `--help`, `--version` or a mistake, prints and exits as clap does.
    pub(crate) fn from_args(daemon: DaemonName) -> Self {
        let matches = command(daemon).get_matches();
        Self {
            config: matches.get_one("config").cloned(),
            bind: matches.get_one("bind").copied(),
            data: matches.get_one("data").cloned(),
            listen_file: matches.get_one("listen-file").cloned(),
            is_check_only: matches.get_flag("check-config"),
        }
    }
}

fn command(daemon: DaemonName) -> Command {
    let name = daemon.as_str();
    let port = daemon.port();
    let path = |id: &'static str, value: &'static str, help: &'static str| {
        Arg::new(id).long(id).value_name(value).value_parser(value_parser!(PathBuf)).help(help)
    };
    Command::new(name)
        .version(env!("CARGO_PKG_VERSION"))
        .about(format!("The lakehouse daemon {name}. Starts alone and in any order."))
        .after_help(format!(
            "Examples:\n  {name}                                  on its own port, {port}, data under ./var\n  \
             {name} --bind 127.0.0.1:0 --listen-file /tmp/{name}.addr   on a free port, written to the file\n  \
             {name} --config lakehouse.toml --check-config   check the configuration and print what is in force\n\n\
             Precedence: defaults < --config FILE < LAKEHOUSE_<SECTION>__<KEY> < flags."
        ))
        .arg(path("config", "FILE", "Configuration file (TOML)").env("LAKEHOUSE_CONFIG"))
        .arg(
            Arg::new("bind")
                .long("bind")
                .value_name("ADDR")
                .value_parser(value_parser!(SocketAddr))
                .help(format!("Address to listen on [default: 127.0.0.1:{port}]; port 0 takes a free one")),
        )
        .arg(path("data", "DIR", "Where all daemons keep their data [default: ./var]").env("LAKEHOUSE_DATA"))
        .arg(path("listen-file", "FILE", "Write the bound address to this file once it accepts connections"))
        .arg(
            Arg::new("check-config")
                .long("check-config")
                .action(ArgAction::SetTrue)
                .help("Check the configuration, print what is in force, and exit"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed_for_every_daemon() {
        for daemon in DaemonName::ALL {
            command(daemon).debug_assert();
        }
    }
}
