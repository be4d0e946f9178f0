//! Pushes an image as one would with the SDK alone: each part is read into memory and sent by
//! `upload_layer_part`, and the next one after it. With the examples' session, so that the HTTP
//! client and its settings are those of `push`.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::primitives::Blob;
use aws_sdk_ecr::types::LayerAvailability;
use benches::layout::{BlobFile, Layout};
use clap::Parser;
use ecr_push::Repository;
use examples::{BoxError, Session, run};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

const PART: u64 = 10 * 1024 * 1024;

/// Push an image with the SDK alone.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many layers are sent at once
    #[arg(long, default_value_t = 1)]
    at_once: usize,

    /// The folder of an OCI image layout with one image
    image: PathBuf,

    /// Where to, on what AWS_ENDPOINT_URL says
    repository: Repository,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(push(Arguments::parse())).await
}

async fn push(arguments: Arguments) -> Result<(), BoxError> {
    let layout = Layout::read(&arguments.image)?;
    let session = Session::of(true, &arguments.repository).await?;
    let client = Client::new(session.config());
    let name = arguments.repository.name();

    let digests: Vec<String> = layout.blobs.iter().map(|blob| blob.digest.clone()).collect();
    let check = client.batch_check_layer_availability().repository_name(name);
    let checked = check.set_layer_digests(Some(digests)).send().await?;
    let is_there = |blob: &BlobFile| {
        checked.layers().iter().any(|layer| {
            layer.layer_digest() == Some(&blob.digest)
                && layer.layer_availability() == Some(&LayerAvailability::Available)
        })
    };
    let missing = layout.blobs.iter().filter(|blob| !is_there(blob));
    let uploads = missing.map(|blob| {
        let (client, name, blob) = (client.clone(), name.to_owned(), blob.clone());
        async move { tokio::spawn(upload(client, name, blob)).await? }
    });
    stream::iter(uploads).buffer_unordered(arguments.at_once).try_collect::<()>().await?;

    let put = client.put_image().repository_name(name).image_digest(layout.digest);
    let put = put.image_manifest(String::from_utf8(layout.manifest)?);
    match put.image_manifest_media_type(layout.media_type).send().await {
        Ok(_) => Ok(()),
        Err(error) => match error.into_service_error() {
            error if error.is_image_already_exists_exception() => Ok(()),
            error => Err(error.into()),
        },
    }
}

async fn upload(client: Client, name: String, blob: BlobFile) -> Result<(), BoxError> {
    let begun = client.initiate_layer_upload().repository_name(&name).send().await?;
    let id = begun.upload_id().ok_or("there is no upload id")?;
    let mut file = File::open(&blob.path)?;
    let mut first = 0;
    while first < blob.size {
        let len = PART.min(blob.size - first);
        let mut content = vec![0; usize::try_from(len)?];
        file.read_exact(&mut content)?;
        let last = first + len - 1;
        let part = client.upload_layer_part().repository_name(&name).upload_id(id);
        let part = part.part_first_byte(first.try_into()?).part_last_byte(last.try_into()?);
        part.layer_part_blob(Blob::new(content)).send().await?;
        first += len;
    }
    let complete = client.complete_layer_upload().repository_name(&name).upload_id(id);
    complete.layer_digests(&blob.digest).send().await?;
    Ok(())
}
