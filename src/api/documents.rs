//! Documents: minutes, slides, deeds, web pages: where the facts come from.

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
        At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, Resource, Result, Shown, Tagged, may_cite_so,
        sent,
    },
    rights::{self, Place, Reach},
    schema::documents,
    values::{Day, Id, LongText, Name, ShortText, Url, Visibility, VisibilityWords, Vocabulary, Word},
};

/// The words of [`DocumentKind`].
#[derive(Debug, Clone)]
pub struct DocumentKindWords;

impl Vocabulary for DocumentKindWords {
    const NAME: &'static str = "DocumentKind";
    const ABOUT: &'static str = "What a document is (nature du document).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("minutes", "Compte-rendu"),
        ("slides", "Support d'animation"),
        ("synthesis", "Synthèse"),
        ("participant_list", "Liste des participants"),
        ("deliberation", "Délibération"),
        ("signed_deed", "Acte signé"),
        ("web_page", "Page web"),
        ("press", "Article de presse"),
        ("form", "Formulaire"),
        ("report", "Rapport"),
        ("data_set", "Jeu de données"),
        ("other", "Autre"),
    ];
}

/// What a document is (nature du document).
pub type DocumentKind = Word<DocumentKindWords>;

/// The words of [`LinkState`].
#[derive(Debug, Clone)]
pub struct LinkStateWords;

impl Vocabulary for LinkStateWords {
    const NAME: &'static str = "LinkState";
    const ABOUT: &'static str = "What was found at a link when it was last looked at (état du lien).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("alive", "Accessible"), ("moved", "Déplacé"), ("gone", "Disparu")];
}

/// What was found at a link when it was last looked at (état du lien).
pub type LinkState = Word<LinkStateWords>;

/// A document (document, source): what is known of it, whether or not it can still be read.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = documents, check_for_backend(diesel::pg::Pg))]
pub struct Document {
    pub id: Id,
    /// Its title.
    pub title: Name,
    pub kind: DocumentKind,
    /// Where it can be read; null when no link is known.
    pub url: Option<Url>,
    /// What was found there.
    pub url_state: Option<LinkState>,
    /// When that was looked at.
    pub url_checked_on: Option<Day>,
    /// The partner that published it.
    pub publisher_id: Option<Id>,
    /// Who published it, as the source says.
    pub publisher: Option<ShortText>,
    pub published_on: Option<Day>,
    /// When it was last changed.
    pub updated_on: Option<Day>,
    /// Under which licence it may be used again.
    pub licence: Option<ShortText>,
    /// What it is about.
    pub description: Option<LongText>,
    /// The territory it is about, if it is about one.
    pub territory_id: Option<Id>,
    pub visibility: Visibility,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Document {
    /// Whose it is.
    fn place(&self) -> Place {
        Place { territory: self.territory_id, ..Place::nation() }
    }
}

impl Resource for Document {
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
#[diesel(table_name = documents, treat_none_as_default_value = false)]
pub struct NewDocument {
    /// Its title.
    title: Name,
    kind: DocumentKind,
    /// Where it can be read; null when no link is known.
    url: Option<Url>,
    /// What was found there.
    url_state: Option<LinkState>,
    /// When that was looked at.
    url_checked_on: Option<Day>,
    /// The partner that published it.
    publisher_id: Option<Id>,
    /// Who published it, as the source says.
    publisher: Option<ShortText>,
    published_on: Option<Day>,
    /// When it was last changed.
    updated_on: Option<Day>,
    /// Under which licence it may be used again.
    licence: Option<ShortText>,
    /// What it is about.
    description: Option<LongText>,
    /// The territory it is about, if it is about one.
    territory_id: Option<Id>,
    #[serde(default)]
    visibility: Visibility,
}

impl NewDocument {
    /// Whose it is to be.
    fn place(&self) -> Place {
        Place { territory: self.territory_id, ..Place::nation() }
    }
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = documents)]
pub struct DocumentPatch {
    /// Its title.
    title: Option<Name>,
    kind: Option<DocumentKind>,
    /// Where it can be read; null when no link is known.
    url: Option<Option<Url>>,
    /// What was found there.
    url_state: Option<Option<LinkState>>,
    /// When that was looked at.
    url_checked_on: Option<Option<Day>>,
    /// The partner that published it.
    publisher_id: Option<Option<Id>>,
    /// Who published it, as the source says.
    publisher: Option<Option<ShortText>>,
    published_on: Option<Option<Day>>,
    /// When it was last changed.
    updated_on: Option<Option<Day>>,
    /// Under which licence it may be used again.
    licence: Option<Option<ShortText>>,
    /// What it is about.
    description: Option<Option<LongText>>,
    visibility: Option<Visibility>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(documents::search),
        field(documents::title).sorted(),
        word::<DocumentKindWords, _>(documents::kind).sorted(),
        word::<LinkStateWords, _>(documents::url_state),
        field(documents::url_checked_on).sorted(),
        field(documents::publisher_id),
        field(documents::published_on).sorted(),
        field(documents::updated_on).sorted(),
        field(documents::territory_id),
        word::<VisibilityWords, _>(documents::visibility),
        field(documents::created_at).sorted(),
        field(documents::updated_at).sorted(),
    ]
});

