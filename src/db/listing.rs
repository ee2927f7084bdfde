//! Lists: which rows, in what order, from where on. A noun says which of its columns may be asked for; the SQL is
//! written here, typed by the schema, with every value bound.

use std::any::TypeId;

use diesel::{
    Column, QuerySource, Selectable,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{Array, BigInt, Bool, Date, Int4, Nullable, Numeric, Text, Timestamptz, Uuid},
};
use diesel_async::{RunQueryDsl, methods::LoadQuery};

use super::Conn;
use crate::{
    schema::sql_types::Tsvector,
    values::{Amount, Day, Id, Vocabulary},
};

/// A piece of SQL without values.
type Sql = dyn QueryFragment<Pg> + Send + Sync;

/// What a column holds, as far as asking for it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// An identifier.
    Id,
    /// A text.
    Text,
    /// A word of a closed list, each with its French label.
    Word(&'static [(&'static str, &'static str)]),
    /// A whole number.
    Integer,
    /// A decimal.
    Amount,
    /// True or false.
    Flag,
    /// A day.
    Day,
    /// An instant.
    Instant,
    /// A day that must lie between two columns, either of which may be open.
    Period,
    /// Words to search for.
    Search,
}

impl Kind {
    /// The type that a bound text is cast to.
    fn sql(self) -> &'static str {
        match self {
            Self::Id => "uuid",
            Self::Text | Self::Word(_) | Self::Search => "text",
            Self::Integer => "integer",
            Self::Amount => "numeric",
            Self::Flag => "boolean",
            Self::Day | Self::Period => "date",
            Self::Instant => "timestamptz",
        }
    }

    /// Is there a before and an after?
    pub fn ordered(self) -> bool {
        matches!(self, Self::Integer | Self::Amount | Self::Day | Self::Instant)
    }

    /// Checks a value before PostgreSQL sees it. Errs with the code of a fault.
    pub fn check(self, value: &str) -> Result<(), &'static str> {
        match self {
            Self::Id => Id::parse(value).map(drop),
            Self::Word(words) => words.iter().any(|(word, _)| *word == value).then_some(()).ok_or("unknown_word"),
            Self::Integer => value.parse::<i32>().map(drop).map_err(|_| "out_of_range"),
            Self::Amount => Amount::parse(value).map(drop),
            Self::Flag => matches!(value, "true" | "false").then_some(()).ok_or("unknown_word"),
            Self::Day | Self::Period => Day::parse(value).map(drop),
            Self::Instant => instant(value).then_some(()).ok_or("invalid_date"),
            Self::Text | Self::Search if value.len() > 1000 => Err("too_long"),
            Self::Text | Self::Search => Ok(()),
        }
    }
}

/// An instant of RFC 3339, without a leap second, in the window of [`Day`].
fn instant(value: &str) -> bool {
    use chrono::Datelike;
    let instant = chrono::DateTime::parse_from_rfc3339(value).ok();
    instant.is_some_and(|instant| (1900..=2100).contains(&instant.year()) && instant.timestamp_subsec_nanos() < 1_000_000_000)
}

/// An SQL type that may be asked for.
pub trait Askable {
    /// What it holds.
    const KIND: Kind;
    /// May it be empty?
    const NULLABLE: bool = false;
}

impl Askable for Uuid {
    const KIND: Kind = Kind::Id;
}
impl Askable for Text {
    const KIND: Kind = Kind::Text;
}
impl Askable for Int4 {
    const KIND: Kind = Kind::Integer;
}
impl Askable for Numeric {
    const KIND: Kind = Kind::Amount;
}
impl Askable for Bool {
    const KIND: Kind = Kind::Flag;
}
impl Askable for Date {
    const KIND: Kind = Kind::Day;
}
impl Askable for Timestamptz {
    const KIND: Kind = Kind::Instant;
}
impl Askable for Tsvector {
    const KIND: Kind = Kind::Search;
}

impl<T: Askable + diesel::sql_types::SqlType<IsNull = diesel::sql_types::is_nullable::NotNull>> Askable for Nullable<T> {
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = true;
}

