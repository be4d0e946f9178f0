//! Durations on the command line.

use std::time::Duration;

/// Parses a duration such as `90`, `90s`, `2m` or `1h`, for clap.
///
/// # Errors
/// Fails with a text that says what is expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.find(|it: char| !it.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let factor = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(60 * 60),
        _ => None,
    };
    let seconds = number.parse::<u64>().ok().zip(factor).and_then(|(it, by)| it.checked_mul(by));
    let seconds = seconds.ok_or("expected a number of seconds, minutes or hours: 90s, 2m or 1h")?;
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_minutes_and_hours() {
        for (text, seconds) in [("0", 0), ("90", 90), ("90s", 90), ("2m", 120), ("1h", 3600)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_expected_is_said() {
        for text in
            ["", "m", "-1", "1.5m", "2 m", "2M", "2ms", "99999999999999999999", "5124095576030432h"]
        {
            let expected = "expected a number of seconds, minutes or hours: 90s, 2m or 1h";
            assert_eq!(duration(text).unwrap_err(), expected, "{text}");
        }
    }
}
