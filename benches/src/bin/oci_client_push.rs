//! Pushes an image with oci-client, at its best: what is there isn't sent, and layers are streamed
//! rather than held in memory. `Client::push` does neither.

use std::path::PathBuf;
use std::process::ExitCode;

use benches::layout::{BlobFile, Layout};
use bytes::BytesMut;
use clap::Parser;
use examples::{BoxError, run};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

/// How much is read at once. By default a piece is a request of its own, and 4 MiB are the most
/// that oci-client puts into one; in a monolithic push, all of them are one request.
const CHUNKED_PIECE: usize = 4 * 1024 * 1024;
const MONOLITHIC_PIECE: usize = 256 * 1024;

/// Push an image with oci-client.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many layers are sent at once
    #[arg(long, default_value_t = 4)]
    at_once: usize,

    /// Send each layer in one request, instead of one for every 4 MiB
    #[arg(long)]
    monolithic: bool,

    /// Speak TLS, and trust this certificate; a file in PEM
    #[arg(long)]
    certificate: Option<PathBuf>,

    /// The folder of an OCI image layout with one image
    image: PathBuf,

    /// HOST:PORT/NAME:TAG
    reference: Reference,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(push(Arguments::parse())).await
}

async fn push(arguments: Arguments) -> Result<(), BoxError> {
    let Arguments { at_once, monolithic, certificate, image, reference } = arguments;
    let layout = Layout::read(&image)?;
    // It refuses to start without a provider, also where there is nothing to encrypt.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return Err("there is a TLS provider already".into());
    }
    let mut config = ClientConfig { use_monolithic_push: monolithic, ..ClientConfig::default() };
    match certificate {
        None => config.protocol = ClientProtocol::Http,
        Some(file) => {
            let data = std::fs::read(file)?;
            let encoding = CertificateEncoding::Pem;
            config.extra_root_certificates.push(Certificate { encoding, data });
        }
    }
    let client = Client::new(config);
    client.auth(&reference, &RegistryAuth::Anonymous, RegistryOperation::Push).await?;
    client.store_auth_if_needed(reference.resolve_registry(), &RegistryAuth::Anonymous).await;
    let uploads = layout.blobs.iter().map(|blob| {
        let (client, reference, blob) = (client.clone(), reference.clone(), blob.clone());
        async move { tokio::spawn(upload(client, reference, blob, monolithic)).await? }
    });
    stream::iter(uploads).buffer_unordered(at_once).try_collect::<()>().await?;
    let media_type = layout.media_type.parse()?;
    client.push_manifest_raw(&reference, layout.manifest, media_type).await?;
    Ok(())
}

async fn upload(
    client: Client,
    reference: Reference,
    blob: BlobFile,
    monolithic: bool,
) -> Result<(), BoxError> {
    if client.blob_exists(&reference, &blob.digest).await? {
        return Ok(());
    }
    let piece = if monolithic { MONOLITHIC_PIECE } else { CHUNKED_PIECE };
    let file = File::open(&blob.path).await?;
    let pieces = stream::try_unfold(file, move |mut file| async move {
        let mut content = BytesMut::with_capacity(piece);
        while content.len() < piece && file.read_buf(&mut content).await? > 0 {}
        let content = content.freeze();
        Ok((!content.is_empty()).then_some((content, file)))
    });
    client.push_blob_stream(&reference, pieces, &blob.digest, Some(blob.size)).await?;
    Ok(())
}
