//! The contours of things, kept apart from them: they are large, and seldom asked for.

use std::collections::HashMap;

use diesel::{prelude::*, result::QueryResult, upsert::excluded};
use diesel_async::RunQueryDsl;

use super::Conn;
use crate::{schema::contours, values::Contour};

/// A row: whose it is, west, south, east, north, and the geometry.
type Drawn = (String, (f64, f64, f64, f64), serde_json::Value);

/// The contours of the things of a noun that bear these keys, as far as there are any: in one statement.
pub async fn drawn(noun: &str, keys: &[String], conn: &mut Conn) -> QueryResult<HashMap<String, Contour>> {
    let rows = contours::table.filter(contours::noun.eq(noun).and(contours::key.eq_any(keys)));
    let rows = rows.select((contours::key, (contours::west, contours::south, contours::east, contours::north), contours::geometry));
    let rows: Vec<Drawn> = rows.load(conn).await?;
    let contour = |(west, south, east, north), geometry| Contour { bbox: [west, south, east, north], geometry };
    Ok(rows.into_iter().map(|(key, bbox, geometry)| (key, contour(bbox, geometry))).collect())
}

/// Keeps the contour of a thing, in the place of the one it had. Says whether it is another one.
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
    // The same contour again is no other one.
    let draw = diesel::query_dsl::methods::FilterDsl::filter(draw, contours::geometry.ne(excluded(contours::geometry)));
    Ok(draw.execute(conn).await? > 0)
}
