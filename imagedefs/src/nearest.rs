//! The nearest name to a mistyped one.

/// Returns the name that the caller probably meant.
pub(crate) fn nearest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Two swapped letters count as two edits. In a long name, more than four edits make another
    // name.
    let max_distance = (1 + wanted.len() / 3).min(4);
    names
        .into_iter()
        .map(|name| (edits(&name.to_lowercase(), &wanted.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= max_distance)
        .min()
        .map(|(_, name)| name)
}

/// Whether at most `max_edits` edits turn one name into the other. Case does not count.
pub(crate) fn is_near(one: &str, other: &str, max_edits: usize) -> bool {
    edits(&one.to_lowercase(), &other.to_lowercase()) <= max_edits
}

/// Counts the bytes to insert, remove or change (Levenshtein distance).
fn edits(one: &str, other: &str) -> usize {
    let mut row = (0..=other.len()).collect::<Vec<_>>();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_insertion_removal_and_change_counts() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "ab", 2),
            ("imagedefinition.json", "imagedefinitions.json", 1),
            ("imageredefinitions.json", "imagedefinitions.json", 2),
            ("image_definitions.json", "imagedefinitions.json", 1),
            ("imagedetail.json", "imagedefinitions.json", 8),
        ] {
            assert_eq!(edits(one, other), expected, "{one}, {other}");
            assert_eq!(edits(other, one), expected, "{other}, {one}");
        }
    }
}
