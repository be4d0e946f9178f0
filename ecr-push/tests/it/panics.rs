//! A panic hook that ends the test process when a panic would go unnoticed.

use std::io::{Write as _, stderr};
use std::panic::{set_hook, take_hook};
use std::process::abort;
use std::sync::Once;
use std::thread;

/// From now on, a panic in a task or in a thread that isn't a test's aborts the process. The runtime
/// catches such panics, so that the test could pass in spite of one.
pub(crate) fn forbid() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default = take_hook();
        set_hook(Box::new(move |panic| {
            let thread = thread::current();
            // The test harness names its threads after the tests.
            let is_test = thread.name().is_some_and(|name| name == "main" || name.contains("::"));
            if is_test && tokio::task::try_id().is_none() {
                return default(panic);
            }
            // Writes to the stream itself, because the harness would lose captured text.
            let _ = writeln!(stderr(), "a panic outside of the tests' own code: {panic}");
            abort();
        }));
    });
}

mod tests {
    use super::*;

    /// Runs this test again as a child process, in which a task panics unnoticed.
    #[test]
    fn a_panic_in_a_task_ends_the_process() {
        const CHILD: &str = "TEST_OF_THE_PANIC_HOOK";
        if std::env::var_os(CHILD).is_some() {
            forbid();
            let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
            runtime.block_on(async { drop(tokio::spawn(async { panic!("unnoticed") }).await) });
            return;
        }
        let test = std::env::current_exe().unwrap();
        let name = "panics::tests::a_panic_in_a_task_ends_the_process";
        let child =
            std::process::Command::new(test).args([name, "--exact"]).env(CHILD, "").output();
        let child = child.unwrap();
        assert!(!child.status.success());
        let stderr = String::from_utf8_lossy(&child.stderr);
        assert!(stderr.contains("a panic outside of the tests' own code: "), "{stderr}");
        assert!(stderr.contains("unnoticed"), "{stderr}");
    }
}
