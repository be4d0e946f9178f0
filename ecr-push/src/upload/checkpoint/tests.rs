//! Tests of the checkpoint file: its content, and the reading of a broken one.

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::names::digest::Digest;

fn repository() -> Repository {
    "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web".parse().unwrap()
}

fn layer(content: &[u8]) -> Layer {
    Layer { digest: Digest::from_content(content), size: 100 }
}

impl std::ops::Deref for HeldCheckpoint {
    type Target = Checkpoint;

    fn deref(&self) -> &Checkpoint {
        &self.0
    }
}

/// A folder with a checkpoint in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("push.checkpoint")
    }

    fn open(&self) -> HeldCheckpoint {
        HeldCheckpoint::open(self.path(), &Reporter::default()).unwrap()
    }

    /// Returns the file names in the folder.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Opens the file, and returns why it was ignored.
    fn ignored(&self) -> String {
        let (reporter, mut events) = Reporter::channel();
        assert!(HeldCheckpoint::open(self.path(), &reporter).is_none());
        let Ok(Event::CheckpointIgnored { path, reason }) = events.try_recv() else { panic!() };
        assert_eq!(path, self.path());
        reason
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }
}

#[test]
fn an_upload_is_found_where_it_was_left() {
    let folder = Folder::new();
    let first = folder.open();
    first.begin(&repository(), &layer(b"a"), "id-a");
    first.begin(&repository(), &layer(b"b"), "id-b");
    first.sent("id-a", 20);
    first.sent("id-a", 30);
    first.end("id-b");
    drop(first);

    let second = folder.open();
    let found = second.take(&repository(), &layer(b"a")).unwrap();
    assert_eq!((found.upload_id.as_str(), found.sent), ("id-a", 30));
    assert_eq!(second.take(&repository(), &layer(b"a")), None, "each entry is used once");
    assert_eq!(second.take(&repository(), &layer(b"b")), None);
}

#[test]
fn another_repository_or_size_is_another_upload() {
    let folder = Folder::new();
    let checkpoint = folder.open();
    checkpoint.begin(&repository(), &layer(b"a"), "id-a");
    drop(checkpoint);
    let checkpoint = folder.open();
    let other = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/demo/web".parse().unwrap();
    assert_eq!(checkpoint.take(&other, &layer(b"a")), None);
    let longer = Layer { digest: Digest::from_content(b"a"), size: 101 };
    assert_eq!(checkpoint.take(&repository(), &longer), None);
    assert!(checkpoint.take(&repository(), &layer(b"a")).is_some());
}

#[test]
fn the_file_has_a_line_for_each_step_and_goes_when_all_is_done() {
    let folder = Folder::new();
    let checkpoint = folder.open();
    checkpoint.begin(&repository(), &layer(b"a"), "id-a");
    checkpoint.sent("id-a", 20);
    let digest = Digest::from_content(b"a");
    let begun = folder.text().split_once("\"begun\":").unwrap().1[..10].to_owned();
    assert!(now() - begun.parse::<u64>().unwrap() < 60, "{begun}");
    assert_eq!(
        folder.text(),
        format!(
            "{{\"ecr-push checkpoint\":1}}\n\
             {{\"begin\":{{\"repository\":\"{}\",\"layer\":\"{digest}\",\"size\":100,\
             \"upload\":\"id-a\",\"sent\":0,\"begun\":{begun}}}}}\n\
             {{\"sent\":{{\"upload\":\"id-a\",\"bytes\":20}}}}\n",
            repository()
        )
    );
    checkpoint.finish();
    assert!(folder.path().exists(), "one upload hasn't ended");
    let checkpoint = folder.open();
    checkpoint.end("id-a");
    checkpoint.finish();
    assert!(!folder.path().exists());
}

#[test]
fn a_line_that_was_cut_off_does_not_count() {
    let folder = Folder::new();
    let checkpoint = folder.open();
    checkpoint.begin(&repository(), &layer(b"a"), "id-a");
    checkpoint.sent("id-a", 20);
    checkpoint.sent("id-a", 30);
    drop(checkpoint);
    let text = folder.text();
    fs::write(folder.path(), &text[..text.len() - 5]).unwrap();
    let checkpoint = folder.open();
    assert_eq!(checkpoint.take(&repository(), &layer(b"a")).unwrap().sent, 20);
}

#[test]
fn what_ecr_can_not_have_said_does_not_count() {
    let good = "\"sent\":0,\"upload\":\"id-a\",\"begun\":NOW";
    for (find, replace) in [
        ("", ""),
        ("\"sent\":0", "\"sent\":101"),
        ("id-a", "../id"),
        ("id-a", &"a".repeat(65)),
        ("NOW", "0"),
    ] {
        let line = good.replace(find, replace).replace("NOW", &now().to_string());
        let (repository, digest) = (repository(), Digest::from_content(b"a"));
        let folder = Folder::new();
        let text = format!(
            "{{\"ecr-push checkpoint\":1}}\n{{\"begin\":{{\"repository\":\"{repository}\",\
             \"layer\":\"{digest}\",\"size\":100,{line}}}}}\n"
        );
        fs::write(folder.path(), text).unwrap();
        let found = folder.open().take(&repository, &layer(b"a"));
        assert_eq!(found.is_some(), find.is_empty(), "{line}");
    }
}

