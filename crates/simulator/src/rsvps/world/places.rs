//! Countries and cities that groups live in, with weights close to those of the recordings.

/// A country, and the relative number of its groups.
#[derive(Debug, Clone, Copy)]
pub(super) struct Country {
    /// Lower case, as the source writes it.
    pub(super) code: &'static str,
    /// Relative number of groups.
    pub(super) weight: u16,
    pub(super) cities: &'static [City],
}

/// A city and its centre in hundredths of a degree.
#[derive(Debug, Clone, Copy)]
pub(super) struct City {
    pub(super) name: &'static str,
    pub(super) lat_centidegrees: i64,
    pub(super) lon_centidegrees: i64,
    /// In the stream, only the United States and Canada have states.
    pub(super) state: Option<&'static str>,
}

/// All countries, the busiest first. About half of the weight has states.
#[rustfmt::skip] // One country to a line reads like the table it is.
pub(super) const COUNTRIES: &[Country] = &[
    country("us", 642, &[
        city("New York", 4074, -7400, Some("NY")), city("San Francisco", 3777, -12241, Some("CA")),
        city("Los Angeles", 3404, -11825, Some("CA")), city("Chicago", 4188, -8762, Some("IL")),
        city("Seattle", 4761, -12233, Some("WA")), city("Austin", 3027, -9774, Some("TX")),
        city("Boston", 4236, -7106, Some("MA")), city("Denver", 3975, -10500, Some("CO")),
        city("Atlanta", 3375, -8439, Some("GA")), city("Washington", 3891, -7702, Some("DC")),
        city("Miami", 2577, -8020, Some("FL")), city("Portland", 4552, -12267, Some("OR")),
        city("Phoenix", 3345, -11207, Some("AZ")), city("Las Vegas", 3611, -11527, Some("NV")),
        city("Minneapolis", 4498, -9327, Some("MN")),
    ]),
    country("gb", 220, &[
        city("London", 5152, -10, None), city("Manchester", 5348, -225, None), city("Edinburgh", 5595, -320, None),
        city("Bristol", 5145, -259, None), city("Leeds", 5381, -156, None), city("Nottingham", 5296, -115, None),
        city("Brighton", 5083, -15, None),
    ]),
    country("au", 105, &[
        city("Sydney", -3387, 15121, None), city("Melbourne", -3781, 14496, None), city("Brisbane", -2746, 15302, None),
        city("Perth", -3196, 11584, None), city("Adelaide", -3493, 13860, None),
    ]),
    country("ca", 90, &[
        city("Toronto", 4367, -7938, Some("ON")), city("Vancouver", 4928, -12313, Some("BC")),
        city("Montréal", 4551, -7355, Some("QC")), city("Calgary", 5105, -11407, Some("AB")),
        city("Ottawa", 4542, -7569, Some("ON")),
    ]),
    country("de", 62, &[
        city("Berlin", 5252, 1338, None), city("München", 4814, 1158, None), city("Hamburg", 5355, 1000, None),
        city("Köln", 5094, 696, None), city("Frankfurt", 5012, 868, None),
    ]),
    country("es", 55, &[
        city("Madrid", 4042, -371, None), city("Barcelona", 4140, 217, None), city("Valencia", 3948, -39, None),
    ]),
    country("fr", 45, &[
        city("Paris", 4886, 234, None), city("Lyon", 4576, 483, None), city("Toulouse", 4362, 145, None),
    ]),
    country("nl", 34, &[
        city("Amsterdam", 5237, 489, None), city("Rotterdam", 5193, 448, None), city("Utrecht", 5209, 512, None),
    ]),
    country("in", 32, &[
        city("Bangalore", 1297, 7756, None), city("Mumbai", 1896, 7282, None), city("New Delhi", 2860, 7722, None),
        city("Hyderabad", 1739, 7847, None),
    ]),
    country("il", 28, &[
        city("Tel Aviv-Yafo", 3207, 3477, None), city("Jerusalem", 3178, 3522, None), city("Haifa", 3282, 3499, None),
    ]),
    country("jp", 28, &[
        city("Tokyo", 3567, 13977, None), city("Osaka", 3468, 13552, None), city("Kyoto", 3501, 13575, None),
    ]),
    country("ae", 26, &[city("Dubai", 2527, 5533, None), city("Abu Dhabi", 2448, 5437, None)]),
    country("hk", 20, &[city("Hong Kong", 2227, 11414, None)]),
    country("sg", 19, &[city("Singapore", 130, 10385, None)]),
    country("ie", 18, &[city("Dublin", 5333, -625, None), city("Cork", 5190, -847, None)]),
    country("ch", 17, &[city("Zürich", 4738, 854, None), city("Genève", 4621, 614, None)]),
    country("kr", 15, &[city("Seoul", 3756, 12699, None), city("Busan", 3511, 12903, None)]),
    country("th", 14, &[city("Bangkok", 1373, 10050, None), city("Chiang Mai", 1879, 9898, None)]),
    country("be", 12, &[city("Bruxelles", 5083, 433, None), city("Antwerpen", 5122, 442, None)]),
    country("dk", 11, &[city("København", 5568, 1257, None)]),
    country("se", 11, &[city("Stockholm", 5933, 1807, None), city("Göteborg", 5772, 1201, None)]),
    country("it", 11, &[city("Milano", 4548, 919, None), city("Roma", 4190, 1250, None)]),
    country("pl", 10, &[city("Warszawa", 5226, 2102, None), city("Kraków", 5006, 1996, None)]),
    country("br", 10, &[city("São Paulo", -2353, -4663, None), city("Rio de Janeiro", -2291, -4320, None)]),
    country("mx", 9, &[city("Ciudad de México", 1943, -9914, None), city("Guadalajara", 2067, -10335, None)]),
    country("at", 8, &[city("Wien", 4822, 1637, None)]),
    country("tw", 8, &[city("Taipei", 2502, 12145, None)]),
    country("cn", 8, &[city("Shanghai", 3123, 12147, None), city("Beijing", 3993, 11640, None)]),
    country("za", 7, &[city("Cape Town", -3393, 1846, None), city("Johannesburg", -2619, 2804, None)]),
    country("nz", 7, &[city("Auckland", -3687, 17477, None), city("Wellington", -4128, 17478, None)]),
    country("pt", 6, &[city("Lisboa", 3872, -914, None)]),
    country("no", 6, &[city("Oslo", 5991, 1075, None)]),
    country("my", 5, &[city("Kuala Lumpur", 316, 10171, None)]),
    country("ru", 5, &[city("Moscow", 5575, 3762, None)]),
    country("ar", 5, &[city("Buenos Aires", -3461, -5837, None)]),
    country("tr", 4, &[city("Istanbul", 4110, 2900, None)]),
    country("cz", 4, &[city("Praha", 5008, 1443, None)]),
    country("fi", 4, &[city("Helsinki", 6017, 2494, None)]),
    country("gr", 4, &[city("Athens", 3798, 2373, None)]),
    country("hu", 4, &[city("Budapest", 4751, 1908, None)]),
    country("ro", 4, &[city("Bucharest", 4444, 2610, None)]),
    country("ph", 3, &[city("Manila", 1462, 12097, None)]),
    country("id", 3, &[city("Jakarta", -617, 10683, None)]),
    country("cl", 3, &[city("Santiago", -3346, -7064, None)]),
    country("co", 3, &[city("Bogotá", 463, -7409, None)]),
    country("eg", 3, &[city("Cairo", 3006, 3125, None)]),
    country("pk", 2, &[city("Lahore", 3156, 7435, None)]),
    country("vn", 2, &[city("Ho Chi Minh City", 1078, 10669, None)]),
    country("ke", 2, &[city("Nairobi", -129, 3682, None)]),
    country("ng", 2, &[city("Lagos", 644, 339, None)]),
    country("pe", 2, &[city("Lima", -1207, -7705, None)]),
    country("ua", 2, &[city("Kiev", 5043, 3052, None)]),
    country("bg", 2, &[city("Sofia", 4269, 2331, None)]),
    country("rs", 1, &[city("Beograd", 4482, 2050, None)]),
    country("lt", 1, &[city("Vilnius", 5470, 2527, None)]),
    country("lv", 1, &[city("Riga", 5697, 2413, None)]),
    country("qa", 1, &[city("Doha", 2530, 5151, None)]),
];

const fn country(code: &'static str, weight: u16, cities: &'static [City]) -> Country {
    Country { code, weight, cities }
}

const fn city(name: &'static str, lat: i64, lon: i64, state: Option<&'static str>) -> City {
    City { name, lat_centidegrees: lat, lon_centidegrees: lon, state }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_distinct_and_coordinates_plausible() {
        let codes: std::collections::BTreeSet<_> =
            COUNTRIES.iter().map(|country| country.code).collect();
        assert_eq!(codes.len(), 57);
        for city in COUNTRIES.iter().flat_map(|country| country.cities) {
            assert!(
                city.lat_centidegrees.abs() <= 9000 && city.lon_centidegrees.abs() <= 18_000,
                "{}",
                city.name
            );
        }
    }
}
