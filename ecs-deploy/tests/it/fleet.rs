//! Rollouts to several services.

use std::time::Duration;

use ecs_deploy::events::Event;
use ecs_deploy::fleet::{Fleet, FleetPolicy, Outcome};
use ecs_deploy::{ErrorKind, RollOut, Service};
use local_aws::{Fault, LocalAws, RollbackId, Script, When};
use tokio::time::{Instant, sleep};

use crate::demo::Demo;

/// Creates the demonstration with this many more services of its task definition.
async fn fleet(count: usize) -> (Demo, Vec<Service>) {
    let demo = Demo::new();
    let mut services = Vec::new();
    for number in 0..count {
        let name = format!("web-{number}");
        let network =
            aws_sdk_ecs::types::AwsVpcConfiguration::builder().subnets("subnet-1").build();
        let network = aws_sdk_ecs::types::NetworkConfiguration::builder()
            .awsvpc_configuration(network.unwrap())
            .build();
        demo.ecs
            .create_service()
            .cluster("demo")
            .service_name(&name)
            .task_definition("web:1")
            .desired_count(1)
            .network_configuration(network)
            .deployment_configuration(
                aws_sdk_ecs::types::DeploymentConfiguration::builder()
                    .deployment_circuit_breaker(
                        aws_sdk_ecs::types::DeploymentCircuitBreaker::builder()
                            .enable(true)
                            .rollback(true)
                            .build(),
                    )
                    .build(),
            )
            .send()
            .await
            .unwrap();
        services.push(Service::new("demo", name).unwrap());
    }
    sleep(Duration::from_secs(300)).await;
    (demo, services)
}

/// Returns a rollout of the new image to `service`; the revision is registered once for all.
async fn roll_out(demo: &Demo, service: &Service) -> RollOut {
    let mut revision = demo.deployer.current(service).await.unwrap();
    revision.set_images([("web", "a:2")]).unwrap();
    demo.deployer.roll_out(service, revision)
}

async fn running(demo: &Demo, service: &Service) -> String {
    let revision = demo.deployer.current(service).await.unwrap();
    revision.images().next().unwrap().1.to_owned()
}

