//! Who may do what, and who may see what: roles over perimeters, from one instant to another. Knows no HTTP.
//!
//! - A `reader` sees what is not public in the perimeter.
//! - An `editor` is a reader who writes there.
//! - An `approver` is an editor who also decides on fiches, makes partners and people, and writes committees.
//! - An `admin` gives keys and grants, and sees and writes nothing else.
//! - The nation reaches everything. A territory reaches its own things; a fiche reaches itself.
//! - A region or a department reads everything in each territory with a commune in it. A region also writes its own committees. All other
//!   content of a territory is written by the territory and the nation.

mod citations;
mod delegation;
mod grants;
mod places;
mod scope;

pub use citations::newly_cited;
pub use delegation::{Delegation, holders, missing_place, national_admins};
pub use grants::{Grant, NewGrant, Perimeter, PerimeterKind, PerimeterWords, Role, RoleWords, Subject, held_at_once};
pub use places::{and_predecessors, territory_places};
pub use scope::{
    MayName, both, fiches, known_people, of_visible_fiche, people, sees_document, sees_fiche, shares_scheme, veil, veil_documents, visible,
    visible_documents, visible_fiches, visible_part, visible_people,
};

use chrono::{DateTime, Utc};
use diesel::QueryResult;

use crate::{
    db::Conn,
    values::{Id, RegionCode},
};

/// The place of a thing. A writer of the thing has a role over one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The territory of the thing.
    pub territory: Option<Id>,
    /// The region of the thing.
    pub region: Option<RegionCode>,
    /// The fiche that the thing is, or is part of.
    pub fiche: Option<Id>,
}

impl Place {
    /// The place of things of the whole country.
    pub fn nation() -> Self {
        Self::default()
    }

    /// The place of a thing of a territory or of a region. A thing of both, or of the national level, is for the nation.
    pub fn at(level: &str, territory: Option<Id>, region: Option<RegionCode>) -> Self {
        match (level, territory, region) {
            ("national", ..) | (_, Some(_), Some(_)) => Self::nation(),
            (_, territory, region) => Self { territory, region, fiche: None },
        }
    }

    /// The place of a thing of this territory.
    pub fn territory(id: Id) -> Self {
        Self { territory: Some(id), ..Self::default() }
    }
}

/// What a caller may see beyond what is public.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Everything.
    pub everything: bool,
    /// The territories where the caller sees what is for partners.
    pub territories: Vec<Id>,
    /// The territories where the caller also sees what is restricted.
    pub restricted_in: Vec<Id>,
    /// The regions whose own things the caller sees.
    pub regions: Vec<RegionCode>,
    /// The fiches that the caller sees by a grant over the fiche.
    pub fiches: Vec<Id>,
    /// Is the caller an approver? An approver also sees people without any seat, in order to give them one.
    pub approver: bool,
}

impl Reach {
    /// Does the caller see nothing but what is public?
    pub fn is_public(&self) -> bool {
        *self == Self::default()
    }

    /// The places where this caller sees what is for partners, by their names in the ledger.
    pub fn partner_places(&self) -> Vec<String> {
        let ids = self.territories.iter().chain(&self.fiches).map(Id::to_string);
        let regions = self.regions.iter().map(|code| code.as_str().to_owned());
        ids.chain(regions).chain(self.approver.then(|| "approvers".to_owned())).collect()
    }

    /// The places where this caller sees what is restricted, by their names in the ledger.
    pub fn restricted_places(&self) -> Vec<String> {
        let regions = self.regions.iter().map(|code| code.as_str().to_owned());
        self.restricted_in.iter().chain(&self.fiches).map(Id::to_string).chain(regions).collect()
    }

    /// May this caller see a line of the ledger with this audience in these places?
    pub fn sees(&self, audience: &str, places: &[String]) -> bool {
        let among = |mine: Vec<String>| places.iter().any(|place| mine.contains(place));
        self.everything
            || match audience {
                "public" => true,
                "partners" => among(self.partner_places()),
                _ => among(self.restricted_places()),
            }
    }
}

