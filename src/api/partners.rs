//! Partners: the State services, operators, regions, intercommunalities, chambers, companies and associations that
//! commit to a territory's actions.

mod commitments;
mod merging;

use std::sync::LazyLock;

use actix_web::{delete, get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::commitments::{Commitment, NewCommitment};
use crate::{
    db::{
        Conn, Db,
        listing::{Field, Listed, field, word},
    },
    http::{
        Along, Approver, At, Created, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, Problem, Resource, Result, Shown, Tagged,
        kinds, sent,
    },
    ledger::history,
    rights::{Place, Reach},
    schema::{partner_commitments, partners},
    values::{Alias, Email, Id, Many, Name, Phone, Siren, Siret, Url, Vocabulary, Word},
};

/// The words of [`PartnerKind`].
#[derive(Debug, Clone)]
pub struct PartnerKindWords;

impl Vocabulary for PartnerKindWords {
    const NAME: &'static str = "PartnerKind";
    const ABOUT: &'static str = "What a partner is (nature du partenaire).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("state_service", "Service de l'État"),
        ("state_operator", "Opérateur de l'État"),
        ("region", "Région"),
        ("department", "Département"),
        ("intercommunality", "Intercommunalité"),
        ("municipality", "Commune"),
        ("chamber", "Chambre consulaire"),
        ("company", "Entreprise"),
        ("association", "Association"),
        ("business_club", "Club d'entreprises"),
        ("training_body", "Organisme de formation"),
        ("cluster", "Pôle de compétitivité"),
        ("union", "Syndicat ou organisation professionnelle"),
        ("research", "Centre de recherche"),
        ("public_body", "Organisme public"),
        ("parliament", "Assemblée parlementaire"),
        ("other", "Autre"),
    ];
}

/// What a partner is (nature du partenaire).
pub type PartnerKind = Word<PartnerKindWords>;

/// A partner of the programme (partenaire).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = partners, check_for_backend(diesel::pg::Pg))]
pub struct Partner {
    pub id: Id,
    /// The name it goes by.
    pub name: Name,
    /// Its acronym (sigle).
    pub acronym: Option<Name>,
    /// Other names it goes or went by.
    pub aliases: Many<Alias>,
    pub kind: PartnerKind,
    pub siren: Option<Siren>,
    pub siret: Option<Siret>,
    /// The partner it is a part of.
    pub parent_id: Option<Id>,
    /// The partner it took over from.
    pub predecessor_id: Option<Id>,
    pub website: Option<Url>,
    /// The service to turn to, never a person.
    pub contact_service: Option<Name>,
    /// The address of that service.
    pub contact_email: Option<Email>,
    /// The telephone of that service.
    pub contact_phone: Option<Phone>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Partner {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A partner of the programme, with what was asked along.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartnerView {
    #[serde(flatten)]
    partner: Partner,
    /// What it undertakes, territory by territory.
    #[serde(skip_serializing_if = "Option::is_none")]
    commitments: Option<Vec<Commitment>>,
}

impl From<Partner> for PartnerView {
    fn from(partner: Partner) -> Self {
        Self { partner, commitments: None }
    }
}

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = partners, treat_none_as_default_value = false)]
pub struct NewPartner {
    /// The name it goes by.
    name: Name,
    /// Its acronym (sigle).
    acronym: Option<Name>,
    /// Other names it goes or went by.
    #[serde(default)]
    aliases: Many<Alias>,
    kind: PartnerKind,
    siren: Option<Siren>,
    siret: Option<Siret>,
    /// The partner it is a part of.
    parent_id: Option<Id>,
    /// The partner it took over from.
    predecessor_id: Option<Id>,
    website: Option<Url>,
    /// The service to turn to, never a person.
    contact_service: Option<Name>,
    /// The address of that service.
    contact_email: Option<Email>,
    /// The telephone of that service.
    contact_phone: Option<Phone>,
    /// What it undertakes, territory by territory.
    #[serde(default)]
    #[diesel(skip_insertion)]
    commitments: Many<NewCommitment>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = partners)]
