//! Contours: where something lies, as GeoJSON says it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A file of GeoJSON (RFC 7946): a `FeatureCollection`.
#[derive(Debug, Deserialize)]
pub struct Features {
    /// What it has.
    pub features: Vec<Feature>,
}

/// A feature of such a file.
#[derive(Debug, Deserialize)]
pub struct Feature {
    /// What is said of it.
    pub properties: Option<Map<String, Value>>,
    /// Where it is, not checked yet.
    pub geometry: Value,
}

/// A contour, with the box that it lies in: `bbox` and `geometry` of a GeoJSON feature (RFC 7946), in WGS 84.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Contour {
    /// West, south, east, north, in degrees.
    #[schema(min_items = 4, max_items = 4)]
    pub bbox: [f64; 4],
    /// A `Polygon` or a `MultiPolygon`; of single communes, in the official files, `Point`, `MultiPoint` or a collection.
    #[schema(value_type = Object)]
    pub geometry: Value,
}

impl Contour {
    /// Checks a geometry: closed rings of at least four points, all on the Earth; the official files draw single communes as points.
    /// Errs with what is wrong.
    pub fn parse(geometry: &Value) -> Result<Self, String> {
        let mut bbox = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let geometry = checked(geometry, &mut bbox)?;
        Ok(Self { bbox, geometry })
    }
}

/// The geometry, and nothing else that came with it.
fn checked(geometry: &Value, bbox: &mut [f64; 4]) -> Result<Value, String> {
    let kind = geometry["type"].as_str().unwrap_or_default();
    let coordinates = &geometry["coordinates"];
    let several = |of: &Value| of.as_array().filter(|several| !several.is_empty()).cloned().ok_or(format!("a {kind} is of something"));
    match kind {
        "Point" => point(coordinates, bbox)?,
        "MultiPoint" => several(coordinates)?.iter().try_for_each(|coordinates| point(coordinates, bbox))?,
        "Polygon" => polygon(coordinates, bbox)?,
        "MultiPolygon" => several(coordinates)?.iter().try_for_each(|coordinates| polygon(coordinates, bbox))?,
        "GeometryCollection" => {
            let flat = |part: &Value| if part["type"] == "GeometryCollection" { Err("collections are not nested".to_owned()) } else { Ok(()) };
            let parts = several(&geometry["geometries"])?;
            parts.iter().try_for_each(flat)?;
            let parts: Vec<Value> = parts.iter().map(|part| checked(part, bbox)).collect::<Result<_, _>>()?;
            return Ok(serde_json::json!({ "type": kind, "geometries": parts }));
        }
        other => return Err(format!("{other:?} is no kind of contour: Polygon, MultiPolygon, points, or a collection of these")),
    }
    Ok(serde_json::json!({ "type": kind, "coordinates": coordinates }))
}

fn point(coordinates: &Value, bbox: &mut [f64; 4]) -> Result<(), String> {
    let (Some(east), Some(north)) = (coordinates[0].as_f64(), coordinates[1].as_f64()) else {
        return Err("a point is a longitude and a latitude".to_owned());
    };
    if !(-180.0..=180.0).contains(&east) || !(-90.0..=90.0).contains(&north) {
        return Err(format!("{east}, {north} is no longitude and latitude in degrees"));
    }
    *bbox = [bbox[0].min(east), bbox[1].min(north), bbox[2].max(east), bbox[3].max(north)];
    Ok(())
}

fn polygon(coordinates: &Value, bbox: &mut [f64; 4]) -> Result<(), String> {
    let rings = coordinates.as_array().filter(|rings| !rings.is_empty()).ok_or("a Polygon has rings")?;
    for ring in rings {
        let points = ring.as_array().filter(|points| points.len() >= 4).ok_or("a ring has at least four points")?;
        if points.first() != points.last() {
            return Err("a ring ends where it begins".to_owned());
        }
        points.iter().try_for_each(|coordinates| point(coordinates, bbox))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_contour_is_closed_and_on_the_earth() {
        let square = json!([[0.0, 48.0], [0.5, 48.0], [0.5, 48.5], [0.0, 48.0]]);
        let contour = Contour::parse(&json!({ "type": "Polygon", "coordinates": [square], "crs": "?" })).unwrap();
        assert_eq!(contour.bbox, [0.0, 48.0, 0.5, 48.5]);
        assert_eq!(contour.geometry, json!({ "type": "Polygon", "coordinates": [square] }));
        assert!(Contour::parse(&json!({ "type": "MultiPolygon", "coordinates": [[square], [square]] })).is_ok());
        let both = json!({ "type": "GeometryCollection", "geometries": [{ "type": "Point", "coordinates": [7.0, 43.5] }, { "type": "Polygon", "coordinates": [square] }] });
        assert_eq!(Contour::parse(&both).unwrap().bbox, [0.0, 43.5, 7.0, 48.5]);
        for wrong in [
            json!(null),
            json!({ "type": "LineString", "coordinates": [[0, 48], [1, 48]] }),
            json!({ "type": "MultiPoint", "coordinates": [] }),
            json!({ "type": "Polygon", "coordinates": [] }),
            json!({ "type": "Polygon", "coordinates": [[[0, 48], [1, 48], [1, 49], [0, 49]]] }),
            json!({ "type": "Polygon", "coordinates": [[[0, 48], [1, 48], ["1", 49], [0, 48]]] }),
            // Lambert 93, in metres.
            json!({ "type": "Polygon", "coordinates": [[[483_000, 6_817_000], [484_000, 6_817_000], [484_000, 6_818_000], [483_000, 6_817_000]]] }),
        ] {
            assert!(Contour::parse(&wrong).is_err(), "{wrong}");
        }
    }
}
