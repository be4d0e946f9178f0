//! Container maps: parsing, and the definitions that they make of images.

use proptest::prelude::*;

use super::*;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

fn map() -> ContainerMap {
    r#"{"shop/web": "web", "shop/jobs": ["worker", "scheduler"], "my.org/api": ["api"]}"#
        .parse()
        .unwrap()
}

fn image(text: &str) -> ImageUri {
    text.parse().unwrap()
}

#[test]
fn images_become_definitions() {
    let map = map();
    let jobs = format!("{HOST}/shop/jobs@{DIGEST}");
    let api = format!("ghcr.io/my.org/api@{DIGEST}");
    let definitions = map.definitions([image(&jobs), image(&api), image(&jobs)]).unwrap();
    let pairs = definitions.iter().collect::<Vec<_>>();
    assert_eq!(
        pairs,
        [("worker", jobs.as_str()), ("scheduler", jobs.as_str()), ("api", api.as_str())]
    );
    assert_eq!(map.containers("shop/jobs").collect::<Vec<_>>(), ["worker", "scheduler"]);
    assert_eq!(map.containers("shop").count(), 0);
    let repositories = map.repositories().collect::<Vec<_>>();
    assert_eq!(repositories, ["my.org/api", "shop/jobs", "shop/web"]);
}

#[test]
fn what_has_no_container_is_listed_with_the_nearest_name() {
    let other = DIGEST.replace("sha256:0", "sha256:1");
    let images = [
        format!("{HOST}/shop/wbe@{DIGEST}"),
        format!("{HOST}/blog@{DIGEST}"),
        format!("{HOST}/shop/web:1"),
        format!("{HOST}/shop/web@{DIGEST}"),
        format!("{HOST}/shop/web@{other}"),
    ];
    let error = map().definitions(images.iter().map(|text| image(text))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownRepository);
    assert_eq!(
        error.to_string(),
        "cannot assign the images to containers:\n  \
         unknown repository `shop/wbe`: the nearest name is `shop/web`\n  \
         unknown repository `blog`\n  \
         `111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1` has no digest, and a tag can move to another image\n  \
         the container `web` gets `111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web@sha256:1123456789abcdef012…`, but already has `111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web@sha256:0123456789abcdef012…`"
    );
    let error = map().definitions([image("web")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoDigest);
    assert_eq!(map().definitions([]).unwrap(), ImageDefinitions::new());
}

#[test]
fn what_is_wrong_with_a_map_is_said_all_at_once() {
    for (text, message) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        (
            "[]",
            "invalid type: sequence, expected repositories, each with its containers at line 1 \
             column 0",
        ),
        (
            r#"{"web": 1}"#,
            "expected the name of a container or an array of such names at line 1 column 10",
        ),
        (r#"{"web": "my web"}"#, "repository `web`: invalid character ` ` in a container name"),
        (
            r#"{"Web": "web", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/api": ["api"],
                "jobs:1": "jobs", "log": [], "blog": ["web", "blog", "blog"], "blog": "x"}"#,
            "\n  repository `Web`: capital letter in the repository name `Web`\n  \
             repository `111122223333.dkr.ecr.eu-west-1.amazonaws.com/api`: remove the registry\n  \
             repository `jobs:1`: remove the tag and the digest\n  \
             the repository `log` has no container\n  \
             repository `blog`: the container `web` already belongs to `Web`\n  \
             repository `blog`: the container `blog` already belongs to `blog`\n  \
             duplicate repository `blog`",
        ),
    ] {
        let error = text.parse::<ContainerMap>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidContainerMap);
        let space = if message.starts_with('\n') { "" } else { " " };
        assert_eq!(error.to_string(), format!("cannot use the container map:{space}{message}"));
    }
}

#[test]
fn a_refused_insert_changes_nothing() {
    let mut map = ContainerMap::new();
    map.insert("shop/web", "web").unwrap();
    for (repository, container, reason) in [
        ("", "web2", "repository ``: empty part in the repository name"),
        ("blog", "", "the container name is empty"),
        ("blog", "web", "the container `web` already belongs to `shop/web`"),
    ] {
        let error = map.insert(repository, container).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot use the container map: {reason}"));
        assert_eq!(map.to_string(), "{\n  \"shop/web\": [\n    \"web\"\n  ]\n}\n");
    }
}

#[test]
fn the_name_of_a_file_tells_its_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("containers.json");
    std::fs::write(&path, "{\"shop/web\": \"web\"}").unwrap();
    assert_eq!(ContainerMap::read(&path).unwrap().containers("shop/web").next(), Some("web"));

    let path = folder.path().join("containers.toml");
    std::fs::write(&path, "\"shop/web\" = \"web\"\n\"shop/jobs\" = [\"a\", \"b\"]\n").unwrap();
    #[cfg(feature = "toml")]
    {
        let map = ContainerMap::read(&path).unwrap();
        assert_eq!(map.containers("shop/jobs").collect::<Vec<_>>(), ["a", "b"]);
    }
    #[cfg(not(feature = "toml"))]
    assert_eq!(
        ContainerMap::read(&path).unwrap_err().to_string(),
        format!(
            "cannot use `{}`: this program was built without the feature `toml` of imagedefs; \
             use JSON",
            path.display()
        )
    );
}

#[cfg(feature = "toml")]
#[test]
fn toml_that_is_none_is_said() {
    for (text, reason) in [
        ("web = 1", "expected the name of a container or an array of such names"),
        ("web = \"my web\"", "repository `web`: invalid character ` ` in a container name"),
    ] {
        let error = ContainerMap::from_toml(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidContainerMap);
        assert_eq!(error.to_string(), format!("cannot use the container map: {reason}"));
    }
}

proptest! {
    #[test]
    fn maps_survive_print_and_parse(
        entries in prop::collection::btree_map(
            "[a-z][a-z0-9]{0,6}([._-][a-z0-9]{1,4}){0,2}(/[a-z0-9]{1,6}){0,2}",
            1..4_usize,
            0..6,
        )
    ) {
        let mut map = ContainerMap::new();
        for (index, (repository, containers)) in entries.iter().enumerate() {
            for container in 0..*containers {
                map.insert(repository, &format!("c{index}-{container}")).unwrap();
            }
        }
        prop_assert_eq!(&map.to_string().parse::<ContainerMap>().unwrap(), &map);
        let json = serde_json::to_string(&map).unwrap();
        prop_assert_eq!(&serde_json::from_str::<ContainerMap>(&json).unwrap(), &map);
        #[cfg(feature = "toml")]
        {
            // Basic strings of TOML are strings of JSON; only the `:` differs.
            let toml = map.repositories().map(|repository| {
                let containers = map.containers(repository).collect::<Vec<_>>();
                format!("\"{repository}\" = {containers:?}\n")
            });
            prop_assert_eq!(&ContainerMap::from_toml(&toml.collect::<String>()).unwrap(), &map);
        }
    }
}
