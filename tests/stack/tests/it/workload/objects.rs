//! Objects put to, replaced in and deleted from storaged.

use anyhow::{Context, ensure};
use testkit::{Http, Reply, Stack};
use wire::DaemonName;

use super::{Acknowledged, Step, Workload};

/// A writer puts an object, replaces it, puts another, and deletes that: four steps, then it begins anew.
const CYCLE: usize = 4;
/// More than one block, so that half an object would show.
const OBJECT_BYTES: usize = 10_000;

pub(crate) struct Objects(Http);

impl Workload for Objects {
    const DAEMONS: &'static [DaemonName] = &[DaemonName::Storaged];

    async fn connect(stack: &Stack) -> anyhow::Result<Self> {
        Ok(Self(stack.http(DaemonName::Storaged)?))
    }

    async fn write(&self, step: Step) -> anyhow::Result<Reply> {
        let path = path(step);
        match step.n % CYCLE {
            3 => {
                // Done over after a crash, it may find the object gone already, which is as well.
                let mut reply = self.0.delete(&path).send().await?;
                if reply.status == 404 {
                    reply.status = 204;
                }
                Ok(reply)
            }
            _ => self.0.put(&path, body(step)).send().await,
        }
    }

    async fn verify(&self, acknowledged: &Acknowledged) -> anyhow::Result<()> {
        for (writer, steps) in acknowledged.by_writer() {
            for n in steps.clone() {
                let step = Step { writer, n };
                let next = Step { n: n + 1, ..step };
                let is_last_word = path(next) != path(step);
                if !is_last_word {
                    // What the next step made of it is looked at there, or was under way.
                    continue;
                }
                let found = self.0.get(&path(step)).send().await?;
                if n % CYCLE == 3 {
                    found.expect(404).context("a deleted object")?;
                } else {
                    ensure!(found.status == 200 && found.body == body(step), "step {n}: {found}");
                }
            }
        }
        Ok(())
    }
}

/// Steps 0 and 1 of a cycle share an object, and so do 2 and 3.
fn path(step: Step) -> String {
    format!("/storage/crash/{}/{}", step.writer, step.n / 2)
}

fn body(step: Step) -> Vec<u8> {
    step.name().bytes().cycle().take(OBJECT_BYTES).collect()
}
