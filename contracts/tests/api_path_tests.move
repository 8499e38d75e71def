#[test_only]
module daasvader::api_path_tests;

use daasvader::api_path;
use std::unit_test::assert_eq;

const USER: address = @0x7;
const USER_NAMESPACE: vector<u8> = b"u-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaadq";
const DEVELOPER: u8 = 2;
const ADMIN: u8 = 3;
const SUPER: u8 = 4;

fun assert_role(path: vector<u8>, role: u8) {
    assert_eq!(api_path::parse(&path).least_role(), role);
}

#[test]
fun each_resource_takes_its_role() {
    assert_role(b"/api/v1/namespaces/default/pods", DEVELOPER);
    assert_role(b"/api/v1/namespaces/default/services", DEVELOPER);
    assert_role(b"/api/v1/namespaces/default/configmaps", DEVELOPER);
    assert_role(b"/apis/apps/v1/namespaces/default/deployments", DEVELOPER);
    assert_role(b"/apis/batch/v1/namespaces/default/jobs", DEVELOPER);
    assert_role(b"/apis/networking.k8s.io/v1/namespaces/default/ingresses", ADMIN);
    assert_role(b"/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", ADMIN);
    assert_role(b"/apis/apps/v1/namespaces/default/daemonsets", SUPER);
}

#[test]
fun a_path_may_have_a_name() {
    let path = api_path::parse(&b"/api/v1/namespaces/default/pods/web");
    assert_eq!(path.namespace(), b"default");
    assert_eq!(path.name(), option::some(b"web"));
    assert_eq!(api_path::parse(&b"/api/v1/namespaces/default/pods").name(), option::none());
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun an_empty_path_is_refused() {
    api_path::parse(&b"");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_relative_path_is_refused() {
    api_path::parse(&b"api/v1/namespaces/default/pods");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_cluster_scoped_resource_is_refused() {
    api_path::parse(&b"/api/v1/nodes");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_namespace_itself_is_refused() {
    api_path::parse(&b"/api/v1/namespaces/default");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_subresource_is_refused() {
    api_path::parse(&b"/api/v1/namespaces/default/pods/web/exec");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_path_that_ends_in_a_slash_is_refused() {
    api_path::parse(&b"/api/v1/namespaces/default/pods/");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_path_with_dots_is_refused() {
    api_path::parse(&b"/api/v1/namespaces/default/pods/..");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun an_escaped_path_is_refused() {
    api_path::parse(&b"/api/v1/namespaces/default%2f/pods");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_query_is_refused() {
    api_path::parse(&b"/api/v1/namespaces/default/pods/web?dryRun=All");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun another_root_is_refused() {
    api_path::parse(&b"/healthz/v1/namespaces/default/pods");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_proxy_path_is_refused() {
    api_path::parse(&b"/api/v1/proxy/namespaces/default/pods");
}

#[test, expected_failure(abort_code = api_path::EBadResource)]
fun secrets_are_refused() {
    api_path::parse(&b"/api/v1/namespaces/default/secrets");
}

#[test, expected_failure(abort_code = api_path::EBadResource)]
fun service_accounts_are_refused() {
    api_path::parse(&b"/api/v1/namespaces/default/serviceaccounts");
}

#[test, expected_failure(abort_code = api_path::EBadResource)]
fun roles_are_refused() {
    api_path::parse(&b"/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles");
}

#[test, expected_failure(abort_code = api_path::EBadResource)]
fun a_resource_of_another_group_is_refused() {
    api_path::parse(&b"/apis/batch/v1/namespaces/default/deployments");
}

#[test, expected_failure(abort_code = api_path::EBadResource)]
fun another_version_is_refused() {
    api_path::parse(&b"/apis/apps/v1beta1/namespaces/default/deployments");
}

#[test, expected_failure(abort_code = api_path::EBadResource)]
fun the_core_api_in_another_version_is_refused() {
    api_path::parse(&b"/api/v2/namespaces/default/pods");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_path_of_more_than_256_bytes_is_refused() {
    let mut path = b"/api/v1/namespaces/default/pods/";
    while (path.length() <= 256) path.push_back(97);
    api_path::parse(&path);
}

// Vectors that the enclave's own names have as well.
#[test]
fun a_namespace_holds_the_whole_address() {
    assert_eq!(api_path::namespace_of(USER), USER_NAMESPACE);
    assert_eq!(
        api_path::namespace_of(@0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff),
        b"u-777777777777777777777777777777777777777777777777777q",
    );
    assert_eq!(
        api_path::namespace_of(@0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f),
        b"u-aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq",
    );
}

fun own_with(suffix: vector<u8>): vector<u8> {
    let mut namespace = USER_NAMESPACE;
    namespace.append(suffix);
    namespace
}

fun is_own(suffix: vector<u8>, role: u8): bool {
    api_path::is_own_namespace(&own_with(suffix), USER, role)
}

#[test]
fun the_own_namespace_is_everyones() {
    assert!(api_path::is_own_namespace(&b"default", USER, DEVELOPER));
    assert!(is_own(b"", DEVELOPER));
}

#[test]
fun only_admins_have_several() {
    assert!(is_own(b"-x", ADMIN));
    assert!(is_own(b"-12345678", SUPER));
    assert!(!is_own(b"-x", DEVELOPER));
    assert!(!is_own(b"-123456789", ADMIN));
    assert!(!is_own(b"-", ADMIN));
    assert!(!is_own(b"x", ADMIN));
}

#[test]
fun the_namespaces_of_others_and_of_the_cluster_are_not_own() {
    vector[b"kube-system", b"kube-public", b"", b"u-", api_path::namespace_of(@0x8)].do!(
        |namespace| assert!(!api_path::is_own_namespace(&namespace, USER, SUPER)),
    );
}

#[test]
fun the_first_namespace_is_what_any_suffix_follows() {
    vector[b"", b"-x", b"-12345678", b"x", vector[0xc3, 0xa9]].do!(
        |suffix| assert_eq!(api_path::first_of(&own_with(suffix)), USER_NAMESPACE),
    );
    let mut short = USER_NAMESPACE;
    short.pop_back();
    vector[b"", b"u-", b"kube-system", vector[0xc3, 0xa9], short].do!(
        |text| assert_eq!(api_path::first_of(&text), text),
    );
}
