//! The tests of the service: a real server over a real PostgreSQL, one database a test, every answer held against the
//! document.

mod contract;
mod crashes;
mod doors;
mod hostile;
mod ledger;
mod lists;
mod requests;
mod rooms;
mod sources;
mod support;
mod walk;