/// A column that may be asked for, and how.
pub struct Field {
    /// Its name in a query string.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// May it be empty?
    pub nullable: bool,
    /// May a list be sorted by it?
    pub sortable: bool,
    /// What asking for it means.
    pub about: &'static str,
    column: Box<Sql>,
    end: Option<Box<Sql>>,
    link: Option<Link>,
}

/// A table whose rows point to the row that is asked for.
struct Link {
    /// Which one: what is asked of one table is asked of one of its rows.
    key: TypeId,
    table: Box<Sql>,
    from: Box<Sql>,
    to: Box<Sql>,
}

/// A column of the noun, under its own name.
pub fn field<C>(column: C) -> Field
where
    C: Column + QueryFragment<Pg> + Send + Sync + 'static,
    C::SqlType: Askable,
{
    let (kind, nullable) = (C::SqlType::KIND, C::SqlType::NULLABLE);
    let name = if kind == Kind::Search { "q" } else { C::NAME };
    Field { name, kind, nullable, sortable: false, about: "", column: Box::new(column), end: None, link: None }
}

/// A column that holds a word of a closed list.
pub fn word<V: Vocabulary, C>(column: C) -> Field
where
    C: Column + QueryFragment<Pg> + Send + Sync + 'static,
    C::SqlType: Askable,
{
    Field { kind: Kind::Word(V::WORDS), about: V::ABOUT, ..field(column) }
}

/// A day between two columns, both days included; an empty one is open.
pub fn period<S, E>(name: &'static str, start: S, end: E) -> Field
where
    S: Column<SqlType = Nullable<Date>> + QueryFragment<Pg> + Send + Sync + 'static,
    E: Column<SqlType = Nullable<Date>> + QueryFragment<Pg> + Send + Sync + 'static,
{
    Field {
        name,
        kind: Kind::Period,
        nullable: false,
        end: Some(Box::new(end)),
        about: "In force on this day (an unknown start or end is open).",
        ..field(start)
    }
}

impl Field {
    /// Lists may be sorted by it.
    pub fn sorted(self) -> Self {
        Self { sortable: true, ..self }
    }

    /// Asked for under another name, with what that means.
    pub fn named(self, name: &'static str, about: &'static str) -> Self {
        Self { name, about, ..self }
    }

    /// A column of a table that points to the noun: some row of it must fit.
    pub fn linked<F, T>(self, from: F, to: T) -> Self
    where
        F: Column + QueryFragment<Pg> + Send + Sync + 'static,
        F::Table: QuerySource + Default,
        <F::Table as QuerySource>::FromClause: QueryFragment<Pg> + Send + Sync + 'static,
        T: Column + QueryFragment<Pg> + Send + Sync + 'static,
    {
        let table = Box::new(F::Table::default().from_clause());
        Self { nullable: false, link: Some(Link { key: TypeId::of::<F>(), table, from: Box::new(from), to: Box::new(to) }), ..self }
    }
}

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
        let plain = field.link.is_none() && !matches!(field.kind, Kind::Search | Kind::Period);
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
    /// Of the part of one thing only: its column and the thing.
    pub within: Option<(Box<Sql>, Id)>,
    /// So many rows at most.
    pub limit: i64,
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
            within: None,
            limit: 0,
            offset: 0,
            selection: N::construct_selection(),
            table: N::Table::default().from_clause(),
            key: N::Key::default(),
        }
    }
}

impl<N: Listed> Listing<N> {
    /// Only the parts of this thing.
    pub fn within<C: Column<SqlType = Uuid> + QueryFragment<Pg> + Send + Sync + 'static>(&mut self, column: C, id: Id) {
        self.within = Some((Box::new(column), id));
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

impl<N: Listed> QueryId for Rows<'_, N> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<N: Listed> QueryId for Total<'_, N> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<N: Listed> Query for Rows<'_, N> {
    type SqlType = (diesel::dsl::SqlTypeOf<N::SelectExpression>, Array<Nullable<Text>>);
}

impl<N: Listed> Query for Total<'_, N> {
    type SqlType = BigInt;
}

