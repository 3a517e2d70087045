//! What `PyYAML` makes of a scalar: 6.0.3, `resolver.py` and `constructor.py`.

/// A scalar as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// Its text.
    pub text: String,
    /// What else decides what it is.
    pub kind: Kind,
}

/// How a scalar is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Without quotes and tag: what it is depends on the reader.
    Plain,
    /// In quotes, in a block, or with the tag `!!str`.
    Text,
    /// With this tag: `int`, `float`, `bool`, `null`, `binary`, `timestamp`.
    Tagged(String),
}

impl Scalar {
    /// Whether it is plain and null. Go takes the same for null.
    pub fn is_null(&self) -> bool {
        self.kind == Kind::Plain && is_null(&self.text)
    }

    /// Whether it is text.
    pub fn is_text(&self) -> bool {
        match self.kind {
            Kind::Plain => is_plain_text(&self.text),
            Kind::Text => true,
            Kind::Tagged(_) => false,
        }
    }

    /// Returns the boolean that it is.
    pub fn flag(&self) -> Option<bool> {
        match &self.kind {
            Kind::Plain => flag(&self.text),
            Kind::Tagged(tag) if tag == "bool" => flag(&self.text.to_lowercase()),
            Kind::Text | Kind::Tagged(_) => None,
        }
    }

    /// Whether it looks like a value that it is not: `PyYAML` then refuses the whole file.
    pub(super) fn is_refused(&self) -> bool {
        let text = self.text.as_str();
        match &self.kind {
            Kind::Text => false,
            // No constructor has these tags (`tag:yaml.org,2002:value` and `merge`).
            Kind::Plain if matches!(text, "=" | "<<") => true,
            Kind::Plain => {
                is_refused_number(text) || time(text).is_some_and(|time| !time.is_valid())
            }
            Kind::Tagged(tag) => match tag.as_str() {
                "int" => !(is_number(text) || text.parse::<i128>().is_ok()),
                "float" => !(is_number(text) || text.parse::<f64>().is_ok()),
                "bool" => self.flag().is_none(),
                "timestamp" => !time(text).is_some_and(|time| time.is_valid()),
                _ => false,
            },
        }
    }
}

/// Whether a text without quotes is null.
pub fn is_null(plain: &str) -> bool {
    matches!(plain, "" | "~" | "null" | "Null" | "NULL")
}

