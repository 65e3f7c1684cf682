//! The pages that short links lead to, and the cities and pages from which people follow them.

use crate::random::{Random, Weighted};
use crate::requests::Browsers;

/// A city, as the stream named it, and how many clicks come from there.
#[derive(Debug)]
pub(super) struct City {
    pub(super) country: &'static str,
    pub(super) region: &'static str,
    pub(super) name: &'static str,
    pub(super) time_zone: &'static str,
    /// Latitude and longitude, in degrees.
    pub(super) place: (&'static str, &'static str),
    weight: f64,
}

const fn city(
    [country, region, name, time_zone]: [&'static str; 4],
    place: (&'static str, &'static str),
    weight: f64,
) -> City {
    City { country, region, name, time_zone, place, weight }
}

const CITIES: [City; 16] = [
    city(["US", "NY", "New York", "America/New_York"], ("40.7128", "-74.006"), 14.0),
    city(["US", "DC", "Washington", "America/New_York"], ("38.9007", "-77.0431"), 12.0),
    city(["US", "CA", "Los Angeles", "America/Los_Angeles"], ("34.0522", "-118.2437"), 9.0),
    city(["US", "IL", "Chicago", "America/Chicago"], ("41.8781", "-87.6298"), 7.0),
    city(["US", "TX", "Houston", "America/Chicago"], ("29.7604", "-95.3698"), 7.0),
    city(["US", "GA", "Atlanta", "America/New_York"], ("33.749", "-84.388"), 5.0),
    city(["US", "CO", "Denver", "America/Denver"], ("39.7392", "-104.9903"), 4.0),
    city(["US", "WA", "Seattle", "America/Los_Angeles"], ("47.6062", "-122.3321"), 4.0),
    city(["CA", "ON", "Toronto", "America/Toronto"], ("43.6532", "-79.3832"), 4.0),
    city(["GB", "H9", "London", "Europe/London"], ("51.5074", "-0.1278"), 5.0),
    city(["DE", "16", "Berlin", "Europe/Berlin"], ("52.52", "13.405"), 3.0),
    city(["FR", "A8", "Paris", "Europe/Paris"], ("48.8566", "2.3522"), 2.0),
    city(["BR", "27", "São Paulo", "America/Sao_Paulo"], ("-23.5505", "-46.6333"), 3.0),
    city(["JP", "40", "Tokyo", "Asia/Tokyo"], ("35.6762", "139.6503"), 3.0),
    city(["IN", "16", "Mumbai", "Asia/Kolkata"], ("19.076", "72.8777"), 3.0),
    city(["AU", "02", "Sydney", "Australia/Sydney"], ("-33.8688", "151.2093"), 2.0),
];

const HOSTS: [&str; 12] = [
    "www.nasa.gov",
    "www.weather.gov",
    "www.ncbi.nlm.nih.gov",
    "www.cdc.gov",
    "www.nps.gov",
    "www.usgs.gov",
    "www.loc.gov",
    "www.census.gov",
    "www.noaa.gov",
    "www.energy.gov",
    "www.irs.gov",
    "www.fema.gov",
];

const SUBJECTS: [&str; 10] =
    ["storm", "moon", "health", "parks", "maps", "history", "census", "ocean", "energy", "forms"];

/// Where links are, and how often they are followed there.
const REFERRERS: [(&str, f64); 8] = [
    ("direct", 45.0),
    ("http://t.co/", 20.0),
    ("http://m.facebook.com/", 14.0),
    ("http://www.facebook.com/", 8.0),
    ("http://news.example.com/science", 5.0),
    ("http://forum.example.net/t/17", 4.0),
    ("http://blog.example.net/links", 2.0),
    ("http://social.example.com/", 2.0),
];

#[derive(Debug)]
pub(super) struct World {
    page_law: Weighted,
    city_law: Weighted,
    referrer_law: Weighted,
    browsers: Browsers,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            page_law: Weighted::zipf(Self::pages(), 2.0),
            city_law: Weighted::new(CITIES.iter().map(|city| city.weight)),
            referrer_law: Weighted::new(REFERRERS.map(|(_, weight)| weight)),
            browsers: Browsers::new(),
        }
    }

    /// How many pages there are.
    pub(super) const fn pages() -> usize {
        HOSTS.len() * SUBJECTS.len()
    }

    /// Host and path of a page.
    pub(super) fn page(number: usize) -> (&'static str, &'static str) {
        (HOSTS[number % HOSTS.len()], SUBJECTS[number / HOSTS.len() % SUBJECTS.len()])
    }

    pub(super) fn draw_page(&self, random: &mut Random) -> usize {
        self.page_law.draw(random)
    }

    pub(super) fn draw_city(&self, random: &mut Random) -> &'static City {
        &CITIES[self.city_law.draw(random)]
    }

    pub(super) fn draw_referrer(&self, random: &mut Random) -> &'static str {
        REFERRERS[self.referrer_law.draw(random)].0
    }

    pub(super) fn draw_browser(&self, random: &mut Random) -> &'static str {
        self.browsers.draw(random)
    }
}
