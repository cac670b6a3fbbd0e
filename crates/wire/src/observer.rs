//! Wire types of `observerd`. Events and their statistics: what happened, to whom, how well it went.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

/// The most events of one request.
pub const MAX_EVENTS: usize = 1000;
/// The largest attributes of one event, bytes of their JSON.
pub const MAX_ATTRIBUTES_BYTES: usize = 16 * 1024;
/// The longest role, bytes of UTF-8.
pub const MAX_ROLE_BYTES: usize = 128;
/// The most events that one list returns.
pub const MAX_LIMIT: u32 = 1000;
/// How many events a list returns when it is not told.
pub const DEFAULT_LIMIT: u32 = 100;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Chosen by the sender: the same id again is a repetition, and the first one stays. 1 to 512 bytes.
    pub id: String,
    /// What kind of thing, such as `playbook.recorded`: a name as in [`check_name`](crate::names::check_name).
    pub kind: String,
    /// When it happened, by the sender's clock.
    pub time: Timestamp,
    /// For whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What else there is to say. A number under `score` enters the statistics.
    #[serde(default)]
    pub attributes: Map<String, Value>,
}

/// Body of `POST /observer/events`: 1 to 1,000 events, all of them or none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The events, in the order in which they are to be listed.
    pub events: Vec<Event>,
}

/// Answer to `POST /observer/events`, given once the events are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Recorded {
    /// How many were new.
    pub accepted: u64,
    /// How many had an id that was there already, in the request or before.
    pub duplicates: u64,
}

/// Query of `GET /observer/events`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Only those of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only those that arrived after this position: `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// At most so many, 1 to 1,000; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Answer to `GET /observer/events`: in the order of arrival, oldest first, so that a reader who keeps `next` misses
/// none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventsPage {
    /// The events.
    pub events: Vec<Event>,
    /// The position after the last of them, for `after`; absent when there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// Query of `GET /observer/stats`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatsQuery {
    /// Only events of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only events that happened at this time or later; 24 hours ago when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// Answer to `GET /observer/stats`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stats {
    /// The time from which events are counted.
    pub since: Timestamp,
    /// How many there are.
    pub total: u64,
    /// The same by kind and role, the most frequent first, at most 1,000 groups.
    pub groups: Vec<Group>,
    /// The same by hour, oldest first; hours without events are left out.
    pub hours: Vec<Hour>,
}

/// The events of one kind for one role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// Of what kind.
    pub kind: String,
    /// For whom, as it was sent.
    pub role: Option<String>,
    /// How many.
    pub count: u64,
    /// How well they went, over those whose attributes carry a number under `score`; absent if none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
}

/// Scores, summed up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Score {
    /// How many events had one.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
}

/// The events of one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hour {
    /// When it began.
    pub start: Timestamp,
    /// How many events happened in it.
    pub count: u64,
}
