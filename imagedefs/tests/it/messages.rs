//! The reports on broken files, names and references, word for word.

use std::fmt::Write;

use imagedefs::{Error, ErrorKind, ImageDefinitions, ImageUri, Problem, Severity};

use imagedefs::diagnosis::Diagnosis;

/// Realistic broken files, and the report on each. A case begins with `### ` and its name. The file
/// follows, then `>>>` with the kinds of the problems, and the report. If the file can be repaired,
/// `<<<` and the result follow.
const VECTORS: &str = include_str!("vectors.txt");

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// One line for each problem.
fn summary(content: impl AsRef<[u8]>) -> Vec<String> {
    let diagnosis = Diagnosis::new(content);
    let line = |problem: &Problem| {
        let (line, column, kind) = (problem.line(), problem.column(), problem.kind());
        let warning = match problem.severity() {
            Severity::Warning => " (warning)",
            _ => "",
        };
        let clauses = [problem.what(), problem.cause(), problem.cure()];
        let shown =
            format!("line {line}, column {column}: {}: {}; {}", clauses[0], clauses[1], clauses[2]);
        assert_eq!(problem.to_string(), shown);
        format!("{line}:{column} {kind:?}{warning}: {}", problem.what())
    };
    diagnosis.problems().iter().map(line).collect()
}

fn problems(error: &Error) -> Vec<String> {
    let problems = error.problems().iter();
    problems.map(|problem| format!("{}: {}", problem.column(), problem.what())).collect()
}

