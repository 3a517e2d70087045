//! The schedule of a `CronJob`.

use std::{fmt, str::FromStr};

use jiff::{ToSpan as _, civil::Date};

const MINUTES_A_DAY: u32 = 24 * 60;
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A schedule of five fields, as the `CronJob` controller reads it (robfig/cron v3, `parser.go`,
/// `ParseStandard`), in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    longest: u32,
}

/// A text that is not such a schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}: write five fields, minute, hour, day, month, weekday (\"*/5 * * * *\")")]
pub struct InvalidSchedule {
    why: String,
}

fn invalid(why: impl Into<String>) -> InvalidSchedule {
    InvalidSchedule { why: why.into() }
}

/// The values of a field, and whether it is `*`.
struct Field {
    values: Vec<u32>,
    is_any: bool,
}

impl Schedule {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the longest time between two runs, in minutes.
    pub fn longest_pause(&self) -> u32 {
        self.longest
    }
}

impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        if text.contains("TZ=") {
            return Err(invalid("a schedule has no time zone here: it is in UTC"));
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = words.as_slice() else {
            let count = words.len();
            return Err(invalid(format!("it has {count} fields, not 5")));
        };
        let minutes = field(minute, 0, 59, &[])?;
        let hours = field(hour, 0, 23, &[])?;
        let days = field(day, 1, 31, &[])?;
        let months = field(month, 1, 12, &MONTHS)?;
        let weekdays = field(weekday, 0, 6, &DAYS)?;
        let times = times(&hours.values, &minutes.values);
        let longest = longest(&times, |date| is_on(date, &days, &months, &weekdays));
        let longest = longest.ok_or_else(|| invalid("there is no such day"))?;
        Ok(Self { text: words.join(" "), longest })
    }
}

/// Reads `*`, `?`, `3`, `1-5`, `*/5`, `1-30/2`, `mon`, and lists of these.
fn field(text: &str, least: u32, most: u32, names: &[&str]) -> Result<Field, InvalidSchedule> {
    let odd = || invalid(format!("`{text}` is not a field from {least} to {most}"));
    let value = |word: &str| {
        let nth = names.iter().position(|name| word.eq_ignore_ascii_case(name));
        let by_name = nth.and_then(|at| u32::try_from(at).ok()).map(|at| at + least);
        let digits = || Some(word).filter(|word| word.bytes().all(|b| b.is_ascii_digit()));
        let value = by_name.or_else(|| digits()?.parse().ok()).ok_or_else(odd)?;
        if (least..=most).contains(&value) { Ok(value) } else { Err(odd()) }
    };
    let (mut values, mut is_any) = (Vec::new(), false);
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u32>().map_err(|_| odd())?)),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" || range == "?" => {
                is_any |= step.unwrap_or(1) == 1;
                (least, most)
            }
            Some((from, to)) => (value(from)?, value(to)?),
            // `5/10`: from 5 on.
            None => (value(range)?, if step.is_some() { most } else { value(range)? }),
        };
        let step = usize::try_from(step.unwrap_or(1)).map_err(|_| odd())?;
        if from > to || step == 0 {
            return Err(odd());
        }
        values.extend((from..=to).step_by(step));
    }
    values.sort_unstable();
    values.dedup();
    Ok(Field { values, is_any })
}

/// If day and weekday are both named, either is enough.
fn is_on(date: Date, days: &Field, months: &Field, weekdays: &Field) -> bool {
    let number = |value: i8| u32::try_from(value).unwrap_or_default();
    let day = days.values.contains(&number(date.day()));
    let weekday = weekdays.values.contains(&number(date.weekday().to_sunday_zero_offset()));
    let fits = if days.is_any || weekdays.is_any { day && weekday } else { day || weekday };
    fits && months.values.contains(&number(date.month()))
}

/// Returns the minutes of a day, sorted.
fn times(hours: &[u32], minutes: &[u32]) -> Vec<u32> {
    hours.iter().flat_map(|hour| minutes.iter().map(move |minute| hour * 60 + minute)).collect()
}

/// Returns the longest pause in minutes, over the days of the Gregorian calendar's years with leap days and
/// without; none if no day fits.
fn longest(times: &[u32], is_on: impl Fn(Date) -> bool) -> Option<u32> {
    let (first, last) = (*times.first()?, *times.last()?);
    let pauses = times.iter().zip(times.iter().skip(1)).map(|(one, next)| next - one);
    let mut longest = pauses.max().unwrap_or_default();
    let begin = jiff::civil::date(2024, 1, 1);
    let days =
        (0..9 * 366).filter_map(|nth| begin.checked_add(nth.days()).ok().map(|day| (nth, day)));
    let mut before: Option<i32> = None;
    for (nth, _) in days.filter(|(_, day)| is_on(*day)) {
        if let Some(before) = before {
            let between = u32::try_from(nth - before).unwrap_or_default() * MINUTES_A_DAY;
            longest = longest.max(between + first - last);
        }
        before = Some(nth);
    }
    before.map(|_| longest)
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_knows_its_longest_pause() {
        let day = MINUTES_A_DAY;
        for (text, minutes) in [
            ("* * * * *", 1),
            ("*/5 * * * *", 5),
            ("0,10 * * * *", 50),
            ("5/20 * ? * *", 20),
            ("7 */6 * * *", 360),
            ("0 8-18/2 * * *", 14 * 60),
            ("30 4 * * *", day),
            ("0 0 * * mon-FRI", 3 * day),
            ("0 0 1 * *", 31 * day),
            // Either the first of a month or a Monday.
            ("0 0 1 * mon", 7 * day),
            // Of two values, one is `*/2`, which names days: either is enough.
            ("0 0 */2 * mon", 2 * day),
            // From the 31st of August to the first of February.
            ("0 0 * 2,Aug *", 154 * day),
            ("0 0 29 feb *", (4 * 365 + 1) * day),
        ] {
            let schedule: Schedule = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(schedule.as_str(), text);
            assert_eq!(schedule.longest_pause(), minutes, "{text}");
        }
    }

    #[test]
    fn what_the_controller_would_read_otherwise_is_refused() {
        for (text, why) in [
            ("", "it has 0 fields"),
            ("@hourly", "it has 1 fields"),
            ("*/5 * * *", "it has 4 fields"),
            ("0 */5 * * * *", "it has 6 fields"),
            ("TZ=Europe/Berlin 0 4 * * *", "no time zone"),
            ("CRON_TZ=UTC 0 4 * * *", "no time zone"),
            ("60 * * * *", "from 0 to 59"),
            ("* 24 * * *", "from 0 to 23"),
            ("* * 0 * *", "from 1 to 31"),
            ("* * * 13 *", "from 1 to 12"),
            ("* * * * 7", "from 0 to 6"),
            ("*/0 * * * *", "from 0 to 59"),
            ("5-1 * * * *", "from 0 to 59"),
            ("+1 * * * *", "from 0 to 59"),
            ("1,,2 * * * *", "from 0 to 59"),
            ("mon * * * *", "from 0 to 59"),
            ("0 0 30 2 *", "there is no such day"),
        ] {
            let error = text.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
