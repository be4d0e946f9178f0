//! The image that a program's argument names: a path, or the standard input.

use std::io::{IsTerminal as _, stdin};
use std::path::Path;

use ecr_push::Image;
use ecr_push::image::Open;

use crate::ending::BoxError;

/// Prepares the opening of an image. `-` is an archive on the standard input.
///
/// # Errors
/// Fails if the standard input is a terminal.
pub fn open_image(path: &Path) -> Result<Open, BoxError> {
    if path.as_os_str() != "-" {
        return Ok(Image::open(path));
    }
    if stdin().is_terminal() {
        return Err("the standard input is a terminal: pipe an archive into the program, as in \
                    `docker save IMAGE | push - REPOSITORY`"
            .into());
    }
    Ok(Image::from_reader(stdin()))
}
