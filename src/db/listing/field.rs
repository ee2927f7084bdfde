//! The columns that may be asked for: the type of each, its name, and how a column of another table is reached.

use std::any::TypeId;

use diesel::{
    Column, Expression, QuerySource,
    pg::Pg,
    query_builder::QueryFragment,
    sql_types::{Bool, Date, Int4, Nullable, Numeric, Text, Timestamptz, Uuid},
};

use crate::{
    schema::sql_types::Tsvector,
    values::{Amount, Checked, Coding, Day, Id, Instant, Rule, Vocabulary, normalised, particulars, rules},
};

/// A piece of SQL without values.
pub type Sql = dyn QueryFragment<Pg> + Send + Sync;

/// The longest text that is looked for, in bytes.
pub const LONGEST: usize = 1000;

/// The kind of values of a column, as far as filters need it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// An identifier.
    Id,
    /// A text.
    Text,
    /// A word of a closed list, each with its French label.
    Word(&'static [(&'static str, &'static str)]),
    /// A code, which is read as its type reads it.
    Code(&'static Coding),
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
    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::Id => "uuid",
            Self::Text | Self::Word(_) | Self::Code(_) | Self::Search => "text",
            Self::Integer => "integer",
            Self::Amount => "numeric",
            Self::Flag => "boolean",
            Self::Day | Self::Period => "date",
            Self::Instant => "timestamptz",
        }
    }

    /// Do the values have an order?
    pub fn ordered(self) -> bool {
        matches!(self, Self::Integer | Self::Amount | Self::Day | Self::Instant)
    }

    /// Reads a value as writes read it, and returns it in the form for PostgreSQL. The error is the code of a fault.
    pub fn check(self, value: &str) -> Result<String, &'static str> {
        match self {
            Self::Code(coding) => (coding.read)(value),
            Self::Instant => Instant::parse(value).map(|instant| instant.to_string()),
            Self::Text | Self::Search => text(value),
            _ => self.fits(value).map(|()| value.to_owned()),
        }
    }

    /// What the sentence of the fault with this code tells of a value.
    pub fn particulars(self, code: &str, value: &str) -> Vec<String> {
        match self {
            Self::Integer if code == "out_of_range" => [i32::MIN, i32::MAX].map(|end| end.to_string()).to_vec(),
            Self::Code(coding) => particulars(code, value, false, coding.longest),
            _ => particulars(code, value, true, LONGEST),
        }
    }

    fn fits(self, value: &str) -> Result<(), &'static str> {
        match self {
            Self::Id => Id::parse(value).map(drop),
            Self::Word(words) => words.iter().any(|(word, _)| *word == value).then_some(()).ok_or("unknown_word"),
            Self::Integer => value.parse::<i32>().map(drop).map_err(|_| {
                let digits = value.strip_prefix('-').unwrap_or(value);
                if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) { "out_of_range" } else { "not_whole" }
            }),
            Self::Amount => Amount::parse(value).map(drop),
            Self::Flag => matches!(value, "true" | "false").then_some(()).ok_or("unknown_word"),
            Self::Day | Self::Period => Day::parse(value).map(drop),
            Self::Code(_) | Self::Instant | Self::Text | Self::Search => Ok(()),
        }
    }
}

/// A text that is looked for, in the form in which texts are stored.
fn text(value: &str) -> Result<String, &'static str> {
    let text = normalised(value, true).map_err(|_| "forbidden_character")?;
    match text.len() {
        0 => Err("blank"),
        1..=LONGEST => Ok(text),
        _ => Err("too_long"),
    }
}

