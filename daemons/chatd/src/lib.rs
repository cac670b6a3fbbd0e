//! Chat over local and remote language models.
