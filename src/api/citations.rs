//! Citations: which document speaks of which thing, and where in the document.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::{
        Conn,
        listing::{Field, Listed, Scope, code, field, word},
        refs::{columns, share_row},
    },
    http::{Content, Problem, Resource, Result, Said, Shown, Writer, sent},
    ledger,
    noun::{Address, Alone, Card, Face, Naming, Noun, Operations, Restoration, Rule, Where, Writing, may_cite_so},
    rights::{self, Place, Reach},
    schema::citations,
    values::{Code, Coding, Id, LongText, Name, Visibility, VisibilityWords, Vocabulary, Word, rules},
};

/// The words of [`Relation`].
#[derive(Debug, Clone)]
pub struct RelationWords;

impl Vocabulary for RelationWords {
    const NAME: &'static str = "CitationRelation";
    const ABOUT: &'static str = "How a document bears on a thing (lien).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("source", "En est la source"), ("attached", "Lui est joint")];
}

/// How the document relates to the thing (lien).
pub type Relation = Word<RelationWords>;

/// A citation (provenance): a document, or a passage of it, is the source of a thing, or of one member of that thing.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = citations, check_for_backend(diesel::pg::Pg))]
pub struct Citation {
    pub id: Id,
    /// The document (document).
    pub document_id: Id,
    /// The noun of the cited thing, as in addresses: `meetings`.
    pub noun: Name,
    /// The identifier of the cited thing.
    pub thing_id: Id,
    /// The member of the thing that the document speaks of; null: the whole thing.
    pub member: Option<Code>,
    pub relation: Relation,
    /// The place in the document, or its words there, literally (passage).
    pub passage: Option<LongText>,
    /// The territory whose editors keep the citation: the thing's, else the document's.
    pub territory_id: Option<Id>,
    /// Who may see the citation: callers who may see both the document and the thing (visibilité).
    pub visibility: Visibility,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Citation {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = citations, treat_none_as_default_value = false)]
pub struct NewCitation {
    /// The document (document).
    document_id: Id,
    /// The noun of the cited thing, as in addresses: `meetings`.
    noun: Name,
    /// The identifier of the cited thing.
    thing_id: Id,
    /// The member of the thing that the document speaks of; null: the whole thing.
    member: Option<Code>,
    #[serde(default)]
    relation: Relation,
    /// The place in the document, or its words there, literally (passage).
    passage: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = citations)]
pub struct CitationPatch {
    /// The member of the thing that the document speaks of; null: the whole thing.
    member: Option<Option<Code>>,
    relation: Option<Relation>,
    /// The place in the document, or its words there, literally (passage).
    passage: Option<Option<LongText>>,
}

/// The name of a noun or a part, as addresses have it. It is stored with dashes or underscores, as it was sent.
static NOUN: Coding = Coding {
    name: "Name",
    longest: 300,
    read: |text| {
        let known = super::names().contains(&text.trim().replace('_', "-"));
        if known { Ok(text.trim().to_owned()) } else { Err("unknown_noun") }
    },
};

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(citations::document_id),
        field(citations::noun).read_as(&NOUN),
        field(citations::thing_id),
        code::<rules::Code, _>(citations::member),
        word::<RelationWords, _>(citations::relation),
        field(citations::territory_id),
        word::<VisibilityWords, _>(citations::visibility),
        field(citations::created_at).sorted(),
        field(citations::updated_at).sorted(),
    ]
});

impl Listed for Citation {
    type Table = citations::table;
    type Key = citations::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Citation {
    type View = Self;
    const ORDER: &'static str = "";

    fn scope(reach: &Reach) -> Option<Scope<citations::table>> {
        rights::visible(citations::visibility, citations::territory_id, reach)
    }
}

impl Noun for Citation {
    const CARD: Card = Card {
        table: "citations",
        one: "citation",
        a: "a citation",
        all: "citations",
        about: "Citations: the provenance of every fact (provenance).",
        places: &["territory_id"],
        erased: &["passage"],
        rules: &[Rule(
            "most",
            "/thing_id",
            "A thing has 1000 citations of one territory's documents at most.",
            "Un élément a au plus 1000 citations des documents d'un territoire.",
        )],
    };
    const WRITING: Writing<Self> = Writing {
        make: Where::Anywhere,
        change: Where::At(|citation| Place { territory: citation.territory_id, ..Place::nation() }),
        remove: Where::At(|citation| Place { territory: citation.territory_id, ..Place::nation() }),
    };
    const NAMES: &'static [Naming<Self>] = &[Naming::<Self>::document(|new| Some(new.document_id), |_| None)];
    type Whole = Alone;
    type Right = Content;
    type New = NewCitation;
    type Patch = CitationPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        citations::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewCitation, conn: &mut Conn) -> Result<Self> {
        let row = (citations::id.eq(at.id), new);
        Ok(diesel::insert_into(citations::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &CitationPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(citations::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(citations::table.find(at.id)).execute(conn).await
    }
    /// Refuses (422) a thing that does not exist, or that the caller may not see. The list of all nouns tells whether the noun exists.
    async fn may_make(new: &NewCitation, by: &Writer, conn: &mut Conn) -> Result<()> {
        let noun = new.noun.as_str().replace('-', "_");
        let Some(face) = super::kept().find(|face| face.card.table == noun) else {
            let said = Said::of_words(super::names().iter().map(String::as_str));
            return Err(Problem::body("/noun", "unknown_noun", said));
        };
        may_name(face, new.member.as_ref(), conn).await?;
        share_row(face.card.table, new.thing_id, conn).await?;
        if !ledger::stands(face.card.table, new.thing_id, by.reach(), conn).await? {
            return Err(Problem::unknown_reference("/thing_id"));
        }
        Ok(())
    }
    /// The place of a citation follows from the cited thing: the database computes it.
    async fn may_change(&self, patch: &CitationPatch, _: &Writer, conn: &mut Conn) -> Result<()> {
        let noun = self.noun.as_str().replace('-', "_");
        match (super::kept().find(|face| face.card.table == noun), &patch.member) {
            (Some(face), Some(member)) => may_name(face, member.as_ref(), conn).await,
            _ => Ok(()),
        }
    }
    async fn settle(&self, by: &Writer, _: &mut Conn) -> Result<()> {
        by.within(&Place { territory: self.territory_id, ..Place::nation() })
    }
    async fn settle_restored(_: &Restoration<'_>, by: &Writer, conn: &mut Conn) -> Result<()> {
        may_cite_so(by, conn).await
    }
}

/// Refuses (422) a member that the things of the noun do not have. Their parts are members too.
async fn may_name(face: &Face, member: Option<&Code>, conn: &mut Conn) -> Result<()> {
    let Some(member) = member else { return Ok(()) };
    let parts = face.parts.iter().map(|part| part.card.segment(Some(face.card)).replace('-', "_"));
    let members: Vec<String> = columns(face.card.table, conn).await?.into_iter().chain(parts).collect();
    if members.iter().any(|known| known == member.as_str()) {
        return Ok(());
    }
    Err(Problem::body("/member", "unknown_member", Said::of_words(members.iter().map(String::as_str))))
}
