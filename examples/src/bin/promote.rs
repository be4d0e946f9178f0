//! Promotes image definitions to another account or region.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use examples::{BoxError, Story, parse_arguments, run};
use imagedefs::promotion::Promotion;
use imagedefs::{Error, ErrorKind, ImageDefinitions};

/// Promote image definitions: change the registry of the images to another account or region, and
/// keep their digests.
///
/// Repository, tag and digest stay, so that the tested image is the image that runs. Only the
/// registry's host changes, with the suffix of the region's partition. Images outside of private
/// ECR registries stay unchanged. Images without a digest are refused, since a tag can name another
/// image in the other registry.
///
/// The definitions go to stdout or --output, the changes to stderr. The program copies no images
/// and calls no service: push the images with `multi_region`, or let ECR replicate them.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 promoted, 1 refused, 2 bad usage.")]
struct Arguments {
    /// The account to promote to, 12 digits
    #[arg(long, value_name = "ACCOUNT")]
    account: String,

    /// The region to promote to, such as eu-west-1
    #[arg(long, value_name = "REGION")]
    region: String,

    /// Promote only the images of this account; the others stay unchanged
    #[arg(long, value_name = "ACCOUNT")]
    from: Option<String>,

    /// Accept images without a digest. The tag can name another image in the other registry
    #[arg(long)]
    allow_tagged: bool,

    /// Write the definitions to this file; `-` is stdout [default: -]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The definitions to promote
    #[arg(value_name = "FILE", default_value = ImageDefinitions::FILE_NAME)]
    file: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run(async { promote(parse_arguments()) }).await
}

fn promote(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { account, region, from, allow_tagged, output, file } = arguments;
    let story = Story::on_stderr();
    let mut promotion = Promotion::new(account, region)?;
    if let Some(account) = from {
        promotion = promotion.from_account(account);
    }
    if allow_tagged {
        promotion = promotion.allow_tagged();
    }
    let definitions = ImageDefinitions::read(file)?;
    let promoted = definitions.promote(&promotion).map_err(with_option)?;
    let diff = definitions.diff(&promoted);
    if diff.is_empty() {
        story.tell("nothing to promote: all images have this registry");
    } else {
        story.tell(diff.to_string().trim_end());
    }
    match output {
        Some(output) if output != Path::new("-") => Ok(promoted.write(output)?),
        _ => story.result(promoted.to_string().trim_end()),
    }
}

/// Replaces the library's method in an error with the option of the program.
fn with_option(error: Error) -> BoxError {
    match (error.kind(), error.image(), error.container()) {
        (ErrorKind::MutableTag, Some(image), Some(name)) => {
            let cure = "use its digest, or --allow-tagged";
            format!("the image {image} of container `{name}` has no digest: {cure}").into()
        }
        (ErrorKind::SeveralAccounts, ..) => {
            let accounts = error.accounts().join(" and ");
            format!("the images are in the accounts {accounts}: choose one with --from").into()
        }
        _ => error.into(),
    }
}
