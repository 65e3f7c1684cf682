//! Where a fact happened: two fields, or a list of two numbers.

use super::fields::{Field, Path, Type};

const LATITUDES: [&str; 2] = ["latitude", "lat"];
const LONGITUDES: [&str; 4] = ["longitude", "lon", "lng", "long"];

/// Lists with the latitude first.
const PAIRS: [&str; 5] = ["ll", "latlon", "latlng", "loc", "location"];

/// Lists as in GeoJSON, with the longitude first.
const COORDINATES: &str = "coordinates";

/// Where the coordinates are.
#[derive(Debug)]
pub(super) enum Place {
    Fields { latitude: Path, longitude: Path, texts: bool },
    Pair { path: Path, latitude: usize, longitude: usize },
}

impl Place {
    pub(super) fn paths(&self) -> Vec<Path> {
        match self {
            Self::Fields { latitude, longitude, .. } => vec![latitude.clone(), longitude.clone()],
            Self::Pair { path, .. } => vec![path.clone()],
        }
    }

    /// As a program assigns it.
    pub(super) fn expression(&self) -> String {
        match self {
            Self::Fields { latitude, longitude, texts: false } => {
                format!("{{ \"lat\": {latitude}, \"lon\": {longitude} }}")
            }
            Self::Fields { latitude, longitude, texts: true } => format!(
                "{{ \"lat\": to_float({latitude}) ?? null, \"lon\": to_float({longitude}) ?? null }}"
            ),
            Self::Pair { path, latitude, longitude } => {
                format!("{{ \"lat\": {path}[{latitude}], \"lon\": {path}[{longitude}] }}")
            }
        }
    }
}

/// The first place that fields have; one that most messages have before others.
pub(super) fn find(fields: &[Field]) -> Option<Place> {
    let places = fields.iter().filter_map(|field| Some((field, place(field, fields)?)));
    let order = |(field, _): &(&Field, Place)| (usize::MAX - field.present, field.path.depth());
    places.min_by_key(order).map(|(_, place)| place)
}

fn place(field: &Field, fields: &[Field]) -> Option<Place> {
    let name = field.name().to_ascii_lowercase();
    if field.value_type == Type::Numbers && field.items == 2 * field.present {
        let order = PAIRS.contains(&&*name).then_some((0, 1));
        let (latitude, longitude) = order.or((name == COORDINATES).then_some((1, 0)))?;
        return Some(Place::Pair { path: field.path.clone(), latitude, longitude });
    }
    let before = prefix(&name, &LATITUDES)?;
    let beside = |other: &&Field| {
        let other_name = other.name().to_ascii_lowercase();
        other.path.parent() == field.path.parent()
            && prefix(&other_name, &LONGITUDES) == Some(before)
            && is_degrees(other, 180.0)
    };
    let other = fields.iter().find(beside).filter(|_| is_degrees(field, 90.0))?;
    let texts = [field, other].iter().any(|field| field.value_type == Type::Text);
    Some(Place::Fields { latitude: field.path.clone(), longitude: other.path.clone(), texts })
}

/// What stands before one of the endings.
fn prefix<'n>(name: &'n str, endings: &[&str]) -> Option<&'n str> {
    let before = endings.iter().find_map(|ending| name.strip_suffix(ending))?;
    (before.is_empty() || before.ends_with(['_', '-', '.'])).then_some(before)
}

fn is_degrees(field: &Field, most: f64) -> bool {
    let within = |degrees: f64| (-most..=most).contains(&degrees);
    match field.value_type {
        Type::Integer | Type::Float => within(field.smallest) && within(field.largest),
        Type::Text => {
            let degrees = |text: &String| text.parse().is_ok_and(within);
            !field.values.is_empty() && field.values.keys().all(degrees)
        }
        _ => false,
    }
}
