//! The description of a response that isn't AWS's: the page of a proxy, a redirect, or garbage.

use aws_sdk_ecs::config::http::HttpResponse;

use crate::outside::Outside;

/// Returns whether a body is a page of HTML or XML, which AWS's JSON protocol never sends.
pub(super) fn is_page(response: &HttpResponse) -> bool {
    start(response.body().bytes().unwrap_or_default()).trim_start().starts_with('<')
}

/// Describes the response in one clause: `HTTP 413, text/html: "413 Request Entity Too Large", not
/// an answer of ECS's`. JSON isn't shown, because it may be a cut task definition with the values of
/// its environment variables.
pub(super) fn describe(operation: &str, response: &HttpResponse) -> String {
    let status = response.status().as_u16();
    let service = match operation {
        "BatchGetImage" | "GetDownloadUrlForLayer" => "ECR",
        _ => "ECS",
    };
    let Some(body) = response.body().bytes() else {
        return format!("HTTP {status}, and the body broke off");
    };
    if body.is_empty() {
        return format!("HTTP {status} without a body, not an answer of {service}'s");
    }
    let text = start(body);
    let kind = response.headers().get("content-type").and_then(|it| it.split(';').next());
    let kind = kind.map(str::trim).filter(|it| !it.is_empty());
    let kind =
        Outside::new(kind.unwrap_or(if is_page(response) { "text/html" } else { "no type" }));
    let words = match text.trim_start().chars().next() {
        Some('{' | '[') => String::new(),
        Some('<') => words_of_page(&text),
        _ => joined(&text),
    };
    match words.is_empty() {
        true => {
            format!("HTTP {status}, {kind}, {} bytes, not an answer of {service}'s", body.len())
        }
        false => {
            format!(
                "HTTP {status}, {kind}: \"{}\", not an answer of {service}'s",
                Outside::new(words)
            )
        }
    }
}

/// Returns the text of the body's beginning.
fn start(body: &[u8]) -> String {
    const LONGEST: usize = 16 * 1024;
    String::from_utf8_lossy(&body[..body.len().min(LONGEST)]).into_owned()
}

/// Returns the title of a page, or else its text without the tags.
fn words_of_page(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|start| {
        let start = start + lower[start..].find('>')? + 1;
        let end = start + lower[start..].find("</title")?;
        Some(joined(&page[start..end]))
    });
    title.filter(|title| !title.is_empty()).unwrap_or_else(|| {
        let mut is_in_tag = false;
        let text: String = page
            .chars()
            .map(|c| {
                let was_in_tag = is_in_tag;
                is_in_tag = c == '<' || (is_in_tag && c != '>');
                if was_in_tag || is_in_tag { ' ' } else { c }
            })
            .collect();
        joined(&text)
    })
}

fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_described() {
        let page = "<html>\n<head><TITLE>413 Request\n Entity Too Large</TITLE></head></html>";
        for (status, kind, body, expected) in [
            (
                413,
                Some("text/html; charset=utf-8"),
                page,
                "HTTP 413, text/html: \"413 Request Entity Too Large\", not an answer of ECS's",
            ),
            (
                302,
                None,
                "<p>Moved <a href=\"x\">here</a></p>",
                "HTTP 302, text/html: \"Moved here\", not an answer of ECS's",
            ),
            (502, None, "", "HTTP 502 without a body, not an answer of ECS's"),
            (502, None, "<html>", "HTTP 502, text/html, 6 bytes, not an answer of ECS's"),
            (
                200,
                Some("text/plain"),
                "ok\u{1b}[2J\n##[error]",
                "HTTP 200, text/plain: \"ok\\u{1b}[2J \\u{23}#[error]\", not an answer of ECS's",
            ),
            (
                200,
                Some("application/x-amz-json-1.1"),
                r#"{"taskDefinition":{"environment":[{"name":"TOKEN","value":"secret"#,
                "HTTP 200, application/x-amz-json-1.1, 65 bytes, not an answer of ECS's",
            ),
            (200, None, "garbage", "HTTP 200, no type: \"garbage\", not an answer of ECS's"),
        ] {
            let mut response = HttpResponse::new(status.try_into().unwrap(), body.into());
            if let Some(kind) = kind {
                response.headers_mut().insert("content-type", kind);
            }
            assert_eq!(describe("UpdateService", &response), expected);
        }
        let response = HttpResponse::new(403.try_into().unwrap(), "<p>no</p>".into());
        assert_eq!(
            describe("BatchGetImage", &response),
            "HTTP 403, text/html: \"no\", not an answer of ECR's"
        );
    }
}
