//! What counts as a difference, and what doesn't.

use proptest::prelude::*;

use super::*;

fn object(text: &str) -> Object {
    match Json::parse(text) {
        Ok(Json::Object(object)) => object,
        other => panic!("{other:?}"),
    }
}

fn container(members: &str) -> String {
    format!(r#"{{"networkMode":"awsvpc","containerDefinitions":[{{"name":"web",{members}}}]}}"#)
}

fn same(one: &str, other: &str) -> bool {
    canonical(&object(one)) == canonical(&object(other))
}

#[test]
fn what_ecs_adds_is_as_good_as_absent() {
    for (absent, present) in [
        (r#"{}"#.to_owned(), r#"{"volumes":[],"placementConstraints":[],"tags":[]}"#.to_owned()),
        (r#"{}"#.to_owned(), r#"{"requiresCompatibilities":[],"cpu":null}"#.to_owned()),
        (r#"{}"#.to_owned(), r#"{"enableFaultInjection":false}"#.to_owned()),
        (r#"{"volumes":[{"name":"a"}]}"#.to_owned(), r#"{"volumes":[{"name":"a","host":{}}]}"#.to_owned()),
        (r#"{"volumes":[{"name":"a"}]}"#.to_owned(), r#"{"volumes":[{"name":"a","configuredAtLaunch":false}]}"#.to_owned()),
        (
            r#"{"volumes":[{"name":"a","efsVolumeConfiguration":{"fileSystemId":"fs-1"}}]}"#.to_owned(),
            r#"{"volumes":[{"name":"a","efsVolumeConfiguration":{"fileSystemId":"fs-1","rootDirectory":"/","transitEncryption":"DISABLED","authorizationConfig":{"iam":"DISABLED"}}}]}"#.to_owned(),
        ),
        (
            container(r#""image":"a""#),
            container(
                r#""image":"a","cpu":0,"essential":true,"portMappings":[],"environment":[],
                   "mountPoints":[],"volumesFrom":[],"systemControls":[],"secrets":[],"links":[],"dnsServers":[],"dnsSearchDomains":[],
                   "dockerSecurityOptions":[],"environmentFiles":[],"credentialSpecs":[],
                   "dockerLabels":{}"#,
            ),
        ),
        (
            container(r#""environment":[{"name":"A","value":""}]"#),
            container(r#""environment":[{"name":"A","value":""},{"name":"B"},{"name":"C","value":null}]"#),
        ),
        (
            container(r#""portMappings":[{"containerPort":80}]"#),
            container(r#""portMappings":[{"containerPort":80,"hostPort":80,"protocol":"tcp"}]"#),
        ),
        (
            container(r#""portMappings":[{"containerPort":80}]"#),
            container(r#""portMappings":[{"containerPort":80,"protocol":null}]"#),
        ),
        // The same port occurs twice.
        (
            container(r#""portMappings":[{"containerPort":80,"name":"a"},{"containerPort":80}]"#),
            container(
                r#""portMappings":[{"containerPort":80,"hostPort":80,"protocol":"tcp"},
                                   {"containerPort":80,"name":"a","hostPort":80}]"#,
            ),
        ),
        (
            container(r#""healthCheck":{"command":["CMD"]}"#),
            container(r#""healthCheck":{"command":["CMD"],"interval":30,"timeout":5,"retries":3}"#),
        ),
        (
            container(r#""mountPoints":[{"sourceVolume":"a","containerPath":"/a"}]"#),
            container(
                r#""mountPoints":[{"sourceVolume":"a","containerPath":"/a","readOnly":false}]"#,
            ),
        ),
        (r#"{"cpu":"1024","memory":"1536"}"#.to_owned(), r#"{"cpu":"1 vCPU","memory":"1.5GB"}"#.to_owned()),
        (r#"{"new":[1,100,0]}"#.to_owned(), r#"{"new":[1.0,1e2,-0.0]}"#.to_owned()),
    ] {
        assert!(same(&absent, &present), "{absent} {present}");
    }
}

#[test]
fn a_host_port_counts_by_the_network_mode() {
    let with = |mode: &str, port: &str| {
        let port = format!(r#""portMappings":[{{"containerPort":80{port}}}]"#);
        container(&port).replace("awsvpc", mode)
    };
    assert!(same(&with("host", ""), &with("host", r#","hostPort":80"#)));
    assert!(same(&with("bridge", ""), &with("bridge", r#","hostPort":0"#)));
    assert!(!same(&with("bridge", ""), &with("bridge", r#","hostPort":80"#)));
    assert!(!same(&with("host", ""), &with("host", r#","hostPort":81"#)));
}

#[test]
fn what_makes_a_difference_is_one() {
    for (one, other) in [
        (container(r#""command":["a","b"]"#), container(r#""command":["b","a"]"#)),
        (container(r#""entryPoint":[]"#), container(r#""image":"a""#)),
        (container(r#""command":[]"#), container(r#""image":"a""#)),
        (container(r#""essential":false"#), container(r#""image":"a""#)),
        (container(r#""cpu":1"#), container(r#""cpu":0"#)),
        (
            container(r#""environmentFiles":[{"value":"a"},{"value":"b"}]"#),
            container(r#""environmentFiles":[{"value":"b"},{"value":"a"}]"#),
        ),
        (container(r#""environment":[{"name":"A","value":""}]"#), container(r#""environment":[]"#)),
        // ECS's documentation doesn't say which one wins.
        (
            container(r#""environment":[{"name":"A","value":"1"},{"name":"A","value":"2"}]"#),
            container(r#""environment":[{"name":"A","value":"2"},{"name":"A","value":"1"}]"#),
        ),
        (
            container(r#""environment":[{"name":"A","value":"1"}]"#),
            container(r#""environment":[{"name":"A","valueFrom":"1"}]"#),
        ),
        (container(r#""new":0"#), container(r#""image":"a""#)),
        (container(r#""new":[]"#), container(r#""image":"a""#)),
        (r#"{"new":"1"}"#.to_owned(), r#"{"new":1}"#.to_owned()),
        (
            r#"{"new":12345678901234567890}"#.to_owned(),
            r#"{"new":12345678901234567891}"#.to_owned(),
        ),
        (r#"{"cpu":"a vCPU"}"#.to_owned(), r#"{"cpu":"NaN vCPU"}"#.to_owned()),
    ] {
        assert!(!same(&one, &other), "{one} {other}");
    }
}

/// Every list whose order ECS ignores, with two elements.
const SETS: [&str; 21] = [
    r#"{"containerDefinitions":[{"name":"a"},{"name":"b"}]}"#,
    r#"{"volumes":[{"name":"a"},{"name":"b"}]}"#,
    r#"{"tags":[{"key":"a","value":"1"},{"key":"b","value":"2"}]}"#,
    r#"{"requiresCompatibilities":["EC2","FARGATE"]}"#,
    r#"{"placementConstraints":[{"type":"memberOf","expression":"a"},{"type":"memberOf","expression":"b"}]}"#,
    r#"{"inferenceAccelerators":[{"deviceName":"a"},{"deviceName":"b"}]}"#,
    r#"{"proxyConfiguration":{"properties":[{"name":"a","value":"1"},{"name":"b"}]}}"#,
    r#"C"environment":[{"name":"a","value":"1"},{"name":"b","value":"2"}]"#,
    r#"C"secrets":[{"name":"a","valueFrom":"1"},{"name":"b","valueFrom":"2"}]"#,
    r#"C"mountPoints":[{"sourceVolume":"v","containerPath":"/a"},{"containerPath":"/b"}]"#,
    r#"C"volumesFrom":[{"sourceContainer":"a"},{"sourceContainer":"b"}]"#,
    r#"C"portMappings":[{"containerPort":80},{"containerPort":80,"protocol":"udp"}]"#,
    r#"C"portMappings":[{"containerPort":80,"hostPort":1},{"containerPort":80,"hostPort":2}]"#,
    r#"C"ulimits":[{"name":"a"},{"name":"b"}]"#,
    r#"C"systemControls":[{"namespace":"a","value":"1"},{"namespace":"b","value":"2"}]"#,
    r#"C"dependsOn":[{"containerName":"a"},{"containerName":"b"}]"#,
    r#"C"extraHosts":[{"hostname":"a"},{"hostname":"b"}]"#,
    r#"C"resourceRequirements":[{"type":"GPU","value":"1"},{"type":"x"}]"#,
    r#"C"restartPolicy":{"enabled":true,"ignoredExitCodes":[1,2]}"#,
    r#"C"linuxParameters":{"capabilities":{"add":["A","B"]}}"#,
    r#"C"logConfiguration":{"secretOptions":[{"name":"a"},{"name":"b"}]}"#,
];

fn reverse_lists(json: &mut Json) {
    match json {
        Json::Array(elements) => {
            elements.reverse();
            elements.iter_mut().for_each(reverse_lists);
        }
        Json::Object(object) => {
            let names: Vec<String> = object.iter().map(|(name, _)| name.to_owned()).collect();
            for name in names {
                reverse_lists(object.get_mut(&name).unwrap());
            }
        }
        _ => {}
    }
}

#[test]
fn the_order_of_sets_is_none() {
    for set in SETS {
        let text = set.strip_prefix('C').map_or_else(|| set.to_owned(), container);
        let mut reversed = Json::Object(object(&text));
        reverse_lists(&mut reversed);
        assert_ne!(reversed.to_string(), Json::Object(object(&text)).to_string());
        assert!(same(&text, &reversed.to_string()), "{text} {reversed}");
    }
}

proptest! {
    /// Another spelling or order of any value gives the same canonical form.
    #[test]
    fn spelling_and_the_order_of_members_are_none(json in crate::json::value::tests::json()) {
        fn respell(json: &Json) -> Json {
            match json {
                Json::Array(elements) => Json::Array(elements.iter().map(respell).collect()),
                Json::Number(spelling) => Json::Number(match spelling.contains(['e', 'E']) {
                    true => spelling.to_uppercase().replace("E+", "e").replace('E', "e"),
                    false if spelling.contains('.') => format!("{spelling}0"),
                    false => spelling.clone(),
                }),
                Json::Object(object) => {
                    let mut members: Vec<_> =
                        object.iter().map(|(name, it)| (name.to_owned(), respell(it))).collect();
                    members.reverse();
                    Json::Object(members.into_iter().collect())
                }
                other => other.clone(),
            }
        }
        for name in ["new", "containerDefinitions", "volumes", "cpu", "tags"] {
            let wrap = |json| [(name.to_owned(), json)].into_iter().collect::<Object>();
            prop_assert_eq!(canonical(&wrap(json.clone())), canonical(&wrap(respell(&json))));
        }
    }
}
