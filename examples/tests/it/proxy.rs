//! Tests of proxies and private certificates, with a proxy and a TLS server on this machine.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::program::{Ended, Program, URI, Workplace, served};

/// A proxy that sends every connection to one server, and keeps the head of each first request.
struct Proxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = heads.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, server, seen.clone()));
            }
        });
        Self { address, heads }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn serve(
    mut connection: TcpStream,
    server: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let is_tunnel = text.starts_with("CONNECT ");
    seen.lock().unwrap().push(text);
    let mut upstream = TcpStream::connect(server).await?;
    if is_tunnel {
        connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    } else {
        upstream.write_all(&head).await?;
    }
    copy_bidirectional(&mut connection, &mut upstream).await?;
    Ok(())
}

/// Starts a server that speaks TLS, with a certificate of a private CA for `ecr.us-east-1.api.aws`, in front
/// of another server. Returns its address and the CA's certificate.
async fn tls_before(server: SocketAddr) -> (SocketAddr, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["ecr.us-east-1.api.aws".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &ca).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut connection = acceptor.accept(connection).await?;
                let mut upstream = TcpStream::connect(server).await?;
                copy_bidirectional(&mut connection, &mut upstream).await
            });
        }
    });
    (address, ca.pem())
}

fn address(url: &str) -> SocketAddr {
    url.strip_prefix("http://").unwrap().parse().unwrap()
}

async fn pushed(with: &[(&str, &str)], server: &local_aws::Server) -> Ended {
    let workplace = Workplace::new();
    let program = Program::push().with(&["--aws", workplace.image(), URI]).on(server);
    with.iter().fold(program, |program, (name, value)| program.env(name, value)).run().await
}

#[tokio::test]
async fn requests_go_through_the_proxy() {
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let server = served().await;
        let proxy = Proxy::before(address(&server.endpoint_url())).await;
        let ended = pushed(&[(name, &proxy.url())], &server).await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let heads = proxy.heads();
        let start = format!("POST {}/ HTTP/1.1\r\n", server.endpoint_url());
        assert!(
            !heads.is_empty() && heads.iter().all(|head| head.starts_with(&start)),
            "{heads:?}"
        );
    }
}

#[tokio::test]
async fn hosts_in_no_proxy_are_called_directly() {
    for (name, hosts) in [("NO_PROXY", "example.com,127.0.0.1"), ("no_proxy", "127.0.0.0/8")] {
        let server = served().await;
        let proxy = Proxy::before(address(&server.endpoint_url())).await;
        let ended = pushed(&[("HTTP_PROXY", &proxy.url()), (name, hosts)], &server).await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(proxy.heads(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn the_proxys_login_is_sent_to_it() {
    let server = served().await;
    let proxy = Proxy::before(address(&server.endpoint_url())).await;
    let url = format!("http://user:pass@{}", proxy.address);
    let ended = pushed(&[("HTTP_PROXY", &url)], &server).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let head = proxy.heads()[0].to_lowercase();
    assert!(head.contains("proxy-authorization: basic dxnlcjpwyxnz\r\n"), "{head}");
}

/// HTTPS passes the proxy in a tunnel; the certificate is that of a private CA.
#[tokio::test]
async fn https_goes_through_a_tunnel_and_trusts_the_bundle() {
    let server = served().await;
    let (tls, ca) = tls_before(address(&server.endpoint_url())).await;
    let proxy = Proxy::before(tls).await;
    let folder = tempfile::TempDir::new().unwrap();
    let bundle = folder.path().join("ca.pem");
    std::fs::write(&bundle, format!("# our CA\n{ca}")).unwrap();
    let (url, bundle) = (proxy.url(), bundle.to_str().unwrap());
    let endpoint = ("AWS_ENDPOINT_URL", "https://ecr.us-east-1.api.aws");
    for name in ["HTTPS_PROXY", "https_proxy"] {
        let ended = pushed(&[endpoint, (name, &url), ("AWS_CA_BUNDLE", bundle)], &server).await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
    let heads = proxy.heads();
    let is_tunnel =
        |head: &String| head.starts_with("CONNECT ecr.us-east-1.api.aws:443 HTTP/1.1\r\n");
    assert!(!heads.is_empty() && heads.iter().all(is_tunnel), "{heads:?}");

    // A certificate of another CA isn't trusted.
    let (_, other) = tls_before(address(&server.endpoint_url())).await;
    std::fs::write(bundle, other).unwrap();
    let ended =
        pushed(&[endpoint, ("HTTPS_PROXY", &url), ("AWS_CA_BUNDLE", bundle)], &server).await;
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("invalid peer certificate: "), "{}", ended.stderr);
}

#[tokio::test]
async fn an_invalid_proxy_is_an_error_without_its_password() {
    let server = served().await;
    for (name, value) in [
        ("HTTPS_PROXY", "http://user:secret@:port:"),
        ("https_proxy", "socks5://user:secret@proxy:1080"),
        ("HTTP_PROXY", "/secret"),
        ("ALL_PROXY", "http://user:secret@pro xy"),
    ] {
        let ended = pushed(&[(name, value)], &server).await;
        assert_eq!(ended.code, 1);
        let expected = format!(
            "error: invalid {name}: expected the URL of an HTTP proxy, such as \
             http://proxy.example.com:3128\n"
        );
        assert_eq!(ended.stderr, expected);
    }
}

#[tokio::test]
async fn a_bundle_without_valid_certificates_is_an_error() {
    let server = served().await;
    let folder = tempfile::TempDir::new().unwrap();
    let file = |content: &str| {
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let message = async |path: &str| {
        let ended = pushed(&[("AWS_CA_BUNDLE", path)], &server).await;
        assert_eq!(ended.code, 1);
        ended.stderr
    };
    let path = file("not a certificate");
    assert_eq!(
        message(&path).await,
        format!(
            "error: no certificate in {path}, which AWS_CA_BUNDLE names: expected the PEM format, \
             which begins with -----BEGIN CERTIFICATE-----\n"
        )
    );
    let path = file("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let start = format!("error: certificate 1 in {path}, which AWS_CA_BUNDLE names, is invalid: ");
    let found = message(&path).await;
    assert!(found.starts_with(&start), "{found}");
    let missing = Path::new("/no/such/file");
    assert_eq!(
        message(missing.to_str().unwrap()).await,
        "error: the file /no/such/file, which AWS_CA_BUNDLE names, can't be read: No such file or \
         directory (os error 2)\n"
    );
}

/// An emulator in the same process isn't behind a proxy, and CI sets variables to empty strings.
#[tokio::test]
async fn the_emulator_and_empty_variables_need_no_proxy() {
    let workplace = Workplace::new();
    let program = Program::push().with(&[workplace.image(), URI]);
    let ended = program.env("HTTP_PROXY", "http://127.0.0.1:1").run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let ended =
        pushed(&[("HTTPS_PROXY", ""), ("HTTP_PROXY", ""), ("AWS_CA_BUNDLE", "")], &served().await)
            .await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}
