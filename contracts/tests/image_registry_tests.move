#[test_only]
module daasvader::image_registry_tests;

use daasvader::enclave_registry;
use daasvader::fixture::{Self, Fixture, by, bytes};
use daasvader::gate;
use daasvader::image_registry::{Self, ImageRegistry};
use std::unit_test::{assert_eq, destroy};

const OWNER: address = @0x9;
const OTHER: address = @0x8;

fun setup(): (Fixture, ImageRegistry) {
    let f = fixture::empty();
    let images = image_registry::new(f.its_registry().id(), &mut by(OWNER, 500));
    (f, images)
}

fun publish(f: &mut Fixture, images: &mut ImageRegistry, sender: address, tag: vector<u8>, digest: u8) {
    let (_, _, clock) = f.registry();
    let (digest, blob_id) = (bytes(32, digest), bytes(32, 9));
    images.publish_image(b"me/web".to_string(), tag.to_string(), digest, blob_id, clock, &by(sender, 501));
}

fun publish_as(f: &mut Fixture, images: &mut ImageRegistry, name: vector<u8>, tag: vector<u8>, digest: u64, blob_id: u64) {
    let (_, _, clock) = f.registry();
    let (digest, blob_id) = (bytes(digest, 1), bytes(blob_id, 1));
    images.publish_image(name.to_string(), tag.to_string(), digest, blob_id, clock, &by(OWNER, 502));
}

fun remove(f: &mut Fixture, images: &mut ImageRegistry, sender: address, tag: vector<u8>) {
    let (_, _, clock) = f.registry();
    images.remove_image(b"me/web".to_string(), tag.to_string(), clock, &by(sender, 503));
}

fun transfer(f: &mut Fixture, images: &mut ImageRegistry, sender: address) {
    let (_, _, clock) = f.registry();
    images.transfer_name(b"me/web".to_string(), OTHER, clock, &by(sender, 504));
}

fun drop_name(f: &mut Fixture, images: &mut ImageRegistry, sender: address) {
    let (_, _, clock) = f.registry();
    images.drop_name(b"me/web".to_string(), clock, &by(sender, 505));
}

/// A registry that a newer package migrated, with one image.
fun outdated(): (Fixture, ImageRegistry) {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    images.set_version_for_testing(2);
    (f, images)
}

fun migrate(f: &mut Fixture, images: &mut ImageRegistry) {
    let (registry, cap, _) = f.registry();
    images.migrate(registry, cap);
}

fun digest(images: &ImageRegistry, tag: vector<u8>): vector<u8> {
    images.digest_of(b"me/web".to_string(), tag.to_string())
}

#[test]
fun a_tag_means_what_was_published_last() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    publish(&mut f, &mut images, OWNER, b"v2", 2);
    publish(&mut f, &mut images, OWNER, b"v1", 3);
    assert_eq!(digest(&images, b"v1"), bytes(32, 3));
    assert_eq!(digest(&images, b"v2"), bytes(32, 2));
    assert_eq!(images.blob_id_of(b"me/web".to_string(), b"v1".to_string()), bytes(32, 9));
    assert_eq!(images.owner_of(b"me/web".to_string()), OWNER);
    assert_eq!(images.cluster_id(), f.its_registry().id());
    destroy(images);
    f.end();
}

#[test]
fun whoever_gets_a_name_gets_its_tags() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    transfer(&mut f, &mut images, OWNER);
    publish(&mut f, &mut images, OTHER, b"v1", 2);
    assert_eq!(digest(&images, b"v1"), bytes(32, 2));
    assert_eq!(images.owner_of(b"me/web".to_string()), OTHER);
    destroy(images);
    f.end();
}

#[test]
fun names_have_128_characters_and_tags_too() {
    let (mut f, mut images) = setup();
    let (longest_name, longest_tag) = (bytes(128, 97), bytes(128, 65));
    publish_as(&mut f, &mut images, longest_name, longest_tag, 32, 32);
    assert_eq!(images.owner_of(longest_name.to_string()), OWNER);
    destroy(images);
    f.end();
}

#[test]
fun a_name_stays_its_owners_without_tags() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    remove(&mut f, &mut images, OWNER, b"v1");
    assert_eq!(images.owner_of(b"me/web".to_string()), OWNER);
    destroy(images);
    f.end();
}

