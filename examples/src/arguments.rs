//! The arguments of a program: help and errors without passwords, on a stream that takes them.

use std::env;
use std::io::{self, IsTerminal as _, Write, stderr, stdout};
use std::process::exit;

use clap::Parser;

/// Parses the arguments of the process. Ends it if they are wrong, with code 2, or ask for help,
/// with code 0 if the help could be printed.
///
/// Clap repeats a wrong argument in its error. If the argument has a user and a password before
/// its host, they are left out: the error ends up in logs.
pub fn parse_arguments<A: Parser>() -> A {
    A::try_parse().unwrap_or_else(|error| {
        let logins: Vec<String> =
            env::args_os().filter_map(|it| login_in(&it.to_string_lossy())).collect();
        let text = |is_terminal: bool| {
            let styled = error.render();
            let has_colors = is_terminal && env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
            let text = if has_colors { styled.ansi().to_string() } else { styled.to_string() };
            without(&text, &logins)
        };
        let printed = if error.use_stderr() {
            print(stderr().lock(), &text(stderr().is_terminal()))
        } else {
            print(stdout().lock(), &text(stdout().is_terminal()))
        };
        // A caller must not mistake missing help for success.
        exit(if printed.is_err() { error.exit_code().max(1) } else { error.exit_code() })
    })
}

fn print(mut stream: impl Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

/// Returns `USER:PASSWORD` if the argument has it before a host, with or without a scheme or the
/// name of an option.
fn login_in(argument: &str) -> Option<String> {
    let value = match argument.split_once('=') {
        Some((option, value)) if option.starts_with("--") => value,
        _ => argument,
    };
    let value = value.split_once("://").map_or(value, |(_, rest)| rest);
    let (login, host) = value.rsplit_once('@')?;
    // A digest follows the tag of an image in the same way.
    let is_login = login.contains(':') && !host.starts_with("sha256:");
    is_login.then(|| login.to_owned())
}

fn without(text: &str, logins: &[String]) -> String {
    logins.iter().fold(text.to_owned(), |text, login| {
        let escaped = login.escape_debug().to_string();
        text.replace(login, "…").replace(&escaped, "…")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_found_and_a_digest_is_not_one() {
        for (argument, login) in [
            ("user:secret@123.dkr.ecr.us-east-1.amazonaws.com/web", Some("user:secret")),
            ("https://user:se/cr=et@host/web", Some("user:se/cr=et")),
            ("--registry-endpoint=https://AWS:a@b@host", Some("AWS:a@b")),
            ("AWS:eyJ=@host", Some("AWS:eyJ=")),
            ("host/web:1.0@sha256:abc", None),
            ("web=host:5000/web@sha256:abc", None),
            ("host/web:1.0", None),
            ("name@host", None),
        ] {
            assert_eq!(login_in(argument).as_deref(), login, "{argument}");
        }
        let logins = ["a:\"b".to_owned()];
        assert_eq!(without("x 'a:\"b@h' a:\\\"b@h", &logins), "x '…@h' …@h");
    }
}
