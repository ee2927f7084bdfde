//! API keys: made, exchanged and revoked by the administrators within whose perimeters they lie, or at the command line.
//! What is kept of a key cannot give it back.

pub mod grants;

use std::sync::LazyLock;

use actix_web::{get, post, web::Data};
use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::grants::NewKeyGrant;
use crate::{
    db::{
        Conn, Db, Error,
        listing::{Field, Listed, field},
    },
    http::{Admin, Along, At, Json, List, Made, Momentary, Page, Problem, Result, Said, Shown, auth::Secret, gate::Gate, kinds},
    rights::{Delegation, Grant, NewGrant, Subject, national_admins},
    schema::{api_keys, grants as held},
    values::{self, Id, Instant, Many, Name, ShortText},
};

/// How long a key holds when nobody says, and at most, in days.
const USUAL: i64 = 365;
const LONGEST: i64 = 730;

/// A key, as it may be shown again and again (clé d'API).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
#[schema(as = ApiKey)]
pub struct Key {
    pub id: Id,
    /// The sixteen characters after `tdi_`, by which logs name it; the `client_id` where it is exchanged for a token.
    #[schema(max_length = 16)]
    pub public_id: String,
    /// What it is for; the ledger names it.
    pub name: Name,
    pub created_at: DateTime<Utc>,
    /// By whom it was made.
    #[schema(max_length = 600)]
    pub created_by: Option<String>,
    /// Until when it holds.
    pub expires_at: Option<DateTime<Utc>>,
    /// When its secret was exchanged.
    pub rotated_at: Option<DateTime<Utc>>,
    /// Until when the secret before holds as well.
    pub previous_until: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// By whom it was revoked.
    #[schema(max_length = 600)]
    pub revoked_by: Option<String>,
    /// Why it was revoked.
    pub revocation_reason: Option<ShortText>,
}

/// A key, with what was asked along.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKeyView)]
pub struct KeyView {
    #[serde(flatten)]
    key: Key,
    /// The grants that it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 1000)]
    grants: Option<Vec<Grant>>,
}

impl From<Key> for KeyView {
    fn from(key: Key) -> Self {
        Self { key, grants: None }
    }
}

/// A key with its new secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKeySecret)]
pub struct KeySecret {
    #[serde(flatten)]
    key: Key,
    /// The key as it is to be sent: `Authorization: Bearer tdi_…`.
    #[schema(max_length = 100)]
    secret: String,
}

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiKey)]
pub struct NewKey {
    name: Name,
    /// What it may do, and where.
    #[serde(default)]
    grants: Many<NewKeyGrant>,
    /// Until when it holds: 365 days unless told, 730 at most.
    expires_at: Option<Instant>,
}

/// For how long the secret before holds as well.
#[derive(Debug, Clone, Copy)]
pub struct Hours(i32);

/// The most of them.
const MOST_HOURS: i32 = 720;

impl Default for Hours {
    fn default() -> Self {
        Self(24)
    }
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        values::whole(deserializer, 0, MOST_HOURS).map(Self)
    }
}

/// How a secret is exchanged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiKeyRotation)]
pub struct NewRotation {
    /// For how many hours the secret before holds as well: 24 unless told; 0 ends it now.
    #[serde(default)]
    #[schema(value_type = i32, minimum = 0, maximum = 720, default = 24, required = false)]
    overlap_hours: Hours,
}

/// Why a key is revoked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiKeyRevocation)]
pub struct NewRevocation {
    reason: ShortText,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(api_keys::public_id),
        field(api_keys::name).sorted(),
        field(api_keys::created_at).sorted(),
        field(api_keys::expires_at).sorted(),
        field(api_keys::last_used_at).sorted(),
        field(api_keys::revoked_at).sorted(),
    ]
});

impl Listed for Key {
    type Table = api_keys::table;
    type Key = api_keys::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Key {
    type View = KeyView;
    const KEPT: bool = false;
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("grants", "The grants that it holds.")];

    async fn include(along: &mut Along<'_, KeyView>) -> Result<()> {
        if along.wants("grants") {
            let rows = living(&along.ids(), along.conn).await?;
            along.share(rows, |row| row.key_id.unwrap_or(row.id), |view| &mut view.grants);
        }
        Ok(())
    }
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(list_api_keys).service(create_api_key).service(read_api_key).service(create_api_key_rotation).service(create_api_key_revocation);
    grants::routes(routes);
}

/// The grants that these keys hold.
async fn living(ids: &[Id], conn: &mut Conn) -> QueryResult<Vec<Grant>> {
    let living = held::ends_at.is_null().or(held::ends_at.gt(Utc::now()));
    held::table.filter(held::key_id.eq_any(ids)).filter(living).order_by(held::id).select(Grant::as_select()).load(conn).await
}

/// The key, with its grants, if it lies within the perimeters of whoever asks.
async fn find(id: Id, delegation: &Delegation, conn: &mut Conn) -> Result<KeyView> {
    let mut key = api_keys::table.find(id).select(Key::as_select()).into_boxed();
    if let Some(within) = delegation.keys() {
        key = key.filter(within);
    }
    let key = key.first(conn).await?;
    Ok(KeyView { grants: Some(living(&[id], conn).await?), key })
}

