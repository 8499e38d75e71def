#[test_only]
module daasvader::api_path_tests;

use daasvader::api_path::{Self, ApiPath};
use daasvader::fixture::bytes;
use std::unit_test::assert_eq;

fun parse(path: vector<u8>): ApiPath {
    api_path::parse(&path.to_string())
}

/// A path with a name of that many bytes.
fun with_name(length: u64): vector<u8> {
    let mut path = b"/api/v1/namespaces/default/pods/";
    path.append(bytes(length, 97));
    path
}

#[test]
fun a_path_has_a_namespace_and_maybe_a_name_and_a_subresource() {
    let path = parse(b"/api/v1/namespaces/default/pods");
    assert_eq!(path.namespace(), b"default".to_string());
    assert_eq!(path.name(), option::none());
    assert!(!path.has_subresource());
    let path = parse(b"/apis/apps/v1/namespaces/team-1/deployments/web");
    assert_eq!(path.namespace(), b"team-1".to_string());
    assert_eq!(path.name(), option::some(b"web".to_string()));
    assert!(!path.has_subresource());
    let path = parse(b"/apis/apps/v1/namespaces/default/statefulsets/db/scale");
    assert_eq!(path.name(), option::some(b"db".to_string()));
    assert!(path.has_subresource());
}

#[test]
fun groups_versions_and_resources_of_any_name_are_taken() {
    vector[
        b"/api/v1/namespaces/default/serviceaccounts",
        b"/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles",
        b"/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
        b"/apis/apps/v1beta1/namespaces/default/deployments",
        b"/apis/a/b/namespaces/c/d",
        b"/api/v1/namespaces/default/configmaps/a.b-c.d",
    ].do!(|path| {
        parse(path);
    });
}

#[test]
fun a_name_has_253_characters() {
    parse(with_name(253));
}

#[test]
fun what_only_sounds_like_a_secret_is_taken() {
    parse(b"/api/v1/namespaces/default/pods/secrets");
    parse(b"/api/v1/namespaces/secrets/pods");
    parse(b"/apis/bitnami.com/v1/namespaces/default/sealedsecrets");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun an_empty_path_is_refused() {
    parse(b"");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_relative_path_is_refused() {
    parse(b"api/v1/namespaces/default/pods");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_cluster_scoped_resource_is_refused() {
    parse(b"/api/v1/nodes");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_cluster_scoped_object_is_refused() {
    parse(b"/apis/rbac.authorization.k8s.io/v1/clusterroles/admin");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_namespace_itself_is_refused() {
    parse(b"/api/v1/namespaces/default");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun all_namespaces_are_refused() {
    parse(b"/api/v1/namespaces");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun what_is_below_a_subresource_is_refused() {
    parse(b"/api/v1/namespaces/default/pods/web/proxy/x");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_path_that_ends_in_a_slash_is_refused() {
    parse(b"/api/v1/namespaces/default/pods/");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_path_with_two_slashes_is_refused() {
    parse(b"/api/v1/namespaces//pods");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_path_with_dots_is_refused() {
    parse(b"/api/v1/namespaces/default/pods/..");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_name_with_two_dots_is_refused() {
    parse(b"/api/v1/namespaces/default/pods/a..b");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_namespace_with_a_dot_is_refused() {
    parse(b"/api/v1/namespaces/a.b/pods");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_resource_with_a_dot_is_refused() {
    parse(b"/api/v1/namespaces/default/pods.v1");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_subresource_with_a_dot_is_refused() {
    parse(b"/api/v1/namespaces/default/pods/web/a.b");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun an_escaped_path_is_refused() {
    parse(b"/api/v1/namespaces/default%2f/pods");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_path_with_other_letters_is_refused() {
    parse(x"2f6170692f76312f6e616d657370616365732f64656661756c742fc3a9");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_path_in_capitals_is_refused() {
    parse(b"/api/v1/namespaces/default/Pods");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_query_is_refused() {
    parse(b"/api/v1/namespaces/default/pods/web?dryRun=All");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun another_root_is_refused() {
    parse(b"/healthz/v1/namespaces/default/pods");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_proxy_path_is_refused() {
    parse(b"/api/v1/proxy/namespaces/default/pods");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_watch_path_is_refused() {
    parse(b"/api/v1/watch/namespaces/default/pods");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun the_core_api_in_another_version_is_refused() {
    parse(b"/api/v2/namespaces/default/pods");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun the_core_api_as_a_group_is_refused() {
    parse(b"/apis//v1/namespaces/default/pods");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_group_without_a_version_is_refused() {
    parse(b"/apis/apps/namespaces/default/deployments");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_version_with_a_dot_is_refused() {
    parse(b"/apis/apps/v1.1/namespaces/default/deployments");
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_name_of_more_than_253_characters_is_refused() {
    parse(with_name(254));
}

#[test, expected_failure(abort_code = api_path::EBadPath)]
fun a_path_of_more_than_512_bytes_is_refused() {
    parse(bytes(513, 47));
}

#[test, expected_failure(abort_code = api_path::EBadResource)]
fun secrets_are_refused() {
    parse(b"/api/v1/namespaces/default/secrets");
}

#[test, expected_failure(abort_code = api_path::EBadResource)]
fun a_single_secret_is_refused() {
    parse(b"/api/v1/namespaces/default/secrets/key");
}

#[test, expected_failure(abort_code = api_path::EBadResource)]
fun a_subresource_of_a_secret_is_refused() {
    parse(b"/api/v1/namespaces/default/secrets/key/status");
}

#[test, expected_failure(abort_code = api_path::EBadResource)]
fun secrets_of_another_group_are_refused() {
    parse(b"/apis/example.com/v1/namespaces/default/secrets");
}
