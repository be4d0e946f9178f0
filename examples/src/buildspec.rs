//! The buildspec of a CodeBuild project that builds, pushes and hands over to CodePipeline.

use imagedefs::ImageDefinitions;

/// Returns a complete buildspec. `containers` are the arguments that name the containers,
/// `file_name` is the `FileName` of the ECS action.
pub fn buildspec(containers: &str, file_name: &str, image: &str, repository: &str) -> String {
    let (mut write, mut check) = (containers.to_owned(), file_name.to_owned());
    if file_name != ImageDefinitions::FILE_NAME {
        write = format!("{containers} --definitions {file_name}");
        check = format!("--file-name {file_name} {file_name}");
    }
    TEMPLATE
        .replace("{containers}", containers)
        .replace("{write}", &write)
        .replace("{check}", &check)
        .replace("{file}", file_name)
        .replace("{image}", image)
        .replace("{repository}", repository)
}

/// `docker` needs the privileged mode of the project; a builder without a daemon doesn't.
const TEMPLATE: &str = r#"version: 0.2

env:
  variables:
    # The folder with the static programs `codebuild`, `definitions` and `doctor`.
    PROGRAMS: s3://example-programs/x86_64

phases:
  install:
    commands:
      - aws s3 cp --recursive "$PROGRAMS" programs
      - chmod +x programs/*
      - export PATH="$PWD/programs:$PATH"
  pre_build:
    commands:
      # Finds mistakes in the names before the build.
      - definitions --check {containers}
  build:
    commands:
      - docker build --tag build .
      - docker save --output {image} build
  post_build:
    commands:
      # Fails if a phase before has failed. CodeBuild runs this phase in any case.
      - codebuild --aws {write} {image} {repository}
      - doctor {check}

artifacts:
  files:
    - {file}
"#;
