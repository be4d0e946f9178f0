//! The names of images.

/// Returns whether an image is named by its tag, given or not, so that its content can change.
pub(crate) fn is_mutable(image: &str) -> bool {
    !image.contains('@')
}
