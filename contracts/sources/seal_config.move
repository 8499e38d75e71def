/// The Seal key servers that guard the keys of the sealed state, and how many of them open one.
module daasvader::seal_config;

use std::string::String;

/// There are no servers, more than 16, or not as many keys or URLs as ids.
const EBadServers: u64 = 0;
/// A server is listed twice.
const EServerListed: u64 = 1;
/// The threshold is zero or more than there are servers.
const EBadThreshold: u64 = 2;
/// A public key is empty or longer than 192 bytes.
const EBadPublicKey: u64 = 3;
/// A URL is empty or longer than 253 bytes.
const EBadUrl: u64 = 4;

const MAX_SERVERS: u64 = 16;
/// An uncompressed point of BLS12-381's G2.
const MAX_KEY_LENGTH: u64 = 192;
const MAX_URL_LENGTH: u64 = 253;

public struct SealServer has copy, drop, store {
    /// Of the server's object on chain.
    id: address,
    public_key: vector<u8>,
    url: String,
}

public struct SealConfig has copy, drop, store {
    /// How many servers open a key together.
    threshold: u8,
    servers: vector<SealServer>,
}

/// Server n has the nth id, key and URL.
///
/// @throws `EBadServers`, `EBadThreshold`, `EServerListed`, `EBadPublicKey`, `EBadUrl`
public(package) fun new(
    threshold: u8,
    ids: vector<address>,
    public_keys: vector<vector<u8>>,
    urls: vector<String>,
): SealConfig {
    let count = ids.length();
    assert!(count > 0 && count <= MAX_SERVERS, EBadServers);
    assert!(public_keys.length() == count && urls.length() == count, EBadServers);
    assert!(threshold > 0 && (threshold as u64) <= count, EBadThreshold);
    let mut servers = vector<SealServer>[];
    count.do!(|index| {
        let server = server(ids[index], public_keys[index], urls[index]);
        assert!(!servers.any!(|other| other.id == server.id), EServerListed);
        servers.push_back(server);
    });
    SealConfig { threshold, servers }
}

fun server(id: address, public_key: vector<u8>, url: String): SealServer {
    assert!(!public_key.is_empty() && public_key.length() <= MAX_KEY_LENGTH, EBadPublicKey);
    assert!(!url.is_empty() && url.length() <= MAX_URL_LENGTH, EBadUrl);
    SealServer { id, public_key, url }
}
