//! Grants: what a key, or an identity of a provider, may do and where. Given and ended, never deleted.

use std::sync::LazyLock;

use actix_web::{get, post, web::Data};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{by, keep_an_admin, lock, to_come};
use crate::{
    db::{
        Conn, Db, Error,
        listing::{Field, Listed, field, word},
    },
    http::{Admin, At, Json, List, Made, Momentary, Page, Problem, Result, Said, Shown, gate::Gate, kinds},
    rights::{self, Delegation, Grant, Perimeter, PerimeterKind, PerimeterWords, Role, RoleWords, Subject, holders, missing_place, national_admins},
    schema::grants,
    values::{DepartmentCode, Id, Instant, RegionCode, ShortText},
};

/// The furthest that the end of a grant may lie ahead, in days.
const LONGEST: i64 = 3650;

/// A grant of a key that is being made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKeyGrant {
    role: Role,
    /// Over what; the code or identifier that goes with it names which one.
    perimeter: PerimeterKind,
    region_code: Option<RegionCode>,
    department_code: Option<DepartmentCode>,
    territory_id: Option<Id>,
    action_fiche_id: Option<Id>,
    /// Until when; open when left out.
    ends_at: Option<Instant>,
    /// Why it is given.
    reason: Option<ShortText>,
}

impl NewKeyGrant {
    /// With the place that its perimeter needs, and no other; with an end to come. Errs with 422.
    pub(super) fn checked(&self) -> Result<rights::NewGrant> {
        let place = Perimeter::of(self.perimeter, self.region_code.as_ref(), self.department_code.as_ref(), self.territory_id, self.action_fiche_id);
        let perimeter = place.map_err(|member| {
            let said = Said::new("The perimeter needs the one place that goes with it.", "Le périmètre demande le seul lieu qui va avec lui.");
            Problem::body(format!("/{member}"), "broken_rule", said)
        })?;
        let ends_at = self.ends_at.map(|at| to_come(at, "/ends_at", LONGEST)).transpose()?;
        Ok(rights::NewGrant { role: self.role, perimeter, ends_at, reason: self.reason.clone() })
    }
}

/// What it takes to give one: to a key, or to whoever shows a claim in a token of an issuer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGrant {
    /// The key that is to hold it.
    key_id: Option<Id>,
    /// Or who vouches for the claim by which it is to be held, exactly as its tokens name it (`iss`).
    issuer: Option<ShortText>,
    /// That claim: a text, or a list of texts; `sub` for one identity.
    claim: Option<ShortText>,
    /// Its value, or one of its values.
    value: Option<ShortText>,
    role: Role,
    /// Over what; the code or identifier that goes with it names which one.
    perimeter: PerimeterKind,
    region_code: Option<RegionCode>,
    department_code: Option<DepartmentCode>,
    territory_id: Option<Id>,
    action_fiche_id: Option<Id>,
    /// Until when; open when left out.
    ends_at: Option<Instant>,
    /// Why it is given.
    reason: Option<ShortText>,
}

/// Why a grant is ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGrantEnd {
    reason: ShortText,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(grants::key_id),
        field(grants::issuer),
        field(grants::claim),
        field(grants::value),
        word::<RoleWords, _>(grants::role).sorted(),
        word::<PerimeterWords, _>(grants::perimeter).sorted(),
        field(grants::region_code),
        field(grants::department_code),
        field(grants::territory_id),
        field(grants::action_fiche_id),
        field(grants::starts_at).sorted(),
        field(grants::ends_at).sorted(),
    ]
});

