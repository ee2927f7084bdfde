//! Grants: a subject holds a role over a perimeter, from one instant to another. Ended, never deleted.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, Text, Uuid},
};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;

use super::Delegation;
use crate::{
    db::Conn,
    schema::grants,
    values::{DepartmentCode, Id, RegionCode, ShortText, Vocabulary, Word},
};

/// The words of [`Role`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleWords;

impl Vocabulary for RoleWords {
    const NAME: &'static str = "Role";
    const ABOUT: &'static str = "What a grant allows (rôle).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("reader", "Lecture"), ("editor", "Rédaction"), ("approver", "Validation"), ("admin", "Administration des accès")];
}

/// What a grant allows (rôle).
pub type Role = Word<RoleWords>;

impl Role {
    /// Sees what is not public.
    pub const READER: Self = Self::of("reader");
    /// Writes.
    pub const EDITOR: Self = Self::of("editor");
    /// Decides on fiches, makes partners and people, and looks after committees.
    pub const APPROVER: Self = Self::of("approver");
    /// Gives keys and grants.
    pub const ADMIN: Self = Self::of("admin");
}

/// The words of a perimeter's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerimeterWords;

impl Vocabulary for PerimeterWords {
    const NAME: &'static str = "Perimeter";
    const ABOUT: &'static str = "Over what a grant holds (périmètre).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("nation", "National"), ("region", "Région"), ("department", "Département"), ("territory", "Territoire"), ("fiche", "Fiche action")];
}

/// Over what sort of place a grant holds (périmètre).
pub type PerimeterKind = Word<PerimeterWords>;

/// Over what a grant holds (périmètre).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Perimeter {
    /// The whole programme.
    Nation,
    /// A region.
    Region(RegionCode),
    /// A department.
    Department(DepartmentCode),
    /// A territory.
    Territory(Id),
    /// One fiche, for its pilot.
    Fiche(Id),
}

/// Who holds grants.
#[derive(Debug, Clone)]
pub enum Subject<'a> {
    /// A key.
    Key(Id),
    /// Whoever shows these claims, by name and value, in a token of this issuer.
    Claims {
        /// Who vouches for the claims.
        issuer: &'a str,
        /// Each claim with one of its values.
        claims: &'a [(String, String)],
    },
}

/// A role over a perimeter, from one instant to another (habilitation).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Clone, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = grants, check_for_backend(diesel::pg::Pg))]
pub struct Grant {
    pub id: Id,
    /// The key that holds it.
    pub key_id: Option<Id>,
    /// Or who vouches for the claim by which it is held.
    #[schema(max_length = 1000)]
    pub issuer: Option<String>,
    /// That claim; `sub` for one identity.
    #[schema(max_length = 1000)]
    pub claim: Option<String>,
    /// The value of the claim, or one of its values.
    #[schema(max_length = 1000)]
    pub value: Option<String>,
    pub role: Role,
    pub perimeter: PerimeterKind,
    /// The region, when it holds over one.
    pub region_code: Option<RegionCode>,
    /// The department, when it holds over one.
    pub department_code: Option<DepartmentCode>,
    /// The territory, when it holds over one.
    pub territory_id: Option<Id>,
    /// The fiche, when it holds over one.
    pub action_fiche_id: Option<Id>,
    /// From when.
    pub starts_at: DateTime<Utc>,
    /// Until when; open when empty.
    pub ends_at: Option<DateTime<Utc>>,
    /// By whom it was given.
    #[schema(max_length = 600)]
    pub granted_by: String,
    /// Why.
    pub reason: Option<ShortText>,
    /// When it was given.
    pub created_at: DateTime<Utc>,
    /// By whom it was ended, where someone did.
    #[schema(max_length = 600)]
    pub ended_by: Option<String>,
    /// Why it was ended.
    pub end_reason: Option<ShortText>,
}

