//! The whole stack as real processes: what only shows when daemons talk, crash and come back.

mod architecture;
mod audit;
mod bun;
mod chat;
mod clients;
mod conduct;
mod crash;
mod full_disk;
mod iceberg_rest;
mod ingest;
mod legacy;
mod main_job;
mod missing_peers;
mod persistent;
mod playbooks;
mod queries;
mod rows;
mod s3;
mod search;
mod snapshots;
mod sync_before_answer;
mod systemd;
mod vectors;
mod workload;
