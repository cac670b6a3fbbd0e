//! Events and statistics about them.