impl<N: Listed> QueryFragment<Pg> for Rows<'_, N>
where
    N::SelectExpression: QueryFragment<Pg>,
    <N::Table as QuerySource>::FromClause: QueryFragment<Pg>,
    N::Key: QueryFragment<Pg>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let list = self.0;
        out.push_sql("SELECT ");
        list.selection.walk_ast(out.reborrow())?;
        out.push_sql(", ARRAY[");
        for step in &list.order {
            step.expression(&mut out)?;
            out.push_sql("::text, ");
        }
        list.key.walk_ast(out.reborrow())?;
        out.push_sql("::text] FROM ");
        list.table.walk_ast(out.reborrow())?;
        list.filter(&mut out)?;
        if let Some(mark) = &list.mark {
            out.push_sql(" AND ");
            list.beyond(mark, 0, &mut out)?;
        }
        out.push_sql(" ORDER BY ");
        for step in &list.order {
            step.expression(&mut out)?;
            let descending = step.descending != list.backwards();
            let nulls = if list.backwards() { "FIRST, " } else { "LAST, " };
            out.push_sql(if descending { " DESC" } else { " ASC" });
            if step.nullable() {
                out.push_sql(" NULLS ");
                out.push_sql(nulls);
            } else {
                out.push_sql(", ");
            }
        }
        list.key.walk_ast(out.reborrow())?;
        out.push_sql(if list.backwards() { " DESC LIMIT " } else { " ASC LIMIT " });
        out.push_bind_param::<BigInt, i64>(&list.limit)?;
        out.push_sql(" OFFSET ");
        out.push_bind_param::<BigInt, i64>(&list.offset)
    }
}

impl<N: Listed> QueryFragment<Pg> for Total<'_, N>
where
    <N::Table as QuerySource>::FromClause: QueryFragment<Pg>,
    N::Key: QueryFragment<Pg>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT count(*) FROM ");
        self.0.table.walk_ast(out.reborrow())?;
        self.0.filter(&mut out)
    }
}

impl<N: Listed> Listing<N> {
    fn filter<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(" WHERE true");
        if let Some((column, id)) = &self.within {
            out.push_sql(" AND ");
            column.walk_ast(out.reborrow())?;
            out.push_sql(" = ");
            out.push_bind_param::<Uuid, Id>(id)?;
        }
        for (index, condition) in self.conditions.iter().enumerate() {
            let Some(link) = &condition.field.link else {
                out.push_sql(" AND ");
                condition.write(out)?;
                continue;
            };
            let same = |condition: &&Condition| condition.field.link.as_ref().is_some_and(|other| other.key == link.key);
            if self.conditions[..index].iter().any(|before| same(&before)) {
                continue; // it stands beside the first one of its table
            }
            out.push_sql(" AND EXISTS (SELECT FROM ");
            link.table.walk_ast(out.reborrow())?;
            out.push_sql(" WHERE ");
            link.from.walk_ast(out.reborrow())?;
            out.push_sql(" = ");
            link.to.walk_ast(out.reborrow())?;
            for condition in self.conditions.iter().filter(same) {
                out.push_sql(" AND ");
                condition.write(out)?;
            }
            out.push_sql(")");
        }
        Ok(())
    }

    /// What comes after the mark in the order, from its `depth`th step on. Backwards, every comparison turns round.
    fn beyond<'b>(&'b self, mark: &'b Mark, depth: usize, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()>
    where
        N::Key: QueryFragment<Pg>,
    {
        let missing = || diesel::result::Error::QueryBuilderError("a mark has a value for each step".into());
        let value = mark.keys.get(depth).ok_or_else(missing)?;
        let Some(step) = self.order.get(depth) else {
            self.key.walk_ast(out.reborrow())?;
            out.push_sql(if mark.back { " < " } else { " > " });
            out.push_bind_param::<Nullable<Text>, Option<String>>(value)?;
            out.push_sql("::uuid");
            return Ok(());
        };
        let beyond = if step.descending != mark.back { " < " } else { " > " };
        match (value, mark.back) {
            (Some(_), back) => {
                // `a >= x AND (a > x OR ...)` lets an index on `a` serve; what is empty comes last.
                let last = step.nullable() && !back;
                out.push_sql("((");
                step.compare(beyond, value, out)?;
                if last {
                    out.push_sql(" OR ");
                    step.expression(out)?;
                    out.push_sql(" IS NULL");
                }
                out.push_sql(") OR (");
                step.compare(" = ", value, out)?;
            }
            (None, back) => {
                out.push_sql("(");
                step.expression(out)?;
                out.push_sql(if back { " IS NOT NULL OR (" } else { " IS NULL AND (true" });
                if back {
                    step.expression(out)?;
                    out.push_sql(" IS NULL");
                }
            }
        }
        out.push_sql(" AND ");
        self.beyond(mark, depth + 1, out)?;
        out.push_sql("))");
        Ok(())
    }
}

