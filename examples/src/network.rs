//! The HTTP client of the programs, with the proxies and the certificates that the environment names.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use http::Uri;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::ending::BoxError;

/// The provider is ring, since it builds half a minute faster than aws-lc.
const PROVIDER: Provider = Provider::Rustls(CryptoMode::Ring);

/// Returns a client that ignores the environment, for an emulator in this process.
pub(crate) fn direct_client() -> SharedHttpClient {
    Builder::new().tls_provider(PROVIDER).build_https()
}

/// Returns a client that honours HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in upper or lower
/// case, and AWS_CA_BUNDLE. As in the AWS CLI, the certificates of the bundle replace those of the
/// system, and the addresses of credentials (169.254.169.254 and 169.254.170.2) belong into
/// NO_PROXY.
///
/// # Errors
/// Fails if a proxy's URL is invalid, or the bundle can't be read or holds no valid certificate.
pub(crate) fn client_of_environment() -> Result<SharedHttpClient, BoxError> {
    check_proxies()?;
    let tls = match env::var("AWS_CA_BUNDLE") {
        Ok(path) if !path.is_empty() => tls_with_bundle(&path)?,
        _ => TlsContext::default(),
    };
    Ok(SharedHttpClient::new(ProxiedClient { tls, connectors: Arc::default() }))
}

/// A client with one connector, and so one pool of connections, for each pair of timeouts.
#[derive(Debug)]
struct ProxiedClient {
    tls: TlsContext,
    connectors: Arc<Mutex<HashMap<Timeouts, SharedHttpConnector>>>,
}

/// The timeouts for the connection and for the answer.
type Timeouts = (Option<Duration>, Option<Duration>);

impl HttpClient for ProxiedClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let timeouts = (settings.connect_timeout(), settings.read_timeout());
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let mut builder = Connector::builder()
                .proxy_config(ProxyConfig::from_env())
                .connector_settings(settings.clone());
            builder.set_sleep_impl(components.sleep_impl());
            let connector = builder.tls_provider(PROVIDER).tls_context(self.tls.clone()).build();
            SharedHttpConnector::new(connector)
        };
        connectors.entry(timeouts).or_insert_with(new).clone()
    }
}

/// Refuses proxies that the client would silently ignore. The message doesn't repeat the URL, which
/// may contain a password.
fn check_proxies() -> Result<(), BoxError> {
    for names in
        [["HTTPS_PROXY", "https_proxy"], ["HTTP_PROXY", "http_proxy"], ["ALL_PROXY", "all_proxy"]]
    {
        let set = names.iter().find_map(|name| Some((name, env::var(name).ok()?)));
        let Some((name, url)) = set.filter(|(_, url)| !url.is_empty()) else {
            continue;
        };
        let is_proxy = |uri: Uri| {
            uri.authority().is_some() && matches!(uri.scheme_str(), None | Some("http" | "https"))
        };
        if !url.parse().is_ok_and(is_proxy) {
            return Err(format!(
                "invalid {name}: expected the URL of an HTTP proxy, such as \
                 http://proxy.example.com:3128"
            )
            .into());
        }
    }
    Ok(())
}

fn tls_with_bundle(path: &str) -> Result<TlsContext, BoxError> {
    let pem = fs::read(path).map_err(|error| {
        format!("the file {path}, which AWS_CA_BUNDLE names, can't be read: {error}")
    })?;
    // The client panics on invalid certificates, so they are checked before.
    let mut store = RootCertStore::empty();
    for (certificate, number) in CertificateDer::pem_slice_iter(&pem).zip(1..) {
        let problem = match certificate {
            Ok(certificate) => store.add(certificate).err().map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(problem) = problem {
            return Err(format!(
                "certificate {number} in {path}, which AWS_CA_BUNDLE names, is invalid: {problem}"
            )
            .into());
        }
    }
    if store.is_empty() {
        return Err(format!(
            "no certificate in {path}, which AWS_CA_BUNDLE names: expected the PEM format, which \
             begins with -----BEGIN CERTIFICATE-----"
        )
        .into());
    }
    let trusted = TrustStore::empty().with_pem_certificate(pem);
    Ok(TlsContext::builder().with_trust_store(trusted).build()?)
}
