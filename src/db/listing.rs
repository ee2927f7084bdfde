//! Lists: which rows, in which order, beginning where. A noun tells the columns that may be asked for. This module writes the SQL: the
//! schema gives the types, and every value is bound.

mod field;
mod sql;

use std::marker::PhantomData;

use diesel::{
    AppearsOnTable, Column, Expression, QuerySource, Selectable,
    expression::ValidGrouping,
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{Bool, Uuid},
};
use diesel_async::{RunQueryDsl, methods::LoadQuery};

pub use self::field::{Askable, Field, Kind, LONGEST, Names, Sql, code, field, flag, period, word};
use super::{Budget, Conn, Weighed};
use crate::values::Id;

/// How a filter compares a column with its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Equals one of the values.
    Is,
    /// Equals none of the values. NULL equals none of them.
    IsNot,
    /// Is NULL (`true`), or is not (`false`).
    Null,
    /// Equal or greater.
    AtLeast,
    /// Greater.
    Above,
    /// Equal or less.
    AtMost,
    /// Less.
    Below,
}

impl Operator {
    /// The operators, each with its suffix in a parameter.
    pub const ALL: [(&str, Self); 7] = [
        ("", Self::Is),
        ("__ne", Self::IsNot),
        ("__null", Self::Null),
        ("__gte", Self::AtLeast),
        ("__gt", Self::Above),
        ("__lte", Self::AtMost),
        ("__lt", Self::Below),
    ];

    /// Does the operator make sense for this field?
    pub fn fits(self, field: &Field) -> bool {
        let plain = field.link.is_none() && field.names.is_none() && !matches!(field.kind, Kind::Search | Kind::Period);
        match self {
            Self::Is => true,
            Self::IsNot => plain,
            Self::Null => plain && field.nullable,
            _ => plain && field.kind.ordered(),
        }
    }
}

/// One filter of a list.
pub struct Condition {
    /// The column.
    pub field: &'static Field,
    /// The operator.
    pub operator: Operator,
    /// The values, checked.
    pub values: Vec<String>,
    /// A further condition on the row.
    pub beside: Option<Box<Sql>>,
}

/// One step of an order. NULL comes last, in both directions.
pub struct Step {
    /// The column; for a search, how well the row fits.
    pub field: &'static Field,
    /// The words of the search, if the order is by how well a row fits.
    pub words: Option<String>,
    /// Is the order descending?
    pub descending: bool,
}

/// The row that the page continues from: its sort values, then its identifier.
pub struct Mark {
    /// The values, as PostgreSQL writes them.
    pub keys: Vec<Option<String>>,
    /// Does the page go backwards from this row?
    pub back: bool,
}

/// A condition on the rows of a table.
pub struct Scope<Table>(Box<Sql>, PhantomData<fn() -> Table>);

impl<Table> Scope<Table> {
    /// The rows that fulfil this condition.
    pub fn of(condition: impl AppearsOnTable<Table, SqlType = Bool> + QueryFragment<Pg> + Send + Sync + 'static) -> Self {
        Self(Box::new(condition), PhantomData)
    }

    /// The rows that fulfil both conditions.
    pub fn and(self, other: Self) -> Self {
        Self(Box::new(Two(self.0, ") AND (", other.0)), PhantomData)
    }

    /// The rows that fulfil at least one of the conditions.
    pub fn or(self, other: Self) -> Self {
        Self(Box::new(Two(self.0, ") OR (", other.0)), PhantomData)
    }
}

/// Two conditions as one.
struct Two(Box<Sql>, &'static str, Box<Sql>);

impl QueryFragment<Pg> for Two {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("((");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(self.1);
        self.2.walk_ast(out.reborrow())?;
        out.push_sql("))");
        Ok(())
    }
}

impl<Table> QueryFragment<Pg> for Scope<Table> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

impl<Table> QueryId for Scope<Table> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Table> Expression for Scope<Table> {
    type SqlType = Bool;
}

impl<Table> AppearsOnTable<Table> for Scope<Table> {}

impl<Table> ValidGrouping<()> for Scope<Table> {
    type IsAggregate = diesel::expression::is_aggregate::No;
}

