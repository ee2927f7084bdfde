//! The tests of the service: a real server over a real PostgreSQL, one database a test, every answer held against the
//! document.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on panics")]

mod access;
mod action_fiches;
mod beyond;
mod bounds;
mod committees;
mod contract;
mod crashes;
mod doors;
mod feed;
mod geography;
mod history;
mod hostile;
mod idempotency;
mod ledger;
mod linear;
mod lists;
mod merging;
mod official;
mod oidc;
mod past;
mod questions;
mod readme;
mod requests;
mod rights;
mod rooms;
mod running;
mod sources;
mod streams;
mod support;
mod traps;
mod values;
mod walk;
mod wire;
mod words;
