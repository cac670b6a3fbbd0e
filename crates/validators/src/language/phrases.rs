//! The phrases, lower-case, words apart by one space; `#` is an age from 25 to 99, `##` any number of two digits.
//!
//! Taken from what the regulations themselves name as unlawful, and from what the Equal Employment Opportunity
//! Commission calls a prohibited practice in advertisements; each ground says where.

/// What a phrase prefers or excludes people by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ground {
    Age,
    Sex,
    Family,
    NationalOrigin,
    Citizenship,
    Religion,
    Race,
    Disability,
}

impl Ground {
    pub(super) const fn rule(self) -> &'static str {
        match self {
            Self::Age => "language_age",
            Self::Sex => "language_sex",
            Self::Family => "language_family",
            Self::NationalOrigin => "language_national_origin",
            Self::Citizenship => "language_citizenship",
            Self::Religion => "language_religion",
            Self::Race => "language_race",
            Self::Disability => "language_disability",
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Sex => "sex",
            Self::Family => "pregnancy or family",
            Self::NationalOrigin => "national origin",
            Self::Citizenship => "citizenship",
            Self::Religion => "religion",
            Self::Race => "race or colour",
            Self::Disability => "disability",
        }
    }

    /// Where it is forbidden to employers and, in the same words, to employment agencies.
    pub(super) const fn citation(self) -> &'static str {
        match self {
            Self::Age => "29 U.S.C. 623(e) (ADEA), 29 CFR 1625.4",
            Self::Sex => "42 U.S.C. 2000e-3(b) (Title VII), 29 CFR 1604.5",
            Self::Family => "42 U.S.C. 2000e(k) and 2000e-3(b) (Title VII, pregnancy), 29 CFR 1604.10",
            Self::NationalOrigin => "42 U.S.C. 2000e-3(b) (Title VII), 29 CFR 1606",
            Self::Citizenship => "8 U.S.C. 1324b(a)(1), unless law or contract requires it (1324b(a)(2)(C))",
            Self::Religion => "42 U.S.C. 2000e-3(b) (Title VII), 29 CFR 1605",
            Self::Race => "42 U.S.C. 2000e-3(b) (Title VII), 42 U.S.C. 1981",
            Self::Disability => "42 U.S.C. 12112 (ADA), 29 CFR 1630",
        }
    }
}

/// When a phrase means something else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unless {
    /// It stands directly before one of these words.
    pub(super) before: &'static [&'static str],
    /// It stands directly after one of these words.
    pub(super) after: &'static [&'static str],
    /// It is capitalised as a name is.
    pub(super) is_name: bool,
    /// It is one of two, so that both sexes are named: "waiter/waitress", "salesmen and saleswomen".
    pub(super) is_of_pair: bool,
}

const ALWAYS: Unless = Unless { before: &[], after: &[], is_name: false, is_of_pair: false };

const fn before(words: &'static [&'static str]) -> Unless {
    Unless { before: words, ..ALWAYS }
}

/// Words that are flagged wherever they stand together.
pub(super) struct Phrase {
    pub(super) words: &'static str,
    pub(super) ground: Ground,
    pub(super) instead: &'static str,
    pub(super) unless: Unless,
}

const fn phrase(ground: Ground, words: &'static str, instead: &'static str) -> Phrase {
    Phrase { words, ground, instead, unless: ALWAYS }
}

const fn native(words: &'static str) -> Phrase {
    let unless = Unless { after: &["non"], ..ALWAYS };
    Phrase { words, ground: NationalOrigin, instead: LANGUAGE, unless }
}

const fn title(words: &'static str) -> Phrase {
    let unless = Unless { is_of_pair: true, ..ALWAYS };
    Phrase { words, ground: Sex, instead: TITLE, unless }
}

