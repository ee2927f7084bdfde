//! Grants: what a key, or an identity of a provider, may do, and where. A grant is given and ended, never deleted.

use std::sync::LazyLock;

use actix_web::{get, post, web::Data};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{MOST_GRANTS, MOST_GRANTS_OF_NATION, by, keep_an_admin, lock, to_come};
use crate::{
    db::{
        Conn, Db, Error,
        listing::{Field, Listed, code, field, word},
    },
    http::{Admin, At, Json, List, Made, Momentary, Page, Problem, Result, Said, Shown, gate::Gate, kinds},
    rights::{self, Delegation, Grant, Perimeter, PerimeterKind, PerimeterWords, Role, RoleWords, Subject, holders, missing_place, national_admins},
    schema::grants,
    values::{DepartmentCode, Id, Instant, RegionCode, ShortText, rules},
};

/// The latest end of a grant, in days from now.
const LONGEST: i64 = 3650;

/// A grant for the key that the request makes (habilitation).
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKeyGrant {
    role: Role,
    /// The kind of perimeter (périmètre). The member that goes with this kind names the place: `region_code`, `department_code`,
    /// `territory_id` or `action_fiche_id`.
    perimeter: PerimeterKind,
    region_code: Option<RegionCode>,
    department_code: Option<DepartmentCode>,
    territory_id: Option<Id>,
    action_fiche_id: Option<Id>,
    /// The end of the grant; left out, the grant has no end.
    ends_at: Option<Instant>,
    /// Why the grant is given (motif).
    reason: Option<ShortText>,
}

impl NewKeyGrant {
    /// Checks that the body names the place that its perimeter needs, and no other, and an end in the future. Else 422.
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

/// The body of a request that gives a grant: to a key, or to everyone whose token of this issuer has this claim.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGrant {
    /// The key that gets the grant. Either `key_id`, or `issuer`, `claim` and `value`.
    key_id: Option<Id>,
    /// The identity provider that vouches for the claim: exactly the `iss` of its tokens.
    issuer: Option<ShortText>,
    /// The name of the claim, which is a text or a list of texts: `sub` for one identity.
    claim: Option<ShortText>,
    /// The value of the claim, or one of its values.
    value: Option<ShortText>,
    role: Role,
    /// The kind of perimeter (périmètre). The member that goes with this kind names the place: `region_code`, `department_code`,
    /// `territory_id` or `action_fiche_id`.
    perimeter: PerimeterKind,
    region_code: Option<RegionCode>,
    department_code: Option<DepartmentCode>,
    territory_id: Option<Id>,
    action_fiche_id: Option<Id>,
    /// The end of the grant; left out, the grant has no end.
    ends_at: Option<Instant>,
    /// Why the grant is given (motif).
    reason: Option<ShortText>,
}

/// The body of a request that ends a grant: why.
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
        code::<rules::RegionCode, _>(grants::region_code),
        code::<rules::DepartmentCode, _>(grants::department_code),
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

/// Registers the operations of this noun.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(list_grants).service(create_grant).service(read_grant).service(create_grant_end);
}

/// Gives a grant, if it is inside the perimeters of the administrator (else 403), and if its place exists (else 422).
pub(super) async fn give(subject: &Subject<'_>, new: &rights::NewGrant, admin: &Admin, conn: &mut Conn) -> Result<Grant> {
    let delegation = Delegation::of(admin.rights());
    let most = if delegation.is_national() { MOST_GRANTS_OF_NATION } else { MOST_GRANTS };
    if rights::held_at_once(subject, &delegation, conn).await? >= most {
        let said = Said::new(
            format!("{most} grants hold already: end those that nobody needs."),
            format!("{most} habilitations sont déjà valables : mettez fin à celles dont personne n'a besoin."),
        );
        return Err(Problem::new(&kinds::LIMIT_REACHED).saying(said));
    }
    let grant = new.give(subject, &admin.name, conn).await?;
    if !Delegation::until(new.ends_at, admin.rights()).covers(grant.id, conn).await? {
        return Err(Problem::new(&kinds::OUTSIDE_PERIMETER));
    }
    match missing_place(&new.perimeter, conn).await? {
        Some(member) => Err(Problem::unknown_reference(format!("/{member}"))),
        None => Ok(grant),
    }
}

/// Finds the grant, if it is inside the perimeters of the caller.
async fn find(id: Id, delegation: &Delegation, conn: &mut Conn) -> Result<Grant> {
    let mut grant = grants::table.find(id).select(Grant::as_select()).into_boxed();
    if let Some(within) = delegation.grants() {
        grant = grant.filter(within);
    }
    Ok(grant.first(conn).await?)
}

/// List the grants
///
/// Grants inside the perimeters of the caller, ended ones included. `ends_at__null=true` lists those without an end.
#[utoipa::path(params(List<Grant>), responses((status = OK, body = Page<Grant>)))]
#[get("/grants")]
async fn list_grants(db: Data<Db>, admin: Admin, list: List<Grant>) -> Result<Page<Grant>> {
    list.only(Delegation::of(admin.rights()).grants()).page(&db).await
}

/// Give a grant
///
/// To a key, or to everyone whose token of an issuer has a claim. An administrator gives grants inside its own perimeters only, and for no
/// longer than its own grants last. Other administrators may rotate the secret of a key, and so get its grants: a key gets only grants that
/// each of them could give as well.
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
            // An administrator who may rotate the secret of the key would get the new grant as well. So each of them must be able to give
            // it.
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
    db.run(async |conn| Ok(Momentary(find(id, &delegation, conn).await?))).await
}

/// End a grant
///
/// The grant ends everywhere within a second. Ending an ended grant changes nothing.
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

/// The grants in force, of keys and of identities, the oldest first.
pub async fn living(conn: &mut Conn) -> std::result::Result<Vec<Grant>, Error> {
    let living = grants::ends_at.is_null().or(grants::ends_at.gt(chrono::Utc::now()));
    Ok(grants::table.filter(living).order_by(grants::id).select(Grant::as_select()).load(conn).await?)
}

/// Ends a grant now. Returns whether there was a grant to end.
pub async fn end(id: Id, by: &str, conn: &mut Conn) -> std::result::Result<bool, Error> {
    let grant: Option<Grant> = grants::table.find(id).select(Grant::as_select()).first(conn).await.optional()?;
    match grant {
        Some(grant) => Ok(grant.end(by, None, conn).await? == 1),
        None => Ok(false),
    }
}
