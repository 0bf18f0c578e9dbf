//! The vocabulary of the made-up shop: families, nouns, styles, colours, price points, countries.

/// A kind of article: its name and the range of [`POINTS`] that it is priced at.
pub(super) type Noun = (&'static str, u8, u8);

/// A family of articles that sell in the same season and are promoted together.
pub(super) struct Family {
    /// What may be sold.
    pub nouns: &'static [Noun],
    /// What stands before the noun.
    pub styles: &'static [&'static str],
    /// Relative demand by month, 100 is an ordinary month.
    pub season: [u16; 12],
}

/// Prices in pence, as shops like them.
pub(super) const POINTS: [u32; 32] = [
    19, 29, 39, 42, 55, 65, 72, 85, 95, 125, 145, 165, 195, 210, 255, 295, 325, 375, 425, 495, 595,
    675, 795, 850, 995, 1275, 1495, 1695, 1995, 2495, 2995, 3495,
];

/// Colours and the letter that each adds to a code.
pub(super) const COLOURS: [(&str, char); 8] = [
    ("RED", 'R'),
    ("BLUE", 'B'),
    ("PINK", 'P'),
    ("GREEN", 'G'),
    ("WHITE", 'W'),
    ("CREAM", 'C'),
    ("YELLOW", 'Y'),
    ("LILAC", 'L'),
];

/// Countries and their share of the customers in thousandths; the first is home.
pub(super) const COUNTRIES: [(&str, u32); 12] = [
    ("United Kingdom", 850),
    ("Germany", 28),
    ("France", 27),
    ("EIRE", 18),
    ("Spain", 15),
    ("Netherlands", 12),
    ("Belgium", 12),
    ("Switzerland", 10),
    ("Portugal", 9),
    ("Italy", 8),
    ("Australia", 6),
    ("Norway", 5),
];

/// What the stock room notes on a write-off.
pub(super) const NOTES: [&str; 8] = [
    "damaged",
    "broken in store",
    "lost in stock count",
    "wet boxes",
    "faded by the sun",
    "sample for buyer",
    "given to charity",
    "wrong label?",
];

const ALL_YEAR: [u16; 12] = [100; 12];
const GARDEN: [u16; 12] = [35, 55, 110, 170, 200, 190, 160, 110, 70, 40, 30, 25];
const CHRISTMAS: [u16; 12] = [12, 4, 3, 3, 4, 8, 20, 60, 150, 260, 330, 260];
const WINTER: [u16; 12] = [110, 95, 75, 65, 60, 60, 65, 85, 115, 140, 160, 160];
const SUMMER: [u16; 12] = [60, 70, 90, 115, 140, 150, 145, 115, 90, 75, 70, 80];
const SCHOOL: [u16; 12] = [95, 85, 85, 85, 85, 80, 95, 160, 130, 100, 105, 110];

const PATTERNS: &[&str] = &[
    "SPOTTY",
    "STRIPED",
    "FLORAL",
    "GINGHAM",
    "PAISLEY",
    "HEARTS",
    "ROSE",
    "STARRY",
    "DAISY",
    "STRAWBERRY",
    "OWL",
    "TARTAN",
];

