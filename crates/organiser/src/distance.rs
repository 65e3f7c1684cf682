//! Distances on the globe.

use pulso_model::Location;

/// The mean radius of the earth, R1 of the IUGG.
const EARTH_RADIUS_KM: f64 = 6_371.008_8;

/// The great-circle distance by the haversine formula, which stays exact for points that are near
/// each other, where the spherical law of cosines does not.
pub fn haversine_km(a: Location, b: Location) -> f64 {
    let half_sine = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin();
    let (north, east) = (half_sine(a.lat, b.lat), half_sine(a.lon, b.lon));
    let parallels = a.lat.to_radians().cos() * b.lat.to_radians().cos();
    let chord = (north * north + parallels * east * east).clamp(0.0, 1.0);
    2.0 * EARTH_RADIUS_KM * chord.sqrt().asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: (f64, f64), b: (f64, f64), expected_km: f64) {
        let at = |(lat, lon)| Location { lat, lon };
        let km = haversine_km(at(a), at(b));
        assert!((km - expected_km).abs() < 0.01, "{km} km, not {expected_km}");
        assert_eq!(km, haversine_km(at(b), at(a)));
    }

    #[test]
    fn distances_are_great_circles() {
        let quarter = EARTH_RADIUS_KM * std::f64::consts::FRAC_PI_2;
        check((0.0, 0.0), (0.0, 0.0), 0.0);
        check((0.0, 0.0), (0.0, 90.0), quarter);
        check((90.0, 0.0), (-90.0, 77.0), 2.0 * quarter);
        check((10.0, 179.0), (10.0, -179.0), 219.01);
        check((48.137, 11.575), (52.52, 13.405), 504.34);
        check((48.137, 11.575), (48.137, 11.575_1), 0.007);
    }
}