#[test]
fn what_is_no_checkpoint_is_left_as_it_is() {
    for (text, problem) in [
        ("precious", "not an ecr-push checkpoint"),
        ("{\"ecr-push checkpoint\":2}\n", "unsupported version 2: this build reads 1"),
    ] {
        let folder = Folder::new();
        fs::write(folder.path(), text).unwrap();
        assert_eq!(folder.ignored(), problem);
        assert_eq!(folder.text(), text);
    }
}

#[test]
fn a_folder_that_is_not_there_is_said() {
    let path = PathBuf::from("no/such/folder/push.checkpoint");
    let (reporter, mut events) = Reporter::channel();
    assert!(HeldCheckpoint::open(path, &reporter).is_none());
    let Ok(Event::CheckpointIgnored { reason, .. }) = events.try_recv() else { panic!() };
    assert!(reason.starts_with("No such file or directory"), "{reason}");
}

#[test]
fn a_file_that_another_push_holds_is_left_to_it() {
    let folder = Folder::new();
    let first = folder.open();
    first.begin(&repository(), &layer(b"a"), "id-a");
    let text = folder.text();
    let problem = "another push is using it: each concurrent push needs its own";
    assert_eq!(folder.ignored(), problem);
    first.sent("id-a", 20);
    assert!(folder.text().starts_with(&text) && folder.text().len() > text.len());
    assert_eq!(folder.ignored(), problem);

    // Clones that outlive the push neither keep the lock nor write.
    let clone = first.checkpoint();
    drop(first);
    let second = folder.open();
    let text = folder.text();
    clone.sent("id-a", 30);
    assert_eq!(folder.text(), text);
    assert_eq!(second.take(&repository(), &layer(b"a")).unwrap().sent, 20);
    drop(second);
    assert_eq!(folder.names(), ["push.checkpoint"]);
}

#[test]
fn what_a_killed_push_left_beside_it_is_removed() {
    let folder = Folder::new();
    let stale = folder.0.path().join(".push.checkpoint.ecr-push-a1B2c3.tmp");
    fs::write(stale, "half").unwrap();
    let _held = folder.open();
    assert_eq!(folder.names(), ["push.checkpoint"]);
}

#[test]
fn a_file_that_is_too_large_is_left_as_it_is() {
    let folder = Folder::new();
    File::create(folder.path()).unwrap().set_len(1 << 40).unwrap();
    let problem = "it has 1099511627776 bytes, more than the limit of 67108864";
    assert_eq!(folder.ignored(), problem);
    assert_eq!(fs::metadata(folder.path()).unwrap().len(), 1 << 40);
}

#[cfg(unix)]
#[test]
fn what_is_not_a_regular_file_is_left_as_it_is() {
    let folder = Folder::new();
    let path = folder.path();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert_eq!(folder.ignored(), format!("{path:?} is a named pipe, not a regular file"));
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("elsewhere", &path).unwrap();
    assert_eq!(folder.ignored(), format!("{path:?} is a symbolic link, not a regular file"));
    assert_eq!(folder.names(), ["push.checkpoint"]);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    fs::write(folder.path(), "").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o666)).unwrap();
    let _held = folder.open();
    assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o600);
}

proptest! {
    /// After any truncation and with any content, the file either opens or stays unchanged, and
    /// every position in it is valid.
    #[test]
    fn whatever_is_in_the_file_it_is_survived(
        sent in prop::collection::vec(0..200_u64, 0..5),
        cut in any::<prop::sample::Index>(),
        junk in prop::collection::vec(any::<u8>(), 0..40),
        at in any::<prop::sample::Index>(),
    ) {
        let folder = Folder::new();
        let checkpoint = folder.open();
        checkpoint.begin(&repository(), &layer(b"a"), "id-a");
        for bytes in sent {
            checkpoint.sent("id-a", bytes);
        }
        drop(checkpoint);
        let mut bytes = fs::read(folder.path()).unwrap();
        bytes.truncate(cut.index(bytes.len() + 1));
        let at = at.index(bytes.len() + 1);
        bytes.splice(at..at, junk);
        fs::write(folder.path(), &bytes).unwrap();
        match HeldCheckpoint::open(folder.path(), &Reporter::default()) {
            Some(checkpoint) => {
                if let Some(begun) = checkpoint.take(&repository(), &layer(b"a")) {
                    prop_assert!(begun.sent <= 100);
                }
            }
            None => prop_assert_eq!(fs::read(folder.path()).unwrap(), bytes),
        }
    }
}