/// The families; an article knows its family by the position here.
pub(super) const FAMILIES: [Family; 12] = [
    Family {
        nouns: &[
            ("MUG", 9, 15),
            ("JUG", 14, 20),
            ("BREAD BIN", 24, 28),
            ("CAKE TIN", 17, 21),
            ("EGG CUP", 7, 10),
            ("STORAGE JAR", 12, 17),
            ("MIXING BOWL", 17, 22),
            ("ROLLING PIN", 13, 17),
            ("TRAY", 14, 19),
        ],
        styles: &[
            "ENAMEL",
            "STONEWARE",
            "VINTAGE",
            "SPOTTY",
            "FARMHOUSE",
            "ROSE",
            "BISTRO",
        ],
        season: ALL_YEAR,
    },
    Family {
        nouns: &[
            ("GIFT BAG", 4, 9),
            ("JUMBO BAG", 12, 14),
            ("SHOPPER", 11, 14),
            ("WASH BAG", 12, 16),
            ("BACKPACK", 21, 25),
            ("PURSE", 14, 16),
            ("DRAWSTRING BAG", 9, 12),
        ],
        styles: PATTERNS,
        season: ALL_YEAR,
    },
    Family {
        nouns: &[
            ("LANTERN", 14, 21),
            ("T-LIGHT HOLDER", 9, 15),
            ("FAIRY LIGHTS", 18, 22),
            ("CANDLE PLATE", 12, 15),
            ("TABLE LAMP", 25, 29),
            ("PILLAR CANDLE", 8, 13),
            ("CHANDELIER", 27, 31),
        ],
        styles: &[
            "GLASS", "WIRE", "BRASS", "MOSAIC", "HANGING", "ANTIQUE", "STAR",
        ],
        season: WINTER,
    },
    Family {
        nouns: &[
            ("NOTEBOOK", 8, 13),
            ("GIFT WRAP", 3, 6),
            ("GREETING CARD", 3, 5),
            ("PENCIL CASE", 11, 14),
            ("RUBBER", 1, 4),
            ("MEMO BLOCK", 9, 12),
            ("PHOTO ALBUM", 18, 22),
            ("RULER", 4, 8),
        ],
        styles: PATTERNS,
        season: SCHOOL,
    },
    Family {
        nouns: &[
            ("WATERING CAN", 17, 23),
            ("PLANT POT", 9, 16),
            ("BIRD FEEDER", 13, 18),
            ("GARDEN SIGN", 10, 15),
            ("KNEELING MAT", 14, 17),
            ("SEED TIN", 9, 13),
            ("PARASOL", 25, 28),
        ],
        styles: &[
            "ZINC",
            "RUSTIC",
            "COTTAGE",
            "IRON",
            "TERRACOTTA",
            "POTTING SHED",
            "FERN",
        ],
        season: GARDEN,
    },
    Family {
        nouns: &[
            ("SKIPPING ROPE", 9, 13),
            ("DOMINOES", 9, 12),
            ("SPINNING TOP", 7, 10),
            ("PUZZLE", 11, 16),
            ("DOLL", 16, 20),
            ("PLAYHOUSE", 24, 28),
            ("YO-YO", 4, 8),
            ("MONEY BOX", 12, 16),
        ],
        styles: &[
            "WOODEN", "CIRCUS", "TIN", "PIRATE", "FAIRY", "DINOSAUR", "RETRO",
        ],
        season: WINTER,
    },
    Family {
        nouns: &[
            ("BAUBLE", 7, 11),
            ("GARLAND", 12, 18),
            ("STOCKING", 14, 17),
            ("WREATH", 18, 24),
            ("TREE DECORATION", 5, 10),
            ("ADVENT CALENDAR", 19, 23),
            ("GIFT TAGS", 3, 7),
            ("SNOW GLOBE", 15, 19),
        ],
        styles: &[
            "REINDEER", "FROSTED", "NORDIC", "GLITTER", "ROBIN", "FELT", "HOLLY",
        ],
        season: CHRISTMAS,
    },
    Family {
        nouns: &[
            ("BUNTING", 17, 20),
            ("NAPKINS PACK OF 20", 7, 9),
            ("PAPER CUPS SET OF 8", 5, 9),
            ("BALLOONS PACK OF 10", 5, 8),
            ("CAKE CASES", 4, 7),
            ("PARTY HATS", 6, 9),
            ("PICNIC PLATES SET OF 4", 14, 18),
        ],
        styles: PATTERNS,
        season: SUMMER,
    },
    Family {
        nouns: &[
            ("CUSHION COVER", 17, 21),
            ("TEA TOWEL", 12, 15),
            ("APRON", 17, 20),
            ("DOORMAT", 21, 23),
            ("OVEN GLOVE", 12, 15),
            ("THROW", 26, 30),
            ("HOT WATER BOTTLE", 18, 20),
            ("TABLECLOTH", 23, 26),
        ],
        styles: PATTERNS,
        season: ALL_YEAR,
    },
    Family {
        nouns: &[
            ("PHOTO FRAME", 13, 19),
            ("WALL CLOCK", 21, 26),
            ("COAT HOOK", 8, 13),
            ("METAL SIGN", 12, 16),
            ("MIRROR", 20, 26),
            ("DRAWER KNOB", 7, 10),
            ("BOX FRAME", 15, 20),
            ("MAGNETS PACK OF 4", 9, 12),
        ],
        styles: &[
            "VINTAGE",
            "WHITEWASHED",
            "RETRO",
            "OAK",
            "HEARTS",
            "SEASIDE",
            "PARISIAN",
        ],
        season: ALL_YEAR,
    },
    Family {
        nouns: &[
            ("SOAP", 8, 12),
            ("BATH SALTS", 13, 17),
            ("SOAP DISH", 11, 15),
            ("HAND CREAM", 14, 16),
            ("SCENTED SACHET", 4, 8),
            ("ROOM SPRAY", 15, 18),
            ("BATH SPONGE", 6, 9),
        ],
        styles: &[
            "LAVENDER", "ROSE", "LEMON", "VANILLA", "SEA SALT", "JASMINE", "FIG",
        ],
        season: ALL_YEAR,
    },
    Family {
        nouns: &[
            ("NECKLACE", 15, 22),
            ("BRACELET", 12, 18),
            ("HAIR CLIP", 5, 9),
            ("EARRINGS", 12, 17),
            ("BROOCH", 13, 17),
            ("HAIR BAND", 4, 8),
            ("RING", 9, 13),
        ],
        styles: &[
            "BEADED",
            "SHELL",
            "CRYSTAL",
            "PEARL",
            "ENAMEL",
            "BUTTERFLY",
            "SILVER",
        ],
        season: SUMMER,
    },
];