const EXPERIENCE: &str = "name the experience or the skill that the job takes, not an age";
const NO_AGE: &str = "take the age out, or give only a minimum that a law sets (18 or older, 21 or older)";
const NO_SEX: &str = "say who can do the job, not which sex: worker, applicant, person";
const TITLE: &str = "use the title for either sex";
const NO_FAMILY: &str = "ask only whether the hours and duties can be met";
const LANGUAGE: &str = "name the level of the language that the job takes: fluent in English, for the phone";
const NO_ORIGIN: &str = "say what the job takes, not where people are from";
const AUTHORISED: &str = "write: must be authorised to work in the United States";
const NO_RELIGION: &str = "take the religion out; name the days and hours instead";
const NO_RACE: &str = "take the race or colour out";
const DUTIES: &str = "name the duty: lifts 50 lb, with or without reasonable accommodation";

/// Those whom a draft may address, but not ask for: "young adults" as those who are served, trained or cared for.
const SERVED: &[&str] = &[
    "adult",
    "adults",
    "animals",
    "artists",
    "athletes",
    "audience",
    "audiences",
    "bird",
    "birds",
    "child",
    "children",
    "children's",
    "fish",
    "learners",
    "livestock",
    "offender",
    "offenders",
    "ones",
    "patient",
    "patients",
    "plants",
    "readers",
    "stock",
    "student",
    "students",
    "trees",
    "women's",
    "men's",
];
const CAMPUS: &[&str] = &[
    "advising",
    "affairs",
    "aid",
    "athletes",
    "center",
    "debt",
    "financial",
    "housing",
    "loan",
    "loans",
    "records",
    "services",
    "union",
    "volunteers",
];

use Ground::{Age, Citizenship, Disability, Family, NationalOrigin, Race, Religion, Sex};

