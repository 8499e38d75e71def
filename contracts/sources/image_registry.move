/// Names of container images: `name:tag` → the image's digest and the Walrus blob that holds it.
///
/// A name belongs to whoever published it first, with all its tags, until it is given to another. What a tag means is
/// for its owner to say, so whoever wants one certain image asks for its digest.
module daasvader::image_registry;

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

const DIGEST_LENGTH: u64 = 32;
const BLOB_ID_LENGTH: u64 = 32;

public struct ImageRegistry has key {
    id: UID,
    version: u64,
    cluster_id: ID,
    /// Name → owner.
    owners: Table<String, address>,
    images: Table<ImageKey, Image>,
    log: Log,
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

public(package) fun new(cluster_id: ID, ctx: &mut TxContext): ImageRegistry {
    ImageRegistry {
        id: object::new(ctx),
        version: gate::version(),
        cluster_id,
        owners: table::new(ctx),
        images: table::new(ctx),
        log: event_log::new(),
    }
}

/// Says which image a tag means from now on. A name that nobody has becomes the sender's.
///
/// @throws `EBadName`, `EBadTag`, `EBadDigest`, `EBadBlobId`, `ENotOwner`
public(package) entry fun publish_image(
    images: &mut ImageRegistry,
    name: String,
    tag: String,
    digest: vector<u8>,
    blob_id: vector<u8>,
    clock: &Clock,
    ctx: &TxContext,
) {
    assert!(grammar::is_repository(name.as_bytes()), EBadName);
    assert!(grammar::is_tag(tag.as_bytes()), EBadTag);
    assert!(digest.length() == DIGEST_LENGTH, EBadDigest);
    assert!(blob_id.length() == BLOB_ID_LENGTH, EBadBlobId);
    let owner = ctx.sender();
    if (!images.owners.contains(name)) images.owners.add(name, owner);
    images.assert_owner(name, owner);
    images.put(ImageKey(name, tag), Image { digest, blob_id, updated_at_ms: clock.timestamp_ms() });
    let log_id = images.id.to_inner();
    let seq = images.log.next_seq();
    event_log::append!(
        &mut images.log,
        ImagePublishedEvent { log_id, seq, name, tag, owner, digest, blob_id },
    );
}

/// Takes a tag away. The name stays its owner's. For the owner.
///
/// @throws `EUnknownName`, `ENotOwner`, `EUnknownTag`
public(package) entry fun remove_image(images: &mut ImageRegistry, name: String, tag: String, _clock: &Clock, ctx: &TxContext) {
    images.assert_owner(name, ctx.sender());
    let key = ImageKey(name, tag);
    assert!(images.images.contains(key), EUnknownTag);
    images.images.remove(key);
    let log_id = images.id.to_inner();
    let seq = images.log.next_seq();
    event_log::append!(&mut images.log, ImageRemovedEvent { log_id, seq, name, tag });
}

/// Gives a name with all its tags to another account. For the owner.
///
/// @throws `EUnknownName`, `ENotOwner`
public(package) entry fun transfer_name(
    images: &mut ImageRegistry,
    name: String,
    new_owner: address,
    _clock: &Clock,
    ctx: &TxContext,
) {
    let old_owner = ctx.sender();
    images.assert_owner(name, old_owner);
    *(&mut images.owners[name]) = new_owner;
    let log_id = images.id.to_inner();
    let seq = images.log.next_seq();
    event_log::append!(
        &mut images.log,
        ImageNameTransferredEvent { log_id, seq, name, old_owner, new_owner },
    );
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
    assert!(images.owners.contains(name), EUnknownName);
    images.owners[name]
}

public fun cluster_id(images: &ImageRegistry): ID {
    images.cluster_id
}

fun image(images: &ImageRegistry, name: String, tag: String): &Image {
    let key = ImageKey(name, tag);
    assert!(images.images.contains(key), EUnknownTag);
    &images.images[key]
}

fun put(images: &mut ImageRegistry, key: ImageKey, image: Image) {
    if (images.images.contains(key)) *(&mut images.images[key]) = image
    else images.images.add(key, image)
}

fun assert_owner(images: &ImageRegistry, name: String, sender: address) {
    assert!(images.owner_of(name) == sender, ENotOwner);
}