#[test, expected_failure(abort_code = image_registry::ENotOwner)]
fun a_stranger_does_not_publish_under_a_name() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    publish(&mut f, &mut images, OTHER, b"v2", 2);
    abort
}

#[test, expected_failure(abort_code = image_registry::ENotOwner)]
fun a_name_without_tags_is_not_taken_over() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    remove(&mut f, &mut images, OWNER, b"v1");
    publish(&mut f, &mut images, OTHER, b"v1", 2);
    abort
}

#[test, expected_failure(abort_code = image_registry::ENotOwner)]
fun a_former_owner_publishes_nothing() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    transfer(&mut f, &mut images, OWNER);
    publish(&mut f, &mut images, OWNER, b"v1", 2);
    abort
}

#[test, expected_failure(abort_code = image_registry::ENotOwner)]
fun a_stranger_does_not_remove_a_tag() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    remove(&mut f, &mut images, OTHER, b"v1");
    abort
}

#[test, expected_failure(abort_code = image_registry::ENotOwner)]
fun a_stranger_does_not_give_a_name_away() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    transfer(&mut f, &mut images, OTHER);
    abort
}

#[test, expected_failure(abort_code = image_registry::ENotOwner)]
fun a_name_is_not_given_away_twice() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    transfer(&mut f, &mut images, OWNER);
    transfer(&mut f, &mut images, OWNER);
    abort
}

#[test, expected_failure(abort_code = image_registry::EUnknownName)]
fun an_unknown_name_is_not_given_away() {
    let (mut f, mut images) = setup();
    transfer(&mut f, &mut images, OWNER);
    abort
}

#[test, expected_failure(abort_code = image_registry::EUnknownName)]
fun nothing_is_removed_from_an_unknown_name() {
    let (mut f, mut images) = setup();
    remove(&mut f, &mut images, OWNER, b"v1");
    abort
}

#[test, expected_failure(abort_code = image_registry::EUnknownTag)]
fun a_tag_is_not_removed_twice() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    remove(&mut f, &mut images, OWNER, b"v1");
    remove(&mut f, &mut images, OWNER, b"v1");
    abort
}

#[test, expected_failure(abort_code = image_registry::EUnknownTag)]
fun an_unknown_tag_has_no_digest() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    digest(&images, b"v2");
    abort
}

#[test, expected_failure(abort_code = image_registry::EBadName)]
fun a_name_of_129_characters_is_refused() {
    let (mut f, mut images) = setup();
    publish_as(&mut f, &mut images, bytes(129, 97), b"v1", 32, 32);
    abort
}

#[test, expected_failure(abort_code = image_registry::EBadName)]
fun an_empty_name_is_refused() {
    let (mut f, mut images) = setup();
    publish_as(&mut f, &mut images, b"", b"v1", 32, 32);
    abort
}

#[test, expected_failure(abort_code = image_registry::EBadTag)]
fun an_empty_tag_is_refused() {
    let (mut f, mut images) = setup();
    publish_as(&mut f, &mut images, b"web", b"", 32, 32);
    abort
}

#[test, expected_failure(abort_code = image_registry::EBadTag)]
fun a_tag_of_129_characters_is_refused() {
    let (mut f, mut images) = setup();
    publish_as(&mut f, &mut images, b"web", bytes(129, 97), 32, 32);
    abort
}

#[test, expected_failure(abort_code = image_registry::EBadDigest)]
fun a_digest_of_another_length_is_refused() {
    let (mut f, mut images) = setup();
    publish_as(&mut f, &mut images, b"web", b"v1", 31, 32);
    abort
}

#[test, expected_failure(abort_code = image_registry::EBadBlobId)]
fun a_blob_id_of_another_length_is_refused() {
    let (mut f, mut images) = setup();
    publish_as(&mut f, &mut images, b"web", b"v1", 32, 33);
    abort
}

#[test, expected_failure(abort_code = image_registry::EUnknownTag)]
fun an_unknown_tag_has_no_blob() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    images.blob_id_of(b"web".to_string(), b"v2".to_string());
    abort
}

#[test, expected_failure(abort_code = image_registry::EUnknownName)]
fun a_name_that_nobody_has_has_no_owner() {
    let (_f, images) = setup();
    images.owner_of(b"web".to_string());
    abort
}

