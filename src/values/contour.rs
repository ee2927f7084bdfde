//! Contours: where something lies, as GeoJSON says it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// A feature of a GeoJSON text (RFC 7946).
#[derive(Debug)]
pub struct Feature {
    /// What is said of it.
    pub properties: Map<String, Value>,
    /// Where it is, not checked yet.
    pub geometry: Value,
}

impl Feature {
    /// The features of a GeoJSON text: those of a `FeatureCollection`, or a `Feature` alone. Errs with what is wrong.
    pub fn read(text: &[u8]) -> Result<Vec<Self>, String> {
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        // serde_json tells the line and the column.
        let mut whole: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let features = match whole["type"].as_str() {
            Some("Feature") => vec![whole],
            Some("FeatureCollection") => match whole["features"].take() {
                Value::Array(features) => features,
                _ => return Err("a FeatureCollection has features".to_owned()),
            },
            Some(kind) if GEOMETRIES.contains(&kind) => return Err(format!("a {kind} alone does not say what it is of: a Feature does")),
            _ => return Err("is not GeoJSON: neither a FeatureCollection nor a Feature".to_owned()),
        };
        (1..).zip(features).map(|(number, feature)| Self::of(feature).ok_or_else(|| format!("feature {number} is not a Feature"))).collect()
    }

    fn of(mut feature: Value) -> Option<Self> {
        let properties = match feature["properties"].take() {
            Value::Object(properties) => properties,
            Value::Null => Map::new(),
            _ => return None,
        };
        (feature["type"] == "Feature").then(|| Self { properties, geometry: feature["geometry"].take() })
    }
}

/// The geometries of GeoJSON.
const GEOMETRIES: [&str; 7] = ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"];

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
    /// Checks a geometry: closed rings of at least four points, all on the Earth; the official files draw single communes as points. A
    /// geometry that is null or empty is no contour. Errs with what is wrong.
    pub fn parse(geometry: &Value) -> Result<Option<Self>, String> {
        let mut bbox = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        Ok(checked(geometry, &mut bbox)?.map(|geometry| Self { bbox, geometry }))
    }

    /// The contour of both parts of one thing: a `MultiPolygon` of polygons. A part that is there already is not added.
    pub fn join(self, other: Self) -> Self {
        let [west, south, east, north] = other.bbox;
        let bbox = [self.bbox[0].min(west), self.bbox[1].min(south), self.bbox[2].max(east), self.bbox[3].max(north)];
        let mut parts = parts(self.geometry);
        for part in self::parts(other.geometry) {
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        let all = |kind: &str| parts.iter().all(|part| part["type"] == kind);
        let kind = ["Polygon", "Point"].into_iter().find(|kind| all(kind));
        let geometry = match kind {
            Some(_) if parts.len() == 1 => parts.remove(0),
            Some(kind) => {
                let coordinates: Vec<Value> = parts.iter_mut().map(|part| part["coordinates"].take()).collect();
                json!({ "type": format!("Multi{kind}"), "coordinates": coordinates })
            }
            None => json!({ "type": "GeometryCollection", "geometries": parts }),
        };
        Self { bbox, geometry }
    }
}

/// The polygons and points that a checked geometry is made of.
fn parts(mut geometry: Value) -> Vec<Value> {
    let several = |value: Value| if let Value::Array(several) = value { several } else { Vec::new() };
    match geometry["type"].as_str() {
        Some("MultiPolygon") => {
            several(geometry["coordinates"].take()).into_iter().map(|one| json!({ "type": "Polygon", "coordinates": one })).collect()
        }
        Some("MultiPoint") => several(geometry["coordinates"].take()).into_iter().map(|one| json!({ "type": "Point", "coordinates": one })).collect(),
        Some("GeometryCollection") => several(geometry["geometries"].take()).into_iter().flat_map(parts).collect(),
        _ => vec![geometry],
    }
}

