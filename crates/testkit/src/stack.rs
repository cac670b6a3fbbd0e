//! Several daemons that know of each other.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use lossy_disk::{Disk, Unsynced};
use tempfile::TempDir;
use wire::DaemonName;

use crate::daemon::{Daemon, Launch};
use crate::{Http, binaries};

/// Every daemon after those that it calls, so that it can be told where they are.
const START_ORDER: [DaemonName; 11] = [
    DaemonName::Observerd,
    DaemonName::Storaged,
    DaemonName::Catalogd,
    DaemonName::Embedd,
    DaemonName::Vectord,
    DaemonName::Pathwayd,
    DaemonName::Queryd,
    DaemonName::Ingestd,
    DaemonName::Chatd,
    DaemonName::Matrixd,
    DaemonName::Gateway,
];

/// Where a daemon is told that a peer is which was not started: nothing listens on the port of tcpmux.
const NOWHERE: &str = "http://127.0.0.1:1";

/// What the daemons run on or under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Instrument {
    /// Nothing but the machine.
    #[default]
    None,
    /// A simulated disk that loses unsynced writes, for [`Stack::power_cut`].
    LossyDisk,
    /// `strace`, for [`Daemon::trace`].
    Strace,
}

/// Says which daemons to start and how.
#[derive(Debug)]
#[must_use = "nothing is started before `start`"]
pub struct Builder {
    daemons: Vec<DaemonName>,
    instrument: Instrument,
    env: Vec<(Option<DaemonName>, String, OsString)>,
    awaited: &'static str,
    disk_is_full_for: Option<DaemonName>,
}

impl Builder {
    /// What the daemons run on or under.
    pub fn instrument(mut self, instrument: Instrument) -> Self {
        self.instrument = instrument;
        self
    }

    /// Sets a variable in the environment of all daemons.
    pub fn env(mut self, key: &str, value: impl Into<OsString>) -> Self {
        self.env.push((None, key.to_owned(), value.into()));
        self
    }

    /// Sets variables in the environment of all daemons.
    pub fn envs<V: Into<OsString>>(self, variables: impl IntoIterator<Item = (&'static str, V)>) -> Self {
        variables.into_iter().fold(self, |builder, (key, value)| builder.env(key, value))
    }

    /// Gives one daemon a disk on which no file gets larger than half a megabyte: what is small goes on to work.
    pub fn full_disk_for(mut self, daemon: DaemonName) -> Self {
        self.disk_is_full_for = Some(daemon);
        self
    }

    /// Starts daemons that will not be ready: it is enough that they are alive.
    pub fn unready(mut self) -> Self {
        self.awaited = "/healthz";
        self
    }

    /// Sets a variable in the environment of one daemon.
    pub fn env_of(mut self, daemon: DaemonName, key: &str, value: impl Into<OsString>) -> Self {
        self.env.push((Some(daemon), key.to_owned(), value.into()));
        self
    }

    /// Starts the daemons one after the other and waits until each is ready.
    ///
    /// # Errors
    /// When a binary is missing, or a daemon does not get ready: with the end of its log.
    pub async fn start(self) -> anyhow::Result<Stack> {
        let folder = tempfile::Builder::new().prefix("lakehouse-").tempdir()?;
        fs::create_dir(folder.path().join("run"))?;
        let disk = match self.instrument {
            Instrument::LossyDisk => Some(Disk::create(folder.path())?),
            Instrument::None | Instrument::Strace => None,
        };
        if self.daemons.contains(&DaemonName::Embedd) {
            binaries::pull_model(models::DEFAULT_MODEL)?;
        }
        let mut stack = Stack { daemons: BTreeMap::new(), disk, folder };
        for name in START_ORDER.into_iter().filter(|name| self.daemons.contains(name)) {
            let launch = self.launch(name, &stack)?;
            stack.daemons.insert(name, Daemon::start(launch).await?);
        }
        Ok(stack)
    }

    fn launch(&self, name: DaemonName, stack: &Stack) -> anyhow::Result<Launch> {
        let data = stack.data();
        let mut env = BTreeMap::new();
        let mut set = |key: String, value: OsString| env.insert(key, value);
        for peer in DaemonName::ALL {
            let url = stack.daemons.get(&peer).map_or_else(|| NOWHERE.to_owned(), Daemon::url);
            set(format!("LAKEHOUSE_PEERS__{}", peer.as_str().to_uppercase()), url.into());
        }
        set(
            "LAKEHOUSE_LAKE__WAREHOUSE".into(),
            format!("file://{}", data.join("warehouse").display()).into(),
        );
        set("LAKEHOUSE_STORAGED__S3__BIND".into(), "127.0.0.1:0".into());
        if let Ok(endpoint) = stack.s3_endpoint() {
            set("LAKEHOUSE_CATALOGD__S3_ENDPOINT".into(), endpoint.into());
        }
        if let Some(disk) = &stack.disk {
            for (key, value) in disk.environment(&binaries::lossy_disk_preload()?) {
                set(key.to_owned(), value);
            }
        }
        for (_, key, value) in
            self.env.iter().filter(|(daemon, ..)| daemon.is_none_or(|daemon| daemon == name))
        {
            set(key.clone(), value.clone());
        }
        let is_traced = self.instrument == Instrument::Strace;
        let (run, is_disk_full) = (stack.folder.path().join("run"), self.disk_is_full_for == Some(name));
        Ok(Launch { name, data, run, env, is_traced, is_disk_full, awaited: self.awaited })
    }
}

/// Running daemons, their data and their logs. All of it is gone when this is dropped.
#[derive(Debug)]
pub struct Stack {
    daemons: BTreeMap<DaemonName, Daemon>,
    disk: Option<Disk>,
    folder: TempDir,
}

impl Stack {
    /// All eleven daemons.
    pub fn all() -> Builder {
        Self::of(&DaemonName::ALL)
    }

