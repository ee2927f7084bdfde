//! API keys, as the command line makes, lists and revokes them. What is kept of a key cannot give it back.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::{
    db::{Conn, Error},
    http::auth::Secret,
    rights::{NewGrant, Subject},
    schema::api_keys,
    values::Id,
};

/// A key, as it may be shown again and again.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
pub struct Key {
    /// By which it is named.
    pub public_id: String,
    /// What it is for.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it holds.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Makes a key that holds these grants. It is shown this once.
pub async fn create(name: &str, grants: &[NewGrant], days: Option<i64>, by: &str, conn: &mut Conn) -> Result<Secret, Error> {
    let (id, secret) = (Id::new(), Secret::random());
    diesel::insert_into(api_keys::table)
        .values((
            api_keys::id.eq(id),
            api_keys::public_id.eq(&secret.public_id),
            api_keys::name.eq(name),
            api_keys::created_by.eq(by),
            api_keys::secret_hash.eq(secret.hash()),
            api_keys::expires_at.eq(days.map(|days| Utc::now() + chrono::Duration::days(days))),
        ))
        .execute(conn)
        .await?;
    for grant in grants {
        grant.give(&Subject::Key(id), by, conn).await?;
    }
    Ok(secret)
}

/// All keys, the oldest first.
pub async fn list(conn: &mut Conn) -> Result<Vec<Key>, Error> {
    Ok(api_keys::table.order_by(api_keys::id).select(Key::as_select()).load(conn).await?)
}

/// Ends a key now. Says whether there was one to end.
pub async fn revoke(public_id: &str, conn: &mut Conn) -> Result<bool, Error> {
    let live = api_keys::table.filter(api_keys::public_id.eq(public_id).and(api_keys::revoked_at.is_null()));
    Ok(diesel::update(live).set(api_keys::revoked_at.eq(Utc::now())).execute(conn).await? == 1)
}

/// Ends every key of this name.
pub async fn revoke_named(name: &str, conn: &mut Conn) -> Result<(), Error> {
    let live = api_keys::table.filter(api_keys::name.eq(name).and(api_keys::revoked_at.is_null()));
    diesel::update(live).set(api_keys::revoked_at.eq(Utc::now())).execute(conn).await?;
    Ok(())
}
