/// What 64-bit numbers can do besides arithmetic.
#[defines_primitive(u64)]
module std::u64;

public fun max(x: u64, y: u64): u64 {
    if (x > y) x else y
}

public fun min(x: u64, y: u64): u64 {
    if (x < y) x else y
}

public macro fun max_value(): u64 {
    0xFFFF_FFFF_FFFF_FFFF
}

/// Runs `f` on each number from 0 to `stop`, without that one.
public macro fun do<$R: drop>($stop: u64, $f: |u64| -> $R) {
    let stop = $stop;
    let mut i = 0;
    while (i < stop) {
        $f(i);
        i = i + 1;
    }
}

/// Decimal digits.
public fun to_string(mut x: u64): std::string::String {
    if (x == 0) return b"0".to_string();
    let mut digits = vector[];
    while (x != 0) {
        digits.push_back((48 + x % 10) as u8);
        x = x / 10;
    };
    digits.reverse();
    digits.to_string()
}
