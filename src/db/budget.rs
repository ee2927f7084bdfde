//! An answer is bounded in bytes as well as in rows, so that few large rows cannot fill the memory.

use std::{io, marker::PhantomData, pin::pin};

use diesel::{
    QueryResult,
    deserialize::{self, FromSqlRow},
    expression::QueryMetadata,
    pg::Pg,
    row::{Field, Row},
    sql_types::{SingleValue, SqlType, is_nullable},
};
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

    /// Spends so many bytes. If fewer are left, nothing is left, and false is returned.
    pub fn take(&mut self, bytes: usize) -> bool {
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or(0);
        left.is_some()
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

/// A row, with the bytes that it has as PostgreSQL sends it, and those of the names of its members. They are known at once, where to
/// write JSON only to count it would cost a fifth of a page.
pub struct Weighed<T> {
    /// The row.
    pub row: T,
    /// Its bytes.
    pub bytes: usize,
}

/// The bytes of the name of a member, of its quotation marks and of its commas: a usual number.
const NAME: usize = 24;

/// The type of a row in SQL that is read as [`Weighed`]. (It stands between, because Rust lets nobody else say how rows of just any type are
/// read.)
pub struct Line<ST>(PhantomData<ST>);

impl<ST: 'static> SqlType for Line<ST> {
    type IsNull = is_nullable::NotNull;
}

impl<ST: 'static> SingleValue for Line<ST> {}

impl<ST> QueryMetadata<Line<ST>> for Pg
where
    Pg: QueryMetadata<ST>,
{
    fn row_metadata(lookup: &mut Self::MetadataLookup, out: &mut Vec<Option<Self::TypeMetadata>>) {
        <Pg as QueryMetadata<ST>>::row_metadata(lookup, out);
    }
}

impl<ST, T: FromSqlRow<ST, Pg>> FromSqlRow<Line<ST>, Pg> for Weighed<T> {
    fn build_from_row<'a>(row: &impl Row<'a, Pg>) -> deserialize::Result<Self> {
        let fields = (0..row.field_count()).filter_map(|index| row.get(index));
        let bytes = fields.map(|field| NAME + field.value().map_or(0, |value| value.as_bytes().len())).sum();
        Ok(Self { row: T::build_from_row(row)?, bytes })
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