fn flag(plain: &str) -> Option<bool> {
    match plain {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Python reads no more digits (`sys.set_int_max_str_digits`).
const DIGITS: usize = 4300;

/// Whether it has the form of an integer without being one: `0x_`.
fn is_refused_number(plain: &str) -> bool {
    let text = unsigned(plain);
    let prefixed = text.strip_prefix("0x").or_else(|| text.strip_prefix("0b"));
    match prefixed {
        Some(digits) => all(digits, |c| c == '_'),
        None => text.len() > DIGITS && all(text, |c| c.is_ascii_digit()),
    }
}

/// Whether it is text without quotes.
fn is_plain_text(plain: &str) -> bool {
    let other = flag(plain).is_some() || matches!(plain, "<<" | "=");
    !is_null(plain) && !other && !is_number(plain) && !is_time(plain)
}

fn is_number(plain: &str) -> bool {
    if is_special_float(plain) {
        return true;
    }
    let text = unsigned(plain);
    let decimal = |c: char| c.is_ascii_digit() || c == '_';
    let begins = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let (number, exponent) = match text.split_once(['e', 'E']) {
        // PyYAML wants a sign in an exponent.
        Some((number, exponent)) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or_default();
            (number, Some(all(digits, |c| c.is_ascii_digit())))
        }
        None => (text, None),
    };
    let float = number.split_once('.').is_some_and(|(whole, rest)| {
        let whole_number = begins(whole) && all(whole, decimal);
        let fraction = rest.chars().all(decimal);
        let alone = whole.is_empty() && text == plain && begins(rest);
        fraction && (whole_number || alone)
    });
    let integer = match (text.strip_prefix("0x"), text.strip_prefix("0b"), text.strip_prefix('0')) {
        (Some(hex), _, _) => all(hex, |c| c.is_ascii_hexdigit() || c == '_'),
        (_, Some(bits), _) => all(bits, |c| matches!(c, '0' | '1' | '_')),
        (_, _, Some(octal)) => octal.chars().all(|c| matches!(c, '0'..='7' | '_')),
        (None, None, None) => begins(text) && all(text, decimal),
    };
    float && exponent != Some(false) || integer || sexagesimal(text)
}

/// `[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`, not with a leading 0 if it is whole.
fn sexagesimal(text: &str) -> bool {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let mut rest = parts.peekable();
    let led = first.starts_with(|c: char| c.is_ascii_digit() && (fraction.is_some() || c != '0'));
    led && rest.peek().is_some()
        && first.chars().all(|c| c.is_ascii_digit() || c == '_')
        && rest.all(|part| {
            let digits = part.len() <= 2 && all(part, |c| c.is_ascii_digit());
            digits && part.parse::<u8>().is_ok_and(|n| n < 60)
        })
        && fraction.is_none_or(|text| text.chars().all(|c| c.is_ascii_digit() || c == '_'))
}

/// What has the form of a time.
struct Time {
    date: [u32; 3],
    clock: [u32; 3],
    zone: [u32; 2],
}

impl Time {
    fn is_valid(&self) -> bool {
        let [year, month, day] = self.date.map(|part| i16::try_from(part).unwrap_or(i16::MAX));
        let [month, day] = [month, day].map(|part| i8::try_from(part).unwrap_or(i8::MAX));
        let [hour, minute, second] = self.clock;
        let [hours, minutes] = self.zone;
        year > 0
            && jiff::civil::Date::new(year, month, day).is_ok()
            && hour < 24
            && minute < 60
            && second < 60
            && hours * 60 + minutes < 24 * 60
    }
}

fn is_time(plain: &str) -> bool {
    time(plain).is_some()
}

/// Reads `2024-01-31`, or `2024-1-31 10:00:00.5 +1:00` with its variants.
fn time(plain: &str) -> Option<Time> {
    let mut rest = plain;
    let year = digits(&mut rest, 4, 4)?;
    let (month, is_short) = after(&mut rest, '-')?;
    let (day, is_shorter) = after(&mut rest, '-')?;
    let date = [year, month, day];
    if rest.is_empty() {
        let long = !is_short && !is_shorter;
        return long.then_some(Time { date, clock: [0; 3], zone: [0; 2] });
    }
    let blanks = rest.trim_start_matches([' ', '\t']);
    rest = rest.strip_prefix(['t', 'T']).or((blanks != rest).then_some(blanks))?;
    let hour = digits(&mut rest, 1, 2)?;
    let mut sixtieth = || {
        rest = rest.strip_prefix(':')?;
        digits(&mut rest, 2, 2)
    };
    let clock = [hour, sixtieth()?, sixtieth()?];
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    let zone = if rest.is_empty() { [0; 2] } else { zone(rest)? };
    Some(Time { date, clock, zone })
}

/// Reads ` Z`, `+1` and `+01:00`.
fn zone(text: &str) -> Option<[u32; 2]> {
    let text = text.trim_start_matches([' ', '\t']);
    if text == "Z" {
        return Some([0; 2]);
    }
    let mut rest = text.strip_prefix(['+', '-'])?;
    let hours = digits(&mut rest, 1, 2)?;
    let minutes = match rest.strip_prefix(':') {
        Some(after) => {
            rest = after;
            digits(&mut rest, 2, 2)?
        }
        None => 0,
    };
    rest.is_empty().then_some([hours, minutes])
}

/// Reads a part after `mark`, and whether it has one digit only.
fn after(rest: &mut &str, mark: char) -> Option<(u32, bool)> {
    *rest = rest.strip_prefix(mark)?;
    let before = rest.len();
    let part = digits(rest, 1, 2)?;
    Some((part, before - rest.len() == 1))
}

/// Reads as many digits as there are, from `least` to `most`.
fn digits(rest: &mut &str, least: usize, most: usize) -> Option<u32> {
    let count = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (read, after) = rest.split_at_checked(count).filter(|_| count >= least)?;
    *rest = after;
    read.parse().ok()
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

fn all(text: &str, is: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(is)
}

fn is_special_float(text: &str) -> bool {
    let infinite = matches!(unsigned(text), ".inf" | ".Inf" | ".INF");
    infinite || matches!(text, ".nan" | ".NaN" | ".NAN")
}