pub struct PartnerPatch {
    /// The name it goes by.
    name: Option<Name>,
    /// Its acronym (sigle).
    acronym: Option<Option<Name>>,
    /// Other names it goes or went by.
    aliases: Option<Many<Alias>>,
    kind: Option<PartnerKind>,
    siren: Option<Option<Siren>>,
    siret: Option<Option<Siret>>,
    /// The partner it is a part of.
    parent_id: Option<Option<Id>>,
    /// The partner it took over from.
    predecessor_id: Option<Option<Id>>,
    website: Option<Option<Url>>,
    /// The service to turn to, never a person.
    contact_service: Option<Option<Name>>,
    /// The address of that service.
    contact_email: Option<Option<Email>>,
    /// The telephone of that service.
    contact_phone: Option<Option<Phone>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(partners::search),
        field(partners::name).sorted(),
        word::<PartnerKindWords, _>(partners::kind).sorted(),
        field(partners::siren).sorted(),
        field(partners::siret),
        field(partners::parent_id),
        field(partners::predecessor_id),
        field(partner_commitments::territory_id)
            .linked(partner_commitments::partner_id, partners::id)
            .named("territory_id", "Committed in this territory."),
        field(partners::created_at).sorted(),
        field(partners::updated_at).sorted(),
    ]
});

impl Listed for Partner {
    type Table = partners::table;
    type Key = partners::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Partner {
    type View = PartnerView;
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("commitments", "What it undertakes, territory by territory.")];
    const ORDER: &'static str = "name";

    async fn include(along: &mut Along<'_, PartnerView>) -> Result<()> {
        along.parts("commitments", partner_commitments::partner_id, |row: &Commitment| row.partner_id, |view| &mut view.commitments).await
    }
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    commitments::routes(routes);
    merging::routes(routes);
    routes.service(list_partners).service(create_partner).service(read_partner).service(update_partner).service(delete_partner);
}

/// The one with this identifier. One that was merged is told to be where the other one is.
pub async fn find(id: Id, reach: &Reach, conn: &mut Conn) -> Result<Partner> {
    let found = partners::table.find(id).select(Partner::as_select()).first(conn).await.or_gone("partners", None, id, reach, conn).await;
    match found {
        Err(problem) if problem.kind() == &kinds::GONE => Err(history::merged_into(id, conn).await?.map_or(problem, Problem::moved)),
        found => found,
    }
}

/// The partner, locked. Any approver makes one; what all share, the nation alone changes.
async fn lock(id: Id, editor: &Approver, conn: &mut Conn) -> Result<Partner> {
    let partner = hold(id, editor.reach(), conn).await?;
    editor.within(&Place::nation())?;
    Ok(partner)
}

/// The partner, locked, whoever asks.
async fn hold(id: Id, reach: &Reach, conn: &mut Conn) -> Result<Partner> {
    let partner = partners::table.find(id).select(Partner::as_select()).for_no_key_update();
    partner.first(conn).await.or_gone("partners", None, id, reach, conn).await
}

/// Makes one under this identifier, with its parts.
pub async fn insert(id: Id, new: &NewPartner, conn: &mut Conn) -> Result<Partner> {
    let row = (partners::id.eq(id), new);
    let partner = diesel::insert_into(partners::table).values(row).returning(Partner::as_returning()).get_result(conn).await?;
    for (index, child) in new.commitments.iter().enumerate() {
        commitments::insert(id, child, conn).await.map_err(|problem| problem.inside("commitments", index))?;
    }
    Ok(partner)
}

/// List partners
#[utoipa::path(params(List<Partner>), responses((status = OK, body = Page<PartnerView>)))]
#[get("/partners")]
async fn list_partners(db: Data<Db>, list: List<Partner>) -> Result<Page<PartnerView>> {
    list.page(&db).await
}

/// Create a partner
#[utoipa::path(responses((status = CREATED, body = Partner)))]
#[post("/partners")]
async fn create_partner(db: Data<Db>, editor: Approver, body: Json<NewPartner>) -> Result<Created<Partner>> {
    db.write(&editor, async |conn| {
        let new = body.valid()?;
        new.commitments.iter().try_for_each(|commitment| editor.within(&commitment.place()))?;
        Ok(Created(insert(Id::new(), &new, conn).await?))
    })
    .await
}

/// Read a partner
#[utoipa::path(params(One<Partner>), responses((status = OK, body = PartnerView)))]
#[get("/partners/{id}")]
async fn read_partner(db: Data<Db>, At(id): At, one: One<Partner>) -> Result<Tagged<PartnerView>> {
    one.answer(&db, id, find).await
}

/// Change a partner
#[utoipa::path(responses((status = OK, body = Partner)))]
#[patch("/partners/{id}")]
async fn update_partner(db: Data<Db>, editor: Approver, At(id): At, if_match: IfMatch, body: Json<PartnerPatch>) -> Result<Tagged<Partner>> {
    db.write(&editor, async |conn| {
        let current = lock(id, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(partners::table.find(id)).set(&patch);
        let changed = update.returning(Partner::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Delete a partner
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/partners/{id}")]
async fn delete_partner(db: Data<Db>, editor: Approver, At(id): At, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(id, &editor, conn).await?, conn).await?;
        diesel::delete(partners::table.find(id)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