impl Listed for Grant {
    type Table = grants::table;
    type Key = grants::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Grant {
    type View = Self;
    const KEPT: bool = false;
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(list_grants).service(create_grant).service(read_grant).service(create_grant_end);
}

/// Gives one, if it lies within the perimeters of the administrator (403), and over a place that there is (422).
pub(super) async fn give(subject: &Subject<'_>, new: &rights::NewGrant, admin: &Admin, conn: &mut Conn) -> Result<Grant> {
    let grant = new.give(subject, &admin.name, conn).await?;
    if !Delegation::until(new.ends_at, admin.rights()).covers(grant.id, conn).await? {
        return Err(Problem::new(&kinds::OUTSIDE_PERIMETER));
    }
    match missing_place(&new.perimeter, conn).await? {
        Some(member) => Err(Problem::unknown_reference(format!("/{member}"))),
        None => Ok(grant),
    }
}

/// The grant, if it lies within the perimeters of whoever asks.
async fn find(id: Id, delegation: &Delegation, conn: &mut Conn) -> Result<Grant> {
    let mut grant = grants::table.find(id).select(Grant::as_select()).into_boxed();
    if let Some(within) = delegation.grants() {
        grant = grant.filter(within);
    }
    Ok(grant.first(conn).await?)
}

/// List the grants
///
/// Those within the perimeters of whoever asks, ended ones included; `ends_at__null=true` for those without an end.
#[utoipa::path(params(List<Grant>), responses((status = OK, body = Page<Grant>)))]
#[get("/grants")]
async fn list_grants(db: Data<Db>, admin: Admin, list: List<Grant>) -> Result<Page<Grant>> {
    list.only(Delegation::of(admin.rights()).grants()).page(&db).await
}

/// Give a grant
///
/// To a key, or to whoever shows a claim in a token of an issuer. An administrator gives what lies within its own perimeters, and for no
/// longer than its own grants over them; and to a key nothing that others could not give who may exchange its secret.
#[utoipa::path(responses((status = CREATED, body = Grant)))]
#[post("/grants")]
async fn create_grant(db: Data<Db>, admin: Admin, body: Json<NewGrant>) -> Result<Made<Grant>> {
    let delegation = Delegation::of(admin.rights());
    let grant = db
        .write(&admin, async |conn| -> Result<_> {
            let new = body.valid()?;
            let claims: Vec<(String, String)> = match (&new.claim, &new.value) {
                (Some(claim), Some(value)) => vec![(claim.as_str().to_owned(), value.as_str().to_owned())],
                _ => Vec::new(),
            };
            let subject = match (new.key_id, &new.issuer) {
                (Some(id), None) if new.claim.is_none() && new.value.is_none() => Subject::Key(id),
                (None, Some(issuer)) if !claims.is_empty() => Subject::Claims { issuer: issuer.as_str(), claims: &claims },
                _ => {
                    let said = Said::new(
                        "A grant is of a key_id, or of an issuer, a claim and a value.",
                        "Une habilitation va à key_id, ou à issuer, claim et value.",
                    );
                    return Err(Problem::body("", "broken_rule", said));
                }
            };
            let asked = NewKeyGrant {
                role: new.role,
                perimeter: new.perimeter,
                region_code: new.region_code,
                department_code: new.department_code,
                territory_id: new.territory_id,
                action_fiche_id: new.action_fiche_id,
                ends_at: new.ends_at,
                reason: new.reason,
            };
            let mut others = Vec::new();
            if let Subject::Key(id) = subject {
                let key = lock(id, &delegation, conn).await.map_err(|problem| problem.named_at("/key_id"))?.key;
                if key.revoked_at.is_some() {
                    let said = Said::new("The key is revoked.", "La clé est révoquée.");
                    return Err(Problem::body("/key_id", "broken_rule", said));
                }
                others = holders(id, conn).await?;
            }
            let grant = give(&subject, &asked.checked()?, &admin, conn).await?;
            // Who may exchange the secret of a key knows it, and comes to hold what it is given.
            for other in others {
                if !other.covers(grant.id, conn).await? {
                    let said = Said::new(
                        "Others may exchange the secret of this key who may not give this: make another key.",
                        "D'autres peuvent échanger le secret de cette clé sans pouvoir accorder ceci : créez une autre clé.",
                    );
                    return Err(Problem::body("/key_id", "broken_rule", said));
                }
            }
            Ok(grant)
        })
        .await?;
    log::info!("grant {} was given by {}", grant.id, by(&admin));
    Ok(Made(grant.id, grant))
}

/// Read a grant
#[utoipa::path(responses((status = OK, body = Grant)))]
#[get("/grants/{id}")]
async fn read_grant(db: Data<Db>, admin: Admin, At(id): At) -> Result<Momentary<Grant>> {
    let delegation = Delegation::of(admin.rights());
    db.read(async |conn| Ok(Momentary(find(id, &delegation, conn).await?))).await
}

/// End a grant
///
/// What it allowed is refused everywhere within a second. Ended again, it stays as it is.
#[utoipa::path(responses((status = OK, body = Grant)))]
#[post("/grants/{id}/end")]
async fn create_grant_end(db: Data<Db>, gate: Data<Gate>, admin: Admin, At(id): At, body: Json<NewGrantEnd>) -> Result<Momentary<Grant>> {
    let delegation = Delegation::of(admin.rights());
    let grant = db
        .write(&admin, async |conn| -> Result<_> {
            let before = national_admins(&gate.issuers.urls(), conn).await?;
            let grant = find(id, &delegation, conn).await?;
            let reason = body.valid()?.reason;
            grant.end(&admin.name, Some(&reason), conn).await?;
            keep_an_admin(before, &gate, conn).await?;
            find(id, &delegation, conn).await
        })
        .await?;
    log::info!("grant {} was ended by {}", grant.id, by(&admin));
    Ok(Momentary(grant))
}

/// The grants that hold, of keys and of identities, the oldest first.
pub async fn living(conn: &mut Conn) -> std::result::Result<Vec<Grant>, Error> {
    let living = grants::ends_at.is_null().or(grants::ends_at.gt(chrono::Utc::now()));
    Ok(grants::table.filter(living).order_by(grants::id).select(Grant::as_select()).load(conn).await?)
}

/// Ends one now. Says whether there was one to end.
pub async fn end(id: Id, by: &str, conn: &mut Conn) -> std::result::Result<bool, Error> {
    let grant: Option<Grant> = grants::table.find(id).select(Grant::as_select()).first(conn).await.optional()?;
    match grant {
        Some(grant) => Ok(grant.end(by, None, conn).await? == 1),
        None => Ok(false),
    }
}
