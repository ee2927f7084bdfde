//! The plan of a territory, as a tree: the themes, the objectives of each theme, the fiches that serve each objective, with their numbers
//! at each level.

use std::collections::{HashMap, HashSet};

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
    schema::{action_fiche_themes, action_fiches, objectives, territories, territory_labels, themes},
    values::{Count, Id, Name, ShortText},
};

/// A fiche of the plan (fiche action), if the caller may see it.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Clone, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiches, check_for_backend(diesel::pg::Pg))]
#[schema(as = PlanFiche)]
struct Fiche {
    id: Id,
    reference: Option<Name>,
    title: Name,
    objective_id: Option<Id>,
    #[schema(max_length = 50)]
    validation: String,
    #[schema(max_length = 50)]
    progress: String,
}

/// An objective (objectif), with the fiches that serve it.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlanObjective)]
struct Objective {
    id: Id,
    wording: ShortText,
    position: Option<Count>,
    parent_id: Option<Id>,
    /// The number of fiches that serve the objective.
    fiches_count: usize,
    #[schema(max_items = 10000)]
    fiches: Vec<Fiche>,
}

/// A theme (thématique, axe), with its objectives.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlanTheme)]
struct Theme {
    /// The theme; null for the objectives and fiches without a theme.
    theme_id: Option<Id>,
    label_fr: Option<Name>,
    label_en: Option<Name>,
    /// The number of fiches under the theme. A fiche counts once, whether it serves an objective of the theme or has the theme itself.
    fiches_count: usize,
    #[schema(max_items = 10000)]
    objectives: Vec<Objective>,
    /// The fiches that have the theme, and serve none of its objectives.
    #[schema(max_items = 10000)]
    fiches: Vec<Fiche>,
}

/// The plan of a territory (plan d'actions): what the caller may see of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TerritoryPlan)]
struct Plan {
    territory_id: Id,
    /// The number of fiches of the plan. A fiche under two themes counts once.
    fiches_count: usize,
    #[schema(max_items = 10000)]
    themes: Vec<Theme>,
}

type ThemeRow = (Id, Name, Name);
type ObjectiveRow = (Id, Option<Id>, ShortText, Option<Count>, Option<Id>);

/// Registers the operation of this page.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(read_territory_plan);
}

/// Read the plan of a territory
///
/// The plan (plan d'actions) as a tree: the themes, the objectives of each theme, and the fiches that serve each objective, with their
/// numbers at each level. Computed now, of what the caller may see. A theme stands there, with or without a fiche, if it is the territory's
/// own, of a phase for which the territory applied, or of a scheme that its fiches or objectives use. Objectives and fiches without a theme
/// come last.
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
        let schemes: Vec<String> = themes::table.filter(themes::id.eq_any(used)).select(themes::scheme).distinct().load(conn).await?;
        let phases: Vec<Id> =
            territory_labels::table.filter(territory_labels::territory_id.eq(id)).select(territory_labels::phase_id).load(conn).await?;
        let theirs = themes::scheme.eq_any(schemes).or(themes::territory_id.eq(id).assume_not_null());
        let theirs = theirs.or(themes::territory_id.is_null().and(themes::phase_id.eq_any(phases).assume_not_null()));
        let known = themes::table.filter(theirs).order_by((themes::scheme, themes::position, themes::id));
        let known: Vec<ThemeRow> = known.select((themes::id, themes::label_fr, themes::label_en)).load(conn).await?;
        Ok(Momentary(tree(id, fiches, &borne, &rows, known)))
    })
    .await
}

/// Puts each fiche under its objective and its themes, in one pass over each list: the cost grows with the length of the lists only.
fn tree(territory_id: Id, fiches: Vec<Fiche>, borne: &[(Id, Id)], rows: &[ObjectiveRow], known: Vec<ThemeRow>) -> Plan {
    let theme_of: HashMap<Id, Option<Id>> = rows.iter().map(|row| (row.0, row.1)).collect();
    let mut borne_by: HashMap<Id, HashSet<Option<Id>>> = HashMap::new();
    for (theme, fiche) in borne {
        borne_by.entry(*fiche).or_default().insert(Some(*theme));
    }
    let mut serving: HashMap<Id, Vec<&Fiche>> = HashMap::new();
    let mut under: HashMap<Option<Id>, Vec<&Fiche>> = HashMap::new();
    for fiche in &fiches {
        let mut themes = borne_by.remove(&fiche.id).unwrap_or_default();
        if let Some(objective) = fiche.objective_id {
            serving.entry(objective).or_default().push(fiche);
            themes.extend(theme_of.get(&objective));
        }
        // A fiche without a theme and without an objective stands under "no theme".
        if themes.is_empty() {
            themes.insert(None);
        }
        for theme in themes {
            under.entry(theme).or_default().push(fiche);
        }
    }
    let mut objectives: HashMap<Option<Id>, Vec<Objective>> = HashMap::new();
    for (id, theme, wording, position, parent_id) in rows {
        let fiches: Vec<Fiche> = serving.remove(id).unwrap_or_default().into_iter().cloned().collect();
        let objective =
            Objective { id: *id, wording: wording.clone(), position: *position, parent_id: *parent_id, fiches_count: fiches.len(), fiches };
        objectives.entry(*theme).or_default().push(objective);
    }
    let branch = |theme: Option<ThemeRow>| {
        let theme_id = theme.as_ref().map(|(id, ..)| *id);
        let (label_fr, label_en) = theme.map_or((None, None), |(_, fr, en)| (Some(fr), Some(en)));
        let under = under.remove(&theme_id).unwrap_or_default();
        let elsewhere = |fiche: &&&Fiche| fiche.objective_id.is_none_or(|objective| theme_of.get(&objective) != Some(&theme_id));
        Theme {
            theme_id,
            label_fr,
            label_en,
            fiches_count: under.len(),
            objectives: objectives.remove(&theme_id).unwrap_or_default(),
            fiches: under.iter().filter(elsewhere).map(|fiche| (*fiche).clone()).collect(),
        }
    };
    // What has no theme is told only if there is something.
    let themes = known.into_iter().map(Some).chain([None]).map(branch);
    let themes = themes.filter(|theme| theme.theme_id.is_some() || theme.fiches_count > 0 || !theme.objectives.is_empty()).collect();
    Plan { territory_id, fiches_count: fiches.len(), themes }
}