    /// Only these daemons: the others are not there.
    pub fn of(daemons: &[DaemonName]) -> Builder {
        Builder {
            daemons: daemons.to_vec(),
            instrument: Instrument::None,
            env: Vec::new(),
            awaited: "/readyz",
            disk_is_full_for: None,
        }
    }

    /// The folder of all data: a daemon's own are in the folder of its name, the tables in `warehouse`.
    pub fn data(&self) -> PathBuf {
        self.disk.as_ref().map_or(self.folder.path(), Disk::root).join("data")
    }

    /// A folder for files of the test itself.
    pub fn scratch(&self) -> &Path {
        self.folder.path()
    }

    /// One daemon.
    ///
    /// # Errors
    /// When it is not part of this stack.
    pub fn daemon(&mut self, name: DaemonName) -> anyhow::Result<&mut Daemon> {
        self.daemons.get_mut(&name).with_context(|| format!("{name} is not part of this stack"))
    }

    /// All daemons of this stack.
    pub fn daemons(&self) -> impl Iterator<Item = &Daemon> {
        self.daemons.values()
    }

    /// Where storaged's S3 face is.
    ///
    /// # Errors
    /// When storaged is not part of this stack.
    pub fn s3_endpoint(&self) -> anyhow::Result<String> {
        let file = self.data().join("storaged").join("s3.addr");
        let address = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        Ok(format!("http://{address}"))
    }

    /// A client for one daemon.
    ///
    /// # Errors
    /// When it is not part of this stack.
    pub fn http(&self, name: DaemonName) -> anyhow::Result<Http> {
        Ok(self.daemons.get(&name).with_context(|| format!("{name} is not part of this stack"))?.http())
    }

    /// A client for the gateway.
    ///
    /// # Errors
    /// When it is not part of this stack.
    pub fn gateway(&self) -> anyhow::Result<Http> {
        self.http(DaemonName::Gateway)
    }

    /// Kills all daemons that run with SIGKILL.
    ///
    /// # Errors
    /// When the system refuses to.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        self.daemons.values_mut().filter(|daemon| daemon.is_started()).try_for_each(Daemon::kill9)
    }

    /// Kills all daemons that run, loses what was not synced, and starts all again on what is left.
    ///
    /// # Errors
    /// When the stack does not run on [`Instrument::LossyDisk`], or a daemon does not get ready again.
    pub async fn power_cut(&mut self, unsynced: Unsynced) -> anyhow::Result<()> {
        self.kill9()?;
        let disk = self.disk.as_mut().context("the stack does not run on a lossy disk")?;
        disk.crash(unsynced).context("cut the power")?;
        self.restart().await
    }

    /// Starts all daemons again that do not run, on what is there.
    ///
    /// # Errors
    /// When one does not get ready.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        for name in START_ORDER {
            if let Some(daemon) = self.daemons.get_mut(&name).filter(|daemon| !daemon.is_started()) {
                daemon.restart().await?;
            }
        }
        Ok(())
    }

    /// Stops all daemons that run, callers before those whom they call.
    ///
    /// # Errors
    /// When one does not end, or exits with anything but 0.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        for name in START_ORDER.into_iter().rev() {
            if let Some(daemon) = self.daemons.get_mut(&name).filter(|daemon| daemon.is_started()) {
                daemon.stop().await?;
            }
        }
        Ok(())
    }

    /// Fails if any daemon logged a warning, an error or a panic that contains none of the texts in `expected`.
    ///
    /// # Errors
    /// The lines that were not expected, by daemon.
    pub fn assert_quiet(&self, expected: &[&str]) -> anyhow::Result<()> {
        let loud: Vec<String> = self
            .daemons()
            .filter_map(|daemon| daemon.assert_quiet(expected).err())
            .map(|e| e.to_string())
            .collect();
        ensure!(loud.is_empty(), "{}", loud.join("\n"));
        Ok(())
    }
}
