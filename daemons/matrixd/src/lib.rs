//! Search over corpora, the learning loop, validators, retrieve.
