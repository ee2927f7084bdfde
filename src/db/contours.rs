//! The contours of things. They have a table of their own, because they are large and seldom asked for.

use diesel::{prelude::*, result::QueryResult, upsert::excluded};
use diesel_async::RunQueryDsl;

use super::{Budget, Conn};
use crate::{schema::contours, values::Contour};

/// A row: the key of the thing; west, south, east, north; and the geometry.
type Drawn = (String, (f64, f64, f64, f64), serde_json::Value);

/// The known contours of the things of a noun with these keys, in one statement, as far as the budget lasts; and whether it ended before.
pub async fn drawn(noun: &str, keys: &[String], budget: &mut Budget, conn: &mut Conn) -> QueryResult<(Vec<(String, Contour)>, bool)> {
    let rows = contours::table.filter(contours::noun.eq(noun).and(contours::key.eq_any(keys)));
    let rows = rows.select((contours::key, (contours::west, contours::south, contours::east, contours::north), contours::geometry));
    let rows = rows.load_stream::<Drawn>(conn).await?;
    let (rows, ended) = budget.read(rows, |budget, (_, _, geometry)| budget.spend(geometry)).await?;
    let contour = |(west, south, east, north), geometry| Contour { bbox: [west, south, east, north], geometry };
    Ok((rows.into_iter().map(|(key, bbox, geometry)| (key, contour(bbox, geometry))).collect(), ended))
}

/// Stores the contour of a thing, and replaces the older one. Returns whether it changed.
pub async fn draw(noun: &str, key: &str, contour: &Contour, conn: &mut Conn) -> QueryResult<bool> {
    let [west, south, east, north] = contour.bbox;
    let bbox = (contours::west.eq(west), contours::south.eq(south), contours::east.eq(east), contours::north.eq(north));
    let draw = diesel::insert_into(contours::table)
        .values((contours::noun.eq(noun), contours::key.eq(key), bbox, contours::geometry.eq(&contour.geometry)))
        .on_conflict((contours::noun, contours::key))
        .do_update()
        .set((
            contours::west.eq(excluded(contours::west)),
            contours::south.eq(excluded(contours::south)),
            contours::east.eq(excluded(contours::east)),
            contours::north.eq(excluded(contours::north)),
            contours::geometry.eq(excluded(contours::geometry)),
        ));
    // The same contour again is not a change.
    let draw = diesel::query_dsl::methods::FilterDsl::filter(draw, contours::geometry.ne(excluded(contours::geometry)));
    Ok(draw.execute(conn).await? > 0)
}
