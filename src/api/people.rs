//! People: only persons in a public role, with the functions they hold.

mod mandates;

use std::sync::LazyLock;

use actix_web::{delete, get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::mandates::{Mandate, NewMandate};
use crate::{
    db::{
        Conn, Db,
        listing::{Field, Listed, Scope, field, word},
    },
    http::{
        Along, Approver, At, Created, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, Resource, Result, Shown, Tagged, sent,
    },
    ledger::history,
    rights::{self, Place, Reach},
    schema::{people, person_mandates},
    values::{Day, Id, LongText, Many, Name, Vocabulary, Word},
};

/// The words of [`PublicationBasis`].
#[derive(Debug, Clone)]
pub struct PublicationBasisWords;

impl Vocabulary for PublicationBasisWords {
    const NAME: &'static str = "PublicationBasis";
    const ABOUT: &'static str = "On what ground a person may be named in public (fondement de la publication, CRPA L. 312-1-2 and D. 312-1-3).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("not_publishable", "Non publiable"),
        ("elected_mandate", "Répertoire national des élus"),
        ("directory_of_officials", "Annuaire de l'administration"),
        ("company_register", "Registre des entreprises ou des associations"),
        ("consent", "Consentement"),
    ];
}

/// On what ground a person may be named in public (fondement de la publication).
pub type PublicationBasis = Word<PublicationBasisWords>;

/// A person in a public role (personne). Without a ground to be named in public, known only to those who work with the
/// committees where the person sits.
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = people, check_for_backend(diesel::pg::Pg))]
pub struct Person {
    pub id: Id,
    /// First name, then family name, as far as known.
    pub name: Name,
    /// Other spellings of the name.
    pub variants: Many<Name>,
    pub publication_basis: PublicationBasis,
    /// When the person consented; with that ground, and no other.
    #[schema(required)]
    pub consented_on: Option<Day>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Person {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A person in a public role, with what was asked along.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonView {
    #[serde(flatten)]
    person: Person,
    /// The functions the person holds or held.
    #[serde(skip_serializing_if = "Option::is_none")]
    mandates: Option<Vec<Mandate>>,
}

impl From<Person> for PersonView {
    fn from(person: Person) -> Self {
        Self { person, mandates: None }
    }
}

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = people, treat_none_as_default_value = false)]
pub struct NewPerson {
    /// First name, then family name, as far as known.
    name: Name,
    /// Other spellings of the name.
    #[serde(default)]
    variants: Many<Name>,
    #[serde(default)]
    publication_basis: PublicationBasis,
    /// When the person consented; with that ground, and no other.
    consented_on: Option<Day>,
    /// The functions the person holds or held.
    #[serde(default)]
    #[diesel(skip_insertion)]
    mandates: Many<NewMandate>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = people)]
pub struct PersonPatch {
    /// First name, then family name, as far as known.
    name: Option<Name>,
    /// Other spellings of the name.
    variants: Option<Many<Name>>,
    publication_basis: Option<PublicationBasis>,
    /// When the person consented; with that ground, and no other.
    consented_on: Option<Option<Day>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(people::search),
        field(people::name).sorted(),
        word::<PublicationBasisWords, _>(people::publication_basis),
        field(person_mandates::partner_id).linked(person_mandates::person_id, people::id).named("partner_id", "With a mandate at this partner."),
        field(people::created_at).sorted(),
        field(people::updated_at).sorted(),
    ]
});

impl Listed for Person {
    type Table = people::table;
    type Key = people::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Person {
    type View = PersonView;
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("mandates", "The functions the person holds or held.")];
    const ORDER: &'static str = "name";

    fn scope(reach: &Reach) -> Option<Scope<people::table>> {
        rights::people(reach)
    }

    async fn include(along: &mut Along<'_, PersonView>) -> Result<()> {
        along.parts("mandates", person_mandates::person_id, |row: &Mandate| row.person_id, |view| &mut view.mandates).await
    }
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    mandates::routes(routes);
    routes.service(list_people).service(create_person).service(read_person).service(update_person).service(delete_person);
    routes.service(create_person_erasure);
}

