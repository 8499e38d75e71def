/// Binary Canonical Serialization, as every Sui value is stored.
module std::bcs;

public native fun to_bytes<MoveValue>(v: &MoveValue): vector<u8>;
