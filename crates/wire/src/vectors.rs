//! Wire types of `vectord`. Vector indexes: create, add, delete, search.
