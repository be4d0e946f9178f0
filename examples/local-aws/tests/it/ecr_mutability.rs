//! Whether tags may move, and for which of them the opposite holds.

use aws_sdk_ecr::types::{
    ImageTagMutability, ImageTagMutabilityExclusionFilter, ImageTagMutabilityExclusionFilterType,
};

use crate::ecr::{REPOSITORY, Refusal, World, refusal, violated};

impl World {
    async fn set_mutability(
        &self,
        mutability: ImageTagMutability,
        filters: Option<&[&str]>,
    ) -> Result<(), Refusal> {
        let put = self.ecr.put_image_tag_mutability().repository_name(REPOSITORY);
        let put = put.image_tag_mutability(mutability.clone());
        let filters = filters.map(exclusions);
        let put = put.set_image_tag_mutability_exclusion_filters(filters.clone());
        let output = put.send().await.map_err(refusal)?;
        assert_eq!(output.registry_id(), Some("123456789012"));
        assert_eq!(output.repository_name(), Some(REPOSITORY));
        assert_eq!(output.image_tag_mutability(), Some(&mutability));
        let filters = filters.unwrap_or_default();
        assert_eq!(output.image_tag_mutability_exclusion_filters(), filters);
        let describe = self.ecr.describe_repositories().repository_names(REPOSITORY);
        let described = describe.send().await.unwrap();
        let repository = &described.repositories()[0];
        assert_eq!(repository.image_tag_mutability(), Some(&mutability));
        assert_eq!(repository.image_tag_mutability_exclusion_filters(), filters);
        Ok(())
    }

    /// Puts a tag on one image, then on another, and says whether it moved.
    async fn moves(&self, tag: &str) -> bool {
        let (old, new) =
            (self.image(&format!("old {tag}")).await, self.image(&format!("new {tag}")).await);
        self.put(&old).image_tag(tag).send().await.unwrap();
        match self.put(&new).image_tag(tag).send().await {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(refusal(error).0, "ImageTagAlreadyExistsException");
                assert_eq!(self.tags(&old).await, [tag]);
                false
            }
        }
    }
}

fn exclusions(filters: &[&str]) -> Vec<ImageTagMutabilityExclusionFilter> {
    let filter = |filter: &&str| {
        ImageTagMutabilityExclusionFilter::builder()
            .filter_type(ImageTagMutabilityExclusionFilterType::Wildcard)
            .filter(*filter)
            .build()
            .unwrap()
    };
    filters.iter().map(filter).collect()
}

#[tokio::test(start_paused = true)]
async fn the_setting_can_be_changed() {
    let world = World::new().await;
    assert!(world.moves("a").await);
    world.set_mutability(ImageTagMutability::Immutable, None).await.unwrap();
    assert!(!world.moves("b").await);
    world.set_mutability(ImageTagMutability::Mutable, None).await.unwrap();
    assert!(world.moves("c").await);
}

#[tokio::test(start_paused = true)]
async fn excluded_tags_of_an_immutable_repository_move() {
    let world = World::new().await;
    let filters = ["latest", "dev-*", "*-rc*"];
    let setting = ImageTagMutability::ImmutableWithExclusion;
    world.set_mutability(setting, Some(&filters)).await.unwrap();
    for (tag, moves) in [
        ("latest", true),
        ("dev-1", true),
        ("1.0-rc.2", true),
        ("latest-2", false),
        ("adev-1", false),
        ("1.0", false),
    ] {
        assert_eq!(world.moves(tag).await, moves, "{tag}");
    }
}

#[tokio::test(start_paused = true)]
async fn excluded_tags_of_a_mutable_repository_stay() {
    let world = World::new().await;
    let setting = ImageTagMutability::MutableWithExclusion;
    world.set_mutability(setting, Some(&["v*"])).await.unwrap();
    for (tag, moves) in [("v1.0", false), ("latest", true)] {
        assert_eq!(world.moves(tag).await, moves, "{tag}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_repository_is_created_with_its_exclusions() {
    let world = World::new().await;
    let create = world.ecr.create_repository().repository_name("other");
    let create = create.image_tag_mutability(ImageTagMutability::ImmutableWithExclusion);
    let create = create.set_image_tag_mutability_exclusion_filters(Some(exclusions(&["latest"])));
    let created = create.send().await.unwrap();
    let repository = created.repository().unwrap();
    assert_eq!(repository.image_tag_mutability_exclusion_filters(), exclusions(&["latest"]));
}

#[tokio::test(start_paused = true)]
async fn exclusions_go_with_the_settings_that_have_them() {
    let world = World::new().await;
    let member = "imageTagMutabilityExclusionFilters";
    for (setting, filters, constraint) in [
        (
            ImageTagMutability::ImmutableWithExclusion,
            None,
            "ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as \
             IMMUTABLE_WITH_EXCLUSION",
        ),
        (
            ImageTagMutability::MutableWithExclusion,
            None,
            "ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as \
             MUTABLE_WITH_EXCLUSION",
        ),
        (
            ImageTagMutability::Immutable,
            Some(&["latest"][..]),
            "ImageTagMutabilityExclusionFilters must be null when imageTagMutability is set as \
             IMMUTABLE",
        ),
        (
            ImageTagMutability::Mutable,
            Some(&["latest"]),
            "ImageTagMutabilityExclusionFilters must be null when imageTagMutability is set as \
             MUTABLE",
        ),
        (
            ImageTagMutability::ImmutableWithExclusion,
            Some(&[]),
            "Member must have length greater than or equal to 1",
        ),
        (
            ImageTagMutability::ImmutableWithExclusion,
            Some(&["a", "b", "c", "d", "e", "f"]),
            "Member must have length less than or equal to 5",
        ),
    ] {
        let refused = world.set_mutability(setting, filters).await;
        assert_eq!(refused, Err(violated(member, constraint)));
    }
    let five = ["a", "b", "c", "d", "e"];
    let setting = ImageTagMutability::ImmutableWithExclusion;
    world.set_mutability(setting, Some(&five)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_filter_has_the_grammar_of_a_filter() {
    let world = World::new().await;
    let put = async |filter: &str| {
        let setting = ImageTagMutability::ImmutableWithExclusion;
        world.set_mutability(setting, Some(&[filter])).await
    };
    for (filter, constraint) in [
        ("", "Member must have length greater than or equal to 1"),
        (&*"a".repeat(129), "Member must have length less than or equal to 128"),
        ("a b", "must satisfy regular expression '^[0-9a-zA-Z._*-]{1,128}$'"),
        ("a*b*c*", "Filter has more than 2 wildcards"),
    ] {
        assert_eq!(put(filter).await, Err(violated("filter", constraint)), "{filter}");
    }
    for filter in ["*a*", &"a".repeat(128)] {
        put(filter).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_setting_has_to_be_given() {
    let world = World::new().await;
    let put = world.ecr.put_image_tag_mutability().repository_name(REPOSITORY).send().await;
    let refused = refusal(put.unwrap_err());
    assert_eq!(refused, violated("imageTagMutability", "Member must not be null"));
}
