//! Takes image definitions from one account or region to another.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use examples::{BoxError, Story, run};
use imagedefs::ImageDefinitions;
use imagedefs::promotion::Promotion;

/// Promote image definitions: the same images, by the same digests, in another account or region.
///
/// What was tested is what will run: repository, tag and digest stay, and only the registry's host
/// changes, its end too where the region is in another partition. Images that aren't in private ECR
/// registries stay as they are. Images without a digest are refused.
///
/// The definitions are on stdout, or in --output; what changes is told on stderr. The images
/// themselves aren't copied: push them there with `multi_region`, or let ECR replicate them.
///
/// Calls nothing.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 promoted, 1 refused, 2 bad usage.")]
struct Arguments {
    /// The account to promote to, 12 digits
    #[arg(long, value_name = "ACCOUNT")]
    account: String,

    /// The region to promote to, such as eu-west-1
    #[arg(long, value_name = "REGION")]
    region: String,

    /// Promote the images of this account alone, where there are others
    #[arg(long, value_name = "ACCOUNT")]
    from: Option<String>,

    /// Take images by their tags as well, whatever these mean in the other registry
    #[arg(long)]
    allow_tagged: bool,

    /// Where to write the promoted definitions; its folder has to be there
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The definitions to promote
    #[arg(value_name = "FILE", default_value = ImageDefinitions::FILE_NAME)]
    file: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run(async { promote(Arguments::parse()) }).await
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
    let promoted = definitions.promote(&promotion)?;
    let diff = definitions.diff(&promoted);
    if diff.is_empty() {
        story.tell("all images are there already");
    } else {
        story.tell(diff.to_string().trim_end());
    }
    match output {
        Some(output) => Ok(promoted.write(output)?),
        None => story.result(promoted.to_string().trim_end()),
    }
}
