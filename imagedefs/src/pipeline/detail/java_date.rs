//! Dates as Java's `Date.toString` prints them: `Mon Jan 21 20:04:00 UTC 2019`.

use std::time::{Duration, SystemTime};

/// Returns `None` for another form, another time zone than UTC, and a time before 1970.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    let parts = text.split(' ').collect::<Vec<_>>();
    let [_, month, day, time, "UTC" | "GMT", year] = parts[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == month)?;
    let (day, year) = (number(day, 2)?, number(year, 4)?);
    let time = time.split(':').map(|part| number(part, 2)).collect::<Option<Vec<_>>>()?;
    let [hours, minutes, seconds] = time[..] else {
        return None;
    };
    if day == 0 || day > days_of_month(month, year) || hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    if year < 1970 {
        return None;
    }
    let days = (1970..year).map(days_of_year).sum::<u64>()
        + (0..month).map(|month| days_of_month(month, year)).sum::<u64>()
        + (day - 1);
    let since = Duration::from_secs(((days * 24 + hours) * 60 + minutes) * 60 + seconds);
    SystemTime::UNIX_EPOCH.checked_add(since)
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn number(text: &str, digits: usize) -> Option<u64> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn days_of_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of_month(month: usize, year: u64) -> u64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_java_prints() {
        for (text, seconds) in [
            ("Thu Jan 01 00:00:00 UTC 1970", 0),
            ("Mon Jan 21 20:04:00 UTC 2019", 1_548_101_040),
            ("Thu Feb 29 23:59:59 GMT 2024", 1_709_251_199),
            ("Sat Mar 01 00:00:00 UTC 2100", 4_107_542_400),
        ] {
            let since = parse(text).unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            assert_eq!(since.as_secs(), seconds, "{text}");
        }
    }

    #[test]
    fn leaves_the_rest() {
        for text in [
            "",
            "2019-01-21T20:04:00Z",
            "Mon Jan 21 20:04:00 CST 2019",
            "Mon Jan 21 20:04:00 UTC 1969",
            "Wed Feb 29 20:04:00 UTC 2023",
            "Mon Jan 00 20:04:00 UTC 2019",
            "Mon Jan 21 24:04:00 UTC 2019",
            "Mon Jan 21 20:04 UTC 2019",
            "Mon Jan 21 20:+4:00 UTC 2019",
            "Mon jan 21 20:04:00 UTC 2019",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
