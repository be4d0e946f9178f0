//! [`Choice`]: which of several images in one container is meant.

/// Which of several images.
#[derive(Debug, Clone)]
pub(super) enum Choice {
    Named(String),
    Only,
}

/// Whether Docker takes `name` for `full`.
pub(super) fn is_short_for(name: &str, full: &str) -> bool {
    let short = full.strip_prefix("docker.io/").unwrap_or(full);
    name == full || name == short || Some(name) == short.strip_prefix("library/")
}
