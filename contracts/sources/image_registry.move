/// Names of container images: `name:tag` → the image's digest and the Walrus blob that holds it.
///
/// A name belongs to whoever published it first, with all its tags, until it is given to another. What a tag means is
/// for its owner to say, so whoever wants one certain image asks for its digest.
module daasvader::image_registry;

use daasvader::enclave_registry::{AdminCap, EnclaveRegistry};
use daasvader::event_log::{Self, Log};
use daasvader::gate;
use daasvader::grammar;
use std::string::String;
use sui::clock::Clock;
use sui::table::{Self, Table};

/// The name belongs to somebody else.
const ENotOwner: u64 = 0;
/// There is no image of that name.
const EUnknownName: u64 = 1;
/// The name has no such tag.
const EUnknownTag: u64 = 2;
/// The name is not lower case letters, digits and `._-` between slashes, at most 128 characters.
const EBadName: u64 = 3;
/// The tag is not letters, digits and `._-`, at most 128 characters.
const EBadTag: u64 = 4;
/// The digest is not 32 bytes.
const EBadDigest: u64 = 5;
/// The blob id is not 32 bytes.
const EBadBlobId: u64 = 6;
/// The name has tags: remove them first.
const EHasTags: u64 = 7;
/// The registry belongs to another cluster.
const EWrongCluster: u64 = 8;

const DIGEST_LENGTH: u64 = 32;
const BLOB_ID_LENGTH: u64 = 32;

public struct ImageRegistry has key {
    id: UID,
    version: u64,
    cluster_id: ID,
    names: Table<String, Name>,
    images: Table<ImageKey, Image>,
    log: Log,
}

public struct Name has copy, drop, store {
    owner: address,
    /// How many tags it has.
    tags: u64,
}

/// Name and tag.
public struct ImageKey(String, String) has copy, drop, store;

public struct Image has copy, drop, store {
    /// SHA-256 of the image's manifest, as OCI names it.
    digest: vector<u8>,
    /// Walrus blob id of the image as an OCI archive.
    blob_id: vector<u8>,
    updated_at_ms: u64,
}

public struct ImagePublishedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    name: String,
    tag: String,
    owner: address,
    digest: vector<u8>,
    blob_id: vector<u8>,
}

public struct ImageRemovedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    name: String,
    tag: String,
}

public struct ImageNameTransferredEvent has copy, drop {
    log_id: ID,
    seq: u64,
    name: String,
    old_owner: address,
    new_owner: address,
}

public struct ImageNameDroppedEvent has copy, drop {
    log_id: ID,
    seq: u64,
    name: String,
}

/// Makes and shares the cluster's own.
public(package) fun create(cluster_id: ID, ctx: &mut TxContext): ID {
    let created = new(cluster_id, ctx);
    let id = object::id(&created);
    transfer::share_object(created);
    id
}

public(package) fun new(cluster_id: ID, ctx: &mut TxContext): ImageRegistry {
    ImageRegistry {
        id: object::new(ctx),
        version: gate::version(),
        cluster_id,
        names: table::new(ctx),
        images: table::new(ctx),
        log: event_log::new(),
    }
}

/// Brings the registry to this version of the package, so that older ones change it no more.
///
/// @throws `EWrongCluster`, `enclave_registry::EWrongCluster`, `gate::EOldPackage`, `gate::ENothingToMigrate`
public fun migrate(images: &mut ImageRegistry, registry: &EnclaveRegistry, cap: &AdminCap) {
    assert!(images.cluster_id == registry.id(), EWrongCluster);
    registry.assert_admin(cap);
    gate::migrate(&mut images.version);
}

/// Says which image a tag means from now on. A name that nobody has becomes the sender's.
///
/// @throws `EBadName`, `EBadTag`, `EBadDigest`, `EBadBlobId`, `ENotOwner`, `gate::EOldPackage`
public(package) entry fun publish_image(
    images: &mut ImageRegistry,
    name: String,
    tag: String,
    digest: vector<u8>,
    blob_id: vector<u8>,
    clock: &Clock,
    ctx: &TxContext,
) {
    gate::check(images.version);
    assert!(grammar::is_repository(name.as_bytes()), EBadName);
    assert!(grammar::is_tag(tag.as_bytes()), EBadTag);
    assert!(digest.length() == DIGEST_LENGTH, EBadDigest);
    assert!(blob_id.length() == BLOB_ID_LENGTH, EBadBlobId);
    let owner = ctx.sender();
    if (!images.names.contains(name)) images.names.add(name, Name { owner, tags: 0 });
    let image = Image { digest, blob_id, updated_at_ms: clock.timestamp_ms() };
    images.put(name, tag, image, owner);
    let log_id = images.id.to_inner();
    let seq = images.log.next_seq();
    event_log::append!(
        &mut images.log,
        ImagePublishedEvent { log_id, seq, name, tag, owner, digest, blob_id },
    );
}

