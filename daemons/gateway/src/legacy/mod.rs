//! The paths of the legacy system, for scripts that still ask there. Each is an adapter over a native route: a table of fields,
//! which is what translates them and what `docs/WIRE_COMPATIBILITY.md` is rendered from.

mod adapter;
mod catalogue;
mod embed;
mod hybrid;
mod members;
mod query;
mod search;
mod storage;
#[cfg(test)]
mod testing;
mod translate;

pub use catalogue::wire_compatibility;

use client::Peers;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::forward::Target;
use crate::table::Line;
use adapter::Adapter;

/// All of them.
pub(crate) const ADAPTERS: [&Adapter; 5] =
    [&embed::ADAPTER, &query::ADAPTER, &search::ADAPTER, &hybrid::ADAPTER, &storage::ADAPTER];

/// Paths below which all is called as it is natively: they are forwarded like any other.
pub(crate) fn renames() -> impl Iterator<Item = Line> {
    ADAPTERS.into_iter().filter(|adapter| adapter.is_rename()).map(|adapter| adapter.line)
}

/// Routes whose fields have other names.
pub(crate) fn translations(peers: &Peers) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(embed::embed)).with_state(Target::new(peers, embed::ADAPTER.line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_adapter_is_served_either_by_renaming_its_path_or_by_translating_its_fields() {
        let (_, translated) = translations(&peers()).split_for_parts();
        for adapter in ADAPTERS {
            let path = adapter.line.public;
            let is_translated = translated.paths.paths.contains_key(path);
            assert_ne!(renames().any(|line| line.public == path), is_translated, "{path}");
        }
    }

    fn peers() -> Peers {
        client::install_tls_provider();
        Peers::new(client::PeerUrls::default()).unwrap()
    }
}