/// The same, locked until it is changed: what it holds stays as it is until then.
async fn lock(id: Id, delegation: &Delegation, conn: &mut Conn) -> Result<KeyView> {
    api_keys::table.find(id).select(api_keys::id).for_update().first::<Id>(conn).await?;
    find(id, delegation, conn).await
}

/// Refuses what leaves the nation without an administrator.
async fn keep_an_admin(before: i64, gate: &Gate, conn: &mut Conn) -> Result<()> {
    let left = national_admins(&gate.issuers.urls(), conn).await?;
    if before > 0 && left == 0 { Err(Problem::new(&kinds::LAST_ADMIN)) } else { Ok(()) }
}

/// An instant to come, at most so many days ahead.
fn to_come(instant: Instant, pointer: &str, days: i64) -> Result<DateTime<Utc>> {
    let (now, at) = (Utc::now(), instant.utc());
    if at > now && at <= now + Duration::days(days) {
        return Ok(at);
    }
    let said = Said::new(format!("Is to come, within {days} days."), format!("Est à venir, dans les {days} jours."));
    Err(Problem::body(pointer, "broken_rule", said))
}

/// List the API keys
///
/// Those that hold something within the perimeters of whoever asks, and nothing beyond.
#[utoipa::path(params(List<Key>), responses((status = OK, body = Page<KeyView>)))]
#[get("/api-keys")]
async fn list_api_keys(db: Data<Db>, admin: Admin, list: List<Key>) -> Result<Page<KeyView>> {
    list.only(Delegation::of(admin.rights()).keys()).page(&db).await
}

/// Make an API key
///
/// Its secret is shown this once. An administrator gives what lies within its own perimeters.
#[utoipa::path(responses((status = CREATED, body = KeySecret)))]
#[post("/api-keys")]
async fn create_api_key(db: Data<Db>, admin: Admin, body: Json<NewKey>) -> Result<Made<KeySecret>> {
    let delegation = Delegation::of(admin.rights());
    let (key, secret) = db
        .write(&admin, async |conn| -> Result<_> {
            let new = body.valid()?;
            let expires_at = new.expires_at.map_or_else(|| Ok(Utc::now() + Duration::days(USUAL)), |at| to_come(at, "/expires_at", LONGEST))?;
            let (id, secret) = insert(new.name.as_str(), Some(expires_at), &admin.name, conn).await?;
            for (index, grant) in new.grants.iter().enumerate() {
                let at = |problem: Problem| problem.inside("grants", index);
                grants::give(&Subject::Key(id), &grant.checked().map_err(at)?, &admin, conn).await.map_err(at)?;
            }
            if !delegation.handles(id, conn).await? {
                return Err(Problem::new(&kinds::OUTSIDE_PERIMETER));
            }
            Ok((find(id, &delegation, conn).await?.key, secret))
        })
        .await?;
    log::info!("key {} was made by {}", key.public_id, by(&admin));
    Ok(Made(key.id, KeySecret { key, secret: secret.to_string() }))
}

/// Read an API key, with its grants
#[utoipa::path(responses((status = OK, body = KeyView)))]
#[get("/api-keys/{id}")]
async fn read_api_key(db: Data<Db>, admin: Admin, At(id): At) -> Result<Momentary<KeyView>> {
    let delegation = Delegation::of(admin.rights());
    db.read(async |conn| Ok(Momentary(find(id, &delegation, conn).await?))).await
}

/// Exchange the secret of an API key
///
/// The new one is shown this once; the one before holds as well for some hours, so that nobody is locked out meanwhile. For an
/// administrator who could give all that the key holds, for as long.
#[utoipa::path(responses((status = OK, body = KeySecret)))]
#[post("/api-keys/{id}/rotation")]
async fn create_api_key_rotation(db: Data<Db>, admin: Admin, At(id): At, body: Json<NewRotation>) -> Result<Momentary<KeySecret>> {
    let delegation = Delegation::of(admin.rights());
    let (key, secret) = db
        .write(&admin, async |conn| -> Result<_> {
            let KeyView { key: current, grants } = lock(id, &delegation, conn).await?;
            // Who has the secret holds what the key holds, for as long.
            for grant in grants.iter().flatten() {
                if !Delegation::until(grant.ends_at, admin.rights()).covers(grant.id, conn).await? {
                    return Err(Problem::new(&kinds::OUTSIDE_PERIMETER));
                }
            }
            let overlap = body.valid()?.overlap_hours.0;
            let now = Utc::now();
            if current.revoked_at.is_some() || current.expires_at.is_some_and(|end| end <= now) {
                let said = Said::new("The key holds no more: make another one.", "La clé n'est plus valable : créez-en une autre.");
                return Err(Problem::new(&kinds::FORBIDDEN_TRANSITION).saying(said));
            }
            let secret = Secret::of(&current.public_id);
            let hash: Vec<u8> = api_keys::table.find(id).select(api_keys::secret_hash).first(conn).await?;
            let previous = (overlap > 0).then_some((hash, now + Duration::hours(overlap.into())));
            let (previous_hash, previous_until) = previous.unzip();
            let change = (
                api_keys::secret_hash.eq(secret.hash()),
                api_keys::previous_hash.eq(previous_hash),
                api_keys::previous_until.eq(previous_until),
                api_keys::rotated_at.eq(now),
            );
            Ok((diesel::update(api_keys::table.find(id)).set(change).returning(Key::as_returning()).get_result(conn).await?, secret))
        })
        .await?;
    log::info!("the secret of key {} was exchanged by {}", key.public_id, by(&admin));
    Ok(Momentary(KeySecret { key, secret: secret.to_string() }))
}

