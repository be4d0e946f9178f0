//! The `serve` program: what it prints, what it serves, and how it ends.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

fn serve(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_serve"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[cfg(unix)]
#[test]
fn the_environment_is_printed_and_a_signal_ends_it() {
    let mut child = serve(&[]);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let endpoint = line();
    let port = endpoint.strip_prefix("export AWS_ENDPOINT_URL=http://127.0.0.1:").unwrap();
    assert_ne!(port.parse::<u16>().unwrap(), 0);
    assert_eq!(line(), "export AWS_REGION=us-east-1");
    assert_eq!(line(), "export AWS_DEFAULT_REGION=us-east-1");
    assert_eq!(line(), "export AWS_ACCESS_KEY_ID=AKIALOCALAWSEXAMPLE");
    assert_eq!(line(), "export AWS_SECRET_ACCESS_KEY=local");

    let signalled = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(signalled.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(line(), "");
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(
        stderr,
        format!(
            "Serving ECR, ECS and STS at http://127.0.0.1:{port}. Ctrl-C ends it, and forgets \
             everything.\n"
        )
    );
}

#[test]
fn a_port_that_is_taken_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = serve(&["--port", &port]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"");
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!(
            "error: port {port} is taken: choose another, or leave --port out for a free one\n"
        )
    );
}

#[test]
fn bad_usage_is_exit_2() {
    let output = serve(&["--port", "http"]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let output = serve(&["--blobs", "drop"]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("[possible values: count, keep]"), "{stderr}");
}
