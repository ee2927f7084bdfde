//! Delegation: an administrator gives keys and grants inside its own perimeters only.

use chrono::{DateTime, Utc};
use diesel::{
    QueryResult,
    dsl::{exists, sql},
    prelude::*,
    sql_query,
    sql_types::{Array, Bool, Nullable, Text, Uuid},
};
use diesel_async::RunQueryDsl;

use super::{Held, Perimeter, Rights, Role};
use crate::{
    db::{Conn, listing::Scope},
    schema::{action_fiches, api_keys, department_regions, grants, territories},
    values::Id,
};

/// The perimeters inside which an administrator gives keys and grants.
///
/// - An administrator of the nation gives every grant.
/// - One of a region gives grants over the same region, and `reader` over territories with a commune in the region.
/// - One of a department gives grants over the same department.
/// - One of a territory gives grants over the territory and its fiches.
/// - One of a fiche gives grants over the fiche.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delegation {
    nation: bool,
    regions: Vec<String>,
    departments: Vec<String>,
    territories: Vec<Id>,
    fiches: Vec<Id>,
}

/// The SQL condition that a grant is inside the perimeters. Between the pieces stand the regions, the departments, the territories (twice),
/// the fiches, and the regions again.
const WITHIN: [&str; 7] = [
    "coalesce(grants.region_code = ANY (",
    ") OR grants.department_code = ANY (",
    ") OR territory_today(grants.territory_id) = ANY (",
    ") OR (SELECT (coalesce(content(line), line.before) ->> 'territory_id')::uuid FROM ledger line WHERE line.thing = grants.action_fiche_id \
     ORDER BY line.version DESC LIMIT 1) = ANY (",
    ") OR grants.action_fiche_id = ANY (",
    ") OR grants.role = 'reader' AND territory_today(grants.territory_id) IN (SELECT territory_id FROM territory_places WHERE region_code = ANY (",
    ")), false)",
];

/// Keys with at least one grant, past or present, all inside the caller's perimeters. The condition above stands between the two pieces.
/// Past grants count, because a key may get them again.
const KEYS: [&str; 2] = [
    "EXISTS (SELECT FROM grants WHERE grants.key_id = api_keys.id) AND NOT EXISTS (SELECT FROM grants WHERE grants.key_id = api_keys.id AND NOT ",
    ")",
];

impl Delegation {
    /// The delegation of a caller with these rights.
    pub fn of(rights: &Rights) -> Self {
        Self::over(administered(rights).map(|held| &held.perimeter))
    }

    /// The delegation for grants that last until this end, or have no end. A grant that ends cannot be given on for longer than it lasts.
    pub fn until(end: Option<DateTime<Utc>>, rights: &Rights) -> Self {
        let lasts = |held: &&Held| held.until.is_none_or(|until| end.is_some_and(|end| end <= until));
        Self::over(administered(rights).filter(lasts).map(|held| &held.perimeter))
    }

    fn over<'a>(perimeters: impl Iterator<Item = &'a Perimeter>) -> Self {
        let mut delegation = Self::default();
        for perimeter in perimeters {
            match perimeter {
                Perimeter::Nation => delegation.nation = true,
                Perimeter::Region(code) => delegation.regions.push(code.as_str().to_owned()),
                Perimeter::Department(code) => delegation.departments.push(code.as_str().to_owned()),
                Perimeter::Territory(id) => delegation.territories.push(*id),
                Perimeter::Fiche(id) => delegation.fiches.push(*id),
            }
        }
        delegation
    }

    /// Does this administrator give every grant?
    pub fn is_national(&self) -> bool {
        self.nation
    }

    /// The grants that this administrator could have given; nothing when these are all grants.
    pub fn grants(&self) -> Option<Scope<grants::table>> {
        (!self.nation).then(|| self.within("", ""))
    }

    /// The keys with at least one grant, past or present, all of which this administrator could have given; nothing when these are all
    /// keys. A key that never had a grant is for the nation.
    pub fn keys(&self) -> Option<Scope<api_keys::table>> {
        (!self.nation).then(|| self.within(KEYS[0], KEYS[1]))
    }

    fn within<T>(&self, before: &str, after: &str) -> Scope<T> {
        let [a, b, c, d, e, f, g] = WITHIN;
        Scope::of(
            sql::<Bool>(before)
                .sql(a)
                .bind::<Array<Text>, _>(self.regions.clone())
                .sql(b)
                .bind::<Array<Text>, _>(self.departments.clone())
                .sql(c)
                .bind::<Array<Uuid>, _>(self.territories.clone())
                .sql(d)
                .bind::<Array<Uuid>, _>(self.territories.clone())
                .sql(e)
                .bind::<Array<Uuid>, _>(self.fiches.clone())
                .sql(f)
                .bind::<Array<Text>, _>(self.regions.clone())
                .sql(g)
                .sql(after),
        )
    }

    /// May this administrator give or end this grant, which is in the database already?
    pub async fn covers(&self, grant: Id, conn: &mut Conn) -> QueryResult<bool> {
        match self.grants() {
            Some(within) => diesel::select(exists(grants::table.find(grant).filter(within))).get_result(conn).await,
            None => Ok(true),
        }
    }

    /// May this administrator handle this key, which is in the database already?
    pub async fn handles(&self, key: Id, conn: &mut Conn) -> QueryResult<bool> {
        match self.keys() {
            Some(within) => diesel::select(exists(api_keys::table.find(key).filter(within))).get_result(conn).await,
            None => Ok(true),
        }
    }
}

