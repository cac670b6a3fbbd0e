//! Wire types of `matrixd`. Search, playbooks, validators, retrieve.
