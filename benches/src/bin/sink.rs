//! Serves the [sink](benches::sink) on a port of its own, by plain HTTP or TLS.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use benches::sink::answer;
use clap::Parser;
use examples::{BoxError, run};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Take any push, and keep nothing.
#[derive(Debug, Parser)]
struct Arguments {
    /// Speak TLS, with this certificate; a file in PEM
    #[arg(long, requires = "key")]
    certificate: Option<PathBuf>,

    /// Its key; a file in PEM
    #[arg(long, requires = "certificate")]
    key: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    run(serve(Arguments::parse())).await
}

async fn serve(arguments: Arguments) -> Result<(), BoxError> {
    let acceptor = match (arguments.certificate, arguments.key) {
        (Some(certificate), Some(key)) => {
            let certificate = CertificateDer::from_pem_file(certificate)?;
            let key = PrivateKeyDer::from_pem_file(key)?;
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key)?;
            Some(TlsAcceptor::from(Arc::new(config)))
        }
        _ => None,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    // For whoever has started it, and then waits for the line.
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    println!("{scheme}://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            match acceptor {
                None => connection(stream).await,
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => connection(stream).await,
                    Err(error) => eprintln!("no TLS: {error}"),
                },
            }
        });
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let service = service_fn(async |request| Ok::<_, Infallible>(answer(request).await));
    // A client that breaks off is no failure of the server's.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
