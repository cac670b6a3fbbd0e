//! Wire types of `embedd`. Texts in, vectors out.
