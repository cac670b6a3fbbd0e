//! Opens an object store by URL; durable atomic puts; key types.