impl Perimeter {
    /// The one that these members of a body name: the kind says which of them there is. Errs with the name of the member
    /// that is missing, or is there and should not be.
    pub fn of(
        kind: PerimeterKind,
        region_code: Option<&RegionCode>,
        department_code: Option<&DepartmentCode>,
        territory_id: Option<Id>,
        action_fiche_id: Option<Id>,
    ) -> Result<Self, &'static str> {
        let (member, perimeter) = match kind.code() {
            "region" => ("region_code", region_code.cloned().map(Self::Region)),
            "department" => ("department_code", department_code.cloned().map(Self::Department)),
            "territory" => ("territory_id", territory_id.map(Self::Territory)),
            "fiche" => ("action_fiche_id", action_fiche_id.map(Self::Fiche)),
            _ => ("perimeter", Some(Self::Nation)),
        };
        let given = [
            ("region_code", region_code.is_some()),
            ("department_code", department_code.is_some()),
            ("territory_id", territory_id.is_some()),
            ("action_fiche_id", action_fiche_id.is_some()),
        ];
        if let Some((other, _)) = given.into_iter().find(|(name, given)| *given && *name != member) {
            return Err(other);
        }
        perimeter.ok_or(member)
    }
}

impl Grant {
    /// Ends it now, unless it has ended.
    pub async fn end(&self, by: &str, reason: Option<&ShortText>, conn: &mut Conn) -> QueryResult<usize> {
        let now = Utc::now();
        let living = grants::table.find(self.id).filter(grants::ends_at.is_null().or(grants::ends_at.gt(now)));
        diesel::update(living).set((grants::ends_at.eq(now), grants::ended_by.eq(by), grants::end_reason.eq(reason))).execute(conn).await
    }

    /// Over what it holds.
    pub fn over(&self) -> Option<Perimeter> {
        Some(match self.perimeter.code() {
            "region" => Perimeter::Region(self.region_code.clone()?),
            "department" => Perimeter::Department(self.department_code.clone()?),
            "territory" => Perimeter::Territory(self.territory_id?),
            "fiche" => Perimeter::Fiche(self.action_fiche_id?),
            _ => Perimeter::Nation,
        })
    }
}

/// A grant to be given.
#[derive(Debug, Clone)]
pub struct NewGrant {
    /// What it allows.
    pub role: Role,
    /// Over what.
    pub perimeter: Perimeter,
    /// Until when; open when empty.
    pub ends_at: Option<DateTime<Utc>>,
    /// Why.
    pub reason: Option<ShortText>,
}

impl NewGrant {
    /// Reads `role@nation`, `role@region:28`, `role@department:61`, `role@territory:<id>` or `role@fiche:<id>`.
    pub fn parse(text: &str) -> Option<Self> {
        let (role, perimeter) = text.split_once('@')?;
        let perimeter = match perimeter.split_once(':') {
            None if perimeter == "nation" => Perimeter::Nation,
            Some(("region", code)) => Perimeter::Region(RegionCode::parse(code).ok()?),
            Some(("department", code)) => Perimeter::Department(DepartmentCode::parse(code).ok()?),
            Some(("territory", id)) => Perimeter::Territory(Id::parse(id).ok()?),
            Some(("fiche", id)) => Perimeter::Fiche(Id::parse(id).ok()?),
            _ => return None,
        };
        Some(Self { role: Role::parse(role).ok()?, perimeter, ends_at: None, reason: None })
    }

    /// Gives it.
    pub async fn give(&self, subject: &Subject<'_>, granted_by: &str, conn: &mut Conn) -> QueryResult<Grant> {
        let (key_id, claim) = match subject {
            Subject::Key(id) => (Some(*id), None),
            Subject::Claims { issuer, claims } => (None, claims[..].iter().next().map(|(claim, value)| (*issuer, claim, value))),
        };
        let (word, region, department, territory, fiche) = match &self.perimeter {
            Perimeter::Nation => ("nation", None, None, None, None),
            Perimeter::Region(code) => ("region", Some(code), None, None, None),
            Perimeter::Department(code) => ("department", None, Some(code), None, None),
            Perimeter::Territory(id) => ("territory", None, None, Some(id), None),
            Perimeter::Fiche(id) => ("fiche", None, None, None, Some(id)),
        };
        diesel::insert_into(grants::table)
            .values((
                (grants::id.eq(Id::new()), grants::key_id.eq(key_id)),
                (
                    grants::issuer.eq(claim.map(|claim| claim.0)),
                    grants::claim.eq(claim.map(|claim| claim.1)),
                    grants::value.eq(claim.map(|claim| claim.2)),
                ),
                (grants::role.eq(self.role), grants::perimeter.eq(word), grants::region_code.eq(region), grants::department_code.eq(department)),
                (grants::territory_id.eq(territory), grants::action_fiche_id.eq(fiche)),
                (grants::ends_at.eq(self.ends_at), grants::granted_by.eq(granted_by), grants::reason.eq(self.reason.as_ref())),
            ))
            .returning(Grant::as_returning())
            .get_result(conn)
            .await
    }
}

