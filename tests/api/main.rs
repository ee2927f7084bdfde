//! The tests of the service: a real server over a real PostgreSQL, one database a test, every answer held against the
//! document.

mod sources;
mod support;
mod walk;