/// A role that is held over a perimeter.
#[derive(Debug, Clone)]
pub struct Held {
    /// The role.
    pub role: Role,
    /// The perimeter.
    pub perimeter: Perimeter,
    /// The end of the grant; null when it has none.
    pub until: Option<DateTime<Utc>>,
}

/// The roles that a caller holds now, and what they let it see.
#[derive(Debug, Clone, Default)]
pub struct Rights {
    held: Vec<Held>,
    /// What the caller may see.
    pub reach: Reach,
}

impl Rights {
    /// The present rights of a key, or of the holder of a token.
    pub async fn of(subject: &Subject<'_>, conn: &mut Conn) -> QueryResult<Self> {
        let living = grants::living(subject, conn).await?;
        let held = living.iter().filter_map(|grant| Some(Held { role: grant.role, perimeter: grant.over()?, until: grant.ends_at }));
        Self::from_held(held.collect(), conn).await
    }

    /// The rights of an approver of the nation, without an end.
    pub fn national_approver() -> Self {
        let held = vec![Held { role: Role::APPROVER, perimeter: Perimeter::Nation, until: None }];
        Self { held, reach: Reach { everything: true, approver: true, ..Reach::default() } }
    }

    /// The same rights, limited to these roles. The scope of a token can limit rights, and never extend them.
    pub async fn narrowed(self, roles: &[Role], conn: &mut Conn) -> QueryResult<Self> {
        let narrow = |held: Held| {
            let kept = roles.iter().filter(|kept| includes(held.role, **kept));
            kept.map(|role| Held { role: *role, ..held.clone() }).collect::<Vec<_>>()
        };
        Self::from_held(self.held.into_iter().flat_map(narrow).collect(), conn).await
    }

    async fn from_held(held: Vec<Held>, conn: &mut Conn) -> QueryResult<Self> {
        let mut reach = Reach::default();
        let (mut regions, mut departments) = (Vec::new(), Vec::new());
        for Held { role, perimeter, .. } in held.iter().filter(|held| held.role != Role::ADMIN) {
            let works = *role != Role::READER;
            reach.approver |= *role == Role::APPROVER;
            match perimeter {
                Perimeter::Nation => reach.everything = true,
                Perimeter::Region(code) => {
                    reach.regions.push(code.clone());
                    regions.push(code.as_str().to_owned());
                }
                Perimeter::Department(code) => departments.push(code.as_str().to_owned()),
                Perimeter::Territory(id) => {
                    reach.territories.push(*id);
                    reach.restricted_in.extend(works.then_some(*id));
                }
                Perimeter::Fiche(id) => reach.fiches.push(*id),
            }
        }
        let touched = grants::touched(&regions, &departments, conn).await?;
        reach.territories.extend(&touched);
        reach.restricted_in.extend(&touched);
        for ids in [&mut reach.territories, &mut reach.restricted_in, &mut reach.fiches] {
            ids.sort_unstable();
            ids.dedup();
        }
        Ok(Self { held, reach })
    }

    /// All roles, each with its perimeter and its end.
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// Is this role, or one that includes it, held anywhere?
    pub fn anywhere(&self, role: Role) -> bool {
        self.held.iter().any(|held| includes(held.role, role))
    }

    /// Does the caller hold this role, or one that includes it, over this place? A region or a department writes only its own things.
    pub fn over(&self, role: Role, place: &Place) -> bool {
        self.held.iter().filter(|held| includes(held.role, role)).any(|held| match &held.perimeter {
            Perimeter::Nation => true,
            Perimeter::Region(code) => place.region.as_ref() == Some(code),
            Perimeter::Department(_) => false,
            Perimeter::Territory(id) => place.territory == Some(*id),
            Perimeter::Fiche(id) => place.fiche == Some(*id),
        })
    }
}

/// Does `held` allow everything that `role` allows?
fn includes(held: Role, role: Role) -> bool {
    let rank = |role: Role| [Role::READER, Role::EDITOR, Role::APPROVER].iter().position(|one| *one == role);
    match (rank(held), rank(role)) {
        (Some(held), Some(role)) => held >= role,
        _ => held == role,
    }
}