/// The geometry, and nothing else that came with it; nothing when it is null or empty.
fn checked(geometry: &Value, bbox: &mut [f64; 4]) -> Result<Option<Value>, String> {
    if geometry.is_null() {
        return Ok(None);
    }
    let kind = geometry["type"].as_str().unwrap_or_default();
    if kind == "GeometryCollection" {
        let parts = geometry["geometries"].as_array().ok_or("a GeometryCollection has geometries")?;
        let parts: Vec<Value> = parts.iter().filter_map(|part| checked(part, bbox).transpose()).collect::<Result<_, _>>()?;
        return Ok((!parts.is_empty()).then(|| json!({ "type": kind, "geometries": parts })));
    }
    if !matches!(kind, "Point" | "MultiPoint" | "Polygon" | "MultiPolygon") {
        return Err(format!("{kind:?} is no kind of contour: Polygon, MultiPolygon, points, or a collection of these"));
    }
    let coordinates = &geometry["coordinates"];
    let several = coordinates.as_array().ok_or_else(|| format!("a {kind} has coordinates"))?;
    if several.is_empty() {
        return Ok(None);
    }
    match kind {
        "Point" => point(coordinates, bbox)?,
        "Polygon" => polygon(coordinates, bbox)?,
        "MultiPoint" => several.iter().try_for_each(|coordinates| point(coordinates, bbox))?,
        _ => several.iter().try_for_each(|coordinates| polygon(coordinates, bbox))?,
    }
    Ok(Some(json!({ "type": kind, "coordinates": coordinates })))
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
    // As numbers: 0 is 0.0.
    let position = |point: Option<&Value>| point.and_then(Value::as_array).map(|numbers| numbers.iter().map(Value::as_f64).collect::<Vec<_>>());
    for ring in rings {
        let points = ring.as_array().filter(|points| points.len() >= 4).ok_or("a ring has at least four points")?;
        points.iter().try_for_each(|coordinates| point(coordinates, bbox))?;
        if position(points.first()) != position(points.last()) {
            return Err("a ring ends where it begins".to_owned());
        }
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
        let parse = |geometry: &Value| Contour::parse(geometry).unwrap().unwrap();
        let contour = parse(&json!({ "type": "Polygon", "coordinates": [square], "crs": "?" }));
        assert_eq!(contour.bbox, [0.0, 48.0, 0.5, 48.5]);
        assert_eq!(contour.geometry, json!({ "type": "Polygon", "coordinates": [square] }));
        parse(&json!({ "type": "MultiPolygon", "coordinates": [[square], [square]] }));
        let both = json!({ "type": "GeometryCollection", "geometries": [{ "type": "Point", "coordinates": [7.0, 43.5] },
            { "type": "GeometryCollection", "geometries": [{ "type": "Polygon", "coordinates": [square] }] }] });
        assert_eq!(parse(&both).bbox, [0.0, 43.5, 7.0, 48.5]);
        // Numbers are equal in value, and may have a height beside them.
        parse(&json!({ "type": "Polygon", "coordinates": [[[0, 48, 1], [0.5, 48.0], [0.5, 48.5], [0.0, 4.8e1, 1.0]]] }));
        for none in [json!(null), json!({ "type": "MultiPoint", "coordinates": [] }), json!({ "type": "GeometryCollection", "geometries": [] })] {
            assert_eq!(Contour::parse(&none), Ok(None), "{none}");
        }
        for wrong in [
            json!({}),
            json!({ "type": "LineString", "coordinates": [[0, 48], [1, 48]] }),
            json!({ "type": "Polygon", "coordinates": [[]] }),
            json!({ "type": "Polygon", "coordinates": [[[0, 48], [1, 48], [1, 49], [0, 49]]] }),
            json!({ "type": "Polygon", "coordinates": [[[0, 48], [1, 48], ["1", 49], [0, 48]]] }),
            // Lambert 93, in metres.
            json!({ "type": "Polygon", "coordinates": [[[483_000, 6_817_000], [484_000, 6_817_000], [484_000, 6_818_000], [483_000, 6_817_000]]] }),
        ] {
            assert!(Contour::parse(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_parts_of_a_thing_are_one_contour() {
        let square = |west: f64| json!([[[west, 48.0], [west + 0.5, 48.0], [west + 0.5, 48.5], [west, 48.0]]]);
        let contour = |kind: &str, coordinates: Value| Contour::parse(&json!({ "type": kind, "coordinates": coordinates })).unwrap().unwrap();
        let [first, second] = [0.0, 1.0].map(|west| contour("Polygon", square(west)));
        let both = first.clone().join(second);
        assert_eq!(both.geometry, json!({ "type": "MultiPolygon", "coordinates": [square(0.0), square(1.0)] }));
        assert_eq!(both.bbox, [0.0, 48.0, 1.5, 48.5]);
        assert_eq!(both.clone().join(contour("MultiPolygon", json!([square(1.0)]))), both);
        assert_eq!(first.clone().join(first.clone()), first);
        let mixed = first.join(contour("Point", json!([7.0, 43.5])));
        assert_eq!(mixed.geometry["geometries"][1], json!({ "type": "Point", "coordinates": [7.0, 43.5] }));
    }

    #[test]
    fn a_feature_may_stand_alone() {
        let alone = json!({ "type": "Feature", "id": 1, "bbox": [0, 0, 1, 1], "properties": null, "geometry": null });
        assert!(Feature::read(alone.to_string().as_bytes()).is_ok_and(|features| features.len() == 1));
        let several = json!({ "type": "FeatureCollection", "features": [alone, alone], "crs": null });
        assert!(Feature::read(format!("\u{feff}{several}").as_bytes()).is_ok_and(|features| features.len() == 2));
        for (wrong, told) in [
            (json!({ "type": "Point", "coordinates": [0, 48] }), "alone"),
            (json!({ "type": "Topology" }), "is not GeoJSON"),
            (json!({ "type": "FeatureCollection", "features": [alone, { "type": "Point" }] }), "feature 2"),
        ] {
            assert!(Feature::read(wrong.to_string().as_bytes()).unwrap_err().contains(told), "{wrong}");
        }
    }
}
