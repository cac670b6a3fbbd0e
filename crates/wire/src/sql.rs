//! Wire types of `queryd`. SQL in, rows out.
