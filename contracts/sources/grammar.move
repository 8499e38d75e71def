/// The forms of names, labels, ports and images. Every length is bounded, so every loop is.
module daasvader::grammar;

const MAX_LABEL_LENGTH: u64 = 63;
const MAX_LABELS_LENGTH: u64 = 1_024;
const MAX_IMAGE_LENGTH: u64 = 255;
const MAX_REPOSITORY_LENGTH: u64 = 128;
const MAX_TAG_LENGTH: u64 = 128;
const MAX_SUBDOMAIN_LENGTH: u64 = 253;
const KEY_LENGTH: u64 = 64;
const MAX_REGION_LENGTH: u64 = 32;
const MAX_PORT: u64 = 65_535;

// Characters, as numbers: a literal such as `b"-"[0]` would make a vector for each byte that it is compared with.
const SPACE: u8 = 0x20;
const COMMA: u8 = 0x2c;
const HYPHEN: u8 = 0x2d;
const DOT: u8 = 0x2e;
const SLASH: u8 = 0x2f;
const DIGIT_0: u8 = 0x30;
const DIGIT_9: u8 = 0x39;
const COLON: u8 = 0x3a;
const EQUALS: u8 = 0x3d;
const AT: u8 = 0x40;
const CAPITAL_A: u8 = 0x41;
const CAPITAL_Z: u8 = 0x5a;
const UNDERSCORE: u8 = 0x5f;
const SMALL_A: u8 = 0x61;
const SMALL_F: u8 = 0x66;
const SMALL_Z: u8 = 0x7a;
const TILDE: u8 = 0x7e;

/// One DNS label (RFC 1123): lower case letters, digits and inner hyphens, at most 63.
public(package) fun is_dns_label(text: &vector<u8>): bool {
    let length = text.length();
    length > 0 && length <= MAX_LABEL_LENGTH &&
    is_lower_alphanumeric(text[0]) && is_lower_alphanumeric(text[length - 1]) &&
    text.all!(|c| is_lower_alphanumeric(*c) || *c == HYPHEN)
}

/// DNS labels between dots (RFC 1123), together at most 253: the name of an object or of an API group.
public(package) fun is_dns_subdomain(text: &vector<u8>): bool {
    if (text.length() > MAX_SUBDOMAIN_LENGTH) return false;
    // The beginning is where a label begins, as after a dot.
    let mut before = DOT;
    let is_fine = text.all!(|c| {
        let fits = is_lower_alphanumeric(*c)
            || (*c == HYPHEN && before != DOT)
            || (*c == DOT && is_lower_alphanumeric(before));
        before = *c;
        fits
    });
    is_fine && is_lower_alphanumeric(before)
}

/// ASCII from the first visible character to the last, without spaces: what a URL's query is made of.
public(package) fun is_visible(text: &vector<u8>): bool {
    text.all!(|c| *c > SPACE && *c <= TILDE)
}

/// Visible ASCII and spaces: what a header's value is made of.
public(package) fun is_printable(text: &vector<u8>): bool {
    text.all!(|c| *c >= SPACE && *c <= TILDE)
}

/// 32 bytes as 64 lower case hexadecimal digits.
public(package) fun is_key(text: &vector<u8>): bool {
    text.length() == KEY_LENGTH &&
    text.all!(|c| is_digit(*c) || (*c >= SMALL_A && *c <= SMALL_F))
}

/// A region of a provider: lower case letters, digits and hyphens, at most 32; may be empty.
public(package) fun is_region(text: &vector<u8>): bool {
    text.length() <= MAX_REGION_LENGTH && text.all!(|c| is_lower_alphanumeric(*c) || *c == HYPHEN)
}

/// A port in decimal, 1 to 65535, without sign or leading zero.
public(package) fun is_port(text: &vector<u8>): bool {
    let length = text.length();
    if (length == 0 || length > 5 || text[0] == DIGIT_0) return false;
    if (!text.all!(|c| is_digit(*c))) return false;
    let mut port = 0;
    text.do_ref!(|c| port = port * 10 + ((*c - DIGIT_0) as u64));
    port <= MAX_PORT
}

/// An image reference by its length and characters; the enclave checks the whole grammar.
public(package) fun is_image(text: &vector<u8>): bool {
    let length = text.length();
    length > 0 && length <= MAX_IMAGE_LENGTH && is_alphanumeric(text[0]) &&
    text.all!(|c| is_of_name(*c) || *c == SLASH || *c == COLON || *c == AT)
}

/// The name of an image without registry and tag: lower case parts between slashes, each beginning and ending with a
/// letter or digit.
public(package) fun is_repository(text: &vector<u8>): bool {
    text.length() <= MAX_REPOSITORY_LENGTH && split(text, SLASH).all!(|part| is_repository_part(part))
}

/// The tag of an image, as OCI's distribution specification has it.
public(package) fun is_tag(text: &vector<u8>): bool {
    let length = text.length();
    length > 0 && length <= MAX_TAG_LENGTH && (is_alphanumeric(text[0]) || text[0] == UNDERSCORE) &&
    text.all!(|c| is_of_name(*c))
}

/// `k=v,k2=v2`, or nothing.
public(package) fun are_labels(text: &vector<u8>): bool {
    if (text.is_empty()) return true;
    if (text.length() > MAX_LABELS_LENGTH) return false;
    split(text, COMMA).all!(|pair| is_label(pair))
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

fun is_repository_part(part: &vector<u8>): bool {
    let length = part.length();
    length > 0 && is_lower_alphanumeric(part[0]) && is_lower_alphanumeric(part[length - 1]) &&
    part.all!(|c| is_lower_alphanumeric(*c) || is_inner(*c))
}

fun is_label(pair: &vector<u8>): bool {
    let parts = split(pair, EQUALS);
    parts.length() == 2 && is_label_key(&parts[0]) && (parts[1].is_empty() || is_label_name(&parts[1]))
}

/// A name, or a prefix, a slash and a name.
fun is_label_key(key: &vector<u8>): bool {
    let parts = split(key, SLASH);
    let last = parts.length() - 1;
    last <= 1 && parts.all!(|part| !part.is_empty()) && is_label_name(&parts[last]) &&
    (last == 0 || parts[0].all!(|c| is_lower_alphanumeric(*c) || *c == DOT || *c == HYPHEN))
}

fun is_label_name(text: &vector<u8>): bool {
    let length = text.length();
    length > 0 && length <= MAX_LABEL_LENGTH &&
    is_alphanumeric(text[0]) && is_alphanumeric(text[length - 1]) &&
    text.all!(|c| is_of_name(*c))
}

fun is_of_name(c: u8): bool {
    is_alphanumeric(c) || is_inner(c)
}

fun is_inner(c: u8): bool {
    c == DOT || c == UNDERSCORE || c == HYPHEN
}

fun is_digit(c: u8): bool {
    c >= DIGIT_0 && c <= DIGIT_9
}

fun is_lower_alphanumeric(c: u8): bool {
    (c >= SMALL_A && c <= SMALL_Z) || is_digit(c)
}

fun is_alphanumeric(c: u8): bool {
    is_lower_alphanumeric(c) || (c >= CAPITAL_A && c <= CAPITAL_Z)
}
