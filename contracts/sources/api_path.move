/// Paths of the Kubernetes API that an order may be for: resources in a namespace, of whatever kind.
///
/// Only the form is checked here. Which kinds there are and which role may write them is the cluster's to say.
module daasvader::api_path;

use daasvader::grammar;
use std::string::String;

/// The path is not `/<api>/namespaces/<namespace>/<resource>[/<name>[/<subresource>]]`, or longer than 512 bytes.
const EBadPath: u64 = 0;
/// Nobody orders Secrets: everything on chain is public.
const EBadResource: u64 = 1;

const MAX_PATH_LENGTH: u64 = 512;
const SLASH: u8 = 0x2f;

public struct ApiPath has copy, drop {
    namespace: String,
    name: Option<String>,
    has_subresource: bool,
}

/// @throws `EBadPath`, `EBadResource`
public(package) fun parse(path: &String): ApiPath {
    assert!(path.length() <= MAX_PATH_LENGTH, EBadPath);
    let parts = grammar::split(path.as_bytes(), SLASH);
    let start = length_of_api(&parts);
    // namespaces, the namespace and the resource; a name; a subresource.
    let count = parts.length() - start;
    assert!(count >= 3 && count <= 5 && parts[start] == b"namespaces", EBadPath);
    assert!(grammar::is_dns_label(&parts[start + 1]) && grammar::is_dns_label(&parts[start + 2]), EBadPath);
    assert!(count < 4 || grammar::is_dns_subdomain(&parts[start + 3]), EBadPath);
    assert!(count < 5 || grammar::is_dns_label(&parts[start + 4]), EBadPath);
    assert!(parts[start + 2] != b"secrets", EBadResource);
    ApiPath {
        namespace: parts[start + 1].to_string(),
        name: if (count > 3) option::some(parts[start + 3].to_string()) else option::none(),
        has_subresource: count == 5,
    }
}

public(package) fun namespace(self: &ApiPath): String {
    self.namespace
}

public(package) fun name(self: &ApiPath): Option<String> {
    self.name
}

public(package) fun has_subresource(self: &ApiPath): bool {
    self.has_subresource
}

/// How many parts the API takes: `/api/v1` or `/apis/<group>/<version>`, each with the empty part before the first slash.
fun length_of_api(parts: &vector<vector<u8>>): u64 {
    assert!(parts.length() > 4 && parts[0].is_empty(), EBadPath);
    if (parts[1] == b"api" && parts[2] == b"v1") return 3;
    assert!(parts[1] == b"apis" && grammar::is_dns_subdomain(&parts[2]), EBadPath);
    assert!(grammar::is_dns_label(&parts[3]), EBadPath);
    4
}