/// The grants that a subject holds at this instant.
pub(super) async fn living(subject: &Subject<'_>, conn: &mut Conn) -> QueryResult<Vec<Grant>> {
    let now = Utc::now();
    let mut live = grants::table
        .filter(grants::starts_at.le(now).and(grants::ends_at.is_null().or(grants::ends_at.gt(now))))
        .select(Grant::as_select())
        .into_boxed();
    live = match subject {
        Subject::Key(id) => live.filter(grants::key_id.eq(*id)),
        Subject::Claims { issuer, claims } => {
            let (names, values): (Vec<&str>, Vec<&str>) = claims.iter().map(|(name, value)| (name.as_str(), value.as_str())).unzip();
            live.filter(grants::issuer.eq(*issuer).and(grants::claim.eq_any(names)).and(grants::value.eq_any(values)))
        }
    };
    let shown = |grant: &Grant| match (subject, &grant.claim, &grant.value) {
        (Subject::Claims { claims, .. }, Some(claim), Some(value)) => claims.iter().any(|(name, shown)| name == claim && shown == value),
        _ => true,
    };
    let mut live: Vec<Grant> = live.load(conn).await?;
    live.retain(shown);
    // What holds over a territory that was merged into another one holds over the other.
    let over: Vec<Id> = live.iter().filter_map(|grant| grant.territory_id).collect();
    if !over.is_empty() {
        let moved =
            "SELECT id, territory_today(id) AS today FROM unnest($1) id WHERE NOT EXISTS (SELECT FROM territories WHERE territories.id = id.id)";
        let moved: Vec<Moved> = sql_query(moved).bind::<Array<Uuid>, _>(over).load(conn).await?;
        for grant in &mut live {
            let today = moved.iter().find(|moved| Some(moved.id) == grant.territory_id).map(|moved| moved.today);
            grant.territory_id = today.or(grant.territory_id);
        }
    }
    Ok(live)
}

/// The number of grants that a key, or the holders of one claim, have now, of those that this administrator could have given. (Others gave
/// theirs: they do not fill the place of this one.) Whoever gives one more waits until it is written.
pub async fn held_at_once(subject: &Subject<'_>, delegation: &Delegation, conn: &mut Conn) -> QueryResult<i64> {
    let mut live = grants::table.filter(grants::ends_at.is_null().or(grants::ends_at.gt(Utc::now()))).count().into_boxed();
    if let Some(within) = delegation.grants() {
        live = live.filter(within);
    }
    let (of, live) = match subject {
        Subject::Key(id) => (id.to_string(), live.filter(grants::key_id.eq(*id))),
        Subject::Claims { issuer, claims } => {
            let (claim, value) = claims[..].iter().next().map(|(claim, value)| (claim.as_str(), value.as_str())).unwrap_or_default();
            let same = grants::issuer.eq(*issuer).and(grants::claim.eq(claim)).and(grants::value.eq(value));
            (format!("{issuer} {claim} {value}"), live.filter(same))
        }
    };
    sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))").bind::<Text, _>(format!("grants of {of}")).execute(conn).await?;
    live.get_result(conn).await
}

#[derive(QueryableByName)]
struct Moved {
    #[diesel(sql_type = Uuid)]
    id: Id,
    #[diesel(sql_type = Uuid)]
    today: Id,
}

#[derive(QueryableByName)]
struct Touched {
    #[diesel(sql_type = Uuid)]
    territory_id: Id,
}

/// The territories that have a commune in one of these regions or departments.
pub(super) async fn touched(regions: &[String], departments: &[String], conn: &mut Conn) -> QueryResult<Vec<Id>> {
    if regions.is_empty() && departments.is_empty() {
        return Ok(Vec::new());
    }
    let touched = sql_query("SELECT DISTINCT territory_id FROM territory_places WHERE region_code = ANY($1) OR department_code = ANY($2)");
    let touched: Vec<Touched> = touched.bind::<Array<Text>, _>(regions).bind::<Array<Text>, _>(departments).load(conn).await?;
    Ok(touched.into_iter().map(|touched| touched.territory_id).collect())
}
