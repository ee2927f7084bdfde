//! API keys. An administrator makes, rotates and revokes the keys whose grants are all inside the perimeters of the administrator; the
//! command line may do so with all keys. The service keeps a hash only, so a lost key cannot be shown again.

pub mod grants;

use std::sync::LazyLock;

use actix_web::{get, post, web::Data};
use chrono::{DateTime, Duration, SubsecRound, Utc};
use diesel::{prelude::*, sql_query, sql_types::Text};
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Deserializer, Serialize};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::grants::NewKeyGrant;
use crate::{
    db::{
        Conn, Db, Error,
        listing::{Field, Listed, field},
    },
    http::{Admin, Along, At, Json, List, Made, Momentary, Page, Problem, Result, Said, Shown, auth::Secret, gate::Gate, kinds},
    rights::{Delegation, Grant, NewGrant, Place, Role, Subject, national_admins},
    schema::{api_keys, grants as held},
    values::{self, Id, Instant, Many, Name, ShortText},
};

/// The name of the key that the service makes for its demo, at each start anew.
pub const DEMO: &str = "demo";

/// The lifetime of a key in days: the default, and the longest.
const USUAL: i64 = 365;
const LONGEST: i64 = 730;
/// The most keys that hold at once of all that came to be by one administrator: below the nation, and of the nation.
const MOST: i64 = 100;
const MOST_OF_NATION: i64 = 2000;
/// The most grants of a key, or of the holders of a claim, that hold at once inside the perimeters of one administrator; and in all, where the
/// nation gives one more.
const MOST_GRANTS: i64 = 100;
const MOST_GRANTS_OF_NATION: i64 = 1000;

/// An API key without its secret (clé d'API).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
#[schema(as = ApiKey)]
pub struct Key {
    pub id: Id,
    /// The public identifier: the sixteen characters after `tdi_`. Logs name the key by it, and it is the `client_id` at `/oauth/token`.
    #[schema(max_length = 16)]
    pub public_id: String,
    /// What the key is for (nom). The ledger records this name, so no two keys ever have the same one.
    pub name: Name,
    pub created_at: DateTime<Utc>,
    /// Who made the key.
    #[schema(max_length = 600)]
    pub created_by: Option<String>,
    /// The instant at which the key ends (date d'expiration).
    pub expires_at: Option<DateTime<Utc>>,
    /// When the secret was last rotated.
    pub rotated_at: Option<DateTime<Utc>>,
    /// Each rotation of the secret, the oldest first: whoever rotates it knows it.
    pub rotations: Many<Rotation>,
    /// The instant until which the previous secret is also valid.
    pub previous_until: Option<DateTime<Utc>>,
    /// When the key was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When the key was revoked (révocation).
    pub revoked_at: Option<DateTime<Utc>>,
    /// Who revoked the key.
    #[schema(max_length = 600)]
    pub revoked_by: Option<String>,
    /// Why the key was revoked (motif).
    pub revocation_reason: Option<ShortText>,
}

/// A rotation of a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ApiKeyRotation)]
pub struct Rotation {
    /// When.
    #[schema(max_length = 40)]
    rotated_at: DateTime<Utc>,
    /// Who rotated it.
    #[schema(max_length = 600)]
    rotated_by: String,
    /// The key that was used for it, if one was.
    #[schema(required)]
    rotated_by_key: Option<Id>,
}

/// An API key, with the related things that `include` names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKeyView)]
pub struct KeyView {
    #[serde(flatten)]
    key: Key,
    /// The grants of the key (habilitations).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 1000)]
    grants: Option<Vec<Grant>>,
}

impl From<Key> for KeyView {
    fn from(key: Key) -> Self {
        Self { key, grants: None }
    }
}

