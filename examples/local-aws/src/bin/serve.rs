//! Serves the emulator on the loopback interface, for any AWS client of this machine.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use local_aws::{Blobs, LocalAws, Server};

/// Serves a strict emulator of Amazon ECR, ECS and STS on 127.0.0.1.
///
/// It prints the `export` lines that point any AWS client at it, so that either of these works:
///
///     cargo run -p local-aws -- --port 4566      and paste the lines into another shell
///
///     cargo run -p local-aws -- --port 4566 > env.sh &      and then: . ./env.sh
///
/// It is a container registry as well: http://127.0.0.1:PORT/v2/, with the user AWS and the
/// password of `aws ecr get-login-password`.
///
/// Any credentials will do. The world in it, in us-east-1 of the account 123456789012: the ECR
/// repository `demo/web`, and the ECS cluster `demo` with the service `web`, in steady state. It is
/// gone when the program ends.
#[derive(Debug, Parser)]
#[command(name = "local-aws", verbatim_doc_comment)]
struct Arguments {
    /// The port to listen on; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// What the time that a rollout takes is multiplied with: 1 is as on ECS, a minute and a
    /// half, 0.01 is for the impatient
    #[arg(long, default_value_t = 1.0, value_parser = pace, value_name = "FACTOR")]
    pace: f64,

    /// What becomes of the content of layers
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    blobs: Content,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Content {
    /// It is hashed and counted, and not kept: for pushes larger than the memory, and for speed
    Count,
    /// It is kept in memory, and can be pulled
    #[default]
    Keep,
}

impl From<Content> for Blobs {
    fn from(content: Content) -> Self {
        match content {
            Content::Count => Self::Count,
            Content::Keep => Self::Keep,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments) -> Result<(), String> {
    let Arguments { port, pace, blobs } = arguments;
    // Before anything is printed: a signal that comes after the lines must not be missed.
    let stopped = stop_signal().map_err(|error| format!("can't wait for signals: {error}"))?;
    let local = LocalAws::new();
    local.create_demo();
    local.set_rollout_pace(pace);
    local.set_blobs(blobs.into());
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let server = local.listen(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!("port {port} is taken: choose another, or leave --port out for a free one")
        }
        _ => format!("can't listen on {address}: {error}"),
    })?;
    print_environment(&server).map_err(|error| format!("can't print to stdout: {error}"))?;
    eprintln!(
        "Serving ECR, ECS and STS at {}. Ctrl-C ends it, and forgets everything.",
        server.endpoint_url()
    );
    stopped.await;
    Ok(())
}

/// Up to a hundred times slower than ECS, so that no duration overflows.
fn pace(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(pace) if (0.0..=100.0).contains(&pace) => Ok(pace),
        _ => Err("expected a number from 0 to 100".to_owned()),
    }
}

fn print_environment(server: &Server) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    for (name, value) in server.environment() {
        writeln!(stdout, "export {name}={value}")?;
    }
    stdout.flush()
}

#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Ctrl-C ends the program even if no handler can be installed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
