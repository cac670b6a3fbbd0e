//! The words around a number, which say what it is.

/// How far back a word can name a number, in bytes: about eight words.
const REACH_BYTES: usize = 64;
/// How far ahead: `123456789 is my social security number`.
const REACH_AHEAD_BYTES: usize = 32;
/// The most bytes of a word that is known here.
const LONGEST: usize = 16;

/// What a telling word says that a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    Ssn,
    /// A taxpayer's number that may be of any kind.
    Tax,
    Phone,
    /// An order, a job, an invoice, a post code …
    Identifier,
    /// `ID`, `employee`, `member`: some identifier, which may well be a social security number.
    Id,
    Routing,
    Account,
    Passport,
    Licence,
}

/// The nearest telling word, and how many other words that mean anything stand between it and the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) label: Label,
    pub(crate) distance: usize,
}

/// What ends between two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Break {
    None,
    Line,
    Sentence,
}

impl Break {
    /// What ends in what stands between two words.
    fn of(gap: &str) -> Self {
        if gap.contains(['!', '?', ';']) || gap.contains(". ") {
            Self::Sentence
        } else if gap.contains('\n') {
            Self::Line
        } else {
            Self::None
        }
    }
}

impl Name {
    /// Whether it is a name of this kind, right at the number or with at most `distance` words between.
    pub(crate) fn is(self, label: Label, distance: usize) -> bool {
        self.label == label && self.distance <= distance
    }
}

/// The nearest telling word before byte `start`; `order ID` is an order, `SSN/TIN` an SSN. It is looked for in the same
/// sentence and line; that `Order no.` or `SSN:` and a line break end one right before the number does not matter.
pub(crate) fn name_before(text: &str, start: usize) -> Option<Name> {
    let (mut distance, mut later, mut vague, mut broken) = (0, ["", ""], None, Break::None);
    for (word, gap) in words_before(text, start) {
        let ends = Break::of(gap);
        if ends > Break::None && distance > 0 {
            break;
        }
        broken = broken.max(ends);
        let mut lower = [0; LONGEST];
        let lower = lowered(word, &mut lower);
        let label = match label(lower, later) {
            // `Lot #`, `Case:`
            Some(Label::Id) if is_common_noun(lower) && gap.contains(['#', ':']) => Some(Label::Identifier),
            label => label,
        };
        match label {
            Some(label @ (Label::Id | Label::Tax)) if broken < Break::Sentence => {
                vague = vague.or(Some(Name { label, distance }));
            }
            Some(Label::Id | Label::Tax) => break,
            Some(label) => return Some(Name { label, distance }),
            None if broken > Break::None && !is_filler(lower) => break,
            None => {}
        }
        distance += usize::from(!is_filler(lower));
        later = [word, later[0]];
    }
    let is_serial = later[0].eq_ignore_ascii_case("s") && later[1].eq_ignore_ascii_case("n");
    vague.or(is_serial.then_some(Name { label: Label::Identifier, distance }))
}

/// Whether the words right after byte `end` call the number a social security number: `is my SSN`, `(social)`.
pub(crate) fn is_ssn_after(text: &str, end: usize) -> bool {
    let reach = floor(text, end + REACH_AHEAD_BYTES);
    let words = text[end..reach].split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    for word in words {
        let mut lower = [0; LONGEST];
        match lowered(word, &mut lower) {
            word if label(word, ["", ""]) == Some(Label::Ssn) => return true,
            b"is" | b"was" | b"that" | b"thats" | b"s" | b"my" | b"his" | b"her" | b"their" | b"your"
            | b"our" | b"the" | b"still" | b"yours" | b"as" | b"for" | b"a" | b"an" | b"es" | b"mi"
            | b"su" | b"de" => {}
            _ => return false,
        }
    }
    false
}

/// Whether the number at `start` is spelled as part of an identifier, after a prefix in capitals (`WH-`).
pub(crate) fn is_after_prefix(text: &str, start: usize) -> bool {
    let Some(prefix) = text[..start].strip_suffix('-') else { return false };
    let capitals = prefix.bytes().rev().take(LONGEST).take_while(u8::is_ascii_uppercase).count();
    let is_word_start = !prefix[..prefix.len() - capitals].ends_with(char::is_alphanumeric);
    capitals >= 2 && is_word_start
}

