//! The output of a program: progress lines, colors, progress bars and the result.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};

use indicatif::ProgressDrawTarget;

use crate::ending::BoxError;
use crate::streams::note;

/// The progress output of a program, line by line.
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
    /// Writes the progress to stdout, for a program without another result.
    pub fn on_stdout() -> Self {
        Self { stream: Stream::Stdout }
    }

    /// Writes the progress to stderr, for a program whose stdout another program reads.
    pub fn on_stderr() -> Self {
        Self { stream: Stream::Stderr }
    }

    /// Prints a line. If the stream is closed or its disk is full, the work continues, and the
    /// program fails at its end.
    pub fn tell(&self, line: impl AsRef<str>) {
        let line = line.as_ref();
        match self.stream {
            Stream::Stderr => note("stderr", writeln!(stderr(), "{line}")),
            Stream::Stdout => note("stdout", writeln!(stdout(), "{line}")),
        }
    }

    /// Whether the output may have colors: the stream is a terminal and NO_COLOR is not set.
    pub(crate) fn has_colors(&self) -> bool {
        let is_terminal = match self.stream {
            Stream::Stderr => stderr().is_terminal(),
            Stream::Stdout => stdout().is_terminal(),
        };
        is_terminal && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty())
    }

    /// Prints the result of the program as the last line on stdout.
    ///
    /// # Errors
    /// Fails if stdout is closed or its disk is full: a caller must not mistake an empty or
    /// incomplete result for success.
    pub fn result(&self, line: impl AsRef<str>) -> Result<(), BoxError> {
        let mut stdout = stdout().lock();
        let written = writeln!(stdout, "{}", line.as_ref()).and_then(|()| stdout.flush());
        written.map_err(|error| format!("can't write the result to stdout: {error}").into())
    }

    /// Returns the target of progress bars, or `None` if the output is not a terminal.
    pub(crate) fn bars(&self) -> Option<ProgressDrawTarget> {
        // Checks both: if another program reads stdout, stderr usually goes to a log.
        if !stdout().is_terminal() || !stderr().is_terminal() {
            return None;
        }
        Some(match self.stream {
            Stream::Stderr => ProgressDrawTarget::stderr(),
            Stream::Stdout => ProgressDrawTarget::stdout(),
        })
    }
}