/// An API key with its new secret. The secret is shown only this once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKeySecret)]
pub struct KeySecret {
    #[serde(flatten)]
    key: Key,
    /// The whole key, as it is sent: `Authorization: Bearer tdi_…`.
    #[schema(max_length = 100)]
    secret: String,
}

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiKey)]
pub struct NewKey {
    /// What the key is for (nom): a name that no other key has or had, whatever the case and the accents. What the service signs with itself
    /// is refused: `demo`, what begins with `command:`, and what an identity is called (`idp.example: …`).
    name: Name,
    /// What the key may do, and where (habilitations).
    #[serde(default)]
    grants: Many<NewKeyGrant>,
    /// The instant at which the key ends: by default after 365 days, at most after 730.
    expires_at: Option<Instant>,
}

/// For how many hours the previous secret is also valid.
#[derive(Debug, Clone, Copy)]
pub struct Hours(i32);

/// The most hours.
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

/// The body of a request that rotates the secret of a key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiKeyRotation)]
pub struct NewRotation {
    /// For how many hours the previous secret is also valid: 24 by default; 0 ends it now.
    #[serde(default)]
    #[schema(value_type = i32, minimum = 0, maximum = 720, default = 24, required = false)]
    overlap_hours: Hours,
}

/// The body of a request that revokes a key: why.
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
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("grants", "The grants of the key (habilitations).")];

    async fn include(along: &mut Along<'_, KeyView>) -> Result<()> {
        if along.wants("grants") {
            let rows = living(&along.ids(), along.conn).await?;
            along.share(rows, |row| row.key_id.unwrap_or(row.id), |view| &mut view.grants);
        }
        Ok(())
    }
}

/// Registers the operations of this noun.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(list_api_keys).service(create_api_key).service(read_api_key).service(create_api_key_rotation).service(create_api_key_revocation);
    grants::routes(routes);
}

/// The grants of these keys that are in force.
async fn living(ids: &[Id], conn: &mut Conn) -> QueryResult<Vec<Grant>> {
    let living = held::ends_at.is_null().or(held::ends_at.gt(Utc::now()));
    held::table.filter(held::key_id.eq_any(ids)).filter(living).order_by(held::id).select(Grant::as_select()).load(conn).await
}

/// Finds the key with its grants, if they are all inside the perimeters of the caller.
async fn find(id: Id, delegation: &Delegation, conn: &mut Conn) -> Result<KeyView> {
    let mut key = api_keys::table.find(id).select(Key::as_select()).into_boxed();
    if let Some(within) = delegation.keys() {
        key = key.filter(within);
    }
    let key = key.first(conn).await?;
    Ok(KeyView { grants: Some(living(&[id], conn).await?), key })
}

/// Finds the key as `find` does, and locks it with its grants until the change is written.
async fn lock(id: Id, delegation: &Delegation, conn: &mut Conn) -> Result<KeyView> {
    api_keys::table.find(id).select(api_keys::id).for_update().first::<Id>(conn).await?;
    find(id, delegation, conn).await
}

/// Refuses a change after which no administrator of the nation would be left.
async fn keep_an_admin(before: i64, gate: &Gate, conn: &mut Conn) -> Result<()> {
    let left = national_admins(&gate.issuers.urls(), conn).await?;
    if before > 0 && left == 0 { Err(Problem::new(&kinds::LAST_ADMIN)) } else { Ok(()) }
}

/// Checks that the instant is in the future, and at most this many days ahead.
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
/// Keys with at least one grant, past or present, all inside the caller's perimeters.
#[utoipa::path(params(List<Key>), responses((status = OK, body = Page<KeyView>)))]
#[get("/api-keys")]
async fn list_api_keys(db: Data<Db>, admin: Admin, list: List<Key>) -> Result<Page<KeyView>> {
    list.only(Delegation::of(admin.rights()).keys()).page(&db).await
}

