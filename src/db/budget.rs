//! An answer is bounded in bytes as well as in rows, so that few large rows cannot fill the memory.

use std::{io, pin::pin};

use diesel::QueryResult;
use futures_util::{Stream, TryStreamExt};
use serde::Serialize;

/// The most bytes that the rows of one answer may have, as JSON. A single row may have more.
pub const BUDGET: usize = 4 * 1024 * 1024;

/// The bytes that an answer may still have.
#[derive(Debug, Clone, Copy)]
pub struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(BUDGET)
    }
}

impl Budget {
    /// So many bytes.
    pub fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// Spends what this value has as JSON. If less is left, nothing is left, and false is returned.
    pub fn spend(&mut self, value: &impl Serialize) -> bool {
        let mut left = Left(Some(self.0));
        let counted = serde_json::to_writer(&mut left, value).is_ok();
        self.0 = left.0.unwrap_or(0);
        counted
    }

    /// Reads rows for as long as the budget lasts, but at least one. Returns them, and whether some were left out. Those that are left out
    /// are never in memory together.
    pub async fn read<T>(&mut self, rows: impl Stream<Item = QueryResult<T>>, spend: impl Fn(&mut Self, &T) -> bool) -> QueryResult<(Vec<T>, bool)> {
        let (mut rows, mut read) = (pin!(rows), Vec::new());
        while let Some(row) = rows.try_next().await? {
            if !spend(self, &row) && !read.is_empty() {
                return Ok((read, true));
            }
            read.push(row);
        }
        Ok((read, false))
    }
}

/// Counts the bytes that are written, and fails when there are too many.
struct Left(Option<usize>);

impl io::Write for Left {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.and_then(|left| left.checked_sub(bytes.len()));
        self.0.map(|_| bytes.len()).ok_or_else(|| io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