#[test]
fn the_report_on_each_vector() {
    let mut actual = Vec::new();
    for case in VECTORS.split("### ").skip(1) {
        let (name, case) = case.split_once('\n').unwrap();
        let (content, _) = case.split_once(">>>").unwrap();
        let diagnosis = Diagnosis::new(content);
        let kinds = diagnosis.problems().iter().map(|problem| format!(" {:?}", problem.kind()));
        let kinds = kinds.collect::<String>();
        let mut case = format!("### {name}\n{content}>>>{kinds}\n{}", diagnosis.report());
        match diagnosis.fix() {
            Ok(correction) if correction.text() != content => {
                let fixed = correction.text();
                assert!(Diagnosis::new(fixed).into_definitions().is_ok(), "{name}");
                write!(case, "<<<\n{fixed}").unwrap();
            }
            Ok(_) => assert!(diagnosis.into_definitions().is_ok(), "{name}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotRepairable),
        }
        actual.push(case);
    }
    let actual = actual.join("\n");
    if actual != VECTORS {
        let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/vectors.txt");
        std::fs::write(path, actual).unwrap();
        panic!("the reports are not those of vectors.txt; as they are now, they are in {path}");
    }
}

#[test]
fn encodings() {
    let text = "[{\"name\": \"web\", \"imageUri\": \"wéb:1\"}]";
    let rest = "1:32 ReferenceCharacter: invalid character `é` in the image reference";
    let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<_>>();
    let is_utf16 = "1:1 Utf16: the file is UTF-16";
    let with_mark = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
    for bytes in [
        with_mark(&[0xff, 0xfe], &utf16(u16::to_le_bytes)),
        with_mark(&[0xfe, 0xff], &utf16(u16::to_be_bytes)),
        utf16(u16::to_le_bytes),
        utf16(u16::to_be_bytes),
    ] {
        assert_eq!(summary(bytes), [is_utf16, rest]);
    }
    let utf32 = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect::<Vec<_>>();
    assert_eq!(summary(utf32), ["1:1 Utf32: the file is UTF-32", rest]);
    let little = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let after = "1:3 MixedEncodings: ASCII follows after UTF-16";
    assert_eq!(summary([&little("[]")[..], b"[]"].concat()), [after]);
    let after = "1:3 MixedEncodings: UTF-16 follows after other text";
    assert_eq!(summary([b"[]", &little("[  ]")[..]].concat()), [after]);
    assert_eq!(summary(b"PK\x03\x04"), ["1:1 ZipFile: the file is a zip file"]);
    assert_eq!(
        summary(with_mark("\u{feff}".as_bytes(), text.as_bytes())),
        ["1:1 ByteOrderMark: the file begins with a byte order mark", rest]
    );
    assert_eq!(summary(b"[\n \xe9"), ["2:2 NotUtf8: invalid UTF-8: byte 0xe9"]);
    assert_eq!(
        summary("\u{feff}"),
        [
            "1:1 ByteOrderMark: the file begins with a byte order mark",
            "1:1 EmptyFile: the file is empty",
        ]
    );
}

#[test]
fn control_characters_in_strings() {
    assert_eq!(
        summary("[{\"name\": \"web\r\",\r\n\"imageUri\": \"w\u{1}eb:\"}]"),
        [
            "1:15 ControlCharacter: carriage return in a string",
            "2:15 ControlCharacter: control character `\\u{1}` in a string",
            "2:19 EmptyReference: the tag is empty",
        ]
    );
    // The same characters as escape sequences, which is legal JSON.
    assert_eq!(
        summary(r#"[{"name": "\u0077eb\r", "imageUri": "web\n:1"}]"#),
        [
            "1:20 ContainerNameCharacter: invalid character `\\r` in a container name",
            "1:41 SeveralValues: the image reference has several lines",
        ]
    );
}

#[test]
fn size() {
    let one = r#"[{"name": "web", "imageUri": "web:1"}]"#;
    let sized = |len: usize| format!("{one}{}", " ".repeat(len - one.len()));
    assert_eq!(summary(sized(100_000)), [""; 0]);
    let large = "1:1 LargeFile (warning): the file has";
    assert_eq!(summary(sized(100_001)), [format!("{large} 100001 bytes")]);
    assert_eq!(summary(sized(102_400)), [format!("{large} 102400 bytes")]);
    let too_large = "1:1 TooLarge: the file has more than 102400 bytes";
    assert_eq!(summary(sized(102_401)), [too_large]);
}

/// A hostile file of the maximum size takes no longer than others.
#[test]
fn flaws_without_number() {
    let full = |start: &str, repeated: &str, end: &str| {
        let count = (102_400 - start.len() - end.len()) / repeated.len();
        format!("{start}{}{end}", repeated.repeat(count))
    };
    for (content, least) in [
        (full("[{\"imageUri\": \"\\u0041", "$A", "\"}]"), 50_000),
        (full("[{\"x\": \"\"", ",\"image\": 1", "}]"), 8_000),
        (full("[", "{}\n", "]"), 60_000),
        (full("[", "{\"name\":\"a\",\"imageUri\":\"a\"},", "]"), 3_000),
        (full("[", "\"\r\"", "]"), 60_000),
        (full("", "[]", ""), 50_000),
    ] {
        let diagnosis = Diagnosis::new(&content);
        assert!(diagnosis.problems().len() >= least, "{}", diagnosis.problems().len());
        let report = diagnosis.report().to_string();
        assert!(report.contains("\n… and "), "{report}");
        assert!(report.len() < 50_000, "{}", report.len());
        let _ = diagnosis.fix();
    }
}

#[test]
fn depth() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(summary(nested(128)), ["1:2 NotAnObject: an array in place of a definition"]);
    assert_eq!(
        summary(nested(129)),
        [
            "1:2 NotAnObject: an array in place of a definition",
            "1:129 InvalidJson: values are nested more than 128 levels deep",
        ]
    );
}

#[test]
fn references_that_ecs_refuses() {
    let long_tag = "x".repeat(129);
    let long = "x".repeat(254);
    for (reference, expected) in [
        ("", "1: the image reference is empty"),
        ("None", "1: the image reference is `None`"),
        ("web:null", "5: the tag is `null`"),
        ("web@None", "5: the digest is `None`"),
        ("web:$TAG-1", "5: `$TAG` was not replaced"),
        ("<IMAGE1_NAME>", "1: `<IMAGE1_NAME>` was not replaced"),
        ("web:$(git rev-parse HEAD)", "5: `$(git rev-parse HEAD)` was not replaced"),
        ("web:${TAG", "5: `${TAG` was not replaced"),
        ("web:1$", "6: invalid character `$` in the image reference"),
        (" web:1", "1: invalid character ` ` in the image reference"),
        ("web:v1+build", "7: invalid character `+` in the image reference"),
        ("[::1]:5000/web:1", "1: invalid character `[` in the image reference"),
        ("docker://web:1", "1: the image reference begins with `docker`"),
        ("web:", "5: the tag is empty"),
        ("web:-1", "5: the tag begins with `-`"),
        ("web:.1", "5: the tag begins with `.`"),
        ("web:a#b", "6: invalid character `#` in the tag"),
        (&format!("web:{long_tag}"), "133: the tag has 129 characters"),
        ("web@", "5: the digest is empty"),
        ("web@0123", "5: missing `sha256:` in front of the digest"),
        ("web@sha512:0123", "5: unsupported digest algorithm `sha512`"),
        ("web@sha256:012", "12: the digest has 3 digits instead of 64"),
        ("web@sha256:01A", "14: invalid character `A` in the digest"),
        ("web@sha256:01@", "14: invalid character `@` in the digest"),
        (DIGEST, "1: a digest without a repository and `@`"),
        (&DIGEST[7..], "1: a digest without a repository and `@`"),
        ("Web:1", "1: capital letter in the repository name `Web`"),
        ("shop/wEb:1", "7: capital letter in the repository name `wEb`"),
        ("shop//web:1", "6: empty part in the repository name"),
        ("/web:1", "1: empty part in the repository name"),
        ("web/", "5: empty part in the repository name"),
        (":1", "1: empty part in the repository name"),
        ("-web", "1: the part `-web` of the repository begins or ends with `-`"),
        ("shop/web-", "9: the part `web-` of the repository begins or ends with `-`"),
        ("shop.example.com/a..b", "19: invalid separator `..` in the repository name `a..b`"),
        ("a___b", "2: invalid separator `___` in the repository name `a___b`"),
        ("a.-b", "2: invalid separator `.-` in the repository name `a.-b`"),
        ("a#b", "2: invalid character `#` in the repository name `a#b`"),
        ("shop_1.example.com/a", "1: invalid host name `shop_1.example.com`"),
        ("localhost:/a", "11: invalid port ``"),
        ("localhost:80a/a", "11: invalid port `80a`"),
        (&format!("{long}:1"), "256: the image reference has 256 characters before any digest"),
        (
            "111122223333.dkr.ecr.us-east-1.amazonaws.com:1",
            "1: missing repository after the ECR host",
        ),
        (
            "111122223333.dkr.ecr.us-east-1.amazonaws.com:443/web",
            "46: port `443` after an ECR host: ECR hosts have no port",
        ),
        ("111122223333.dkr.ecr.us-east-1.amazonaws.com./web", "45: dot at the end of the ECR host"),
        (
            "11112222333.dkr.ecr.us-east-1.amazonaws.com/web:1",
            "1: the AWS account `11112222333` has 11 digits instead of 12",
        ),
    ] {
        let error = reference.parse::<ImageUri>().unwrap_err();
        assert_eq!(problems(&error), [expected], "{reference}");
    }
}

#[test]
fn references_that_ecs_takes() {
    for reference in [
        "mysql",
        "java1.8",
        "httpd:2.4",
        "a--b/c__d.e-f:_",
        "Registry/web:1",
        "localhost:5000/web",
        "localhost:5000",
        "127.0.0.1:5000/web:1",
        "public.ecr.aws/docker/library/httpd:2.4",
        &format!("web:latest@{DIGEST}"),
        &format!("{}@{DIGEST}", "x".repeat(255)),
        &format!("web:{}", "x".repeat(128)),
    ] {
        assert_eq!(reference.parse::<ImageUri>().unwrap().as_str(), reference);
    }
}

#[test]
fn all_that_is_wrong_with_a_reference() {
    let error =
        "https://11112222333.dkr.ecr.us-east-1.amazonaws.com/web:@sha512:0".parse::<ImageUri>();
    let error = error.unwrap_err();
    assert_eq!(
        problems(&error),
        [
            "1: the image reference begins with `https`",
            "9: the AWS account `11112222333` has 11 digits instead of 12",
            "57: the tag is empty",
            "58: unsupported digest algorithm `sha512`",
        ]
    );
    assert_eq!(
        problems(
            &"$ACCOUNT.dkr.ecr.${REGION}.amazonaws.com/web:$TAG".parse::<ImageUri>().unwrap_err()
        ),
        [
            "1: `$ACCOUNT` was not replaced",
            "18: `${REGION}` was not replaced",
            "46: `$TAG` was not replaced"
        ]
    );
}

#[test]
fn errors_in_one_line_or_one_line_for_each_problem() {
    let tag = "the variable for this value is empty or unset; set the variable, and stop the \
               build if it is unset (`set -u`)";
    let scheme = "an image reference is not a URL, though CodePipeline calls it imageUri; remove \
                  the scheme";
    assert_eq!(
        "web:".parse::<ImageUri>().unwrap_err().to_string(),
        format!("invalid image reference `web:`: line 1, column 5: the tag is empty: {tag}")
    );
    assert_eq!(
        "http://a/web:".parse::<ImageUri>().unwrap_err().to_string(),
        format!(
            "invalid image reference `http://a/web:`:\n  \
             line 1, column 1: the image reference begins with `http`: {scheme}\n  \
             line 1, column 14: the tag is empty: {tag}"
        )
    );
    let error = ImageDefinitions::new().insert_tagged("my web", "web:1").unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid container name `my web`: line 1, column 3: invalid character ` ` in a container name: \
         the name has to match a container in the task definition, and ECS allows only letters, digits, `-` and `_`; copy the name from the task definition"
    );
    assert_eq!(
        ImageDefinitions::from_reader(&b"[]"[..]).unwrap_err().to_string(),
        "cannot use the image definitions: line 1, column 1: the array is empty: a file without \
         definitions changes no container; add a definition for each container that gets a new \
         image"
    );
}
