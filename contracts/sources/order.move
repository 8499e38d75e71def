/// What an order may say, whoever sends it.
///
/// A simple one is put together from fields; any other is a request to Kubernetes as it is, of which only the form is
/// checked here. What it means is for the API server alone to read.
module daasvader::order;

use daasvader::api_path;
use daasvader::grammar;
use std::string::String;

/// The method is not POST, PUT, PATCH or DELETE.
const EBadMethod: u64 = 0;
/// The namespace is not the one in the path.
const EOtherNamespace: u64 = 1;
/// The object's or container's name is not one DNS label, or the path has another name, or one although it is POST, or
/// a subresource.
const EBadName: u64 = 2;
/// The labels are not `k=v,k2=v2`.
const EBadLabels: u64 = 3;
/// The image is not an image reference.
const EBadImage: u64 = 4;
/// The port is not a decimal number from 1 to 65535.
const EBadPort: u64 = 5;
/// The query is longer than 512 bytes or not visible ASCII.
const EBadQuery: u64 = 6;
/// The content type is longer than 128 bytes or not printable ASCII.
const EBadContentType: u64 = 7;
/// The body is empty although it is not DELETE, or has more than 8 pieces or 96 KiB, or by its digest more than 3 MiB.
const EBadBody: u64 = 8;
/// The body's digest or the blob id is not 32 bytes.
const EBadDigest: u64 = 9;

const MAX_QUERY_LENGTH: u64 = 512;
const MAX_CONTENT_TYPE_LENGTH: u64 = 128;
/// A pure argument of a transaction has 16 KiB at most, and a transaction 128 KiB.
const MAX_PIECES: u64 = 8;
const MAX_BODY_LENGTH: u64 = 98_304;
/// What an API server takes.
const MAX_REFERENCED_LENGTH: u64 = 3_145_728;
const DIGEST_LENGTH: u64 = 32;

/// @throws `EBadMethod`
public(package) fun assert_method(method: &String) {
    assert!(vector[b"POST", b"PUT", b"PATCH", b"DELETE"].contains(method.as_bytes()), EBadMethod);
}

/// Whether it takes something away, which makes room and so is not refused for the lack of it.
public(package) fun is_removal(method: &String): bool {
    method.as_bytes() == &b"DELETE"
}

/// Whether path, namespace and name of a simple order fit each other and its method.
///
/// @throws `EOtherNamespace`, `EBadName`, `api_path::EBadPath`, `api_path::EBadResource`
public(package) fun assert_simple_path(method: &String, path: &String, namespace: &String, name: &String) {
    let path = api_path::parse(path);
    assert!(&path.namespace() == namespace, EOtherNamespace);
    assert!(grammar::is_dns_label(name.as_bytes()) && !path.has_subresource(), EBadName);
    path.name().do!(|named| assert!(&named == name && method.as_bytes() != &b"POST", EBadName));
}

/// Of a simple order: what its object is made of. Each may be empty.
///
/// @throws `EBadLabels`, `EBadName`, `EBadImage`, `EBadPort`
public(package) fun assert_fields(labels: &String, container_name: &String, image: &String, port: &String) {
    assert!(grammar::are_labels(labels.as_bytes()), EBadLabels);
    assert!(container_name.is_empty() || grammar::is_dns_label(container_name.as_bytes()), EBadName);
    assert!(image.is_empty() || grammar::is_image(image.as_bytes()), EBadImage);
    assert!(port.is_empty() || grammar::is_port(port.as_bytes()), EBadPort);
}

/// The namespace that a request to Kubernetes is for, once everything before its body is in form.
///
/// @throws `EBadMethod`, `EBadQuery`, `EBadContentType`, `api_path::EBadPath`, `api_path::EBadResource`
public(package) fun namespace_of(method: &String, path: &String, query: &String, content_type: &String): String {
    assert_method(method);
    assert!(query.length() <= MAX_QUERY_LENGTH && grammar::is_visible(query.as_bytes()), EBadQuery);
    let has_length = content_type.length() <= MAX_CONTENT_TYPE_LENGTH;
    assert!(has_length && grammar::is_printable(content_type.as_bytes()), EBadContentType);
    api_path::parse(path).namespace()
}

/// Whether a body that came in pieces is neither missing nor too large. The pieces stay apart: putting them together
/// would cost gas for each byte.
///
/// @throws `EBadBody`
public(package) fun assert_body(method: &String, body: &vector<vector<u8>>) {
    let mut length = 0;
    assert!(body.length() <= MAX_PIECES, EBadBody);
    body.do_ref!(|piece| length = length + piece.length());
    assert!(length <= MAX_BODY_LENGTH && (length > 0 || is_removal(method)), EBadBody);
}

/// Whether a body that lies elsewhere is named as it must be.
///
/// @throws `EBadBody`, `EBadDigest`
public(package) fun assert_reference(digest: &vector<u8>, size: u64, blob_id: &vector<u8>) {
    assert!(digest.length() == DIGEST_LENGTH && blob_id.length() == DIGEST_LENGTH, EBadDigest);
    assert!(size > 0 && size <= MAX_REFERENCED_LENGTH, EBadBody);
}
