//! What the demo tells: each step with its command line, its answer and its time; or all of it as one JSON object.

use std::io::{self, Write};
use std::time::Instant;

use comfy_table::Table;
use owo_colors::{OwoColorize, Stream};
use serde_json::{Map, Value, json};

use crate::output;

/// The demo's voice: text on standard output, or JSON there and the steps on standard error.
pub(super) struct Journal {
    as_json: bool,
    began: Instant,
    step_began: Instant,
    current: (String, String),
    steps: Vec<Value>,
    facts: Map<String, Value>,
}

impl Journal {
    pub(super) fn new(as_json: bool) -> Self {
        let now = Instant::now();
        let current = (String::new(), String::new());
        Self { as_json, began: now, step_began: now, current, steps: Vec::new(), facts: Map::new() }
    }

    /// Begins a step that could also be done with `command`.
    pub(super) fn step(&mut self, title: &str, command: &str) -> anyhow::Result<()> {
        self.current = (title.to_owned(), command.to_owned());
        let heading = format!("{:2}. {title}", self.steps.len() + 1);
        self.say(&format!("\n{}", heading.if_supports_color(Stream::Stdout, |text| text.bold())))?;
        for line in as_typed(command) {
            self.say(&line.if_supports_color(Stream::Stdout, |text| text.dimmed()).to_string())?;
        }
        self.step_began = Instant::now();
        Ok(())
    }

    /// Ends the step; `facts` become keys of the JSON object.
    pub(super) fn done(&mut self, facts: &Value) -> anyhow::Result<()> {
        let took_ms = self.step_began.elapsed().as_secs_f64() * 1e3;
        let (title, command) = &self.current;
        self.steps.push(json!({"title": title, "command": command, "took_ms": took_ms}));
        if let Value::Object(facts) = facts {
            self.facts.extend(facts.clone());
        }
        self.say(&format!("    {took_ms:.0} ms"))
    }

    pub(super) fn table(&self, table: &Table) -> anyhow::Result<()> {
        table.lines().try_for_each(|line| self.say(&format!("    {line}")))
    }

    pub(super) fn say(&self, line: &str) -> anyhow::Result<()> {
        if self.as_json { Ok(writeln!(io::stderr().lock(), "{line}")?) } else { output::line(line) }
    }

    /// Ends the demo.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        let took_s = self.began.elapsed().as_secs_f64();
        self.say(&format!("\nDone in {took_s:.0} s: the search has learned, and nothing else was touched."))?;
        if self.as_json {
            let mut report = std::mem::take(&mut self.facts);
            report.insert("took_s".to_owned(), json!(took_s));
            report.insert("steps".to_owned(), Value::Array(std::mem::take(&mut self.steps)));
            output::json(&report)?;
        }
        Ok(())
    }
}

/// The lines of `command` as a terminal shows them: a prompt before each command, none before a line that goes on with
/// the one above it.
fn as_typed(command: &str) -> impl Iterator<Item = String> {
    let mut goes_on = false;
    command.lines().map(move |line| {
        let prompt = if std::mem::replace(&mut goes_on, line.ends_with('\\')) { ' ' } else { '$' };
        format!("    {prompt} {line}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompt_stands_before_each_command_and_not_before_the_rest_of_one() {
        let shown: Vec<_> = as_typed("one\ntwo \\\n  goes on\nthree").collect();
        assert_eq!(shown, ["    $ one", "    $ two \\", "        goes on", "    $ three"]);
    }
}
