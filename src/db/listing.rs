//! Lists: which rows, in what order, from where on. A noun says which of its columns may be asked for; the SQL is
//! written here, typed by the schema, with every value bound.

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

pub use self::field::{Askable, Field, Kind, Names, Sql, field, flag, period, word};
use super::Conn;
use crate::values::Id;

/// How a column is compared with what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Is one of these.
    Is,
    /// Is none of these; what is empty is none of them.
    IsNot,
    /// Is empty (`true`) or not (`false`).
    Null,
    /// Is this or after.
    AtLeast,
    /// Is after this.
    Above,
    /// Is this or before.
    AtMost,
    /// Is before this.
    Below,
}

impl Operator {
    /// Each operator with the suffix that asks for it.
    pub const ALL: [(&str, Self); 7] = [
        ("", Self::Is),
        ("__ne", Self::IsNot),
        ("__null", Self::Null),
        ("__gte", Self::AtLeast),
        ("__gt", Self::Above),
        ("__lte", Self::AtMost),
        ("__lt", Self::Below),
    ];

    /// Does it make sense for this field?
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

/// One thing asked of a list.
pub struct Condition {
    /// Of which column.
    pub field: &'static Field,
    /// How.
    pub operator: Operator,
    /// The values, checked.
    pub values: Vec<String>,
    /// What must hold of the row beside.
    pub beside: Option<Box<Sql>>,
}

/// One step of an order. What is empty comes last, both ways round.
pub struct Step {
    /// By which column; for a search, by how well it fits.
    pub field: &'static Field,
    /// What was searched for, when the order is by how well it fits.
    pub words: Option<String>,
    /// From the last to the first?
    pub descending: bool,
}

/// The row to go on from: its sort values, then its identifier.
pub struct Mark {
    /// The values, as PostgreSQL writes them.
    pub keys: Vec<Option<String>>,
    /// From this row backwards?
    pub back: bool,
}

/// A condition on the rows of a table, whatever it is made of.
pub struct Scope<Table>(Box<Sql>, PhantomData<fn() -> Table>);

impl<Table> Scope<Table> {
    /// Only the rows for which this holds.
    pub fn of(condition: impl AppearsOnTable<Table, SqlType = Bool> + QueryFragment<Pg> + Send + Sync + 'static) -> Self {
        Self(Box::new(condition), PhantomData)
    }

    /// Only the rows for which both hold.
    pub fn and(self, other: Self) -> Self {
        Self(Box::new(Two(self.0, ") AND (", other.0)), PhantomData)
    }

    /// The rows for which one of them holds.
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
    /// What may be asked for.
    fn fields() -> &'static [Field];
}

/// What is asked of a list, whole.
pub struct Listing<N: Listed> {
    /// All of these hold.
    pub conditions: Vec<Condition>,
    /// In this order; the identifier always breaks ties.
    pub order: Vec<Step>,
    /// From this row on.
    pub mark: Option<Mark>,
    /// Only the rows in which each of these columns holds one of its identifiers.
    pub within: Vec<(Box<Sql>, Vec<Id>)>,
    /// Only what the caller may see.
    pub scope: Option<Scope<N::Table>>,
    /// So many rows at most.
    pub limit: Option<i64>,
    /// So many are passed over.
    pub offset: i64,
    selection: N::SelectExpression,
    table: <N::Table as QuerySource>::FromClause,
    key: N::Key,
}

impl<N: Listed> Default for Listing<N> {
    /// Everything, in the order of its identifiers.
    fn default() -> Self {
        Self {
            conditions: Vec::new(),
            order: Vec::new(),
            mark: None,
            within: Vec::new(),
            scope: None,
            limit: None,
            offset: 0,
            selection: N::construct_selection(),
            table: N::Table::default().from_clause(),
            key: N::Key::default(),
        }
    }
}

impl<N: Listed> Listing<N> {
    /// Only the rows in which the column holds one of these identifiers: the parts of these things.
    pub fn within<C: Column<SqlType = Uuid> + QueryFragment<Pg> + Send + Sync + 'static>(&mut self, column: C, things: Vec<Id>) {
        self.within.push((Box::new(column), things));
    }

    /// The rows, each with its sort values and identifier.
    pub async fn rows<'a>(&'a self, conn: &mut Conn) -> QueryResult<Vec<(N, Keys)>>
    where
        Rows<'a, N>: LoadQuery<'a, Conn, (N, Keys)>,
        N: Send,
    {
        let mut rows = Rows(self).load::<(N, Keys)>(conn).await?;
        if self.backwards() {
            rows.reverse();
        }
        Ok(rows)
    }

    /// How many rows there are in all, wherever the page begins.
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
