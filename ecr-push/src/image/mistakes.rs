//! What is often taken for an image, named as what it is.

use crate::error::Error;
use crate::image::files::Files;
use crate::image::store::{FileLookup, Store as _};
use crate::outside::Outside;

/// Returns the error of a folder or an archive without a table of contents.
pub(super) fn not_an_image(files: &Files) -> Error {
    match problem(files) {
        Ok(problem) => Error::image(files.subject(), problem),
        Err(error) => error,
    }
}

fn problem(files: &Files) -> Result<String, Error> {
    let has = |name: &str| Ok::<_, Error>(!matches!(files.find_file(name)?, FileLookup::Missing));
    if has("Chart.yaml")? || files.below("Chart.yaml")?.is_some() {
        return Ok("it is a Helm chart, not an image: `helm push` pushes it".to_owned());
    }
    for table in ["index.json", "manifest.json"] {
        if let Some(folder) = files.below(table)? {
            let shown = Outside::new(&folder);
            return Ok(if files.is_archive() {
                format!(
                    "its image is in the folder `{shown}`: pack the content of the folder, with `tar \
                     -C {shown} -cf image.tar .`"
                )
            } else {
                format!("its image is in the folder `{shown}`: open {}", files.path(&folder))
            });
        }
    }
    // The folders of every Linux file system; Docker adds the file to each container.
    if has(".dockerenv")? || (has("etc")? && has("usr")?) || (has("etc/passwd")? && has("bin")?) {
        return Ok("it is a file system, as `docker export` writes it, not an image: use `docker \
                   save`"
            .to_owned());
    }
    Ok(if files.is_archive() {
        "the tar archive holds neither `index.json`, as an OCI layout does, nor `manifest.json`, as \
         `docker save` writes it"
            .to_owned()
    } else {
        "it is not an OCI layout, which has a file `index.json`".to_owned()
    })
}