#[rustfmt::skip]
pub(super) static PHRASES: &[Phrase] = &[
    // 29 CFR 1625.4(a) names: age 25 to 35, young, college student, recent college graduate, boy, girl.
    Phrase { words: "young", ground: Age, instead: EXPERIENCE, unless: Unless { before: SERVED, is_name: true, ..ALWAYS } },
    Phrase { words: "younger", ground: Age, instead: EXPERIENCE, unless: Unless { before: SERVED, is_name: true, after: &["or", "years", "and"], ..ALWAYS } },
    phrase(Age, "youthful", EXPERIENCE),
    phrase(Age, "college student", EXPERIENCE),
    Phrase { words: "college students", ground: Age, instead: EXPERIENCE, unless: before(CAMPUS) },
    phrase(Age, "recent graduate", EXPERIENCE),
    phrase(Age, "recent graduates", EXPERIENCE),
    phrase(Age, "recent grad", EXPERIENCE),
    phrase(Age, "recent grads", EXPERIENCE),
    phrase(Age, "recent college graduate", EXPERIENCE),
    phrase(Age, "recent college graduates", EXPERIENCE),
    phrase(Age, "recent college grad", EXPERIENCE),
    phrase(Age, "recent college grads", EXPERIENCE),
    phrase(Age, "recently graduated", EXPERIENCE),
    phrase(Age, "digital native", EXPERIENCE),
    phrase(Age, "digital natives", EXPERIENCE),
    phrase(Age, "fresh blood", EXPERIENCE),
    phrase(Age, "overqualified", EXPERIENCE),
    phrase(Age, "too old", EXPERIENCE),
    phrase(Age, "old timers", EXPERIENCE),
    phrase(Age, "no old people", EXPERIENCE),
    phrase(Age, "no older people", EXPERIENCE),
    phrase(Age, "no older workers", EXPERIENCE),
    phrase(Age, "no seniors", EXPERIENCE),
    phrase(Age, "no retirees", EXPERIENCE),
    phrase(Age, "no boomers", EXPERIENCE),
    phrase(Age, "how old are you", NO_AGE),
    phrase(Age, "maximum age", NO_AGE),
    phrase(Age, "max age", NO_AGE),
    phrase(Age, "age limit", NO_AGE),
    phrase(Age, "age # or younger", NO_AGE),
    phrase(Age, "age ## to #", NO_AGE),
    phrase(Age, "age ## #", NO_AGE),
    phrase(Age, "ages ## to #", NO_AGE),
    phrase(Age, "ages ## #", NO_AGE),
    phrase(Age, "aged ## to #", NO_AGE),
    phrase(Age, "aged ## #", NO_AGE),
    phrase(Age, "age between ## and #", NO_AGE),
    phrase(Age, "between ages ## and #", NO_AGE),
    phrase(Age, "between the ages of ## and #", NO_AGE),
    phrase(Age, "## to # years old", NO_AGE),
    phrase(Age, "## # years old", NO_AGE),
    phrase(Age, "# or younger", NO_AGE),
    phrase(Age, "# and under", NO_AGE),
    phrase(Age, "younger than #", NO_AGE),
    phrase(Age, "no older than #", NO_AGE),
    phrase(Age, "not older than #", NO_AGE),
    phrase(Age, "nobody over #", NO_AGE),
    phrase(Age, "no one over #", NO_AGE),
    phrase(Age, "must be under #", NO_AGE),
    phrase(Age, "under age #", NO_AGE),
    phrase(Age, "under the age of #", NO_AGE),
    phrase(Age, "under # years", NO_AGE),
    phrase(Age, "below # years", NO_AGE),
    phrase(Age, "up to # years old", NO_AGE),
    phrase(Age, "up to # years of age", NO_AGE),

    // 29 CFR 1604.5: a preference by sex in an advertisement.
    Phrase { words: "boy", ground: Sex, instead: NO_SEX, unless: Unless { before: &["scout", "scouts"], is_name: true, ..ALWAYS } },
    Phrase { words: "girl", ground: Sex, instead: NO_SEX, unless: Unless { before: &["scout", "scouts"], is_name: true, ..ALWAYS } },
    phrase(Sex, "girl friday", NO_SEX),
    phrase(Sex, "strong man", NO_SEX),
    phrase(Sex, "strong men", NO_SEX),
    phrase(Sex, "strong guys", NO_SEX),
    phrase(Sex, "strong male", NO_SEX),
    phrase(Sex, "strong males", NO_SEX),
    phrase(Sex, "guys only", NO_SEX),
    phrase(Sex, "man's job", NO_SEX),
    phrase(Sex, "woman's job", NO_SEX),
    phrase(Sex, "gentlemen only", NO_SEX),
    phrase(Sex, "ladies only", NO_SEX),
    title("cleaning lady"),
    title("cleaning ladies"),
    title("delivery man"),
    title("delivery boy"),
    title("handyman"),
    title("repairman"),
    title("salesman"),
    title("salesmen"),
    title("saleswoman"),
    title("stewardess"),
    title("waitress"),
    title("waitresses"),
    title("barmaid"),
    title("busboy"),
    title("busboys"),

    phrase(Family, "are you pregnant", NO_FAMILY),
    phrase(Family, "not pregnant", NO_FAMILY),
    phrase(Family, "no pregnant", NO_FAMILY),
    phrase(Family, "not be pregnant", NO_FAMILY),
    phrase(Family, "if you are pregnant", NO_FAMILY),
    phrase(Family, "planning a family", NO_FAMILY),
    phrase(Family, "plan to have children", NO_FAMILY),
    phrase(Family, "planning to have children", NO_FAMILY),
    phrase(Family, "do you have children", NO_FAMILY),
    phrase(Family, "do you have kids", NO_FAMILY),
    phrase(Family, "are you married", NO_FAMILY),
    Phrase { words: "no kids", ground: Family, instead: NO_FAMILY, unless: before(&["allowed", "on", "in", "under"]) },
    phrase(Family, "without children", NO_FAMILY),
    phrase(Family, "without kids", NO_FAMILY),
    Phrase { words: "unmarried", ground: Family, instead: NO_FAMILY, unless: before(&["child", "children", "daughter", "dependent", "dependents", "son"]) },
    phrase(Family, "must be single", NO_FAMILY),
    phrase(Family, "must not be married", NO_FAMILY),
    phrase(Family, "single women", NO_FAMILY),
    phrase(Family, "single men", NO_FAMILY),
    phrase(Family, "no family obligations", NO_FAMILY),
    phrase(Family, "no family commitments", NO_FAMILY),
    phrase(Family, "no childcare issues", NO_FAMILY),

    // EEOC Enforcement Guidance on National Origin Discrimination (2016), parts IV and V: fluency may be asked for where the
    // job takes it, being a native speaker, an accent or English alone may not; 29 CFR 1606.7 on English-only rules.
    native("native speaker"),
    native("native speakers"),
    native("native english"),
    native("native english speaker"),
    native("native english speakers"),
    phrase(NationalOrigin, "english native", LANGUAGE),
    native("native spanish speaker"),
    native("native spanish speakers"),
    phrase(NationalOrigin, "mother tongue", LANGUAGE),
    phrase(NationalOrigin, "english only", LANGUAGE),
    phrase(NationalOrigin, "speak only english", LANGUAGE),
    phrase(NationalOrigin, "no accent", LANGUAGE),
    phrase(NationalOrigin, "no accents", LANGUAGE),
    phrase(NationalOrigin, "no foreign accent", LANGUAGE),
    phrase(NationalOrigin, "without an accent", LANGUAGE),
    phrase(NationalOrigin, "without accent", LANGUAGE),
    phrase(NationalOrigin, "accent free", LANGUAGE),
    Phrase { words: "must be american", ground: NationalOrigin, instead: NO_ORIGIN, unless: before(&["board", "college", "heart", "national", "red", "society", "welding"]) },
    phrase(NationalOrigin, "american born", NO_ORIGIN),
    phrase(NationalOrigin, "born in america", NO_ORIGIN),
    phrase(NationalOrigin, "native born", NO_ORIGIN),
    phrase(NationalOrigin, "all american appearance", NO_ORIGIN),
    phrase(NationalOrigin, "all american look", NO_ORIGIN),
    phrase(NationalOrigin, "all american looks", NO_ORIGIN),
    phrase(NationalOrigin, "american looking", NO_ORIGIN),
    phrase(NationalOrigin, "where are you originally from", NO_ORIGIN),

    phrase(Citizenship, "u s citizens only", AUTHORISED),
    phrase(Citizenship, "us citizens only", AUTHORISED),
    phrase(Citizenship, "citizens only", AUTHORISED),
    phrase(Citizenship, "only u s citizens", AUTHORISED),
    phrase(Citizenship, "only us citizens", AUTHORISED),
    phrase(Citizenship, "must be a citizen", AUTHORISED),
    phrase(Citizenship, "must be a u s citizen", AUTHORISED),
    phrase(Citizenship, "must be a us citizen", AUTHORISED),
    phrase(Citizenship, "must be u s citizen", AUTHORISED),
    phrase(Citizenship, "must be us citizen", AUTHORISED),
    phrase(Citizenship, "must be u s citizens", AUTHORISED),
    phrase(Citizenship, "must be us citizens", AUTHORISED),
    phrase(Citizenship, "citizenship required", AUTHORISED),
    phrase(Citizenship, "no green card", AUTHORISED),
    phrase(Citizenship, "no green card holders", AUTHORISED),
    phrase(Citizenship, "green card only", AUTHORISED),

    phrase(Religion, "church going", NO_RELIGION),
    phrase(Religion, "churchgoing", NO_RELIGION),
    phrase(Religion, "christian values", NO_RELIGION),
    phrase(Religion, "good christian", NO_RELIGION),
    phrase(Religion, "god fearing", NO_RELIGION),
    phrase(Religion, "no hijab", NO_RELIGION),
    phrase(Religion, "no hijabs", NO_RELIGION),
    phrase(Religion, "no turban", NO_RELIGION),
    phrase(Religion, "no turbans", NO_RELIGION),
    phrase(Religion, "no headscarf", NO_RELIGION),
    phrase(Religion, "no headscarves", NO_RELIGION),
    phrase(Religion, "no religious head coverings", NO_RELIGION),
    phrase(Religion, "what religion are you", NO_RELIGION),

    phrase(Race, "caucasian", NO_RACE),
    phrase(Race, "caucasians", NO_RACE),
    Phrase { words: "oriental", ground: Race, instead: NO_RACE, unless: Unless { before: &["rug", "rugs", "carpet", "carpets", "food", "medicine"], is_name: true, ..ALWAYS } },
    phrase(Race, "colored people", NO_RACE),
    phrase(Race, "colored folks", NO_RACE),
    phrase(Race, "fair skinned", NO_RACE),
    phrase(Race, "light skinned", NO_RACE),

    Phrase { words: "able bodied", ground: Disability, instead: DUTIES, unless: before(&["sailor", "sailors", "seafarer", "seaman", "seaman's", "seamen"]) },
    phrase(Disability, "ablebodied", DUTIES),
    phrase(Disability, "physically fit", DUTIES),
    phrase(Disability, "mentally fit", DUTIES),
    phrase(Disability, "physically perfect", DUTIES),
    phrase(Disability, "must be healthy", DUTIES),
    phrase(Disability, "healthy individuals", DUTIES),
    phrase(Disability, "healthy people only", DUTIES),
    phrase(Disability, "in perfect health", DUTIES),
    phrase(Disability, "must be in good health", DUTIES),
    phrase(Disability, "no health problems", DUTIES),
    phrase(Disability, "no health issues", DUTIES),
    phrase(Disability, "no medical conditions", DUTIES),
    phrase(Disability, "no disabled people", DUTIES),
    phrase(Disability, "no disabled applicants", DUTIES),
    phrase(Disability, "no handicapped", DUTIES),
    phrase(Disability, "no wheelchairs", DUTIES),
    phrase(Disability, "no disabilities", DUTIES),
    phrase(Disability, "no disability", DUTIES),
    phrase(Disability, "applicants without disabilities", DUTIES),
    phrase(Disability, "not disabled", DUTIES),
    phrase(Disability, "do you have a disability", DUTIES),
    phrase(Disability, "are you disabled", DUTIES),
    phrase(Disability, "handicapped applicants", DUTIES),
    Phrase { words: "wheelchair bound", ground: Disability, instead: DUTIES, unless: before(SERVED) },
    phrase(Disability, "crippled", DUTIES),
];

