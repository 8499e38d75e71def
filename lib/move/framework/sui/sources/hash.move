/// Hashes besides those of `std::hash`.
module sui::hash;

/// 32 bytes of Blake2b.
public native fun blake2b256(data: &vector<u8>): vector<u8>;
/// 32 bytes of Keccak, as Ethereum has it.
public native fun keccak256(data: &vector<u8>): vector<u8>;