/// Make an API key
///
/// The secret is shown only this once. An administrator gives grants inside its own perimeters only. So many keys of one administrator, and of
/// those who hold a key by it, hold at once: 100, of the nation 2000.
#[utoipa::path(responses((status = CREATED, body = KeySecret)))]
#[post("/api-keys")]
async fn create_api_key(db: Data<Db>, admin: Admin, body: Json<NewKey>) -> Result<Made<KeySecret>> {
    let delegation = Delegation::of(admin.rights());
    let (key, secret) = db
        .write(&admin, async |conn| -> Result<_> {
            let new = body.valid()?;
            let expires_at = new.expires_at.map_or_else(|| Ok(Utc::now() + Duration::days(USUAL)), |at| to_come(at, "/expires_at", LONGEST))?;
            if is_of_the_house(new.name.as_str()) {
                let said = Said::new("The service signs with this name itself.", "Le service signe lui-même de ce nom.");
                return Err(Problem::body("/name", "reserved", said));
            }
            let lineage = lineage(&admin, conn).await?;
            let (id, secret) = insert(new.name.as_str(), Some(expires_at), &admin.name, lineage.as_deref(), conn).await?;
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
    db.run(async |conn| Ok(Momentary(find(id, &delegation, conn).await?))).await
}

/// Rotate the secret of an API key
///
/// The new secret is shown only this once. The previous one stays valid for some hours, so that nobody is locked out meanwhile. The caller
/// must be an administrator who could give all grants of the key, for as long as they last. The key tells who rotated it and when, a hundred
/// times at most.
#[utoipa::path(responses((status = OK, body = KeySecret)))]
#[post("/api-keys/{id}/rotation")]
async fn create_api_key_rotation(db: Data<Db>, admin: Admin, At(id): At, body: Json<NewRotation>) -> Result<Momentary<KeySecret>> {
    let delegation = Delegation::of(admin.rights());
    let (key, secret) = db
        .write(&admin, async |conn| -> Result<_> {
            let KeyView { key: current, grants } = lock(id, &delegation, conn).await?;
            // Whoever gets the new secret gets the grants of the key, for as long as they last. So the caller must be able to give them
            // all.
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
            let made = Rotation { rotated_at: now.trunc_subsecs(6), rotated_by: admin.name.clone(), rotated_by_key: admin.key };
            let rotations = current.rotations.and(made).ok_or_else(|| {
                let said = Said::new(
                    "The secret was rotated a hundred times: make another key.",
                    "Le secret a été renouvelé cent fois : créez une autre clé.",
                );
                Problem::new(&kinds::LIMIT_REACHED).saying(said)
            })?;
            let secret = Secret::of(&current.public_id);
            let hash: Vec<u8> = api_keys::table.find(id).select(api_keys::secret_hash).first(conn).await?;
            let previous = (overlap > 0).then_some((hash, now + Duration::hours(overlap.into())));
            let (previous_hash, previous_until) = previous.unzip();
            let change = (
                api_keys::secret_hash.eq(secret.hash()),
                api_keys::previous_hash.eq(previous_hash),
                api_keys::previous_until.eq(previous_until),
                api_keys::rotated_at.eq(now),
                api_keys::rotations.eq(rotations),
            );
            Ok((diesel::update(api_keys::table.find(id)).set(change).returning(Key::as_returning()).get_result(conn).await?, secret))
        })
        .await?;
    log::info!("the secret of key {} was exchanged by {}", key.public_id, by(&admin));
    Ok(Momentary(KeySecret { key, secret: secret.to_string() }))
}

/// Revoke an API key
///
/// The key and its tokens end everywhere within a second, for ever. Revoking a revoked key changes nothing.
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

/// The name of the administrator, for the log.
fn by(admin: &Admin) -> String {
    admin.key.map_or_else(|| "an identity".to_owned(), |id| format!("key {id}"))
}

/// Does the service sign with this name itself? So it signs for a command (`command: …`), for the key of the demo, and for an identity, whose
/// name begins with the host of its issuer.
pub fn is_of_the_house(name: &str) -> bool {
    let plain: String = name.nfkd().filter(|letter| !is_combining_mark(*letter)).collect::<String>().to_lowercase();
    let issuer = plain.split_once(": ").is_some_and(|(issuer, _)| !issuer.contains(' ') && issuer.contains(['.', ':', '/']));
    plain == DEMO || plain.replace(' ', "").starts_with("command:") || issuer
}

/// With whose keys a new key of this administrator is counted: with those of the administrator, or of the one by whom the administrator came to
/// have a key; with no others, if the administrator is of the nation. Refuses (409) one key too many.
async fn lineage(admin: &Admin, conn: &mut Conn) -> Result<Option<String>> {
    let nation = admin.rights().over(Role::ADMIN, &Place::nation());
    let of = match admin.key {
        Some(key) => api_keys::table.find(key).select(api_keys::lineage).first::<Option<String>>(conn).await?,
        None => None,
    };
    let lineage = of.or_else(|| (!nation).then(|| admin.key.map_or_else(|| admin.name.clone(), |key| key.to_string())));
    // One key at a time is counted and made.
    let counted = format!("keys of {}", lineage.as_deref().unwrap_or(&admin.name));
    sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))").bind::<Text, _>(counted).execute(conn).await?;
    let holds = api_keys::revoked_at.is_null().and(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(Utc::now())));
    let holding = api_keys::table.filter(holds).count().into_boxed();
    let (holding, most) = match &lineage {
        Some(lineage) => (holding.filter(api_keys::lineage.eq(lineage)), MOST),
        None => (holding.filter(api_keys::created_by.eq(&admin.name)), MOST_OF_NATION),
    };
    if holding.get_result::<i64>(conn).await? >= most {
        let said = Said::new(
            format!("{most} keys hold that came to be by this administrator: revoke those that nobody uses."),
            format!("{most} clés issues de cet administrateur sont valables : révoquez celles dont personne ne se sert."),
        );
        return Err(Problem::new(&kinds::LIMIT_REACHED).saying(said));
    }
    Ok(lineage)
}

