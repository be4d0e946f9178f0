//! The search for the name that the caller most likely meant.

/// Returns the nearest known name if it is near enough: one slip for every three characters.
pub(crate) fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    // Container names have at most 255 characters, but the caller's name may have any length.
    let name: Vec<char> = (name.len() <= 255).then(|| name.chars().collect())?;
    let limit = (name.len() / 3).max(1);
    let distances = known.iter().map(|known| (distance(&name, known), known));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= limit).then_some(nearest)
}

/// Counts the characters to add, remove, replace or swap with their neighbor.
fn distance(from: &[char], to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut rows = [vec![0; to.len() + 1], (0..=to.len()).collect(), vec![0; to.len() + 1]];
    for (row, &a) in from.iter().enumerate() {
        let [before, last, next] = &mut rows;
        next[0] = row + 1;
        for (column, &b) in to.iter().enumerate() {
            let replaced = last[column] + usize::from(a != b);
            next[column + 1] = replaced.min(last[column + 1] + 1).min(next[column] + 1);
            if row > 0 && column > 0 && a == to[column - 1] && b == from[row - 1] {
                next[column + 1] = next[column + 1].min(before[column - 1] + 1);
            }
        }
        rows.rotate_left(1);
    }
    rows[1][to.len()]
}
