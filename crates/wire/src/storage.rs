//! Wire types of `storaged`. Objects and their listing.
