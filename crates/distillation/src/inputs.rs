//! What a run is made from.

use serde::{Deserialize, Serialize};

/// Where a record comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Events of observerd: [`wire::observer::Event`].
    Events,
    /// Pathways of pathwayd: [`wire::pathways::Pathway`].
    Pathways,
    /// Playbooks of matrixd: [`wire::playbooks::Playbook`].
    Playbooks,
}

/// Records as their daemons gave them, one JSON object a line, in whatever order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Events of observerd.
    pub events: Vec<String>,
    /// Pathways of pathwayd, those that are playbooks included.
    pub pathways: Vec<String>,
    /// Playbooks of matrixd.
    pub playbooks: Vec<String>,
    /// Searches with their answers, to be replayed: kept and accounted for, but no evidence.
    pub searches: Vec<String>,
}

impl Inputs {
    /// The same records in the order of their text, so that it does not matter in which one they came.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        for lines in [&mut self.events, &mut self.pathways, &mut self.playbooks, &mut self.searches] {
            lines.retain(|line| !line.trim().is_empty());
            lines.sort_unstable();
        }
        self
    }

    /// The records of one source.
    pub fn of(&self, source: Source) -> &[String] {
        match source {
            Source::Events => &self.events,
            Source::Pathways => &self.pathways,
            Source::Playbooks => &self.playbooks,
        }
    }

    /// How many records there are; searches are none.
    pub fn records(&self) -> u64 {
        (self.events.len() + self.pathways.len() + self.playbooks.len()) as u64
    }
}
