//! What is known of outcomes that are not as the files say.

use std::fs;

use crate::engines::Engine;
use crate::outcome::{Outcome, Place, has_word};

/// How files name data that are beside the driver's folder in DataFusion's repository, and not in the driver's archive.
const DATA_BESIDE: &str = "'../";
/// The files here read what a script of that repository makes.
const GENERATED_DATA: &str = "test_files/tpch/";

/// Why `engine` gives this outcome; none if nobody knows.
pub(crate) fn explain(engine: Engine, place: &Place, outcome: &Outcome) -> Option<&'static str> {
    match (engine, outcome) {
        (_, Outcome::OtherOrder(_)) => Some("no ORDER BY: any order is right"),
        (Engine::Stock, _) if reads_missing_data(&place.file) => {
            Some("the file reads data that the archive of DataFusion's driver lacks")
        }
        (Engine::Stock, _) if place.file.ends_with("/encrypted_parquet.slt") => {
            Some("the driver is built without encryption of Parquet")
        }
        (Engine::Tuned | Engine::Served, Outcome::OtherPlan(_)) => {
            Some("plans are by our settings and rules")
        }
        (Engine::Tuned, _) if place.file.contains("/spark/") => Some(
            "our session is made from the driver's, and DataFusion's functions take the place of Spark's of the same name",
        ),
        (Engine::Tuned, Outcome::Differs(_)) if has_word(&place.sql, "show") => Some("settings are ours"),
        (Engine::Served, _) => served(place, outcome),
        (_, Outcome::Differs(_)) if has_word(&place.sql, "limit") && !has_word(&place.sql, "order") => {
            Some("LIMIT without ORDER BY: any rows are right")
        }
        _ => None,
    }
}

fn served(place: &Place, outcome: &Outcome) -> Option<&'static str> {
    let says = |text: &str| place.sql.contains(text);
    let is_in = |file: &str| place.file.ends_with(file);
    Some(match outcome {
        Outcome::Differs(_) if says("arrow_typeof") => {
            "the files of a table hold one type for all forms of a text, and one for bytes"
        }
        Outcome::Differs(_) if is_in("/group_by.slt") && says("grouping sets") => "ORDER BY leaves ties",
        Outcome::Differs(_) if is_in("/pwmj.slt") => {
            "the file turns on the piecewise merge join, and expects the order in which that one leaves the rows, whatever ORDER BY says"
        }
        Outcome::Differs(_) if has_word(&place.sql, "limit") && !has_word(&place.sql, "order") => {
            "LIMIT without ORDER BY: any rows are right"
        }
        Outcome::Failed(_) | Outcome::Accepted(_) if has_word(&place.sql, "into") => {
            "SELECT INTO makes a table, which queryd refuses"
        }
        Outcome::Failed(text) if text.contains("404: there is no table") => {
            "the table would come of a SELECT INTO, which queryd refuses"
        }
        Outcome::Failed(text) if text.contains("Invalid function 'async_abs'") => {
            "the function is the driver's own"
        }
        Outcome::Failed(text) if text.contains("Correlated scalar subquery must be aggregated") => {
            "the table's primary key, which says that there is one row, is not known to an Iceberg table"
        }
        _ => return None,
    })
}

fn reads_missing_data(file: &str) -> bool {
    file.starts_with(GENERATED_DATA) || fs::read_to_string(file).is_ok_and(|text| text.contains(DATA_BESIDE))
}