/// Revoke an API key
///
/// It ends everywhere within a second, for ever, and its tokens with it. Revoked again, it stays as it is.
#[utoipa::path(responses((status = OK, body = KeyView)))]
#[post("/api-keys/{id}/revocation")]
async fn create_api_key_revocation(
    db: Data<Db>,
    gate: Data<Gate>,
    admin: Admin,
    At(id): At,
    body: Json<NewRevocation>,
) -> Result<Momentary<KeyView>> {
    let delegation = Delegation::of(admin.rights());
    let view = db
        .write(&admin, async |conn| -> Result<_> {
            let before = national_admins(&gate.issuers.urls(), conn).await?;
            let current = lock(id, &delegation, conn).await?;
            let reason = body.valid()?.reason;
            if current.key.revoked_at.is_some() {
                return Ok(current);
            }
            let change = (api_keys::revoked_at.eq(Utc::now()), api_keys::revoked_by.eq(&admin.name), api_keys::revocation_reason.eq(reason));
            let key = diesel::update(api_keys::table.find(id)).set(change).returning(Key::as_returning()).get_result(conn).await?;
            keep_an_admin(before, &gate, conn).await?;
            Ok(KeyView { key, ..current })
        })
        .await?;
    log::info!("key {} was revoked by {}", view.key.public_id, by(&admin));
    Ok(Momentary(view))
}

/// Who did it, as the log says it.
fn by(admin: &Admin) -> String {
    admin.key.map_or_else(|| "an identity".to_owned(), |id| format!("key {id}"))
}

/// Writes a new key, which holds nothing yet.
async fn insert(name: &str, expires_at: Option<DateTime<Utc>>, by: &str, conn: &mut Conn) -> QueryResult<(Id, Secret)> {
    let (id, secret) = (Id::new(), Secret::random());
    diesel::insert_into(api_keys::table)
        .values((
            api_keys::id.eq(id),
            api_keys::public_id.eq(&secret.public_id),
            api_keys::name.eq(name),
            api_keys::created_by.eq(by),
            api_keys::secret_hash.eq(secret.hash()),
            api_keys::expires_at.eq(expires_at),
        ))
        .execute(conn)
        .await?;
    Ok((id, secret))
}

/// Makes a key that holds these grants. It is shown this once.
pub async fn create(name: &str, grants: &[NewGrant], days: Option<i64>, by: &str, conn: &mut Conn) -> std::result::Result<Secret, Error> {
    let (id, secret) = insert(name, days.map(|days| Utc::now() + Duration::days(days)), by, conn).await?;
    for grant in grants {
        grant.give(&Subject::Key(id), by, conn).await?;
    }
    Ok(secret)
}

/// All keys, the oldest first, with the grants that they hold.
pub async fn list(conn: &mut Conn) -> std::result::Result<Vec<(Key, Vec<Grant>)>, Error> {
    let keys: Vec<Key> = api_keys::table.order_by(api_keys::id).select(Key::as_select()).load(conn).await?;
    let ids: Vec<Id> = keys.iter().map(|key| key.id).collect();
    let grants = living(&ids, conn).await?;
    let of = |key: &Key| grants.iter().filter(|grant| grant.key_id == Some(key.id)).cloned().collect();
    Ok(keys
        .into_iter()
        .map(|key| {
            let grants = of(&key);
            (key, grants)
        })
        .collect())
}

/// Ends a key now. Says whether there was one to end.
pub async fn revoke(public_id: &str, by: &str, conn: &mut Conn) -> std::result::Result<bool, Error> {
    let live = api_keys::table.filter(api_keys::public_id.eq(public_id).and(api_keys::revoked_at.is_null()));
    Ok(diesel::update(live).set((api_keys::revoked_at.eq(Utc::now()), api_keys::revoked_by.eq(by))).execute(conn).await? == 1)
}

/// Ends every key of this name.
pub async fn revoke_named(name: &str, by: &str, conn: &mut Conn) -> std::result::Result<(), Error> {
    let live = api_keys::table.filter(api_keys::name.eq(name).and(api_keys::revoked_at.is_null()));
    diesel::update(live).set((api_keys::revoked_at.eq(Utc::now()), api_keys::revoked_by.eq(by))).execute(conn).await?;
    Ok(())
}
