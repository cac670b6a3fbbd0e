//! The small tables that lie beside this module.

/// The rows of a table with a header, whose values hold neither commas nor quotes; the last column takes the rest.
pub(super) fn rows<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    table.lines().skip(1).filter_map(|line| {
        let values: Vec<_> = line.splitn(N, ',').collect();
        values.try_into().ok()
    })
}