#[test]
fun a_dropped_name_is_free_for_anybody() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    remove(&mut f, &mut images, OWNER, b"v1");
    drop_name(&mut f, &mut images, OWNER);
    publish(&mut f, &mut images, OTHER, b"v1", 2);
    assert_eq!(images.owner_of(b"me/web".to_string()), OTHER);
    assert_eq!(digest(&images, b"v1"), bytes(32, 2));
    destroy(images);
    f.end();
}

#[test]
fun tags_are_counted_once() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    publish(&mut f, &mut images, OWNER, b"v1", 2);
    publish(&mut f, &mut images, OWNER, b"v2", 3);
    remove(&mut f, &mut images, OWNER, b"v1");
    transfer(&mut f, &mut images, OWNER);
    remove(&mut f, &mut images, OTHER, b"v2");
    drop_name(&mut f, &mut images, OTHER);
    destroy(images);
    f.end();
}

#[test, expected_failure(abort_code = image_registry::EHasTags)]
fun a_name_with_a_tag_is_not_dropped() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    publish(&mut f, &mut images, OWNER, b"v2", 1);
    remove(&mut f, &mut images, OWNER, b"v1");
    drop_name(&mut f, &mut images, OWNER);
    abort
}

#[test, expected_failure(abort_code = image_registry::ENotOwner)]
fun a_stranger_does_not_drop_a_name() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    remove(&mut f, &mut images, OWNER, b"v1");
    drop_name(&mut f, &mut images, OTHER);
    abort
}

#[test, expected_failure(abort_code = image_registry::ENotOwner)]
fun who_gave_a_name_away_does_not_drop_it() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    remove(&mut f, &mut images, OWNER, b"v1");
    transfer(&mut f, &mut images, OWNER);
    drop_name(&mut f, &mut images, OWNER);
    abort
}

#[test, expected_failure(abort_code = image_registry::EUnknownName)]
fun a_name_is_not_dropped_twice() {
    let (mut f, mut images) = setup();
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    remove(&mut f, &mut images, OWNER, b"v1");
    drop_name(&mut f, &mut images, OWNER);
    drop_name(&mut f, &mut images, OWNER);
    abort
}

#[test, expected_failure(abort_code = image_registry::EUnknownName)]
fun a_name_that_nobody_has_is_not_dropped() {
    let (mut f, mut images) = setup();
    drop_name(&mut f, &mut images, OWNER);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_publishes_nothing() {
    let (mut f, mut images) = outdated();
    publish(&mut f, &mut images, OWNER, b"v2", 2);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_removes_nothing() {
    let (mut f, mut images) = outdated();
    remove(&mut f, &mut images, OWNER, b"v1");
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_gives_no_name_away() {
    let (mut f, mut images) = outdated();
    transfer(&mut f, &mut images, OWNER);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_drops_no_name() {
    let (mut f, mut images) = outdated();
    drop_name(&mut f, &mut images, OWNER);
    abort
}

#[test, expected_failure(abort_code = gate::EOldPackage)]
fun the_package_of_before_does_not_migrate_back() {
    let (mut f, mut images) = outdated();
    migrate(&mut f, &mut images);
    abort
}

#[test]
fun the_new_package_works_before_and_after_the_migration() {
    let (mut f, mut images) = setup();
    images.set_version_for_testing(0);
    publish(&mut f, &mut images, OWNER, b"v1", 1);
    migrate(&mut f, &mut images);
    remove(&mut f, &mut images, OWNER, b"v1");
    destroy(images);
    f.end();
}

#[test, expected_failure(abort_code = gate::ENothingToMigrate)]
fun the_registry_is_not_migrated_twice() {
    let (mut f, mut images) = setup();
    images.set_version_for_testing(0);
    migrate(&mut f, &mut images);
    migrate(&mut f, &mut images);
    abort
}

#[test, expected_failure(abort_code = enclave_registry::EWrongCluster)]
fun the_admin_of_another_cluster_does_not_migrate() {
    let (f, mut images) = setup();
    let mut other = fixture::other();
    let (_, cap, _) = other.registry();
    images.migrate(f.its_registry(), cap);
    abort
}

#[test, expected_failure(abort_code = image_registry::EWrongCluster)]
fun the_images_of_another_cluster_are_not_migrated() {
    let (_f, mut images) = setup();
    let mut other = fixture::other();
    migrate(&mut other, &mut images);
    abort
}
