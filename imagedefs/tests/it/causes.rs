//! What shells, tools and events really produce: each cause has its kind, and a repair is what the
//! author meant.

use imagedefs::diagnosis::Diagnosis;
use imagedefs::{ImageDefinitions, ImageUri, ProblemKind};

const E: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The definitions that the author of a file meant. `None`: only a person can know.
type Meant<'a> = Option<&'a [(&'a str, &'a str)]>;

/// Replaces `E` by a registry, and `H` by the digits of a digest.
fn real(text: &str) -> String {
    let with_host = text.replace("E/", &format!("{E}/")).replace("E:1", &format!("{E}:1"));
    with_host.replace("<64>", HEX)
}

/// Checks the kinds of the errors, and that a repair is what was meant.
fn check(content: impl AsRef<[u8]>, kinds: &[ProblemKind], meant: Meant<'_>) {
    let content = content.as_ref();
    let shown = String::from_utf8_lossy(content).into_owned();
    let diagnosis = Diagnosis::new(content);
    let errors = diagnosis.problems().iter().filter(|it| it.kind() != ProblemKind::Latest);
    let mut found = errors.map(|problem| problem.kind()).collect::<Vec<_>>();
    found.dedup();
    assert_eq!(found, kinds, "{shown}\n{}", diagnosis.report());
    match (diagnosis.fix(), meant) {
        (Err(_), None) => {}
        (Ok(correction), None) => panic!("{shown} became {}", correction.text()),
        (Err(error), Some(_)) => panic!("{shown}: {error}"),
        (Ok(correction), Some(meant)) => {
            let meant = meant.iter().map(|(name, image)| ((*name).to_owned(), real(image)));
            let definitions = correction.definitions();
            let fixed = definitions.iter().map(|(name, image)| (name.to_owned(), image.to_owned()));
            assert_eq!(fixed.collect::<Vec<_>>(), meant.collect::<Vec<_>>(), "{shown}");
            assert_eq!(&Diagnosis::new(correction.text()).into_definitions().unwrap(), definitions);
        }
    }
}

/// Checks a reference in a file.
fn check_image(image: &str, kind: ProblemKind, meant: Option<&str>) {
    let image = real(image);
    let json = serde_json::json!([{ "name": "web", "imageUri": image }]).to_string();
    check(json, &[kind], meant.map(|meant| [("web", meant)]).as_ref().map(|it| &it[..]));
    assert_eq!(image.parse::<ImageUri>().unwrap_err().problems()[0].kind(), kind, "{image}");
}

const WEB: Meant<'static> = Some(&[("web", "E/web:1")]);
const BOTH: Meant<'static> = Some(&[("web", "E/web:1"), ("log", "E/log:1")]);

