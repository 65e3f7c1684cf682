//! Places on the globe, and a mean of them that does not depend on the order of summation.

use serde::{Deserialize, Serialize};

const MICRODEGREES: f64 = 1e6;

/// A usable coordinate in degrees (WGS 84): within -90..90 / -180..180 and not exactly 0,0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinate {
    latitude: f64,
    longitude: f64,
}

impl Coordinate {
    /// `None` when the pair is out of range, not a number, or exactly 0,0 (the source's "unknown").
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let in_range = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        let unknown = latitude == 0.0 && longitude == 0.0;
        (in_range && !unknown).then_some(Self { latitude, longitude })
    }

    pub fn latitude(self) -> f64 {
        self.latitude
    }

    pub fn longitude(self) -> f64 {
        self.longitude
    }

    pub fn location(self) -> Location {
        Location { lat: self.latitude, lon: self.longitude }
    }
}

/// A point as documents show it: degrees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Location {
    pub lat: f64,
    pub lon: f64,
}

/// A sum of coordinates in whole microdegrees.
///
/// Integers, because a sum of floats depends on its order, and the mean must be the same for every
/// split of the log into partitions and batches (P2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoordinateSum {
    count: u32,
    latitude: i64,
    longitude: i64,
}

impl CoordinateSum {
    pub fn add(&mut self, coordinate: Option<Coordinate>) {
        if let Some(Coordinate { latitude, longitude }) = coordinate {
            self.count += 1;
            self.latitude += microdegrees(latitude);
            self.longitude += microdegrees(longitude);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.latitude += other.latitude;
        self.longitude += other.longitude;
    }

    /// Takes away what an earlier [`merge`](Self::merge) added.
    pub fn remove(&mut self, other: &Self) {
        self.count -= other.count;
        self.latitude -= other.latitude;
        self.longitude -= other.longitude;
    }

    /// The mean point, rounded to whole microdegrees; `None` without a usable coordinate.
    pub fn mean(&self) -> Option<Location> {
        let mean = |sum: i64| (sum as f64 / f64::from(self.count)).round() / MICRODEGREES;
        (self.count > 0).then(|| Location { lat: mean(self.latitude), lon: mean(self.longitude) })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a coordinate is at most 180e6 microdegrees")]
fn microdegrees(degrees: f64) -> i64 {
    (degrees * MICRODEGREES).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_real_places_are_usable() {
        assert_eq!(Coordinate::new(0.0, 0.0), None);
        assert_eq!(Coordinate::new(90.1, 0.0), None);
        assert_eq!(Coordinate::new(0.0, -180.5), None);
        assert_eq!(Coordinate::new(f64::NAN, 1.0), None);
        assert!(Coordinate::new(0.0, 1.0).is_some());
        assert!(Coordinate::new(-90.0, 180.0).is_some());
    }

    #[test]
    fn the_mean_is_the_same_in_any_order_and_can_be_taken_back() {
        let points = [(0.1, 0.2), (25.02, 121.45), (-33.87, 151.21)];
        let sum = |order: &[usize]| {
            let mut sum = CoordinateSum::default();
            for &index in order {
                sum.add(Coordinate::new(points[index].0, points[index].1));
            }
            sum
        };
        assert_eq!(sum(&[0, 1, 2]), sum(&[2, 0, 1]));
        let mut all = sum(&[0, 1, 2]);
        all.remove(&sum(&[1]));
        assert_eq!(all, sum(&[0, 2]));
        assert_eq!(sum(&[]).mean(), None);
        assert_eq!(sum(&[1]).mean(), Some(Location { lat: 25.02, lon: 121.45 }));
    }
}