/// Takes a tag away. The name stays its owner's. For the owner.
///
/// @throws `EUnknownName`, `ENotOwner`, `EUnknownTag`, `gate::EOldPackage`
public(package) entry fun remove_image(images: &mut ImageRegistry, name: String, tag: String, _clock: &Clock, ctx: &TxContext) {
    gate::check(images.version);
    let key = ImageKey(name, tag);
    let has_tag = images.images.contains(key);
    let owned = images.own_name_mut(name, ctx.sender());
    assert!(has_tag, EUnknownTag);
    owned.tags = owned.tags - 1;
    images.images.remove(key);
    let log_id = images.id.to_inner();
    let seq = images.log.next_seq();
    event_log::append!(&mut images.log, ImageRemovedEvent { log_id, seq, name, tag });
}

/// Gives a name with all its tags to another account. For the owner.
///
/// @throws `EUnknownName`, `ENotOwner`, `gate::EOldPackage`
public(package) entry fun transfer_name(
    images: &mut ImageRegistry,
    name: String,
    new_owner: address,
    _clock: &Clock,
    ctx: &TxContext,
) {
    gate::check(images.version);
    let old_owner = ctx.sender();
    images.own_name_mut(name, old_owner).owner = new_owner;
    let log_id = images.id.to_inner();
    let seq = images.log.next_seq();
    event_log::append!(
        &mut images.log,
        ImageNameTransferredEvent { log_id, seq, name, old_owner, new_owner },
    );
}

/// Gives up a name without tags: it is free again. For the owner.
///
/// @throws `EUnknownName`, `ENotOwner`, `EHasTags`, `gate::EOldPackage`
public(package) entry fun drop_name(images: &mut ImageRegistry, name: String, _clock: &Clock, ctx: &TxContext) {
    gate::check(images.version);
    assert!(images.own_name_mut(name, ctx.sender()).tags == 0, EHasTags);
    images.names.remove(name);
    let log_id = images.id.to_inner();
    let seq = images.log.next_seq();
    event_log::append!(&mut images.log, ImageNameDroppedEvent { log_id, seq, name });
}

/// SHA-256 of the image's manifest.
///
/// @throws `EUnknownTag`
public fun digest_of(images: &ImageRegistry, name: String, tag: String): vector<u8> {
    images.image(name, tag).digest
}

/// @throws `EUnknownTag`
public fun blob_id_of(images: &ImageRegistry, name: String, tag: String): vector<u8> {
    images.image(name, tag).blob_id
}

/// @throws `EUnknownName`
public fun owner_of(images: &ImageRegistry, name: String): address {
    assert!(images.names.contains(name), EUnknownName);
    images.names[name].owner
}

public fun cluster_id(images: &ImageRegistry): ID {
    images.cluster_id
}

fun image(images: &ImageRegistry, name: String, tag: String): &Image {
    let key = ImageKey(name, tag);
    assert!(images.images.contains(key), EUnknownTag);
    &images.images[key]
}

fun put(images: &mut ImageRegistry, name: String, tag: String, image: Image, owner: address) {
    let key = ImageKey(name, tag);
    let is_new = !images.images.contains(key);
    let owned = images.own_name_mut(name, owner);
    if (is_new) {
        owned.tags = owned.tags + 1;
        images.images.add(key, image);
    } else *(&mut images.images[key]) = image
}

fun own_name_mut(images: &mut ImageRegistry, name: String, sender: address): &mut Name {
    assert!(images.names.contains(name), EUnknownName);
    let owned = &mut images.names[name];
    assert!(owned.owner == sender, ENotOwner);
    owned
}

#[test_only]
public fun set_version_for_testing(images: &mut ImageRegistry, version: u64) {
    images.version = version
}