/// A noun that can be listed.
pub trait Listed: Selectable<Pg> + Sized + 'static {
    /// Its table.
    type Table: QuerySource + Default + 'static;
    /// The column that identifies a row.
    type Key: Column<SqlType = Uuid> + Default;
    /// The fields that may be asked for.
    fn fields() -> &'static [Field];
}

/// A whole question to a list.
pub struct Listing<N: Listed> {
    /// The filters: a row fulfils all of them.
    pub conditions: Vec<Condition>,
    /// The order. The identifier always breaks ties.
    pub order: Vec<Step>,
    /// The row that the page continues from.
    pub mark: Option<Mark>,
    /// Limits the rows to those where each of these columns holds one of its identifiers.
    pub within: Vec<(Box<Sql>, Vec<Id>)>,
    /// The rows that the caller may see.
    pub scope: Option<Scope<N::Table>>,
    /// The most rows.
    pub limit: Option<i64>,
    /// The number of rows that are skipped.
    pub offset: i64,
    /// Does the connection keep the prepared statement for the next time? PostgreSQL keeps a plan for each, as long as the connection
    /// lives. So a statement whose shape a client chose (filters, order) must not be kept.
    pub kept: bool,
    selection: N::SelectExpression,
    table: <N::Table as QuerySource>::FromClause,
    key: N::Key,
}

impl<N: Listed> Default for Listing<N> {
    /// All rows, in the order of their identifiers.
    fn default() -> Self {
        Self {
            conditions: Vec::new(),
            order: Vec::new(),
            mark: None,
            within: Vec::new(),
            scope: None,
            limit: None,
            offset: 0,
            kept: true,
            selection: N::construct_selection(),
            table: N::Table::default().from_clause(),
            key: N::Key::default(),
        }
    }
}

impl<N: Listed> Listing<N> {
    /// Limits the rows to those where the column holds one of these identifiers: the parts of these things.
    pub fn within<C: Column<SqlType = Uuid> + QueryFragment<Pg> + Send + Sync + 'static>(&mut self, column: C, things: Vec<Id>) {
        self.within.push((Box::new(column), things));
    }

    /// The rows, each with its sort values and identifier.
    pub async fn rows<'a>(&'a self, conn: &mut Conn) -> QueryResult<Vec<(N, Keys)>>
    where
        Rows<'a, N>: LoadQuery<'a, Conn, Weighed<(N, Keys)>>,
        N: Send,
    {
        self.rows_within(&mut Budget::new(usize::MAX), conn).await.map(|(rows, _)| rows)
    }

    /// The rows as far as the budget lasts, and whether it ended before them. Those that are left out are the furthest from the mark.
    pub async fn rows_within<'a>(&'a self, budget: &mut Budget, conn: &mut Conn) -> QueryResult<(Vec<(N, Keys)>, bool)>
    where
        Rows<'a, N>: LoadQuery<'a, Conn, Weighed<(N, Keys)>>,
        N: Send,
    {
        let rows = Rows(self).load_stream::<Weighed<(N, Keys)>>(conn).await?;
        let (rows, ended) = budget.read(rows, |budget, row| budget.take(row.bytes)).await?;
        let mut rows: Vec<_> = rows.into_iter().map(|row| row.row).collect();
        if self.backwards() {
            rows.reverse();
        }
        Ok((rows, ended))
    }

    /// The number of all rows, wherever the page begins.
    pub async fn total<'a>(&'a self, conn: &mut Conn) -> QueryResult<i64>
    where
        Total<'a, N>: LoadQuery<'a, Conn, i64>,
    {
        Total(self).get_result(conn).await
    }

    fn backwards(&self) -> bool {
        self.mark.as_ref().is_some_and(|mark| mark.back)
    }
}

/// The sort values of a row, as PostgreSQL writes them, and last its identifier.
pub type Keys = Vec<Option<String>>;

/// The page of a listing, as a query.
pub struct Rows<'a, N: Listed>(&'a Listing<N>);

/// The count of a listing, as a query.
pub struct Total<'a, N: Listed>(&'a Listing<N>);