impl Step {
    fn nullable(&self) -> bool {
        self.words.is_none() && self.field.nullable
    }

    fn expression<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match &self.words {
            None => self.field.column.walk_ast(out.reborrow()),
            Some(words) => {
                out.push_sql("ts_rank(");
                self.field.column.walk_ast(out.reborrow())?;
                out.push_sql(", search_query(");
                out.push_bind_param::<Text, String>(words)?;
                out.push_sql("))");
                Ok(())
            }
        }
    }

    fn compare<'b>(&'b self, operator: &'static str, value: &'b Option<String>, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.expression(out)?;
        out.push_sql(operator);
        out.push_bind_param::<Nullable<Text>, Option<String>>(value)?;
        out.push_sql("::");
        out.push_sql(if self.words.is_some() { "real" } else { self.field.kind.sql() });
        Ok(())
    }
}

impl Condition {
    fn write<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self.field.kind {
            Kind::Search => {
                self.field.column.walk_ast(out.reborrow())?;
                out.push_sql(" @@ search_query(");
                self.bind(out)?;
                out.push_sql(")");
            }
            Kind::Period => {
                for (column, operator) in [(Some(&self.field.column), " <= "), (self.field.end.as_ref(), " >= ")] {
                    let Some(column) = column else { continue };
                    out.push_sql(if operator == " <= " { "(" } else { ") AND (" });
                    column.walk_ast(out.reborrow())?;
                    out.push_sql(" IS NULL OR ");
                    column.walk_ast(out.reborrow())?;
                    out.push_sql(operator);
                    self.bind(out)?;
                }
                out.push_sql(")");
            }
            _ => self.plain(out)?,
        }
        Ok(())
    }

    fn plain<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let column = &self.field.column;
        if self.operator == Operator::IsNot && self.field.nullable {
            out.push_sql("(");
            column.walk_ast(out.reborrow())?;
            out.push_sql(" IS NULL OR ");
        }
        column.walk_ast(out.reborrow())?;
        match self.operator {
            Operator::Null if self.values.iter().any(|value| value == "true") => out.push_sql(" IS NULL"),
            Operator::Null => out.push_sql(" IS NOT NULL"),
            Operator::Is if self.values.len() == 1 => {
                out.push_sql(" = ");
                self.bind(out)?;
            }
            Operator::Is | Operator::IsNot => {
                out.push_sql(if self.operator == Operator::Is { " = ANY(" } else { " <> ALL(" });
                out.push_bind_param::<Array<Text>, Vec<String>>(&self.values)?;
                out.push_sql("::");
                out.push_sql(self.field.kind.sql());
                out.push_sql("[])");
            }
            Operator::AtLeast | Operator::Above | Operator::AtMost | Operator::Below => {
                out.push_sql(match self.operator {
                    Operator::AtLeast => " >= ",
                    Operator::Above => " > ",
                    Operator::AtMost => " <= ",
                    _ => " < ",
                });
                self.bind(out)?;
            }
        }
        if self.operator == Operator::IsNot && self.field.nullable {
            out.push_sql(")");
        }
        Ok(())
    }

    fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let [value, ..] = self.values.as_slice() else {
            return Err(diesel::result::Error::QueryBuilderError("a condition has a value".into()));
        };
        out.push_bind_param::<Text, String>(value)?;
        out.push_sql("::");
        out.push_sql(self.field.kind.sql());
        Ok(())
    }
}