/// Articles of several kinds that are made to go together: family and noun of each, and the styles that they come in.
pub(super) type Suite = (&'static [(u8, Noun)], &'static [&'static str]);

/// The suites. Their nouns stand in no family, so that a name is never given twice.
pub(super) const SUITES: [Suite; 7] = [
    (
        &[
            (0, ("TEACUP", 14, 15)),
            (0, ("SAUCER", 9, 10)),
            (0, ("TEAPOT", 22, 24)),
        ],
        &[
            "REGENCY", "CHINTZ", "WILLOW", "HAREBELL", "DOTTED", "GOLD RIM",
        ],
    ),
    (
        &[(1, ("LUNCH BAG", 11, 12)), (1, ("LUNCH BOX", 12, 13))],
        &["SPACEBOY", "DOLLY GIRL", "TRACTOR", "CHERRY", "APPLE"],
    ),
    (
        &[
            (5, ("CHILDRENS CUP", 9, 11)),
            (5, ("CHILDRENS BOWL", 9, 11)),
            (5, ("CHILDRENS SPOON", 5, 7)),
        ],
        &["RABBIT", "ELEPHANT", "FARMYARD"],
    ),
    (
        &[
            (4, ("GARDEN GLOVES", 12, 13)),
            (4, ("TROWEL", 12, 14)),
            (4, ("TWINE", 9, 11)),
        ],
        &["HERB GARDEN", "ALLOTMENT"],
    ),
    (
        &[(8, ("PEG BAG", 14, 15)), (8, ("WASHING LINE", 12, 13))],
        &["MEADOW", "NAUTICAL", "DOVE"],
    ),
    (
        &[
            (6, ("CHRISTMAS CRACKERS", 18, 20)),
            (6, ("CHRISTMAS NAPKINS", 7, 8)),
        ],
        &["WOODLAND", "SKATER", "SNOWFLAKE"],
    ),
    (
        &[(7, ("CAKE STAND", 24, 25)), (7, ("DOILIES", 8, 9))],
        &["AFTERNOON TEA", "SWEETHEART"],
    ),
];