impl Listed for Document {
    type Table = documents::table;
    type Key = documents::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Document {
    type View = Self;
    const ORDER: &'static str = "title";

    fn scope(reach: &Reach) -> Option<Scope<documents::table>> {
        rights::visible(documents::visibility, documents::territory_id, reach)
    }
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(list_documents).service(create_document).service(read_document).service(update_document).service(delete_document);
}

async fn find(id: Id, reach: &Reach, conn: &mut Conn) -> Result<Document> {
    let mut document = documents::table.find(id).select(Document::as_select()).into_boxed();
    if let Some(scope) = Document::scope(reach) {
        document = document.filter(scope);
    }
    document.first(conn).await.or_gone("documents", None, id, reach, conn).await
}

async fn lock(id: Id, editor: &Editor, conn: &mut Conn) -> Result<Document> {
    find(id, editor.reach(), conn).await?;
    let document = documents::table.find(id).select(Document::as_select()).for_no_key_update();
    let document = document.first(conn).await.or_gone("documents", None, id, editor.reach(), conn).await?;
    editor.within(&document.place())?;
    Ok(document)
}

/// Makes one under this identifier.
pub async fn insert(id: Id, new: &NewDocument, conn: &mut Conn) -> Result<Document> {
    let row = (documents::id.eq(id), new);
    let document = diesel::insert_into(documents::table).values(row).returning(Document::as_returning()).get_result(conn).await?;
    Ok(document)
}

/// List documents
#[utoipa::path(params(List<Document>), responses((status = OK, body = Page<Document>)))]
#[get("/documents")]
async fn list_documents(db: Data<Db>, list: List<Document>) -> Result<Page<Document>> {
    list.page(&db).await
}

/// Create a document
#[utoipa::path(responses((status = CREATED, body = Document)))]
#[post("/documents")]
async fn create_document(db: Data<Db>, editor: Editor, body: Json<NewDocument>) -> Result<Created<Document>> {
    db.write(&editor, async |conn| {
        let new = body.valid()?;
        editor.within(&new.place())?;
        Ok(Created(insert(Id::new(), &new, conn).await?))
    })
    .await
}

/// Read a document
#[utoipa::path(params(One<Document>), responses((status = OK, body = Document)))]
#[get("/documents/{id}")]
async fn read_document(db: Data<Db>, At(id): At, one: One<Document>) -> Result<Tagged<Document>> {
    one.answer(&db, id, find).await
}

/// Change a document
///
/// To publish one makes public what it is cited for: in another territory, that is for who may write there.
#[utoipa::path(responses((status = OK, body = Document)))]
#[patch("/documents/{id}")]
async fn update_document(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch, body: Json<DocumentPatch>) -> Result<Tagged<Document>> {
    db.write(&editor, async |conn| {
        let current = lock(id, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(documents::table.find(id)).set(&patch);
        let changed = update.returning(Document::as_returning()).get_result(conn).await;
        let document = changed.or_unchanged(current)?;
        may_cite_so(&editor, conn).await?;
        Ok(document.into())
    })
    .await
}

/// Delete a document
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/documents/{id}")]
async fn delete_document(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(id, &editor, conn).await?, conn).await?;
        diesel::delete(documents::table.find(id)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
