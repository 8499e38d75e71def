/// The forms of names, labels, ports and images. Every length is bounded, so every loop is.
module daasvader::grammar;

const MAX_LABEL_LENGTH: u64 = 63;
const MAX_LABELS_LENGTH: u64 = 1_024;
const MAX_IMAGE_LENGTH: u64 = 255;
const MAX_REPOSITORY_LENGTH: u64 = 128;
const MAX_TAG_LENGTH: u64 = 128;
const KEY_LENGTH: u64 = 64;
const MAX_REGION_LENGTH: u64 = 32;
const MAX_PORT: u64 = 65_535;

/// One DNS label (RFC 1123): lower case letters, digits and inner hyphens, at most 63.
public(package) fun is_dns_label(text: &vector<u8>): bool {
    let length = text.length();
    length > 0 && length <= MAX_LABEL_LENGTH &&
    is_lower_alphanumeric(text[0]) && is_lower_alphanumeric(text[length - 1]) &&
    text.all!(|c| is_lower_alphanumeric(*c) || *c == b"-"[0])
}

/// 32 bytes as 64 lower case hexadecimal digits.
public(package) fun is_key(text: &vector<u8>): bool {
    text.length() == KEY_LENGTH &&
    text.all!(|c| is_digit(*c) || (*c >= b"a"[0] && *c <= b"f"[0]))
}

/// A region of a provider: lower case letters, digits and hyphens, at most 32; may be empty.
public(package) fun is_region(text: &vector<u8>): bool {
    text.length() <= MAX_REGION_LENGTH && text.all!(|c| is_lower_alphanumeric(*c) || *c == b"-"[0])
}

/// A port in decimal, 1 to 65535, without sign or leading zero.
public(package) fun is_port(text: &vector<u8>): bool {
    let length = text.length();
    if (length == 0 || length > 5 || text[0] == b"0"[0]) return false;
    if (!text.all!(|c| is_digit(*c))) return false;
    let mut port = 0;
    text.do_ref!(|c| port = port * 10 + ((*c - b"0"[0]) as u64));
    port <= MAX_PORT
}

/// An image reference by its length and characters; the enclave checks the whole grammar.
public(package) fun is_image(text: &vector<u8>): bool {
    let length = text.length();
    length > 0 && length <= MAX_IMAGE_LENGTH && is_alphanumeric(text[0]) &&
    text.all!(|c| is_alphanumeric(*c) || b"._-/:@".contains(c))
}

/// The name of an image without registry and tag: lower case parts between slashes, each beginning and ending with a
/// letter or digit.
public(package) fun is_repository(text: &vector<u8>): bool {
    text.length() <= MAX_REPOSITORY_LENGTH && split(text, b"/"[0]).all!(|part| is_repository_part(part))
}

/// The tag of an image, as OCI's distribution specification has it.
public(package) fun is_tag(text: &vector<u8>): bool {
    let length = text.length();
    length > 0 && length <= MAX_TAG_LENGTH && (is_alphanumeric(text[0]) || text[0] == b"_"[0]) &&
    text.all!(|c| is_alphanumeric(*c) || b"._-".contains(c))
}

/// `k=v,k2=v2`, or nothing.
public(package) fun are_labels(text: &vector<u8>): bool {
    if (text.is_empty()) return true;
    if (text.length() > MAX_LABELS_LENGTH) return false;
    split(text, b","[0]).all!(|pair| is_label(pair))
}

/// The parts of a text between separators.
public(package) fun split(text: &vector<u8>, separator: u8): vector<vector<u8>> {
    let mut parts = vector[];
    let mut part = vector[];
    text.do_ref!(|c| {
        if (*c == separator) {
            parts.push_back(part);
            part = vector[];
        } else part.push_back(*c)
    });
    parts.push_back(part);
    parts
}

/// Whether `text` begins with `prefix`.
public(package) fun starts_with(text: &vector<u8>, prefix: &vector<u8>): bool {
    if (text.length() < prefix.length()) return false;
    let mut i = 0;
    while (i < prefix.length()) {
        if (text[i] != prefix[i]) return false;
        i = i + 1;
    };
    true
}

fun is_repository_part(part: &vector<u8>): bool {
    let length = part.length();
    length > 0 && is_lower_alphanumeric(part[0]) && is_lower_alphanumeric(part[length - 1]) &&
    part.all!(|c| is_lower_alphanumeric(*c) || b"._-".contains(c))
}

fun is_label(pair: &vector<u8>): bool {
    let parts = split(pair, b"="[0]);
    parts.length() == 2 && is_label_key(&parts[0]) && (parts[1].is_empty() || is_label_name(&parts[1]))
}

/// A name, or a prefix, a slash and a name.
fun is_label_key(key: &vector<u8>): bool {
    let parts = split(key, b"/"[0]);
    let last = parts.length() - 1;
    last <= 1 && parts.all!(|part| !part.is_empty()) && is_label_name(&parts[last]) &&
    (last == 0 || parts[0].all!(|c| is_lower_alphanumeric(*c) || b".-".contains(c)))
}

fun is_label_name(text: &vector<u8>): bool {
    let length = text.length();
    length > 0 && length <= MAX_LABEL_LENGTH &&
    is_alphanumeric(text[0]) && is_alphanumeric(text[length - 1]) &&
    text.all!(|c| is_alphanumeric(*c) || b"._-".contains(c))
}

fun is_digit(c: u8): bool {
    c >= b"0"[0] && c <= b"9"[0]
}

fun is_lower_alphanumeric(c: u8): bool {
    is_digit(c) || (c >= b"a"[0] && c <= b"z"[0])
}

fun is_alphanumeric(c: u8): bool {
    is_lower_alphanumeric(c) || (c >= b"A"[0] && c <= b"Z"[0])
}
