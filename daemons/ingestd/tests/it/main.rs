//! The served router, called in process, with a small catalogue beside it.

mod catalogd;
mod ingest;
