#[test_only]
/// Signatures of a worker's joins, made with Node's `crypto`: Ed25519 keys whose seeds are 32 bytes of 9, 10 and 11, over
/// `worker-1` of the cluster 0x44…44 under counter 5, but for what each says to be otherwise. `lib/chain` has the same
/// first ones.
module daasvader::join_vectors;

public fun cluster_id(): ID {
    @0x4444444444444444444444444444444444444444444444444444444444444444.to_id()
}

public fun counter(): u64 { 5 }

/// Seed 9.
public fun identity_key(): vector<u8> {
    x"fd1724385aa0c75b64fb78cd602fa1d991fdebf76b13c58ed702eac835e9f618"
}

/// Seed 10.
public fun other_identity_key(): vector<u8> {
    x"43a72e714401762df66b68c26dfbdf2682aaec9f2474eca4613e424a0fbafd3c"
}

/// Seed 11.
public fun new_identity_key(): vector<u8> {
    x"66be7e332c7a453332bd9d0a7f7db055f5c5ef1a06ada66d98b39fb6810c473a"
}

/// SHA-256 of a join request.
public fun first(): vector<u8> {
    x"631c979159749a18d7e684a176ee6917997d44a6c78cc11b390ea8360f50443b"
}

/// SHA-256 of another.
public fun second(): vector<u8> {
    x"83371aaf32e456c902b2c81e94196aa18b627f9050145fa39d51e98e0e4fc715"
}

/// What is signed for the first.
public fun first_statement(): vector<u8> {
    x"136461617376616465723a3a6a6f696e3a3a7631444444444444444444444444444444444444444444444444444444444444444408776f726b65722d31050000000000000020631c979159749a18d7e684a176ee6917997d44a6c78cc11b390ea8360f50443b"
}

/// Of `identity_key` over the first.
public fun first_signature(): vector<u8> {
    x"c9b5166fadf4a5608d7e47211ef2e078806a46e483c3914d0b4da15cf881827fae809407356a1d59bb0a3af995f9160cabedb8d2e1b647d3aabccefc3ddac509"
}

/// Of `identity_key` over the second.
public fun second_signature(): vector<u8> {
    x"8886448bed5ae5efc64baac5b3126b942a888e880b587b668fa4fb812044bdc21f4f3df1e75426a98a4cb8dd3e5a20f0f9741b9354b31796a3b43d8cd69a4c09"
}

/// Over the second under counter 6.
public fun second_under_6(): vector<u8> {
    x"5397f6b8c827ab9bea416861557c37878e448067801bde36f08dbac115c44b01705eb5ca17c9069e18170263204d7f2a490145601f810bbfe1458a6624657408"
}

/// Over the second by `other_identity_key`.
public fun second_by_other(): vector<u8> {
    x"369f7e819d3bbb2555689da1231a67683b8c137c71c18446f046859201e98c3ba813aca736f0b049d903d1e1eeef4ee5a90baac7be3fb0a238106ba40bee3a07"
}

/// Over the second, with another domain before it.
public fun second_in_other_domain(): vector<u8> {
    x"9228e16770d9beea2f728cb40a303d75ddc1ff20f00e7cdf729b2ed47e6f9b48a6891cdda21a5fe5aeb3c1eb6c2d9c3452a6516fc1589aee6605ac2e9da4a903"
}

/// Over the second, in another cluster.
public fun second_in_other_cluster(): vector<u8> {
    x"cd2a66b17a7fcc18fc29798bc3682790a17a6f09cdb56b4f2137ea5370c8616053d4008b405c984a1a858b0d1cda941a7bbc057a5fc449faddd82e4e41cd4207"
}

/// Over the second, as `worker-2`.
public fun second_as_worker_2(): vector<u8> {
    x"5b5d7d9c60f19dd568cfb4b30d002f5badc17a6125ac9d4c0c201e1600ea015c6817c3a72660dd348eb35e780b2657adb7eebe1342e27771ae28f711c8d24509"
}

/// Over the bare digest of the second.
public fun second_bare(): vector<u8> {
    x"d0313a09eae0fb4abcf09177a89a0a1da5db60e63c3d5f127427208a9b91a8fcd1dcb3e942278485f68d01480175280b6fe79c5200ee67acc7875a99ba54850a"
}

/// Over the second, its digest cut to 31 bytes.
public fun second_cut(): vector<u8> {
    x"68ab91828a8a8a89d435aca39670ce09541484a7fee54ec61a57af35ed204efa9be5a84e39188fb6afa2cb00bb4150b916b2503b4c94b4797401959cda42310b"
}

/// Over the first by `new_identity_key`.
public fun first_by_new(): vector<u8> {
    x"c3cc7ee45e3d338e11d746029b1efc46755eba95bd198970421d25f9a58dcf0d40b3d03718ffaaf606e7a647b9703b8722f1ebb4e12255a19cebee458cd77d0b"
}

/// Over the second by `new_identity_key`.
public fun second_by_new(): vector<u8> {
    x"22d96a681e30a39183bdcc5fa04b3b04aa4a7791b70141530362fa989aa8aac87573eb8b99bfe63adf1c96e41949af6a1d55ac425f35a061b36685ac3e238503"
}

/// Over the first under the greatest counter.
public fun first_under_greatest(): vector<u8> {
    x"52bd41d4bb4528553ecf6e94c5d1474f19ad8b61a3e6c5b8d83e82efd2e66e75a867ed02fdec81ce0676b21b8ac69a6314d6b44c9a6c24b79688b171a094d207"
}

/// Over the second under the greatest counter.
public fun second_under_greatest(): vector<u8> {
    x"8439edf88fabbbc3d9ff6b9266c32a8b4339f8f38f7bc9dcb8f5ef473962f9fa9885817cba3b3a5de5607ac2d3a147424a303259afb91d432650b2c2f6073d0e"
}
