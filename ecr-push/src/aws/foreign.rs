//! The description of an answer that doesn't come from AWS: from a proxy, a firewall or a portal.

use aws_sdk_ecr::config::http::HttpResponse;

/// Returns the status, the type and the gist of an answer, such as `HTTP 413, text/html: "413
/// Request Entity Too Large"`.
pub(crate) fn describe_foreign(response: &HttpResponse) -> String {
    let status = response.status().as_u16();
    let media_type = media_type(response).map(|it| format!(", {it}")).unwrap_or_default();
    match gist(response.body().bytes().unwrap_or_default()) {
        Some(gist) => format!("HTTP {status}{media_type}: \"{gist}\""),
        None => format!("HTTP {status}{media_type}, no text"),
    }
}

/// Returns whether the answer says that it is HTML. Neither ECR nor a registry answers so.
pub(crate) fn is_html(response: &HttpResponse) -> bool {
    media_type(response)
        .is_some_and(|it| it.eq_ignore_ascii_case("text/html") || it.contains("xhtml"))
}

fn media_type(response: &HttpResponse) -> Option<&str> {
    let text = response.headers().get("content-type")?;
    Some(text.split(';').next().unwrap_or(text).trim()).filter(|it| !it.is_empty())
}

/// How many characters of an answer are shown.
const SHOWN: usize = 200;

/// How many bytes of an answer are searched for its title.
const SEARCHED: usize = 64 * 1024;

/// Returns the title of a page, or the start of any other text.
fn gist(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&body[..body.len().min(SEARCHED)]);
    let title = between(&text, "<title", "</title").or_else(|| between(&text, "<h1", "</h1"));
    let plain = match title {
        Some(title) => title.to_owned(),
        None => without_tags(&text),
    };
    let words: Vec<&str> = plain.split_whitespace().collect();
    let words = words.join(" ");
    let shown: String = words.chars().take(SHOWN).collect();
    let rest = if shown.len() < words.len() { "…" } else { "" };
    (!shown.is_empty()).then(|| format!("{shown}{rest}"))
}

/// Returns the content of the first element whose start tag begins with `open`.
fn between<'t>(text: &'t str, open: &str, close: &str) -> Option<&'t str> {
    // Lowering ASCII keeps every position.
    let lower = text.to_ascii_lowercase();
    let start = lower.find(open)?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find(close)?;
    Some(text[start..end].trim()).filter(|title| !title.is_empty())
}

fn without_tags(text: &str) -> String {
    if !text.trim_start().starts_with('<') {
        return text.to_owned();
    }
    let mut plain = String::new();
    for piece in text.split('<') {
        plain.push_str(piece.split_once('>').map_or("", |(_, after)| after));
        plain.push(' ');
    }
    plain
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn response(status: u16, media_type: Option<&'static str>, body: &str) -> HttpResponse {
        let status = status.try_into().unwrap();
        let mut response = HttpResponse::new(status, SdkBody::from(body.to_owned()));
        if let Some(media_type) = media_type {
            response.headers_mut().insert("content-type", media_type);
        }
        response
    }

    #[test]
    fn an_answer_is_described_by_its_title_or_its_start() {
        let html =
            "<html><head><TITLE lang=en>413 Request\r\n Entity Too Large</TITLE></head></html>";
        let long = "x".repeat(201);
        let cut = format!("HTTP 500: \"{}…\"", "x".repeat(200));
        for (media_type, body, described) in [
            (
                Some("text/html; charset=utf-8"),
                html,
                "HTTP 500, text/html: \"413 Request Entity Too Large\"",
            ),
            (Some("text/html"), "<h1>Denied</h1>", "HTTP 500, text/html: \"Denied\""),
            (None, "<p>No <b>entry</b></p>", "HTTP 500: \"No entry\""),
            (Some("text/plain"), "upstream gone\n", "HTTP 500, text/plain: \"upstream gone\""),
            (None, "", "HTTP 500, no text"),
            (None, "<title>", "HTTP 500, no text"),
            (None, &long, &cut),
        ] {
            assert_eq!(describe_foreign(&response(500, media_type, body)), described);
        }
    }

    #[test]
    fn html_is_known_by_its_type() {
        assert!(is_html(&response(200, Some("Text/HTML;charset=x"), "")));
        assert!(is_html(&response(200, Some("application/xhtml+xml"), "")));
        assert!(!is_html(&response(200, Some("application/json"), "")));
        assert!(!is_html(&response(200, None, "<html>")));
    }
}
