//! Words of a closed list, each with its French label: one list gives what is accepted, what is read and the document. The CHECK of a
//! column has the same words again: a test (`tests/api/words.rs`) compares the two.

use std::{borrow::Cow, fmt, marker::PhantomData};

use diesel::{
    AsExpression, FromSqlRow,
    deserialize::{self, FromSql},
    pg::{Pg, PgValue},
    serialize::{self, Output, ToSql},
    sql_types::Text,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type, extensions::Extensions},
};

use super::Fault;

/// A closed list of words.
pub trait Vocabulary: fmt::Debug + Clone + 'static {
    /// The name of its schema.
    const NAME: &'static str;
    /// What it says, with its French term.
    const ABOUT: &'static str;
    /// Each word with its French label.
    const WORDS: &'static [(&'static str, &'static str)];
}

/// One word of a vocabulary.
#[derive(Debug, Clone, Copy, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct Word<V: Vocabulary>(&'static str, PhantomData<V>);

impl<V: Vocabulary> Word<V> {
    /// Finds a word by its code. Errs with the code of a [`Fault`].
    pub fn parse(code: &str) -> Result<Self, &'static str> {
        V::WORDS.iter().find(|(word, _)| *word == code).map(|(word, _)| Self(word, PhantomData)).ok_or("unknown_word")
    }

    /// The word of this code. In a `const`, a code that is none of the list does not compile.
    pub const fn of(code: &str) -> Self {
        let mut index = 0;
        while index < V::WORDS.len() {
            let word = V::WORDS[index].0;
            if same(word.as_bytes(), code.as_bytes()) {
                return Self(word, PhantomData);
            }
            index += 1;
        }
        panic!("no word of the vocabulary has this code")
    }

    /// The code (code).
    pub fn code(&self) -> &'static str {
        self.0
    }
}

impl<V: Vocabulary> PartialEq for Word<V> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<V: Vocabulary> Eq for Word<V> {}

/// Are these the same bytes? (`==` is not to be had in a `const`.)
const fn same(one: &[u8], other: &[u8]) -> bool {
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

/// The first word of the list.
impl<V: Vocabulary> Default for Word<V> {
    fn default() -> Self {
        Self(V::WORDS.first().map_or("", |(word, _)| word), PhantomData)
    }
}

impl<V: Vocabulary> Serialize for Word<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de, V: Vocabulary> Deserialize<'de> for Word<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&code).map_err(|fault| {
            let words: Vec<&str> = V::WORDS.iter().map(|(word, _)| *word).collect();
            de::Error::custom(Fault::message(fault, &[words.join(", ")]))
        })
    }
}

impl<V: Vocabulary> ToSql<Text, Pg> for Word<V> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <str as ToSql<Text, Pg>>::to_sql(self.0, out)
    }
}

impl<V: Vocabulary> FromSql<Text, Pg> for Word<V> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let code = std::str::from_utf8(value.as_bytes())?;
        Self::parse(code).map_err(|_| format!("{} has no word {code}", V::NAME).into())
    }
}

impl<V: Vocabulary> PartialSchema for Word<V> {
    fn schema() -> RefOr<Schema> {
        let labels = V::WORDS.iter().map(|(word, label)| ((*word).to_owned(), (*label).into())).collect::<serde_json::Map<_, _>>();
        let list = V::WORDS.iter().map(|(word, label)| format!("\n- `{word}`: {label}")).collect::<String>();
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(V::WORDS.iter().map(|(word, _)| *word)))
            .description(Some(format!("{}\n{list}", V::ABOUT)))
            .extensions(Some(Extensions::builder().add("x-labels-fr", labels).build()))
            .into()
    }
}

impl<V: Vocabulary> ToSchema for Word<V> {
    fn name() -> Cow<'static, str> {
        V::NAME.into()
    }
}
