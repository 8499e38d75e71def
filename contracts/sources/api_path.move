/// Paths of the Kubernetes API that a request may write, and which role each takes.
module daasvader::api_path;

use daasvader::grammar;

/// The path is not `/<api>/namespaces/<namespace>/<resource>[/<name>]`.
const EBadPath: u64 = 0;
/// Requests cannot write this resource.
const EBadResource: u64 = 1;

const MAX_PATH_LENGTH: u64 = 256;

const ROLE_DEVELOPER: u8 = 2;
const ROLE_ADMIN: u8 = 3;
const ROLE_SUPER: u8 = 4;

/// `u-` and the 32 bytes of the address in base32 take 2 + 52 characters.
const BASE32: vector<u8> = b"abcdefghijklmnopqrstuvwxyz234567";
const OWN_LENGTH: u64 = 54;
const MAX_SUFFIX_LENGTH: u64 = 9;

public struct ApiPath has copy, drop {
    namespace: vector<u8>,
    resource: vector<u8>,
    name: Option<vector<u8>>,
}

/// @throws `EBadPath`
public(package) fun parse(path: &vector<u8>): ApiPath {
    assert!(path.length() <= MAX_PATH_LENGTH, EBadPath);
    let mut parts = grammar::split(path, b"/"[0]);
    // The first part is empty; the core API is /api/<version>, others are /apis/<group>/<version>.
    assert!(parts.length() > 2 && parts[0].is_empty(), EBadPath);
    let start = if (parts[1] == b"api") 3 else 4;
    let length = parts.length();
    assert!(start == 3 || parts[1] == b"apis", EBadPath);
    assert!(length == start + 3 || length == start + 4, EBadPath);
    assert!(parts[start] == b"namespaces" && grammar::is_dns_label(&parts[start + 1]), EBadPath);
    let name = if (length == start + 4) option::some(parts.pop_back()) else option::none();
    assert!(name.is_none() || grammar::is_dns_label(name.borrow()), EBadPath);
    let resource = parts.pop_back();
    let namespace = parts.pop_back();
    parts.pop_back();
    assert!(is_known_api(&parts, &resource), EBadResource);
    ApiPath { namespace, resource, name }
}

public(package) fun namespace(self: &ApiPath): vector<u8> {
    self.namespace
}

public(package) fun name(self: &ApiPath): Option<vector<u8>> {
    self.name
}

/// The least role that may write the resource.
public(package) fun least_role(self: &ApiPath): u8 {
    if (self.resource == b"daemonsets") ROLE_SUPER
    else if (self.resource == b"ingresses" || self.resource == b"horizontalpodautoscalers") ROLE_ADMIN
    else ROLE_DEVELOPER
}

/// Whether a namespace is the user's: `default`, which stands for the own one, the own one by its full name, or for
/// admins and above the own one with a suffix of a hyphen and up to 8 characters.
public(package) fun is_own_namespace(namespace: &vector<u8>, user: address, role: u8): bool {
    if (namespace == &b"default") return true;
    let own = namespace_of(user);
    if (!grammar::starts_with(namespace, &own)) return false;
    let suffix_length = namespace.length() - own.length();
    if (suffix_length == 0) return true;
    role >= ROLE_ADMIN && suffix_length > 1 && suffix_length <= MAX_SUFFIX_LENGTH &&
    namespace[own.length()] == b"-"[0]
}

/// The namespace of a Sui address: `u-` and its bytes in base32 (RFC 4648, lower case, unpadded).
public(package) fun namespace_of(user: address): vector<u8> {
    let digits = BASE32;
    let mut text = b"u-";
    let mut bits = 0u8;
    let mut buffer = 0u16;
    user.to_bytes().do!(|byte| {
        buffer = (buffer << 8) | (byte as u16);
        bits = bits + 8;
        while (bits >= 5) {
            bits = bits - 5;
            text.push_back(digits[((buffer >> bits) & 31) as u64]);
            // What was written goes, so that the next shift has room.
            buffer = buffer & ((1u16 << bits) - 1);
        };
    });
    if (bits > 0) text.push_back(digits[((buffer << (5 - bits)) & 31) as u64]);
    text
}

/// A namespace without suffix: its first characters, as many as `namespace_of` has.
public(package) fun first_of(namespace: &vector<u8>): vector<u8> {
    let mut first = vector[];
    let mut i = 0;
    while (i < namespace.length().min(OWN_LENGTH)) {
        first.push_back(namespace[i]);
        i = i + 1;
    };
    first
}

/// Secrets are missing: everything on chain is public.
fun is_known_api(api: &vector<vector<u8>>, resource: &vector<u8>): bool {
    if (api.length() == 3) {
        return api[2] == b"v1" && vector[b"pods", b"services", b"configmaps"].contains(resource)
    };
    let (group, version) = (&api[2], &api[3]);
    if (group == &b"apps") version == &b"v1" && (resource == &b"deployments" || resource == &b"daemonsets")
    else if (group == &b"batch") version == &b"v1" && resource == &b"jobs"
    else if (group == &b"networking.k8s.io") version == &b"v1" && resource == &b"ingresses"
    else if (group == &b"autoscaling") version == &b"v2" && resource == &b"horizontalpodautoscalers"
    else false
}