/// Inserts a new key without grants.
async fn insert(name: &str, expires_at: Option<DateTime<Utc>>, by: &str, lineage: Option<&str>, conn: &mut Conn) -> QueryResult<(Id, Secret)> {
    let (id, secret) = (Id::new(), Secret::random());
    diesel::insert_into(api_keys::table)
        .values((
            api_keys::id.eq(id),
            api_keys::public_id.eq(&secret.public_id),
            api_keys::name.eq(name),
            api_keys::created_by.eq(by),
            api_keys::lineage.eq(lineage),
            api_keys::secret_hash.eq(secret.hash()),
            api_keys::expires_at.eq(expires_at),
        ))
        .execute(conn)
        .await?;
    Ok((id, secret))
}

/// Makes a key with these grants. The secret is returned only this once.
pub async fn create(name: &str, grants: &[NewGrant], days: Option<i64>, by: &str, conn: &mut Conn) -> std::result::Result<Secret, Error> {
    let (id, secret) = insert(name, days.map(|days| Utc::now() + Duration::days(days)), by, None, conn).await?;
    for grant in grants {
        grant.give(&Subject::Key(id), by, conn).await?;
    }
    Ok(secret)
}

/// All keys, the oldest first, with their grants in force.
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

/// Ends a key now. Returns whether there was a key to end.
pub async fn revoke(public_id: &str, by: &str, conn: &mut Conn) -> std::result::Result<bool, Error> {
    let live = api_keys::table.filter(api_keys::public_id.eq(public_id).and(api_keys::revoked_at.is_null()));
    Ok(diesel::update(live).set((api_keys::revoked_at.eq(Utc::now()), api_keys::revoked_by.eq(by))).execute(conn).await? == 1)
}

/// Ends every key of the demo.
pub async fn revoke_demo(by: &str, conn: &mut Conn) -> std::result::Result<(), Error> {
    let live = api_keys::table.filter(api_keys::name.eq(DEMO).and(api_keys::revoked_at.is_null()));
    diesel::update(live).set((api_keys::revoked_at.eq(Utc::now()), api_keys::revoked_by.eq(by))).execute(conn).await?;
    Ok(())
}
