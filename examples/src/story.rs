//! Where a program tells what it does, and in which form.

use std::io::{IsTerminal as _, stderr, stdout};

use indicatif::ProgressDrawTarget;

/// The story of a program's run, line by line.
#[derive(Debug, Clone, Copy)]
pub struct Story {
    stream: Stream,
}

#[derive(Debug, Clone, Copy)]
enum Stream {
    Stderr,
    Stdout,
}

impl Story {
    /// On stdout, for a program whose story is its output.
    pub fn on_stdout() -> Self {
        Self { stream: Stream::Stdout }
    }

    /// On stderr, for a program whose stdout another one reads.
    pub fn on_stderr() -> Self {
        Self { stream: Stream::Stderr }
    }

    /// Tells a line.
    pub fn tell(&self, line: impl AsRef<str>) {
        match self.stream {
            Stream::Stderr => eprintln!("{}", line.as_ref()),
            Stream::Stdout => println!("{}", line.as_ref()),
        }
    }

    /// Where progress bars go; `None` where lines are better, because nobody is watching.
    pub(crate) fn bars(&self) -> Option<ProgressDrawTarget> {
        // Both in either case: where stdout is read by another program, a log reads stderr.
        if !stdout().is_terminal() || !stderr().is_terminal() {
            return None;
        }
        Some(match self.stream {
            Stream::Stderr => ProgressDrawTarget::stderr(),
            Stream::Stdout => ProgressDrawTarget::stdout(),
        })
    }
}
