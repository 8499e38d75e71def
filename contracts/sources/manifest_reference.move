/// A manifest that is not in the transaction: its digest, and the Walrus blob that holds it.
///
/// It travels where a manifest does, as JSON of a kind that Kubernetes does not know, so that whoever cannot fetch it
/// refuses it by name instead of taking it for something else.
module daasvader::manifest_reference;

const HEX: vector<u8> = b"0123456789abcdef";

/// `{"apiVersion":"daasvader/v1","kind":"ManifestReference","sha256":"<hex>","walrusBlobId":"<hex>"}`
public(package) fun to_json(digest: &vector<u8>, blob_id: &vector<u8>): vector<u8> {
    let mut json = b"{\"apiVersion\":\"daasvader/v1\",\"kind\":\"ManifestReference\",\"sha256\":\"";
    append_hex(&mut json, digest);
    json.append(b"\",\"walrusBlobId\":\"");
    append_hex(&mut json, blob_id);
    json.append(b"\"}");
    json
}

fun append_hex(text: &mut vector<u8>, bytes: &vector<u8>) {
    let digits = HEX;
    bytes.do_ref!(|byte| {
        text.push_back(digits[(*byte >> 4) as u64]);
        text.push_back(digits[(*byte & 15) as u64]);
    })
}