/// Names of people that are flagged where they are asked for or turned away, and not elsewhere: "women and minorities are
/// encouraged to apply" is lawful.
pub(super) struct Group {
    pub(super) names: &'static [&'static str],
    pub(super) ground: Ground,
    pub(super) instead: &'static str,
}

const fn group(ground: Ground, names: &'static [&'static str], instead: &'static str) -> Group {
    Group { names, ground, instead }
}

#[rustfmt::skip]
pub(super) static GROUPS: &[Group] = &[
    group(Sex, &["man", "men", "woman", "women", "male", "males", "female", "females", "ladies", "gentlemen"], NO_SEX),
    group(Family, &["mothers", "moms", "single mothers", "single moms", "single parents", "married women"], NO_FAMILY),
    group(NationalOrigin, &[
        "americans", "foreigners", "immigrants", "hispanics", "latinos", "latinas", "mexicans", "indians", "filipinos", "arabs",
        "europeans", "africans", "asians",
    ], NO_ORIGIN),
    group(Religion, &[
        "christian", "christians", "catholic", "catholics", "muslim", "muslims", "jew", "jews", "jewish", "hindu", "hindus", "atheist",
        "atheists", "mormon", "mormons",
    ], NO_RELIGION),
    group(Race, &["whites", "blacks", "white people", "black people"], NO_RACE),
    group(Age, &["millennials", "gen z"], EXPERIENCE),
];

/// "No children": where they may be, not who applies.
const PLACES: Unless = before(&["allowed", "on", "in", "under", "and", "or", "owned"]);

/// How a group is asked for or turned away.
pub(super) static TEMPLATES: &[(&str, Unless)] = &[
    ("no {}", PLACES),
    ("no {} please", ALWAYS),
    ("{} only", ALWAYS),
    ("only {}", before(&["and", "or"])),
    ("must be {}", PLACES),
    ("must be a {}", ALWAYS),
    ("must be an {}", ALWAYS),
    ("prefer {}", PLACES),
    ("prefer a {}", ALWAYS),
    ("preferably {}", ALWAYS),
    ("preferably a {}", ALWAYS),
    ("{} preferred", ALWAYS),
    ("{} wanted", ALWAYS),
    ("{} need not apply", ALWAYS),
    ("{} applicants only", ALWAYS),
    ("{} candidates only", ALWAYS),
    ("looking for {}", PLACES),
    ("looking for a {}", PLACES),
    ("seeking {}", PLACES),
    ("seeking a {}", PLACES),
];