/// An SQL type that may be asked for.
pub trait Askable {
    /// The kind of values.
    const KIND: Kind;
    /// May the column be NULL?
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

/// A thing that a column names and that not every caller may know.
pub enum Names {
    /// A person, in the row with this identifier.
    Person(Box<Sql>),
    /// A fiche.
    Fiche,
    /// A document.
    Document,
}

/// How the values of a filter are resolved: the function makes of the codes that were asked for what this column is compared with.
pub struct Resolution {
    /// The function.
    pub(super) function: &'static str,
    /// The type of what it returns.
    pub(super) sql: &'static str,
    /// The column, if it is not the field's own.
    pub(super) column: Option<Box<Sql>>,
}

/// A column that may be asked for, and how.
pub struct Field {
    /// Its name in a query string.
    pub name: &'static str,
    /// The kind of values.
    pub kind: Kind,
    /// May the column be NULL?
    pub nullable: bool,
    /// May a list be sorted by it?
    pub sortable: bool,
    /// The thing that the column names, if not every caller may know it. A filter then finds only what the caller may know.
    pub names: Option<Names>,
    /// The meaning of the filter, for the document.
    pub about: &'static str,
    pub(super) column: Box<Sql>,
    pub(super) end: Option<Box<Sql>>,
    pub(super) link: Option<Link>,
    pub(super) resolution: Option<Resolution>,
}

/// Another table, whose rows point to the listed row.
pub(super) struct Link {
    /// The row of which table: filters with the same key are about the same row.
    pub(super) key: (TypeId, &'static str),
    pub(super) table: Box<Sql>,
    pub(super) from: Box<Sql>,
    pub(super) to: Box<Sql>,
}

/// A column of the noun, under its own name.
pub fn field<C>(column: C) -> Field
where
    C: Column + QueryFragment<Pg> + Send + Sync + 'static,
    C::SqlType: Askable,
{
    let (kind, nullable) = (C::SqlType::KIND, C::SqlType::NULLABLE);
    let name = if kind == Kind::Search { "q" } else { C::NAME };
    Field { name, kind, nullable, sortable: false, names: None, about: "", column: Box::new(column), end: None, link: None, resolution: None }
}

/// A column that holds a word of a closed list.
pub fn word<V: Vocabulary, C>(column: C) -> Field
where
    C: Column + QueryFragment<Pg> + Send + Sync + 'static,
    C::SqlType: Askable,
{
    Field { kind: Kind::Word(V::WORDS), about: V::ABOUT, ..field(column) }
}

/// A column that holds a code of this type. An old code of a commune stands for the commune that it became part of.
pub fn code<R: Rule, C>(column: C) -> Field
where
    C: Column + QueryFragment<Pg> + Send + Sync + 'static,
    C::SqlType: Askable,
{
    let coding = Checked::<R>::CODING;
    let commune = coding.name == rules::CommuneCode::NAME;
    let resolution = commune.then_some(Resolution { function: "commune_codes", sql: "text[]", column: None });
    Field { kind: Kind::Code(coding), resolution, ..field(column) }
}

/// A day between two columns, both included; NULL is an open end.
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

/// A condition on a row, asked for as true or false.
pub fn flag(
    name: &'static str,
    about: &'static str,
    condition: impl Expression<SqlType = Bool> + QueryFragment<Pg> + Send + Sync + 'static,
) -> Field {
    let column = Box::new(condition);
    Field { name, kind: Kind::Flag, nullable: false, sortable: false, names: None, about, column, end: None, link: None, resolution: None }
}

impl Field {
    /// Allows lists to be sorted by the field.
    pub fn sorted(self) -> Self {
        Self { sortable: true, ..self }
    }

    /// The field names a person, in the row with this identifier. A filter finds only the rows that may name the person to the caller.
    pub fn personal(self, row: impl Column<SqlType = Uuid> + QueryFragment<Pg> + Send + Sync + 'static) -> Self {
        Self { names: Some(Names::Person(Box::new(row))), ..self }
    }

    /// The column itself.
    pub fn column(&self) -> &Sql {
        &*self.column
    }

    /// The values are codes, which are read so.
    pub fn read_as(self, coding: &'static Coding) -> Self {
        Self { kind: Kind::Code(coding), ..self }
    }

    /// Does a value stand for more than itself?
    pub fn is_resolved(&self) -> bool {
        self.resolution.is_some()
    }

    /// The field names a fiche. A filter finds only fiches that the caller may see, and tells nothing about others.
    pub fn of_fiche(self) -> Self {
        Self { names: Some(Names::Fiche), ..self }
    }

    /// The field names a document. A filter finds only documents that the caller may see, and tells nothing about others.
    pub fn of_document(self) -> Self {
        Self { names: Some(Names::Document), ..self }
    }

    /// The values are resolved by this function, into identifiers of rows.
    pub fn resolved(self, function: &'static str, row: impl Column<SqlType = Uuid> + QueryFragment<Pg> + Send + Sync + 'static) -> Self {
        Self { resolution: Some(Resolution { function, sql: "uuid[]", column: Some(Box::new(row)) }), ..self }
    }

    /// Gives the field another name, with its meaning.
    pub fn named(self, name: &'static str, about: &'static str) -> Self {
        Self { name, about, ..self }
    }

    /// Puts the field in a group. Filters of one group must fit one and the same row of their table.
    pub fn together(mut self, group: &'static str) -> Self {
        if let Some(link) = &mut self.link {
            link.key.1 = group;
        }
        self
    }

    /// A column of another table that points to the noun: at least one of its rows must fit.
    pub fn linked<F, T>(self, from: F, to: T) -> Self
    where
        F: Column + QueryFragment<Pg> + Send + Sync + 'static,
        F::Table: QuerySource + Default,
        <F::Table as QuerySource>::FromClause: QueryFragment<Pg> + Send + Sync + 'static,
        T: Column + QueryFragment<Pg> + Send + Sync + 'static,
    {
        let table = Box::new(F::Table::default().from_clause());
        Self { nullable: false, link: Some(Link { key: (TypeId::of::<F>(), self.name), table, from: Box::new(from), to: Box::new(to) }), ..self }
    }
}
