//! The listener, spoken to in plain HTTP: what an SDK would hide.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use local_aws::{Fault, LocalAws, Server, When};
use serde_json::Value;

use crate::ecr::{REPOSITORY, World, digest};

pub(crate) const ECR: &str = "AmazonEC2ContainerRegistry_V20150921";
const ECS: &str = "AmazonEC2ContainerServiceV20141113";

/// A connection that sends any bytes, right or wrong. It blocks, so that the listener needs a
/// thread of its own.
#[derive(Debug)]
pub(crate) struct Wire(BufReader<TcpStream>);

#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Wire {
    pub(crate) fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(address(server)).unwrap();
        // An answer that never comes is a failure, not a test that never ends.
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn call(&mut self, headers: &[(&str, &[u8])], body: &[u8]) -> Answer {
        let length = body.len().to_string();
        let mut headers = headers.to_vec();
        headers.push(("content-length", length.as_bytes()));
        self.write(&[head(&headers), body.to_vec()].concat());
        self.read().expect("an answer")
    }

    /// A call of ECR, signed as it should be.
    pub(crate) fn ecr(&mut self, operation: &str, body: &str) -> Answer {
        let target = format!("{ECR}.{operation}");
        let authorization = signed("ecr");
        self.call(
            &[("x-amz-target", target.as_bytes()), ("authorization", authorization.as_bytes())],
            body.as_bytes(),
        )
    }

    /// Sends any request; `None` if the connection ends without an answer.
    pub(crate) fn send(
        &mut self,
        request: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<Answer> {
        let mut head = format!("{request} HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        self.write(format!("{head}\r\n").as_bytes());
        // A server that breaks the connection doesn't read the body.
        let _ = self.0.get_mut().write_all(body);
        if request.starts_with("HEAD ") { self.read_head() } else { self.read() }
    }

    fn get(&mut self, path: &str) -> Answer {
        self.write(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes());
        self.read().expect("an answer")
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// The next answer; `None` if the connection ends first.
    pub(crate) fn read(&mut self) -> Option<Answer> {
        let mut answer = self.read_head()?;
        let mut body = vec![0; answer.header("content-length")?.parse().ok()?];
        self.0.read_exact(&mut body).ok()?;
        answer.body = String::from_utf8(body).ok()?;
        Some(answer)
    }

    /// Says that nothing more comes.
    pub(crate) fn end(&mut self) {
        self.0.get_mut().shutdown(std::net::Shutdown::Write).unwrap();
    }

    fn read_head(&mut self) -> Option<Answer> {
        let mut answer = Answer::default();
        let status = self.line()?;
        answer.status = status.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            answer.headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        Some(answer)
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim_end().to_owned())
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The status with the code.
    fn refusal(&self) -> (u16, String) {
        (self.status, self.json()["__type"].as_str().unwrap_or_default().to_owned())
    }
}

/// An `Authorization` that is good for one service.
pub(crate) fn signed(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260102/us-east-1/{service}/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=00"
    )
}

pub(crate) fn head(headers: &[(&str, &[u8])]) -> Vec<u8> {
    let mut head = b"POST / HTTP/1.1\r\nhost: localhost\r\n".to_vec();
    for (name, value) in headers {
        head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    head
}

fn address(server: &Server) -> SocketAddr {
    server.endpoint_url().strip_prefix("http://").unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_answer_is_aws_json() {
    let server = LocalAws::start().await.unwrap();
    let mut wire = Wire::connect(&server);
    let created = wire.ecr("CreateRepository", r#"{ "repositoryName": "app" }"#);
    assert_eq!(created.status, 200);
    assert_eq!(created.header("content-type"), Some("application/x-amz-json-1.1"));
    assert_eq!(created.json()["repository"]["repositoryName"], "app");

    let again = wire.ecr("CreateRepository", r#"{ "repositoryName": "app" }"#);
    assert_eq!(again.refusal(), (400, "RepositoryAlreadyExistsException".to_owned()));
    assert_eq!(again.header("content-type"), Some("application/x-amz-json-1.1"));
    assert_eq!(
        again.json()["message"],
        "The repository with name 'app' already exists in the registry with id '123456789012'"
    );
    let ids = [&created, &again].map(|answer| answer.header("x-amzn-requestid").unwrap());
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_refused_part_says_where_the_cursor_is() {
    let server = LocalAws::start().await.unwrap();
    let mut wire = Wire::connect(&server);
    wire.ecr("CreateRepository", r#"{ "repositoryName": "app" }"#);
    let upload = wire.ecr("InitiateLayerUpload", r#"{ "repositoryName": "app" }"#).json();
    let part = serde_json::json!({
        "repositoryName": "app",
        "uploadId": upload["uploadId"],
        "partFirstByte": 0,
        "partLastByte": 3,
        "layerPartBlob": "bGF5ZXI=",
    });
    // Five bytes, not four; then right, then once more.
    let refused = wire.ecr("UploadLayerPart", &part.to_string());
    assert_eq!(refused.refusal(), (400, "InvalidLayerPartException".to_owned()));
    let part = part.to_string().replace(":3", ":4");
    assert_eq!(wire.ecr("UploadLayerPart", &part).json()["lastByteReceived"], 4);
    let again = wire.ecr("UploadLayerPart", &part);
    assert_eq!(
        again.json(),
        serde_json::json!({
            "__type": "InvalidLayerPartException",
            "message": "First byte of the layer part is 0 instead of 5",
            "registryId": "123456789012",
            "repositoryName": "app",
            "uploadId": upload["uploadId"],
            "lastValidByteReceived": 4,
        })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_body_of_the_wrong_shape_does_not_serialize() {
    let server = LocalAws::start().await.unwrap();
    let mut wire = Wire::connect(&server);
    for (operation, body) in [
        ("CreateRepository", "{"),
        ("CreateRepository", "app"),
        ("CreateRepository", "null"),
        // serde would read the members of an array in their order.
        ("CreateRepository", r#"[null, "app", "MUTABLE"]"#),
        ("CreateRepository", r#"{ "repositoryName": 1 }"#),
        ("CreateRepository", r#"{ "repositoryName": "app" } {}"#),
        ("UploadLayerPart", "{"),
        ("UploadLayerPart", r#"{ "partFirstByte": "0" }"#),
        ("UploadLayerPart", r#"{ "layerPartBlob": "not base64" }"#),
    ] {
        let refused = wire.ecr(operation, body).refusal();
        assert_eq!(refused, (400, "SerializationException".to_owned()), "{body}");
    }
    assert_eq!(server.local().journal().count("CreateRepository"), 6);
    assert_eq!(wire.ecr("DescribeRepositories", "").json()["repositories"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_required_member_that_is_missing_is_an_invalid_parameter() {
    let server = LocalAws::start().await.unwrap();
    let mut wire = Wire::connect(&server);
    wire.ecr("CreateRepository", r#"{ "repositoryName": "app" }"#);
    for operation in [
        "BatchCheckLayerAvailability",
        "BatchGetImage",
        "CompleteLayerUpload",
        "PutImage",
        "UploadLayerPart",
    ] {
        for body in ["{}", r#"{ "repositoryName": "app" }"#] {
            let refused = wire.ecr(operation, body).refusal();
            assert_eq!(refused, (400, "InvalidParameterException".to_owned()), "{operation}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_not_signed_for_the_service_is_refused() {
    let server = LocalAws::start().await.unwrap();
    let mut wire = Wire::connect(&server);
    let target = format!("{ECR}.DescribeRepositories");
    let json = |authorization: Option<&str>, wire: &mut Wire| {
        let mut headers = vec![("x-amz-target", target.as_bytes())];
        headers.extend(authorization.map(|value| ("authorization", value.as_bytes())));
        wire.call(&headers, b"{}").refusal()
    };
    let xml = |authorization: Option<&str>, wire: &mut Wire| {
        let headers: Vec<_> =
            authorization.map(|value| ("authorization", value.as_bytes())).into_iter().collect();
        wire.call(&headers, b"Action=GetCallerIdentity&Version=2011-06-15")
    };
    let ecs = signed("ecs");
    for (authorization, code) in [
        (None, "MissingAuthenticationToken"),
        (Some("Basic QVdTOng="), "IncompleteSignature"),
        (Some(ecs.as_str()), "InvalidSignature"),
    ] {
        assert_eq!(json(authorization, &mut wire), (403, format!("{code}Exception")));
        let refused = xml(authorization, &mut wire);
        // The query protocol has a name of its own for this one.
        let code = if code == "InvalidSignature" { "SignatureDoesNotMatch" } else { code };
        assert_eq!(refused.status, 403);
        assert!(refused.body.contains(&format!("<Code>{code}</Code>")), "{refused:?}");
    }
    assert_eq!(json(Some(&signed("ecr")), &mut wire).0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_names_no_operation_is_refused() {
    let server = LocalAws::start().await.unwrap();
    let mut wire = Wire::connect(&server);
    let authorization = signed("ecr");
    for target in [
        Some("AmazonEC2ContainerRegistry_V20150921.Absent"),
        Some("AmazonEC2ContainerRegistry_V20150921."),
        Some("AmazonEC2ContainerRegistry_V20150921"),
        Some("DynamoDB_20120810.ListTables"),
        Some(""),
        None,
    ] {
        let mut headers = vec![("authorization", authorization.as_bytes())];
        headers.extend(target.map(|value| ("x-amz-target", value.as_bytes())));
        let refused = wire.call(&headers, b"{}").refusal();
        assert_eq!(refused, (400, "UnknownOperationException".to_owned()), "{target:?}");
    }
    let headers = [
        ("authorization", signed("ecs").into_bytes()),
        ("x-amz-target", format!("{ECS}.Absent").into_bytes()),
    ];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_slice()));
    let refused = wire.call(&headers, b"{}").refusal();
    assert_eq!(refused, (400, "UnknownOperationException".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn sts_answers_in_xml() {
    let server = LocalAws::start().await.unwrap();
    let mut wire = Wire::connect(&server);
    let authorization = signed("sts");
    let headers = [("authorization", authorization.as_bytes())];
    let mut call = |body: &str| wire.call(&headers, body.as_bytes());
    let answer = call("Action=GetCallerIdentity&Version=2011-06-15");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/xml"));
    let id = answer.header("x-amzn-requestid").unwrap();
    assert_eq!(
        answer.body,
        format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/local</Arn>\
             <UserId>AKIAEXAMPLE</UserId><Account>123456789012</Account></GetCallerIdentityResult>\
             <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>\
             </GetCallerIdentityResponse>"
        )
    );

    let refused = call("Action=Absent");
    assert_eq!(refused.status, 400);
    assert_eq!(refused.header("content-type"), Some("text/xml"));
    let error = "<Error><Type>Sender</Type><Code>InvalidAction</Code>\
                 <Message>Could not find operation Absent for version 2011-06-15</Message></Error>";
    assert!(refused.body.contains(error), "{refused:?}");

    server.local().inject(When::nth("GetCallerIdentity", 2), Fault::ServerError);
    let failed = call("Action=GetCallerIdentity");
    assert_eq!(failed.status, 500);
    assert!(
        failed.body.contains("<Type>Receiver</Type><Code>InternalFailure</Code>"),
        "{failed:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_layer_s_url_serves_its_bytes() {
    let world = World::new().await;
    let server = world.local.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let image = world.image("a").await;
    world.put(&image).send().await.unwrap();
    let layer = digest("layer of a");
    let get = world.ecr.get_download_url_for_layer().repository_name(REPOSITORY);
    let url = get.layer_digest(&layer).send().await.unwrap().download_url.unwrap();
    let path = url.strip_prefix(&server.endpoint_url()).unwrap();
    let mut wire = Wire::connect(&server);
    let served = wire.get(path);
    assert_eq!((served.status, served.body.as_str()), (200, "layer of a"));
    let absent = wire.get(&path.replace(&layer, &digest("absent")));
    assert_eq!(absent.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_connection_breaks_in_the_middle_of_the_body() {
    let server = LocalAws::start().await.unwrap();
    server.local().inject(When::nth("ListImages", 1), Fault::ResetMidBody);
    let target = format!("{ECR}.ListImages");
    let headers = [("x-amz-target", target.as_bytes()), ("content-length", b"1000".as_slice())];
    let mut wire = Wire::connect(&server);
    wire.write(&[head(&headers), vec![b' '; 600]].concat());
    // The other 400 bytes were never waited for.
    assert!(wire.read().is_none());
    let journal = server.local().journal();
    assert_eq!(journal.operations(), ["ListImages"]);
    assert_eq!(journal.calls()[0].error.as_deref(), Some("connection reset"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_body_beyond_64_mib_is_too_large() {
    const MIB: usize = 1024 * 1024;
    let server = LocalAws::start().await.unwrap();
    let too_large = |wire: &mut Wire| {
        let refused = wire.read().unwrap();
        assert_eq!(refused.refusal(), (413, "RequestEntityTooLargeException".to_owned()));
        assert_eq!(refused.header("connection"), Some("close"));
        assert_eq!(refused.header("x-amzn-requestid"), None);
    };
    // Announced, it is refused before it is sent.
    let mut wire = Wire::connect(&server);
    wire.write(&head(&[("content-length", (64 * MIB + 1).to_string().as_bytes())]));
    too_large(&mut wire);

    let mut wire = Wire::connect(&server);
    wire.write(&head(&[("transfer-encoding", b"chunked")]));
    let chunk = [b"100000\r\n".to_vec(), vec![b' '; MIB], b"\r\n".to_vec()].concat();
    for _ in 0..64 {
        wire.write(&chunk);
    }
    wire.write(b"1\r\n \r\n");
    too_large(&mut wire);
    assert_eq!(server.local().journal().calls(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn half_a_request_is_none() {
    let server = LocalAws::start().await.unwrap();
    let authorization = signed("ecr");
    let target = format!("{ECR}.DescribeRepositories");
    let mut half = Wire::connect(&server);
    half.write(&head(&[
        ("authorization", authorization.as_bytes()),
        ("x-amz-target", target.as_bytes()),
        ("content-length", b"2"),
    ]));
    half.write(b"{");
    // Other connections are served meanwhile.
    assert_eq!(Wire::connect(&server).ecr("DescribeRepositories", "{}").status, 200);
    half.end();
    assert!(half.read().is_none());
    assert_eq!(server.local().journal().calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn connections_are_served_at_once() {
    let server = LocalAws::start().await.unwrap();
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let server = &server;
            scope.spawn(move || {
                let mut wire = Wire::connect(server);
                for n in 0..16 {
                    let body = format!(r#"{{ "repositoryName": "app/{thread}-{n}" }}"#);
                    assert_eq!(wire.ecr("CreateRepository", &body).status, 200);
                }
            });
        }
    });
    let all = Wire::connect(&server).ecr("DescribeRepositories", r#"{ "maxResults": 1000 }"#);
    assert_eq!(all.json()["repositories"].as_array().unwrap().len(), 256);
    assert_eq!(server.local().journal().count("CreateRepository"), 256);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_lost_answer_ends_the_connection_after_the_call() {
    let server = LocalAws::start().await.unwrap();
    server.local().inject(When::nth("CreateRepository", 1), Fault::LoseResponse);
    let mut wire = Wire::connect(&server);
    let authorization = signed("ecr");
    let target = format!("{ECR}.CreateRepository");
    let body = br#"{ "repositoryName": "app" }"#;
    wire.write(&head(&[
        ("authorization", authorization.as_bytes()),
        ("x-amz-target", target.as_bytes()),
        ("content-length", body.len().to_string().as_bytes()),
    ]));
    wire.write(body);
    assert!(wire.read().is_none());
    let again = Wire::connect(&server).ecr("CreateRepository", r#"{ "repositoryName": "app" }"#);
    assert_eq!(again.refusal().1, "RepositoryAlreadyExistsException");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_port_is_taken_until_its_server_is_dropped() {
    let server = LocalAws::start().await.unwrap();
    let address = address(&server);
    let mut open = Wire::connect(&server);
    assert_eq!(open.ecr("DescribeRepositories", "{}").status, 200);
    let error = LocalAws::new().listen(address).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    drop(server);
    // The open connection ends with it, and then nothing listens any more.
    assert!(open.read().is_none());
    assert!(TcpListener::bind(address).is_ok() || TcpStream::connect(address).is_err());
}
