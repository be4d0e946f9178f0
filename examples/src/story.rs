//! Where a program tells what it does, and in which form.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};

use indicatif::ProgressDrawTarget;

use crate::ending::BoxError;

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

    /// Tells a line. Where nobody reads it any more, the work goes on all the same.
    pub fn tell(&self, line: impl AsRef<str>) {
        let line = line.as_ref();
        let _ = match self.stream {
            Stream::Stderr => writeln!(stderr(), "{line}"),
            Stream::Stdout => writeln!(stdout(), "{line}"),
        };
    }

    /// Whether what it tells may have colors: there is a terminal, and nobody has asked for none
    /// (NO_COLOR).
    pub(crate) fn has_colors(&self) -> bool {
        let is_terminal = match self.stream {
            Stream::Stderr => stderr().is_terminal(),
            Stream::Stdout => stdout().is_terminal(),
        };
        is_terminal && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty())
    }

    /// Prints what the program is run for, as the last line on stdout.
    ///
    /// # Errors
    /// Where it can't be written: whoever waits for it must not take silence for success.
    pub fn result(&self, line: impl AsRef<str>) -> Result<(), BoxError> {
        writeln!(stdout(), "{}", line.as_ref())
            .map_err(|error| format!("the result can't be written to stdout: {error}").into())
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
