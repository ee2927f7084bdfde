//! Citations: which document says what of which thing, and where in it.

use std::sync::LazyLock;

use actix_web::{delete, get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::{
        Conn, Db,
        listing::{Field, Listed, Scope, field, word},
    },
    http::{
        At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, Problem, Resource, Result, Shown, Tagged, may_name_document, sent,
    },
    ledger::{self, feed::NOUNS},
    rights::{self, Place, Reach},
    schema::citations,
    values::{Code, Id, LongText, Name, Visibility, VisibilityWords, Vocabulary, Word},
};

/// The words of [`Relation`].
#[derive(Debug, Clone)]
pub struct RelationWords;

impl Vocabulary for RelationWords {
    const NAME: &'static str = "CitationRelation";
    const ABOUT: &'static str = "How a document bears on a thing (lien).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("source", "En est la source"), ("attached", "Lui est joint")];
}

/// How a document bears on a thing (lien).
pub type Relation = Word<RelationWords>;

/// A citation (provenance): a document, or a place in it, and the thing, or the member of it, that it speaks of.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = citations, check_for_backend(diesel::pg::Pg))]
pub struct Citation {
    pub id: Id,
    /// The document.
    pub document_id: Id,
    /// The noun of the thing, as addresses say it: `meetings`.
    pub noun: Name,
    /// The thing.
    pub thing_id: Id,
    /// The member of the thing that it speaks of; the whole thing when empty.
    pub member: Option<Code>,
    pub relation: Relation,
    /// Where in the document, or what it says there, word for word.
    pub passage: Option<LongText>,
    /// The territory whose it is to keep: that of the thing, or else of the document.
    pub territory_id: Option<Id>,
    /// Who may see it: who sees both.
    pub visibility: Visibility,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Citation {
    /// Whose it is.
    fn place(&self) -> Place {
        Place { territory: self.territory_id, ..Place::nation() }
    }
}

impl Resource for Citation {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = citations, treat_none_as_default_value = false)]
pub struct NewCitation {
    /// The document.
    document_id: Id,
    /// The noun of the thing, as addresses say it: `meetings`.
    noun: Name,
    /// The thing.
    thing_id: Id,
    /// The member of the thing that it speaks of; the whole thing when empty.
    member: Option<Code>,
    #[serde(default)]
    relation: Relation,
    /// Where in the document, or what it says there, word for word.
    passage: Option<LongText>,
}

impl NewCitation {
    /// Refuses what the caller may not know, and what is not there.
    async fn check(&self, reach: &Reach, conn: &mut Conn) -> Result<()> {
        may_name_document(Some(self.document_id), reach, conn).await?;
        let noun = self.noun.as_str().replace('-', "_");
        if !NOUNS.contains(&noun.as_str()) {
            return Err(Problem::unknown_reference("/thing_id"));
        }
        ledger::history::hold(&noun, self.thing_id, conn).await?;
        if !ledger::stands(&noun, self.thing_id, reach, conn).await? {
            return Err(Problem::unknown_reference("/thing_id"));
        }
        Ok(())
    }
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = citations)]
pub struct CitationPatch {
    /// The member of the thing that it speaks of; the whole thing when empty.
    member: Option<Option<Code>>,
    relation: Option<Relation>,
    /// Where in the document, or what it says there, word for word.
    passage: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(citations::document_id),
        field(citations::noun),
        field(citations::thing_id),
        field(citations::member),
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

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(list_citations).service(create_citation).service(read_citation).service(update_citation).service(delete_citation);
}

async fn find(id: Id, reach: &Reach, conn: &mut Conn) -> Result<Citation> {
    let mut citation = citations::table.find(id).select(Citation::as_select()).into_boxed();
    if let Some(scope) = Citation::scope(reach) {
        citation = citation.filter(scope);
    }
    citation.first(conn).await.or_gone("citations", None, id, reach, conn).await
}

async fn lock(id: Id, editor: &Editor, conn: &mut Conn) -> Result<Citation> {
    find(id, editor.reach(), conn).await?;
    let citation = citations::table.find(id).select(Citation::as_select()).for_no_key_update();
    let citation = citation.first(conn).await.or_gone("citations", None, id, editor.reach(), conn).await?;
    editor.within(&citation.place())?;
    Ok(citation)
}

/// Makes one under this identifier.
pub async fn insert(id: Id, new: &NewCitation, conn: &mut Conn) -> Result<Citation> {
    let row = (citations::id.eq(id), new);
    let citation = diesel::insert_into(citations::table).values(row).returning(Citation::as_returning()).get_result(conn).await?;
    Ok(citation)
}

/// List citations
#[utoipa::path(params(List<Citation>), responses((status = OK, body = Page<Citation>)))]
#[get("/citations")]
async fn list_citations(db: Data<Db>, list: List<Citation>) -> Result<Page<Citation>> {
    list.page(&db).await
}

/// Create a citation
#[utoipa::path(responses((status = CREATED, body = Citation)))]
#[post("/citations")]
async fn create_citation(db: Data<Db>, editor: Editor, body: Json<NewCitation>) -> Result<Created<Citation>> {
    db.write(&editor, async |conn| {
        let new = body.valid()?;
        new.check(editor.reach(), conn).await?;
        let citation = insert(Id::new(), &new, conn).await?;
        editor.within(&citation.place())?;
        Ok(Created(citation))
    })
    .await
}

/// Read a citation
#[utoipa::path(params(One<Citation>), responses((status = OK, body = Citation)))]
#[get("/citations/{id}")]
async fn read_citation(db: Data<Db>, At(id): At, one: One<Citation>) -> Result<Tagged<Citation>> {
    one.answer(&db, id, find).await
}

/// Change a citation
#[utoipa::path(responses((status = OK, body = Citation)))]
#[patch("/citations/{id}")]
async fn update_citation(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch, body: Json<CitationPatch>) -> Result<Tagged<Citation>> {
    db.write(&editor, async |conn| {
        let current = lock(id, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(citations::table.find(id)).set(&patch);
        let changed = update.returning(Citation::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Delete a citation
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/citations/{id}")]
async fn delete_citation(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(id, &editor, conn).await?, conn).await?;
        diesel::delete(citations::table.find(id)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