#[tokio::test(start_paused = true)]
async fn many_services_are_watched_by_few_calls() {
    for (count, calls_a_round) in [(10, 1), (25, 3)] {
        let (demo, services) = fleet(count).await;
        let mut fleet = Fleet::new();
        for service in &services {
            fleet = fleet.with(roll_out(&demo, service).await);
        }
        let looks = demo.local.journal().count("DescribeServices");
        let began = Instant::now();
        let deployed = fleet.await.unwrap();
        let names: Vec<&Service> = deployed.iter().map(|(service, _)| service).collect();
        assert_eq!(names, services.iter().collect::<Vec<_>>(), "in the order of addition");
        let seconds = began.elapsed().as_secs() as usize;
        let looks = demo.local.journal().count("DescribeServices") - looks;
        // One call describes ten services, and two rounds are two seconds apart. Each service that
        // registered after another one was described once more before.
        let most = count + calls_a_round * (seconds / 2 + 2);
        assert!(looks <= most, "{looks} looks of {count} services in {seconds} s");
        assert_eq!(demo.local.journal().count("UpdateService"), count);
        // The delay is the same as for a single service: it is complete 86 s after it began.
        assert!((86..=100).contains(&seconds), "{seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_events_are_those_of_each_service() {
    let (demo, services) = fleet(2).await;
    let fleet = Fleet::new()
        .with(roll_out(&demo, &services[0]).await)
        .with(roll_out(&demo, &services[1]).await);
    let mut events = fleet.events();
    let mut succeeded = Vec::new();
    while let Some((service, event)) = events.next().await {
        if let Event::Succeeded { .. } = event {
            succeeded.push(service);
        }
    }
    succeeded.sort();
    assert_eq!(succeeded, services);
    assert_eq!(events.finish().await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_no_further_wave_begins() {
    let (demo, services) = fleet(4).await;
    demo.local.script("demo", "web-1", Script::Crash { exit_code: 3 });
    let [a, b, c, d] = &services[..] else { panic!() };
    let fleet = Fleet::new()
        .with(roll_out(&demo, a).await)
        .next_wave()
        .with(roll_out(&demo, b).await)
        .with(roll_out(&demo, c).await)
        .next_wave()
        .with(roll_out(&demo, d).await);
    let error = fleet.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FleetFailed);
    assert_eq!(
        error.to_string(),
        "2 of 4 services don't run their new revision: ECS rolled the deployment of web:3 to demo/web-1 back to web:1: \
         container web exited with code 3: Essential container in task exited (2 other tasks also stopped); \
         1 not begun"
    );
    let outcomes: Vec<bool> =
        error.outcomes().iter().map(|(_, it)| matches!(it, Outcome::Deployed(_))).collect();
    assert_eq!(outcomes, [true, false, true, false]);
    assert!(matches!(&error.outcomes()[3], (service, Outcome::NotBegun) if service == d));
    assert_eq!(demo.local.journal().count("UpdateService"), 3);
}

#[tokio::test(start_paused = true)]
async fn every_wave_begins_where_that_is_asked_for() {
    let (demo, services) = fleet(2).await;
    demo.local.script("demo", "web-0", Script::Crash { exit_code: 3 });
    let fleet = Fleet::new()
        .policy(FleetPolicy::KeepGoing)
        .with(roll_out(&demo, &services[0]).await)
        .next_wave()
        .with(roll_out(&demo, &services[1]).await);
    let error = fleet.await.unwrap_err();
    assert!(
        matches!(&error.outcomes()[0].1, Outcome::Failed(it) if it.kind() == ErrorKind::RolledBack)
    );
    assert!(matches!(&error.outcomes()[1].1, Outcome::Deployed(_)));
    assert_eq!(running(&demo, &services[1]).await, "a:2");
}

#[tokio::test(start_paused = true)]
async fn all_or_nothing_takes_back_what_is_complete_and_what_is_in_progress() {
    let (demo, services) = fleet(4).await;
    let [complete, failing, slow, last] = &services[..] else { panic!() };
    let old = running(&demo, complete).await;
    demo.local.script("demo", "web-1", Script::Crash { exit_code: 3 });
    demo.local.script("demo", "web-2", Script::Slow { pulling: Duration::from_secs(900) });
    let fleet = Fleet::new()
        .policy(FleetPolicy::AllOrNothing)
        .with(roll_out(&demo, complete).await)
        .next_wave()
        .with(roll_out(&demo, failing).await)
        .with(roll_out(&demo, slow).await)
        .next_wave()
        .with(roll_out(&demo, last).await);
    let began = Instant::now();
    let error = fleet.await.unwrap_err();
    // The fleet doesn't wait for the slow one.
    assert!(began.elapsed() < Duration::from_secs(600), "{:?}", began.elapsed());
    let [a, b, c, d] = error.outcomes() else { panic!("{error:?}") };
    assert!(matches!(&a.1, Outcome::TakenBack(it) if it.revision().ends_with("web:1")), "{a:?}");
    assert!(matches!(&b.1, Outcome::Failed(it) if it.kind() == ErrorKind::RolledBack), "{b:?}");
    assert!(matches!(&c.1, Outcome::TakenBack(it) if it.revision().ends_with("web:1")), "{c:?}");
    assert!(matches!(&d.1, Outcome::NotBegun), "{d:?}");
    assert!(error.to_string().ends_with("; 1 not begun; 2 rolled back"), "{error}");
    for service in &services {
        assert_eq!(running(&demo, service).await, old, "{service}");
    }
    assert_eq!(demo.local.journal().count("StopServiceDeployment"), 1);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_deployed_meanwhile_is_not_taken_back() {
    let (demo, services) = fleet(2).await;
    demo.local.script("demo", "web-1", Script::ImageMissing);
    let fleet = Fleet::new()
        .policy(FleetPolicy::AllOrNothing)
        .with(roll_out(&demo, &services[0]).await)
        .with(roll_out(&demo, &services[1]).await);
    let other = async {
        sleep(Duration::from_secs(150)).await;
        let update = demo.ecs.update_service().cluster("demo").service("web-0");
        update.force_new_deployment(true).send().await.unwrap();
    };
    let (outcome, ()) = tokio::join!(fleet.into_future(), other);
    let error = outcome.unwrap_err();
    let (_, outcome) = &error.outcomes()[0];
    assert!(
        matches!(outcome, Outcome::NotTakenBack { rollback, .. } if rollback.kind() == ErrorKind::Superseded),
        "{outcome:?}"
    );
    assert_eq!(running(&demo, &services[0]).await, "a:2");
}

/// If the policy allows only some of the services, ECS refuses a call for all of them.
#[tokio::test(start_paused = true)]
async fn a_service_that_may_not_be_looked_at_does_not_hide_the_others() {
    let (demo, services) = fleet(2).await;
    let fleet = Fleet::new()
        .with(roll_out(&demo, &services[0]).await)
        .with(roll_out(&demo, &services[1]).await);
    let mut events = fleet.events();
    let mut started = 0;
    while started < 2 {
        started += usize::from(matches!(events.next().await.unwrap().1, Event::Started { .. }));
    }
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*",
        "Resource":"*"},{"Effect":"Deny","Action":"ecs:DescribeServices",
        "Resource":"arn:aws:ecs:us-east-1:123456789012:service/demo/web-1"}]}"#;
    demo.local.set_policy(LocalAws::USER, policy).unwrap();
    let error = events.finish().await.unwrap_err();
    assert!(matches!(&error.outcomes()[0].1, Outcome::Deployed(_)), "{error:?}");
    assert!(
        matches!(&error.outcomes()[1].1, Outcome::Failed(it) if it.kind() == ErrorKind::AccessDenied),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_common_call_that_is_not_answered_holds_up_nobody_for_ever() {
    let (demo, services) = fleet(3).await;
    let mut fleet = Fleet::new();
    for service in &services {
        fleet = fleet.with(roll_out(&demo, service).await);
    }
    let began = Instant::now();
    let mut events = fleet.events();
    let mut started = 0;
    while started < services.len() {
        started += usize::from(matches!(events.next().await.unwrap().1, Event::Started { .. }));
    }
    demo.local.inject(
        When::for_the_next("DescribeServices", Duration::from_secs(60)),
        Fault::Delay(Duration::from_secs(3600)),
    );
    events.finish().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(240), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn all_that_fail_alike_are_watched_back() {
    for id in [RollbackId::Reused, RollbackId::New] {
        all_that_fail_alike_are_watched_back_as(id).await;
    }
}

async fn all_that_fail_alike_are_watched_back_as(id: RollbackId) {
    let (demo, services) = fleet(3).await;
    demo.local.set_rollback_id(id);
    demo.local.script("demo", "web-1", Script::Crash { exit_code: 3 });
    demo.local.script("demo", "web-2", Script::Crash { exit_code: 3 });
    let old = running(&demo, &services[0]).await;
    let mut fleet = Fleet::new().policy(FleetPolicy::AllOrNothing);
    for service in &services {
        fleet = fleet.with(roll_out(&demo, service).await);
    }
    let error = fleet.await.unwrap_err();
    for (service, outcome) in error.outcomes() {
        assert!(
            matches!(outcome, Outcome::TakenBack(_) | Outcome::Failed(_)),
            "{service}: {outcome:?}"
        );
        assert_eq!(running(&demo, service).await, old, "{service}");
        let describe = demo.ecs.describe_services().cluster("demo").services(service.name());
        let service = describe.send().await.unwrap().services.unwrap().remove(0);
        assert_eq!(service.deployments()[0].rollout_state().unwrap().as_str(), "COMPLETED");
    }
}

/// A failure that ECS wouldn't roll back by itself.
#[tokio::test(start_paused = true)]
async fn what_runs_out_of_time_is_taken_back_and_watched() {
    let demo = Demo::with_breaker(false, false).await;
    demo.local.script("demo", "web", Script::ImageMissing);
    let roll_out = demo.deployer.roll_out(&demo.service, demo.changed().await);
    let fleet = Fleet::new()
        .policy(FleetPolicy::AllOrNothing)
        .with(roll_out.timeout(Duration::from_secs(200)));
    let error = fleet.await.unwrap_err();
    assert!(
        matches!(&error.outcomes()[0].1, Outcome::Failed(it) if it.kind() == ErrorKind::TimedOut),
        "{error:?}"
    );
    assert!(demo.running().await.ends_with("web:1"));
}

#[tokio::test(start_paused = true)]
async fn throttling_does_not_keep_anything_from_being_taken_back() {
    let (demo, services) = fleet(2).await;
    let old = running(&demo, &services[0]).await;
    demo.local.script("demo", "web-0", Script::Slow { pulling: Duration::from_secs(900) });
    demo.local.script("demo", "web-1", Script::Crash { exit_code: 3 });
    let fleet = Fleet::new()
        .policy(FleetPolicy::AllOrNothing)
        .with(roll_out(&demo, &services[0]).await)
        .with(roll_out(&demo, &services[1]).await);
    let mut events = fleet.events();
    while let Some((service, event)) = events.next().await {
        if matches!(event, Event::Failed { .. }) && service == services[1] {
            let while_at_it = When::for_the_next("DescribeServices", Duration::from_secs(15));
            demo.local.inject(while_at_it, Fault::Throttle);
        }
    }
    let error = events.finish().await.unwrap_err();
    assert!(matches!(&error.outcomes()[0].1, Outcome::TakenBack(_)), "{error:?}");
    assert_eq!(running(&demo, &services[0]).await, old);
}

#[tokio::test(start_paused = true)]
async fn many_are_taken_back_by_few_looks() {
    let (demo, services) = fleet(21).await;
    demo.local.script("demo", "web-20", Script::Crash { exit_code: 3 });
    let mut fleet = Fleet::new().policy(FleetPolicy::AllOrNothing);
    for service in &services[..20] {
        fleet = fleet.with(roll_out(&demo, service).await);
    }
    fleet = fleet.next_wave().with(roll_out(&demo, &services[20]).await);
    let mut events = fleet.events();
    let mut began = None;
    while let Some((_, event)) = events.next().await {
        if matches!(event, Event::Failed { .. }) {
            let looks = demo.local.journal().count("DescribeServices");
            began.get_or_insert((Instant::now(), looks));
        }
    }
    let (began, before) = began.unwrap();
    let seconds = began.elapsed().as_secs() as usize;
    let looks = demo.local.journal().count("DescribeServices") - before;
    // Each has one more call before a deployment replaces another.
    assert!(looks <= 21 + 2 * (seconds + 1), "{looks} in {seconds} s");
    let error = events.finish().await.unwrap_err();
    let taken_back = error.outcomes().iter().filter(|it| matches!(it.1, Outcome::TakenBack(_)));
    assert_eq!(taken_back.count(), 20);
}

#[tokio::test(start_paused = true)]
async fn what_keeps_each_is_in_the_text_of_all() {
    let (demo, services) = fleet(1).await;
    let mut events = Fleet::new().with(roll_out(&demo, &services[0]).await).events();
    while !matches!(events.next().await.unwrap().1, Event::Started { .. }) {}
    let nothing = r#"{"Version":"2012-10-17","Statement":[]}"#;
    demo.local.set_policy(LocalAws::USER, nothing).unwrap();
    let error = events.finish().await.unwrap_err();
    assert!(error.to_string().contains("is not authorized to perform: ecs:Desc"), "{error}");
    assert!(error.missing_statement().unwrap().contains("ecs:DescribeServices"));
}
