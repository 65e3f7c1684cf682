//! Vocabulary for names of topics, groups, events and venues.

/// First halves of topic names.
#[rustfmt::skip] // A word list is easier to read in full lines.
pub(super) const MODIFIERS: &[&str] = &[
    "Weekend", "Urban", "Social", "Creative", "Modern", "Vintage", "Outdoor", "Indoor", "Advanced", "Beginner",
    "Family", "Evening", "Morning", "International", "Local", "Professional", "Casual", "Competitive", "Mindful",
    "Practical", "Experimental", "Classical", "Digital", "Independent", "Community", "Charity", "Student", "Senior",
    "Bilingual", "Remote", "Open Source", "Open Air", "Long Distance", "Small Group", "Women in", "Young Professionals",
    "Lunchtime", "Midnight", "Coastal", "Alpine", "Sustainable", "Vegetarian", "Acoustic", "Historic", "Slow", "Applied",
];

/// Second halves of topic names; also the commonest topics by themselves.
#[rustfmt::skip] // A word list is easier to read in full lines.
pub(super) const SUBJECTS: &[&str] = &[
    "Social", "Networking", "New in Town", "Outdoors", "Fun Times", "Hiking", "Fitness", "Adventure", "Dining Out",
    "Walking", "Singles", "Self-Improvement", "Nightlife", "Entrepreneurship", "Healthy Living", "Travel", "Wellness",
    "Language & Culture", "Sports", "Software Development", "Live Music", "Dancing", "New Technology", "Photography",
    "Meditation", "Yoga", "Board Games", "Startups", "Coffee", "Book Club", "Writing", "Film", "Cycling", "Running",
    "Painting", "Machine Learning", "Data Science", "Databases", "Stream Processing", "Web Development", "Robotics",
    "Electronics", "Gardening", "Cooking", "Wine Tasting", "Craft Beer", "Theatre", "Improvisation", "Chess", "Poker",
    "Badminton", "Volleyball", "Football", "Tennis", "Swimming", "Kayaking", "Sailing", "Climbing", "Camping",
    "Bird Watching", "Astronomy", "Philosophy", "Psychology", "History", "Economics", "Investing", "Real Estate",
    "Marketing", "Public Speaking", "Leadership", "Career Change", "Volunteering", "Parenting", "Dogs", "Cats",
    "Spanish", "French", "German", "Japanese", "Italian", "Portuguese", "Mandarin", "Sign Language", "Knitting",
    "Sewing", "Woodworking", "Pottery", "Drawing", "Singing", "Guitar", "Piano", "Jazz", "Salsa", "Tango", "Swing",
];

/// Words that an event adds to the name of its topic.
#[rustfmt::skip] // A word list is easier to read in full lines.
pub(crate) const OCCASIONS: &[&str] = &[
    "Evening", "for Beginners", "in the Park", "Workshop", "Walk & Talk", "Sunday Social", "Meet and Greet",
    "Round Table", "Open House", "Deep Dive: Questions, Answers and Stories from Practice", "on the River",
    "Monthly Gathering", "w/ Guest Speaker", "Practice Session", "Picnic", "Study Group", "Lightning Talks",
    "- Level B2/C1", "after Work", "Breakfast Club", "Spring Edition", "Trial Class (free)", "Weekend Trip",
];

/// First halves of group names, after the city.
#[rustfmt::skip] // A word list is easier to read in full lines.
pub(super) const GROUP_KINDS: &[&str] = &[
    "Society", "Club", "Circle", "Collective", "Friends", "Meetup", "Lovers", "Network", "Tribe", "Crew", "Guild",
    "Association", "Explorers", "Enthusiasts", "Forum",
];

/// First halves of venue names.
#[rustfmt::skip] // A word list is easier to read in full lines.
pub(super) const VENUE_NAMES: &[&str] = &[
    "Blue Door", "Old Mill", "Riverside", "Central", "Station", "Harbour", "Garden", "Market Hall", "Green Dragon",
    "North Gate", "Lakeside", "Corner", "Sunrise", "Two Bridges", "Lantern", "Copper Kettle", "Maple Tree",
];

/// Second halves of venue names.
#[rustfmt::skip] // A word list is easier to read in full lines.
pub(super) const VENUE_KINDS: &[&str] = &[
    "Cafe", "Pub", "Library", "Community Centre", "Park", "Coworking Space", "Sports Hall", "Studio", "Theatre",
    "Restaurant", "Church Hall", "University, Building 7", "Hotel Lobby", "Hackspace",
];