#[test]
fn words_for_nothing_are_no_names() {
    for word in ["undefined", "null", "None", "undefined-undefined", "null.null", "None_null"] {
        for image in [
            word.to_owned(),
            format!("{word}:{word}"),
            format!("{word}:1"),
            format!("{word}/web:1"),
            format!("shop/{word}:1"),
            format!("E/{word}:1"),
            format!("E/shop/{word}/web:1"),
            format!("E/web:{word}"),
            format!("E/web@{word}"),
            format!("E/web@sha256:{word}"),
            format!("localhost:{word}/web:1"),
        ] {
            check_image(&image, ProblemKind::NullText, None);
        }
        let name = word.replace('.', "-");
        let json = serde_json::json!([{ "name": name, "imageUri": "web:1" }]).to_string();
        check(json, &[ProblemKind::NullText], None);
    }
    for word in ["undefined", "null", "None"] {
        let account = format!("{word}.dkr.ecr.us-east-1.amazonaws.com/web:1");
        check_image(&account, ProblemKind::NullText, None);
        let region = format!("111122223333.dkr.ecr.{word}.amazonaws.com/web:1");
        check_image(&region, ProblemKind::NullText, None);
    }
    check(r#"[{"name": undefined}]"#, &[ProblemKind::NullText], None);
    for image in ["undefinedco/web", "nullable/none:nonetheless", "web:v1-undefined", "nulls"] {
        assert!(image.parse::<ImageUri>().is_ok(), "{image}");
    }
}

#[test]
fn a_registry_stands_once() {
    for image in ["E/E/web:1", "docker.io/E/web:1", "ghcr.io/ghcr.io/web:1", "E/shop/E/web:1"] {
        check_image(image, ProblemKind::RepeatedRegistry, None);
    }
    // Prefixes of pull-through cache rules.
    for image in [
        "E/docker.io/library/nginx:1",
        "E/public.ecr.aws/nginx:1",
        "ghcr.io/docker.io/a:1",
        // A proxy of all registries.
        "registry.example.com/E/web:1",
    ] {
        assert!(real(image).parse::<ImageUri>().is_ok(), "{image}");
    }
}

#[test]
fn a_digest_follows_one_at_sign() {
    let placed = Some("E/web@sha256:<64>");
    let kind = ProblemKind::MisplacedDigest;
    check_image("E/websha256:<64>", kind, placed);
    check_image("E/web:sha256:<64>", kind, placed);
    check_image("E/web@sha256:sha256:<64>", kind, placed);
    check_image("E/web:1.4sha256:<64>", kind, Some("E/web:1.4@sha256:<64>"));
    check_image("E/web:1.4:sha256:<64>", kind, Some("E/web:1.4@sha256:<64>"));
    check_image("web:sha256:<64>", kind, Some("web@sha256:<64>"));
    check_image("E/web/sha256:<64>", kind, None);
    check_image("E/sha256:<64>", kind, None);
    check_image("E/websha256:sha256:<64>", kind, None);
    assert!(real("E/web:<64>").parse::<ImageUri>().is_ok());
}

#[test]
fn unset_variables_leave_empty_parts() {
    let kind = ProblemKind::EmptyPart;
    for image in [
        ".dkr.ecr.us-east-1.amazonaws.com/web:1",
        "111122223333.dkr.ecr..amazonaws.com/web:1",
        ".dkr.ecr..amazonaws.com/web:1",
        "E/:1",
        "E/@sha256:<64>",
        "E/shop//web:1",
        "E/web/:1",
        "/web:1",
        ":1",
    ] {
        check_image(image, kind, None);
    }
}

#[test]
fn arguments_that_an_unset_variable_shifted() {
    let kind = &[ProblemKind::ShiftedArguments];
    check(real(r#"[{"name":"E/web:1","imageUri":""}]"#), kind, None);
    check(r#"[{"name":"shop/web:1","imageUri":""}]"#, kind, None);
    check(r#"[{"name":"web","imageUri":""}]"#, &[ProblemKind::EmptyReference], None);
}

#[test]
fn name_and_image_exchanged() {
    let kind = &[ProblemKind::Exchanged];
    check(real(r#"[{"name":"E/web:1","imageUri":"web"}]"#), kind, WEB);
    let image = real("E/web@sha256:<64>");
    let json = serde_json::json!([{ "imageUri": "web", "name": image }]).to_string();
    check(json, kind, Some(&[("web", "E/web@sha256:<64>")]));
    // The name is the repository, and the image is from elsewhere.
    let kind = &[ProblemKind::ContainerNameCharacter];
    check(r#"[{"name":"shop/web","imageUri":"mysql"}]"#, kind, None);
    check(r#"[{"name":"shop/web:1","imageUri":"mysql:8"}]"#, kind, None);
}

#[test]
fn a_format_that_printf_repeats() {
    let (web, log) =
        (r#"{"name":"web","imageUri":"E/web:1"}"#, r#"{"name":"log","imageUri":"E/log:1"}"#);
    let kind = &[ProblemKind::RepeatedArrays];
    for between in ["", " ", ",", ", ", ",\n"] {
        check(real(&format!("[{web}]{between}[{log}]")), kind, BOTH);
    }
    check(real(&format!("[{web}]\n[{log}]")), &[ProblemKind::AppendedArrays], BOTH);
    let other = web.replace(":1", ":2");
    let kinds = &[ProblemKind::RepeatedArrays, ProblemKind::DuplicateContainer];
    check(real(&format!("[{web}][{other}]")), kinds, None);
}

#[test]
fn quotes_that_the_shell_ate() {
    for text in [
        "[{name:web,imageUri:E/web:1}]",
        "[{ name : web }]",
        "[name:web] [imageUri:E/web:1]",
        "[{\"name\": web, \"imageUri\": \"web:1\"}]",
    ] {
        check(real(text), &[ProblemKind::EatenQuotes], None);
    }
}

#[test]
fn an_option_of_echo() {
    let web = real(r#"[{"name":"web","imageUri":"E/web:1"}]"#);
    for option in ["-e ", "-n ", "-ne ", "-E ", "\n-e "] {
        check(format!("{option}{web}\n"), &[ProblemKind::EchoOption], WEB);
    }
    let kinds = &[ProblemKind::EchoOption, ProblemKind::EmptyReference];
    check(r#"-e [{"name":"web","imageUri":"web:"}]"#, kinds, None);
}

#[test]
fn yaml() {
    for text in [
        "- name: web\n  imageUri: web:1\n",
        "---\n- name: web\n",
        "# images\n- imageUri: web:1\n  name: web\n",
        "- {name: web, imageUri: 'web:1'}\n",
        "- \"name\": \"web\"\n",
        "name: web\nimageUri: web:1\n",
    ] {
        check(text, &[ProblemKind::Yaml], None);
    }
}

#[test]
fn text_that_was_escaped_twice() {
    let kind = &[ProblemKind::EscapedQuotes];
    check(real(r#"[{\"name\":\"web\",\"imageUri\":\"E/web:1\"}]"#), kind, WEB);
    check(
        real("[\n  {\\\"name\\\": \\\"web\\\", \\\"imageUri\\\": \\\"E/web:1\\\"}\n]\n"),
        kind,
        WEB,
    );
    let kinds = &[ProblemKind::EscapedQuotes, ProblemKind::MisnamedMember];
    check(real(r#"[{\"name\":\"web\",\"imageUrl\":\"E/web:1\"}]"#), kinds, WEB);
    // The level of the other escape sequence is uncertain.
    check(
        r#"[{\"name\":\"web\",\"imageUri\":\"web:1\\n\"}]"#,
        &[ProblemKind::EscapedQuotes, ProblemKind::ReferenceCharacter],
        None,
    );
}

#[test]
fn a_value_that_already_had_quotes() {
    let kind = &[ProblemKind::DoubledQuotes];
    check(real(r#"[{"name":"web","imageUri":"E/web:"1""}]"#), kind, WEB);
    check(real(r#"[{"name":"web","imageUri":""E/web:1""}]"#), kind, WEB);
    check(real(r#"[{"name":""web"","imageUri":"E/web:1"}]"#), kind, WEB);
    let kinds = &[ProblemKind::DoubledQuotes, ProblemKind::NullText];
    check(real(r#"[{"name":"web","imageUri":"E/web:"None""}]"#), kinds, None);
}

#[test]
fn a_variable_with_several_values() {
    let kind = &[ProblemKind::SeveralValues];
    for text in [
        "[{\"name\":\"web\",\"imageUri\":\"E/web:v1\nv2\"}]",
        "[{\"name\":\"web\",\"imageUri\":\"E/web:v1\r\nlatest\r\n\"}]",
        "[{\"name\":\"web\",\"imageUri\":\"E/web:v1\tv2\"}]",
        "[{\"name\":\"web\\nlog\",\"imageUri\":\"E/web:1\"}]",
        "[{\"name\":\"web\",\"imageUri\":\"E/web:v1\\nv2\"}]",
        "[{\"name\":\"web\",\"imageUri\":\"E/web:v1\\tv2\\n\"}]",
    ] {
        check(real(text), kind, None);
    }
    // One value, with the end of its line.
    let text = "[{\"name\":\"web\n\",\"imageUri\":\"E/web:1\r\n\"}]";
    check(real(text), &[ProblemKind::ControlCharacter], WEB);
}

#[test]
fn the_output_of_other_commands() {
    let web = real(r#"[{"name":"web","imageUri":"E/web:1"}]"#);
    let kind = &[ProblemKind::OtherOutput];
    for text in [
        format!("fatal: not a git repository\n{web}\n"),
        format!("[INFO] building\n{web}"),
        format!("2026-01-01T00:00:00Z done\n{web}"),
        format!("Error: template: x.tmpl:1: undefined variable\n{web}\n"),
        format!("{web}\nDone in 3.1s\n"),
        format!("{web}\n+ exit 0"),
        format!("$ cat\n{web}\n$"),
    ] {
        check(text, kind, None);
    }
}

#[test]
fn an_array_in_something_else() {
    let web = real(r#"{"name":"web","imageUri":"E/web:1"}"#);
    let log = real(r#"{"name":"log","imageUri":"E/log:1"}"#);
    let kind = &[ProblemKind::Wrapped];
    check(serde_json::json!(format!("[{web}]")).to_string(), kind, WEB);
    check(serde_json::json!(format!("[\n  {web}\n]\n")).to_string() + "\n", kind, WEB);
    check(format!("[[{web}]]"), kind, WEB);
    check(format!("[[{web}],\n [{log}]]"), kind, BOTH);
    check(format!("[[{web},{log}]]"), kind, BOTH);
    check(format!("[[{web}],[{web}]]"), &[kind[0], ProblemKind::DuplicateContainer], WEB);
    check(format!(r#"{{"value":[{web},{log}],"Count":2}}"#), kind, BOTH);
    check(format!(r#"{{ "Count": 1, "value": [ {web} ] }}"#), kind, WEB);
    check(format!(r#"{{"value":[{web}],"Count":2}}"#), kind, None);

    let kinds = &[ProblemKind::Wrapped, ProblemKind::NotAnArray];
    check(serde_json::json!(web).to_string(), kinds, WEB);
    let kinds = &[ProblemKind::Wrapped, ProblemKind::MisnamedMember];
    let text = web.replace("imageUri", "image");
    check(serde_json::json!(format!("[{text}]")).to_string(), kinds, WEB);
    let kinds = &[ProblemKind::Wrapped, ProblemKind::Unexpanded];
    let text = web.replace(":1\"", ":$TAG\"");
    check(serde_json::json!(format!("[{text}]")).to_string(), kinds, None);
}

#[test]
fn a_branch_is_no_tag() {
    for image in [
        "E/web:feature/login",
        "E/web:refs/heads/main",
        "E/web:arn:aws:s3:::bucket/key.zip",
        "web:feature/login",
        "shop/web:feature/login",
        "E/web:v1:v2",
        "E/web:feature/login@sha256:<64>",
    ] {
        check_image(image, ProblemKind::BranchTag, None);
    }
}

#[test]
fn tokens_that_no_tool_replaced() {
    for (token, what) in [
        (
            "#{BuildVariables.TAG}",
            "`#{BuildVariables.TAG}` was not replaced by CodePipeline or another tool",
        ),
        ("{{ .Tag }}", "`{{ .Tag }}` was not replaced by a template engine"),
        ("{{tag}}", "`{{tag}}` was not replaced by a template engine"),
        ("%TAG%", "`%TAG%` was not replaced by cmd.exe"),
        ("@@TAG@@", "`@@TAG@@` was not replaced by a template"),
        ("@TAG@", "`@TAG@` was not replaced by a template"),
        ("***", "`***` is a value that a CI system masked"),
        ("__IMAGE__", "`__IMAGE__` was not replaced by a template"),
        ("<ACCOUNT_ID>", "`<ACCOUNT_ID>` is a placeholder of a documentation or a template"),
        (
            "$${TAG}",
            "`$${TAG}` was not replaced by a shell: `$$` is an escaped `$` in templates and Compose files",
        ),
        ("${{ github.sha }}", "`${{ github.sha }}` was not replaced by GitHub Actions"),
        (
            "${Token[AWS.AccountId.4]}",
            "`${Token[AWS.AccountId.4]}` was not replaced by the CDK, which resolves tokens in its templates",
        ),
    ] {
        for image in [format!("E/web:{token}"), format!("E/{token}:1"), format!("{token}/web:1")] {
            check_image(&image, ProblemKind::UnreplacedToken, None);
            let error = real(&image).parse::<ImageUri>().unwrap_err();
            assert_eq!(error.problems()[0].what(), what);
        }
        if !token.starts_with('<') {
            let json = serde_json::json!([{ "name": token, "imageUri": "web:1" }]).to_string();
            check(json, &[ProblemKind::UnreplacedToken], None);
        }
    }
    for image in ["web:__main__", "a__b/c:1", "web:a__B__C", "web:_A_"] {
        assert!(image.parse::<ImageUri>().is_ok(), "{image}");
    }
    for name in ["b-__FD__-c", "__main__", "job__A__b"] {
        let json = serde_json::json!([{ "name": name, "imageUri": "web:1" }]).to_string();
        assert!(json.parse::<ImageDefinitions>().is_ok(), "{name}");
    }
}

#[test]
fn content_of_other_files() {
    let web = real(r#"[{"name":"web","imageUri":"E/web:1"}]"#);
    let conflict = format!("<<<<<<< HEAD\n{web}\n=======\n{web}\n>>>>>>> main\n");
    check(&conflict, &[ProblemKind::MergeConflict], None);
    check(
        format!("[\n{}]\n", conflict.replace(['[', ']'], "")),
        &[ProblemKind::MergeConflict],
        None,
    );
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    check(pointer, &[ProblemKind::GitLfsPointer], None);
    check(web.replace('"', "&quot;"), &[ProblemKind::HtmlEntity], None);
    check(web.replace('"', "&#34;"), &[ProblemKind::HtmlEntity], None);
    let legal = web.replace("{", r#"{"note":"&quot;**[{&quot;","#);
    check(legal, &[ProblemKind::UnknownMember], WEB);
    check(web.replace("web:1", "web:1&amp;"), &[ProblemKind::HtmlEntity], None);
    check(format!("\u{1b}[1;39m[{web}\u{1b}[0m"), &[ProblemKind::TerminalColor], None);
    let escaped = web.replace("web:1", "\\u001b[32mweb:1\\u001b[0m");
    check(escaped, &[ProblemKind::TerminalColor], None);
    check(web.replace(',', ",\u{a0}"), &[ProblemKind::NonBreakingSpace], WEB);
    check(web.replace("web:1", "web:\u{a0}1"), &[ProblemKind::NonBreakingSpace], None);
    check(b"PK\x03\x04\x14\x00\x00\x00", &[ProblemKind::ZipFile], None);
}

#[test]
fn encodings_of_two_programs() {
    let web = real("[{\"name\":\"web\",\"imageUri\":\"E/web:1\"}]\r\n");
    let utf16 = |to: fn(u16) -> [u8; 2]| web.encode_utf16().flat_map(to).collect::<Vec<_>>();
    let (little, big) = (utf16(u16::to_le_bytes), utf16(u16::to_be_bytes));
    let kind = &[ProblemKind::MixedEncodings];
    for first in [little.clone(), big, [&[0xff, 0xfe], &little[..]].concat()] {
        check([&first[..], web.as_bytes()].concat(), kind, None);
    }
    check([web.as_bytes(), &little[..]].concat(), kind, None);
    check([web.as_bytes(), &[0xff, 0xfe], &little[..]].concat(), kind, None);

    let utf32 =
        |to: fn(u32) -> [u8; 4]| web.chars().flat_map(|c| to(u32::from(c))).collect::<Vec<_>>();
    let (little, big) = (utf32(u32::to_le_bytes), utf32(u32::to_be_bytes));
    for content in [
        [&[0xff, 0xfe, 0, 0], &little[..]].concat(),
        [&[0, 0, 0xfe, 0xff], &big[..]].concat(),
        little.clone(),
        big,
    ] {
        check(content, &[ProblemKind::Utf32], WEB);
    }
    check(&little[..little.len() - 1], &[ProblemKind::Utf32], None);
}
