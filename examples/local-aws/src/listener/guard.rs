//! The guard against web pages: a browser on this machine sends requests here for any page that asks
//! for it.

use std::net::IpAddr;

use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, HeaderName};

/// The ends of AWS's own names, with which a client reaches the emulator by an entry in /etc/hosts.
/// A page can't be served under them.
const AWS: [&str; 5] =
    [".amazonaws.com", ".amazonaws.com.cn", ".amazonwebservices.com.cn", ".api.aws", ".on.aws"];

/// Checks that a request comes from a program and not from a web page.
///
/// A page that reaches the emulator under a name of its own (DNS rebinding) sends that name as the
/// host. A page that sends a request across sites names its origin. Programs send no origin.
///
/// # Errors
/// Returns why the request is refused.
pub(super) fn check(headers: &HeaderMap, listens_on: IpAddr) -> Result<(), String> {
    let host = text(headers, HOST)?;
    if let Some(host) = host
        && !is_ours(host, listens_on)
    {
        return Err(format!("host {host:?} is not a name of this emulator: use 127.0.0.1"));
    }
    match (text(headers, ORIGIN)?, host) {
        (None, _) => Ok(()),
        (Some(origin), Some(host)) if origin.strip_prefix("http://") == Some(host) => Ok(()),
        (Some(origin), _) => Err(format!("requests of web pages are refused: origin {origin:?}")),
    }
}

/// Checks that a body is declared as JSON, which a page can't do across sites without being allowed
/// to.
///
/// # Errors
/// Returns why the request is refused.
pub(super) fn check_json(headers: &HeaderMap) -> Result<(), String> {
    let content_type = text(headers, CONTENT_TYPE)?.unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(format!("an order needs Content-Type: application/json, not {content_type:?}"))
}

/// Returns the value of a header that must not be repeated.
fn text(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, String> {
    let mut values = headers.get_all(&name).iter();
    let value = values.next().map(|value| value.to_str());
    match (value.transpose(), values.next()) {
        (Ok(value), None) => Ok(value),
        (Ok(_), Some(_)) => Err(format!("the header {name} is repeated")),
        (Err(_), _) => Err(format!("the header {name} is not ASCII")),
    }
}

fn is_ours(host: &str, listens_on: IpAddr) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.to_ascii_lowercase();
    let address = name.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(&name);
    match address.parse::<IpAddr>() {
        // A page under an address was served by that address.
        Ok(address) => address.is_loopback() || !listens_on.is_loopback(),
        Err(_) => {
            name == "localhost"
                || name.ends_with(".localhost")
                || AWS.iter().any(|end| name.ends_with(end))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http::HeaderValue;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn checked(headers: &[(HeaderName, &'static str)], listens_on: IpAddr) -> Result<(), String> {
        let headers =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| {
            map.append(name, value);
        });
        check(&map, listens_on)
    }

    #[test]
    fn the_host_is_this_machine_or_aws() {
        for host in [
            "127.0.0.1:4566",
            "127.8.8.8",
            "localhost",
            "LOCALHOST:80",
            "ecr.localhost:4566",
            "[::1]:4566",
            "[::1]",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com",
            "123456789012.dkr-ecr.us-east-1.on.aws:443",
            "ecs.cn-north-1.amazonaws.com.cn",
        ] {
            assert_eq!(checked(&[(HOST, host)], HERE), Ok(()), "{host}");
        }
        assert_eq!(checked(&[], HERE), Ok(()));
        for host in [
            "evil.example",
            "evil.example:4566",
            "localhost.evil.example",
            "amazonaws.com.evil.example",
            "evilamazonaws.com",
            "192.168.1.7:4566",
            "127.0.0.1.evil.example",
            "",
        ] {
            let problem = format!("host {host:?} is not a name of this emulator: use 127.0.0.1");
            assert_eq!(checked(&[(HOST, host)], HERE), Err(problem));
        }
        let everywhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        assert_eq!(checked(&[(HOST, "192.168.1.7:4566")], everywhere), Ok(()));
        assert!(checked(&[(HOST, "evil.example")], everywhere).is_err());
        let twice = [(HOST, "127.0.0.1"), (HOST, "evil.example")];
        assert_eq!(checked(&twice, HERE), Err("the header host is repeated".to_owned()));
    }

    #[test]
    fn a_foreign_origin_is_refused() {
        let host = (HOST, "127.0.0.1:4566");
        let origin = |origin| checked(&[host.clone(), (ORIGIN, origin)], HERE);
        assert_eq!(origin("http://127.0.0.1:4566"), Ok(()));
        for foreign in
            ["null", "https://evil.example", "http://127.0.0.1:80", "http://localhost:4566", ""]
        {
            let problem = format!("requests of web pages are refused: origin {foreign:?}");
            assert_eq!(origin(foreign), Err(problem));
        }
    }

    #[test]
    fn an_order_is_json() {
        let checked = |content_type: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = content_type {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            }
            check_json(&headers)
        };
        assert_eq!(checked(Some("application/json")), Ok(()));
        assert_eq!(checked(Some("Application/JSON; charset=utf-8")), Ok(()));
        for simple in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
            let problem = format!("an order needs Content-Type: application/json, not {simple:?}");
            assert_eq!(checked(Some(simple)), Err(problem));
        }
        assert!(checked(None).is_err());
    }
}