/// Whether a city and the abbreviation of a state stand right before byte `start`, as before a ZIP code.
pub(crate) fn is_after_state(text: &str, start: usize) -> bool {
    const STATES: &str = "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ \
                          NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC PR VI GU AS MP AA AE AP";
    let blank = |c: char| c == ' ' || c == ',';
    let before = &text[floor(text, start.saturating_sub(REACH_BYTES))..start];
    let Some((before, state)) = before.trim_end_matches(blank).rsplit_once(blank) else { return false };
    let city =
        before.trim_end_matches(blank).rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    STATES.split(' ').any(|known| known == state) && city.starts_with(char::is_uppercase)
}

/// Words before `start`, the nearest first, each with what stands between it and the next one.
fn words_before(text: &str, start: usize) -> impl Iterator<Item = (&str, &str)> {
    let reach = floor(text, start.saturating_sub(REACH_BYTES));
    // A word that reaches out of sight would be read as another one.
    let is_cut = text[..reach].ends_with(char::is_alphanumeric);
    let mut near = &text[reach..start];
    if is_cut {
        near = near.trim_start_matches(char::is_alphanumeric);
    }
    std::iter::from_fn(move || {
        let trimmed = near.trim_end_matches(|c: char| !c.is_alphanumeric());
        let between = &near[trimmed.len()..];
        let first = trimmed
            .rfind(|c: char| !c.is_alphanumeric())
            .map_or(0, |at| at + trimmed[at..].chars().next().map_or(1, char::len_utf8));
        near = &trimmed[..first];
        (!trimmed.is_empty()).then_some((&trimmed[first..], between))
    })
}

/// `word` in lower case, or nothing if it is longer than any that is known.
fn lowered<'a>(word: &str, buffer: &'a mut [u8; LONGEST]) -> &'a [u8] {
    let Some(buffer) = buffer.get_mut(..word.len()) else { return b"" };
    buffer.copy_from_slice(word.as_bytes());
    buffer.make_ascii_lowercase();
    buffer
}

/// Words that may stand between a name and its number without making the two strangers.
fn is_filler(word: &[u8]) -> bool {
    matches!(
        word,
        b"no"
            | b"nr"
            | b"nos"
            | b"num"
            | b"number"
            | b"numbers"
            | b"numero"
            | b"n\xc3\xbamero"
            | b"code"
            | b"id"
            | b"ids"
            | b"card"
            | b"is"
            | b"are"
            | b"was"
            | b"be"
            | b"the"
            | b"a"
            | b"my"
            | b"your"
            | b"his"
            | b"her"
            | b"their"
            | b"our"
            | b"its"
            | b"s"
            | b"as"
            | b"also"
            | b"here"
            | b"still"
            | b"new"
            | b"this"
            | b"security"
            | b"sec"
            | b"license"
            | b"licence"
            | b"lic"
            | b"es"
            | b"de"
            | b"mi"
            | b"su"
            | b"n"
            | b"o"
    )
}