/// The person, if the caller may know it.
async fn find(id: Id, reach: &Reach, conn: &mut Conn) -> Result<Person> {
    let mut person = people::table.find(id).select(Person::as_select()).into_boxed();
    if let Some(scope) = rights::people(reach) {
        person = person.filter(scope);
    }
    person.first(conn).await.or_gone("people", None, id, reach, conn).await
}

/// The person, locked. Any approver makes one; what all share, the nation alone changes.
async fn lock(id: Id, editor: &Approver, conn: &mut Conn) -> Result<Person> {
    find(id, editor.reach(), conn).await?;
    let person = people::table.find(id).select(Person::as_select()).for_no_key_update();
    let person = person.first(conn).await.or_gone("people", None, id, editor.reach(), conn).await?;
    editor.within(&Place::nation())?;
    Ok(person)
}

/// Makes one under this identifier, with its parts.
pub async fn insert(id: Id, new: &NewPerson, conn: &mut Conn) -> Result<Person> {
    let row = (people::id.eq(id), new);
    let person = diesel::insert_into(people::table).values(row).returning(Person::as_returning()).get_result(conn).await?;
    for (index, child) in new.mandates.iter().enumerate() {
        mandates::insert(id, child, conn).await.map_err(|problem| problem.inside("mandates", index))?;
    }
    Ok(person)
}

/// List people
#[utoipa::path(params(List<Person>), responses((status = OK, body = Page<PersonView>)))]
#[get("/people")]
async fn list_people(db: Data<Db>, list: List<Person>) -> Result<Page<PersonView>> {
    list.page(&db).await
}

/// Create a person
#[utoipa::path(responses((status = CREATED, body = Person)))]
#[post("/people")]
async fn create_person(db: Data<Db>, editor: Approver, body: Json<NewPerson>) -> Result<Created<Person>> {
    db.write(&editor, async |conn| Ok(Created(insert(Id::new(), &body.valid()?, conn).await?))).await
}

/// Read a person
#[utoipa::path(params(One<Person>), responses((status = OK, body = PersonView)))]
#[get("/people/{id}")]
async fn read_person(db: Data<Db>, At(id): At, one: One<Person>) -> Result<Tagged<PersonView>> {
    one.answer(&db, id, find).await
}

/// Change a person
#[utoipa::path(responses((status = OK, body = Person)))]
#[patch("/people/{id}")]
async fn update_person(db: Data<Db>, editor: Approver, At(id): At, if_match: IfMatch, body: Json<PersonPatch>) -> Result<Tagged<Person>> {
    db.write(&editor, async |conn| {
        let current = lock(id, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(people::table.find(id)).set(&patch);
        let changed = update.returning(Person::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Delete a person
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/people/{id}")]
async fn delete_person(db: Data<Db>, editor: Approver, At(id): At, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(id, &editor, conn).await?, conn).await?;
        diesel::delete(people::table.find(id)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}

/// Why a person is forgotten.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPersonErasure {
    /// Why: the request of the person, the decision that was taken.
    reason: LongText,
}

/// Forget a person
///
/// The name and its spellings, and the functions and notes of the mandates, are taken out of the person and of all that is
/// kept of its past; its seats and links stay. That it was done, by whom and why, stays too. For a national approver. A person
/// who was deleted is restored first.
#[utoipa::path(params(("If-Match" = String, Header)), responses((status = OK, body = Person)))]
#[post("/people/{id}/erasure")]
async fn create_person_erasure(
    db: Data<Db>,
    editor: Approver,
    At(id): At,
    if_match: IfMatch,
    body: Json<NewPersonErasure>,
) -> Result<Tagged<Person>> {
    db.write(&editor, async |conn| {
        let current = lock(id, &editor, conn).await?;
        editor.within(&Place::nation())?;
        if_match.check(&current, conn).await?;
        let erasure = body.valid()?;
        history::because(Some(erasure.reason.as_str()), conn).await?;
        history::erase_person(id, conn).await?;
        Ok(find(id, editor.reach(), conn).await?.into())
    })
    .await
}
