#[test_only]
module daasvader::grammar_tests;

use daasvader::fixture::bytes;
use daasvader::grammar;
use std::unit_test::assert_eq;

const A: u8 = 97;

#[test]
fun dns_labels() {
    vector[b"a", b"0", b"worker-1", b"a--b", bytes(63, A)].do!(|text| assert!(grammar::is_dns_label(&text)));
    vector[b"", b"-a", b"a-", b"A", b"a.b", b"a_b", b"a b", b"a/b", x"61c3bc", x"6100", bytes(64, A)].do!(
        |text| assert!(!grammar::is_dns_label(&text)),
    );
}

#[test]
fun dns_subdomains() {
    vector[b"a", b"0", b"a.b", b"networking.k8s.io", b"a-b.c--d.e", bytes(253, A)].do!(
        |text| assert!(grammar::is_dns_subdomain(&text)),
    );
    vector[b"", b".", b".a", b"a.", b"a..b", b"a.-b", b"-a", b"a-", b"A", b"a_b", b"a b", b"a/b", x"c3bc"].do!(
        |text| assert!(!grammar::is_dns_subdomain(&text)),
    );
    assert!(!grammar::is_dns_subdomain(&b"a-.b"));
    assert!(!grammar::is_dns_subdomain(&bytes(254, A)));
}

#[test]
fun visible_and_printable_text() {
    vector[b"", b"!~", b"a=b&c=%20"].do!(|text| {
        assert!(grammar::is_visible(&text));
        assert!(grammar::is_printable(&text));
    });
    vector[b" ", b"a b"].do!(|text| {
        assert!(!grammar::is_visible(&text));
        assert!(grammar::is_printable(&text));
    });
    vector[x"00", x"0a", x"1f", x"7f", x"c3bc", b"a\n"].do!(|text| {
        assert!(!grammar::is_visible(&text));
        assert!(!grammar::is_printable(&text));
    });
}

#[test]
fun keys() {
    vector[bytes(64, A), bytes(64, 48), bytes(64, 102)].do!(|text| assert!(grammar::is_key(&text)));
    // Capitals, the letter after f, and other lengths.
    vector[b"", bytes(63, A), bytes(65, A), bytes(64, 65), bytes(64, 103)].do!(|text| assert!(!grammar::is_key(&text)));
}

#[test]
fun ports() {
    vector[b"1", b"80", b"8080", b"65535"].do!(|text| assert!(grammar::is_port(&text)));
    vector[b"", b"0", b"080", b"65536", b"99999", b"100000", b"-1", b"+1", b"8o", b" 80", b"80 "].do!(
        |text| assert!(!grammar::is_port(&text)),
    );
}

#[test]
fun images() {
    vector[
        b"nginx",
        b"nginx:1.27",
        b"ghcr.io/Some/app_x:v1",
        b"localhost:5000/web@sha256:0123",
        bytes(255, A),
    ].do!(|text| assert!(grammar::is_image(&text)));
    vector[b"", b" nginx", b"nginx latest", b"-nginx", b"$(id)", b"a;b", b"a\n", b"/nginx", bytes(256, A)].do!(
        |text| assert!(!grammar::is_image(&text)),
    );
}

#[test]
fun labels() {
    vector[b"", b"app=web", b"app=web,tier=front", b"app=", b"example.com/name=Value_1.x"].do!(
        |text| assert!(grammar::are_labels(&text)),
    );
    vector[
        b"app",
        b"=web",
        b"app=web,",
        b",app=web",
        b"app=web=x",
        b"app=-web",
        b"app =web",
        b"/name=v",
        b"a/b/c=v",
        b"EXAMPLE.com/name=v",
    ].do!(|text| assert!(!grammar::are_labels(&text)));
}

#[test]
fun labels_are_at_most_1_kib() {
    let mut text = b"a=b";
    while (text.length() <= 1_020) text.append(b",a=b");
    assert!(grammar::are_labels(&text));
    text.append(b",a=b");
    assert!(!grammar::are_labels(&text));
}

#[test]
fun repositories() {
    vector[b"web", b"me/web", b"a/b/c", b"a.b-c_d/e0", bytes(128, A)].do!(|text| assert!(grammar::is_repository(&text)));
    vector[b"", b"/", b"a/", b"/a", b"a//b", b"A", b"a:b", b"-a", b"a-", b"a/.b", b"a b", bytes(129, A)].do!(
        |text| assert!(!grammar::is_repository(&text)),
    );
}

#[test]
fun tags() {
    vector[b"v1", b"_x", b"1.27-alpine", b"Latest", bytes(128, A)].do!(|text| assert!(grammar::is_tag(&text)));
    vector[b"", b".a", b"-a", b"a/b", b"a:b", b"a b", bytes(129, A)].do!(|text| assert!(!grammar::is_tag(&text)));
}

#[test]
fun split_keeps_empty_parts() {
    assert_eq!(grammar::split(&b"", b"/"[0]), vector[b""]);
    assert_eq!(grammar::split(&b"/a//b/", b"/"[0]), vector[b"", b"a", b"", b"b", b""]);
}