/// What a lower-case word says, given the two words that follow it.
fn label(word: &[u8], later: [&str; 2]) -> Option<Label> {
    let then = |at: usize, words: &[&str]| words.iter().any(|word| later[at].eq_ignore_ascii_case(word));
    match word {
        // Letter by letter: `S.S.`, `s s n`.
        b"s" if then(0, &["s"]) => Some(Label::Ssn),
        b"p" if then(0, &["o"]) => Some(Label::Identifier),
        b"p" if then(0, &["n"]) => Some(Label::Identifier),
        _ if then(0, &["s"]) && then(1, &["n"]) => Some(Label::Identifier),
        b"social" | b"soc" if !is_noun(later[0]) => None,
        b"ss" | b"soc" | b"social" | b"socsec" | b"sosec" | b"socialsecurity" | b"nss" => Some(Label::Ssn),
        _ if word.starts_with(b"ssn") || word.ends_with(b"ssn") => Some(Label::Ssn),
        b"tin" | b"itin" | b"taxpayer" | b"tax" => Some(Label::Tax),
        b"routing" | b"aba" | b"rtn" => Some(Label::Routing),
        b"account" | b"accounts" if then(0, &["manager", "rep", "executive", "team", "representative"]) => {
            Some(Label::Identifier)
        }
        b"account" | b"acct" | b"checking" | b"savings" | b"iban" | b"cuenta" => Some(Label::Account),
        b"passport" | b"passports" | b"pasaporte" => Some(Label::Passport),
        b"travel" if then(0, &["document", "documents"]) => Some(Label::Passport),
        b"dl" | b"cdl" | b"dln" | b"licencia" => Some(Label::Licence),
        b"driver" | b"drivers" | b"driving"
            if then(0, &LICENCES) || (then(0, &["s"]) && then(1, &LICENCES)) =>
        {
            Some(Label::Licence)
        }
        _ if is_phone_word(word) => Some(Label::Phone),
        _ if is_identifier_word(word) => Some(Label::Identifier),
        _ if is_common_noun(word) && then(0, &["no", "nr", "num", "number", "id", "code"]) => {
            Some(Label::Identifier)
        }
        _ if is_common_noun(word) => Some(Label::Id),
        b"id" | b"ids" | b"employee" | b"member" | b"customer" | b"client" | b"vendor" | b"meeting"
        | b"pin" | b"passcode" | b"document" | b"doc" | b"file" => Some(Label::Id),
        _ => None,
    }
}

const LICENCES: [&str; 4] = ["license", "licence", "lic", "licenses"];

/// Whether `social` stands for the number where `next` follows it (`my social is`), rather than being an adjective
/// (`social media`, `social skills`).
fn is_noun(next: &str) -> bool {
    let mut lower = [0; LONGEST];
    let lower = lowered(next, &mut lower);
    lower.is_empty()
        || is_filler(lower)
        || matches!(lower, b"on" | b"for" | b"of" | b"and" | b"or" | b"again")
}

fn is_phone_word(word: &[u8]) -> bool {
    matches!(
        word,
        b"phone"
            | b"phones"
            | b"ph"
            | b"tel"
            | b"telephone"
            | b"call"
            | b"cell"
            | b"cellphone"
            | b"mobile"
            | b"fax"
            | b"text"
            | b"txt"
            | b"sms"
            | b"whatsapp"
            | b"dial"
            | b"ext"
            | b"extension"
            | b"reach"
            | b"hotline"
            | b"llame"
            | b"telefono"
            | b"celular"
    )
}

fn is_identifier_word(word: &[u8]) -> bool {
    matches!(
        word,
        b"order"
            | b"receipt"
            | b"voucher"
            | b"coupon"
            | b"timecard"
            | b"container"
            | b"trailer"
            | b"seal"
            | b"docket"
            | b"bol"
            | b"npi"
            | b"uscis"
            | b"orders"
            | b"job"
            | b"jobs"
            | b"invoice"
            | b"inv"
            | b"ticket"
            | b"po"
            | b"ref"
            | b"reference"
            | b"tracking"
            | b"shipment"
            | b"req"
            | b"requisition"
            | b"confirmation"
            | b"conf"
            | b"booking"
            | b"reservation"
            | b"transaction"
            | b"badge"
            | b"sku"
            | b"upc"
            | b"serial"
            | b"sn"
            | b"quote"
            | b"estimate"
            | b"contract"
            | b"policy"
            | b"ein"
            | b"fein"
            | b"duns"
            | b"uei"
            | b"naics"
            | b"zip"
            | b"zipcode"
            | b"postal"
            | b"timesheet"
            | b"wo"
            | b"fedex"
            | b"ups"
            | b"usps"
            | b"dhl"
            | b"isbn"
            | b"imei"
            | b"vin"
            | b"pedido"
            | b"factura"
            | b"caso"
    )
}

/// Words that are names of identifiers in front of `number` and the like, and else mean many things: `a lot`, `in case`.
fn is_common_noun(word: &[u8]) -> bool {
    matches!(
        word,
        b"lot"
            | b"case"
            | b"part"
            | b"claim"
            | b"package"
            | b"parcel"
            | b"load"
            | b"post"
            | b"batch"
            | b"item"
            | b"model"
            | b"posting"
            | b"permit"
            | b"version"
            | b"build"
            | b"bin"
            | b"pro"
    )
}

/// The largest character boundary that is not beyond `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
