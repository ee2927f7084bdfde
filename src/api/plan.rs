//! The plan of a territory, as a tree: themes, the objectives under each, the fiches that serve each; counted at each level.

use std::collections::{BTreeMap, HashSet};

use actix_web::{HttpRequest, get, web::Data};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::Db,
    http::{At, Caller, Momentary, OrGone, Result},
    rights,
    schema::{action_fiche_themes, action_fiches, objectives, territories, themes},
    values::{Count, Id, Name, ShortText},
};

/// A fiche of the plan, as far as the caller sees it.
#[derive(Debug, Clone, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiches, check_for_backend(diesel::pg::Pg))]
#[schema(as = PlanFiche)]
struct Fiche {
    id: Id,
    #[schema(required)]
    reference: Option<Name>,
    title: Name,
    #[schema(required)]
    objective_id: Option<Id>,
    #[schema(max_length = 50)]
    validation: String,
    #[schema(max_length = 50)]
    progress: String,
}

/// An objective, with the fiches that serve it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlanObjective)]
struct Objective {
    id: Id,
    wording: ShortText,
    #[schema(required)]
    position: Option<Count>,
    #[schema(required)]
    parent_id: Option<Id>,
    /// How many fiches serve it.
    fiches_count: usize,
    #[schema(max_items = 10000)]
    fiches: Vec<Fiche>,
}

/// A theme, with the objectives under it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlanTheme)]
struct Theme {
    /// Null for what is under no theme.
    #[schema(required)]
    theme_id: Option<Id>,
    #[schema(required)]
    label_fr: Option<Name>,
    #[schema(required)]
    label_en: Option<Name>,
    /// How many fiches there are under it: each once, whether it serves an objective of the theme or bears the theme itself.
    fiches_count: usize,
    #[schema(max_items = 10000)]
    objectives: Vec<Objective>,
    /// The fiches that bear it, and serve none of its objectives.
    #[schema(max_items = 10000)]
    fiches: Vec<Fiche>,
}

/// The plan of a territory (plan d'actions), as the caller sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TerritoryPlan)]
struct Plan {
    territory_id: Id,
    /// How many fiches there are in all: a fiche under two themes is one.
    fiches_count: usize,
    #[schema(max_items = 10000)]
    themes: Vec<Theme>,
}

type ThemeRow = (Id, Name, Name);
type ObjectiveRow = (Id, Option<Id>, ShortText, Option<Count>, Option<Id>);

/// Its operation.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(read_territory_plan);
}

/// Read the plan of a territory
///
/// Themes, the objectives under each and the fiches that serve each, counted at each level: as it stands now, as far as the caller
/// sees it. What is under no theme comes last.
#[utoipa::path(responses((status = OK, body = Plan)))]
#[get("/territories/{id}/plan")]
async fn read_territory_plan(db: Data<Db>, At(id): At, request: HttpRequest) -> Result<Momentary<Plan>> {
    let caller = Caller::of(&request);
    let reach = caller.reach();
    db.snapshot(async |conn| -> Result<_> {
        territories::table.find(id).select(territories::id).first::<Id>(conn).await.or_gone("territories", None, id, reach, conn).await?;
        let mut fiches = action_fiches::table.filter(action_fiches::territory_id.eq(id)).select(Fiche::as_select()).into_boxed();
        if let Some(scope) = rights::fiches(reach) {
            fiches = fiches.filter(scope);
        }
        let fiches: Vec<Fiche> = fiches.order_by((action_fiches::reference, action_fiches::id)).load(conn).await?;
        let ids: Vec<Id> = fiches.iter().map(|fiche| fiche.id).collect();
        let borne = action_fiche_themes::table.filter(action_fiche_themes::action_fiche_id.eq_any(&ids));
        let borne: Vec<(Id, Id)> = borne.select((action_fiche_themes::theme_id, action_fiche_themes::action_fiche_id)).load(conn).await?;
        let rows = objectives::table.filter(objectives::territory_id.eq(id)).order_by((objectives::position, objectives::id));
        let rows = rows.select((objectives::id, objectives::theme_id, objectives::wording, objectives::position, objectives::parent_id));
        let rows: Vec<ObjectiveRow> = rows.load(conn).await?;
        let used: Vec<Id> = borne.iter().map(|(theme, _)| *theme).chain(rows.iter().filter_map(|row| row.1)).collect();
        let known = themes::table.filter(themes::id.eq_any(used)).order_by((themes::scheme, themes::position, themes::id));
        let known: Vec<ThemeRow> = known.select((themes::id, themes::label_fr, themes::label_en)).load(conn).await?;
        Ok(Momentary(tree(id, fiches, &borne, &rows, known)))
    })
    .await
}

/// Puts each fiche under its objectives and themes.
fn tree(territory_id: Id, fiches: Vec<Fiche>, borne: &[(Id, Id)], rows: &[ObjectiveRow], known: Vec<ThemeRow>) -> Plan {
    let of: BTreeMap<Id, Option<Id>> = rows.iter().map(|row| (row.0, row.1)).collect();
    // A fiche that serves an objective under no theme is under none; so is one that has neither.
    let themes = |fiche: &Fiche| -> HashSet<Option<Id>> {
        let mut themes: HashSet<Option<Id>> = borne.iter().filter(|(_, id)| *id == fiche.id).map(|(theme, _)| Some(*theme)).collect();
        themes.extend(fiche.objective_id.and_then(|objective| of.get(&objective)).copied());
        if themes.is_empty() { HashSet::from([None]) } else { themes }
    };
    let branch = |theme: Option<ThemeRow>| {
        let theme_id = theme.as_ref().map(|(id, ..)| *id);
        let under: Vec<&Fiche> = fiches.iter().filter(|fiche| themes(fiche).contains(&theme_id)).collect();
        let own = rows.iter().filter(|row| row.1 == theme_id).map(|(id, _, wording, position, parent_id)| {
            let served: Vec<Fiche> = fiches.iter().filter(|fiche| fiche.objective_id == Some(*id)).cloned().collect();
            Objective { id: *id, wording: wording.clone(), position: *position, parent_id: *parent_id, fiches_count: served.len(), fiches: served }
        });
        let elsewhere = |fiche: &&&Fiche| fiche.objective_id.is_none_or(|objective| of.get(&objective) != Some(&theme_id));
        let (label_fr, label_en) = theme.map_or((None, None), |(_, fr, en)| (Some(fr), Some(en)));
        Theme {
            theme_id,
            label_fr,
            label_en,
            fiches_count: under.len(),
            objectives: own.collect(),
            fiches: under.iter().filter(elsewhere).map(|fiche| (*fiche).clone()).collect(),
        }
    };
    let themes = known.into_iter().map(Some).chain([None]).map(branch).filter(|theme| theme.fiches_count > 0 || !theme.objectives.is_empty());
    let themes = themes.collect();
    Plan { territory_id, fiches_count: fiches.len(), themes }
}
