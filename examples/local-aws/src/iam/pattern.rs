//! Wildcards: `*` for any text, `?` for one character (IAM user guide, "Using wildcards").

/// Whether `pattern` covers all of `text`.
pub(crate) fn covers(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // The position of the last `*`, and how much of the text it has taken so far: to return there
    // and take one more is all the backtracking that is needed.
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "anything"),
            ("ecr:Put*", "ecr:PutImage"),
            ("ecr:*Layer*", "ecr:UploadLayerPart"),
            ("a?c", "abc"),
            ("a*b*c", "a-b-b-c"),
            ("exact", "exact"),
        ] {
            assert!(covers(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "x"),
            ("ecr:Put*", "ecr:ListImages"),
            ("a?c", "ac"),
            ("a*b", "a-b-c"),
            ("exact", "exactly"),
            ("exactly", "exact"),
        ] {
            assert!(!covers(pattern, text), "{pattern} {text}");
        }
    }
}