fn administered(rights: &Rights) -> impl Iterator<Item = &Held> {
    rights.held().iter().filter(|held| held.role == Role::ADMIN)
}

#[derive(QueryableByName)]
struct Holder {
    /// Is this the delegation of a single grant?
    #[diesel(sql_type = Bool)]
    own: bool,
    #[diesel(sql_type = Nullable<Text>)]
    region_code: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    department_code: Option<String>,
    #[diesel(sql_type = Nullable<Uuid>)]
    territory_id: Option<Id>,
    #[diesel(sql_type = Nullable<Uuid>)]
    action_fiche_id: Option<Id>,
}

/// The delegations, beside the nation, whose administrators may rotate the secret of this key: one for each perimeter alone, and one for
/// the perimeters of each group of grants together.
pub async fn holders(key: Id, conn: &mut Conn) -> QueryResult<Vec<Delegation>> {
    let found = sql_query(
        "SELECT true AS own, region_code, department_code, territory_today(territory_id) AS territory_id, action_fiche_id FROM grants WHERE key_id = $1 AND perimeter <> 'nation'
         UNION SELECT false, place.region_code, NULL, NULL, NULL FROM grants JOIN territory_places place ON place.territory_id = territory_today(grants.territory_id) WHERE key_id = $1
         UNION SELECT false, NULL, NULL, (coalesce(content(line), line.before) ->> 'territory_id')::uuid, NULL FROM grants JOIN ledger line ON line.thing = grants.action_fiche_id
            WHERE grants.key_id = $1",
    );
    let (mut all, mut holders) = (Delegation::default(), Vec::new());
    for Holder { own, region_code, department_code, territory_id, action_fiche_id } in found.bind::<Uuid, _>(key).load(conn).await? {
        let holder = Delegation {
            nation: false,
            regions: region_code.into_iter().collect(),
            departments: department_code.into_iter().collect(),
            territories: territory_id.into_iter().collect(),
            fiches: action_fiche_id.into_iter().collect(),
        };
        if own {
            all.regions.extend_from_slice(&holder.regions);
            all.departments.extend_from_slice(&holder.departments);
            all.territories.extend_from_slice(&holder.territories);
            all.fiches.extend_from_slice(&holder.fiches);
        }
        holders.push(holder);
    }
    let mut handling = Vec::new();
    for holder in holders.into_iter().chain([all]) {
        if holder.handles(key, conn).await? {
            handling.push(holder);
        }
    }
    Ok(handling)
}

/// Does the place exist? If not, the member of the body that names it.
pub async fn missing_place(perimeter: &Perimeter, conn: &mut Conn) -> QueryResult<Option<&'static str>> {
    let (member, found) = match perimeter {
        Perimeter::Nation => return Ok(None),
        Perimeter::Region(code) => {
            let known = department_regions::table.filter(department_regions::region_code.eq(code.as_str()));
            ("region_code", diesel::select(exists(known)).get_result::<bool>(conn).await?)
        }
        Perimeter::Department(code) => {
            ("department_code", diesel::select(exists(department_regions::table.find(code.as_str()))).get_result(conn).await?)
        }
        Perimeter::Territory(id) => ("territory_id", diesel::select(exists(territories::table.find(*id))).get_result(conn).await?),
        Perimeter::Fiche(id) => ("action_fiche_id", diesel::select(exists(action_fiches::table.find(*id))).get_result(conn).await?),
    };
    Ok((!found).then_some(member))
}

/// The number of administrators of the nation. Ended keys, and identities of unknown issuers, do not count. Their grants are locked: so of
/// two callers who each end one, the second waits for the first.
pub async fn national_admins(issuers: &[&str], conn: &mut Conn) -> QueryResult<i64> {
    let now = Utc::now();
    let admins = || grants::table.filter(grants::role.eq(Role::ADMIN).and(grants::perimeter.eq("nation")));
    admins().order_by(grants::id).select(grants::id).for_update().load::<Id>(conn).await?;
    let living = grants::starts_at.le(now).and(grants::ends_at.is_null().or(grants::ends_at.gt(now)));
    let key = api_keys::revoked_at.is_null().and(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now)));
    let key = grants::key_id.eq_any(api_keys::table.filter(key).select(api_keys::id.nullable()));
    admins().filter(living).filter(key.or(grants::issuer.eq_any(issuers))).count().get_result(conn).await
}
