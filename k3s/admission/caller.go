package admission

import (
	"slices"
	"strconv"
	"strings"

	"k8s.io/apiserver/pkg/authentication/user"
)

// Names that the enclave uses in the same sense.
const (
	ownPrefix = "daasvader.io/"
	// UserPrefix is what the names of users begin with, and of nobody else.
	UserPrefix = "sui:"
	// ordersGroup is what the enclave impersonates a user with who ordered on chain. No credential carries it.
	ordersGroup = "daasvader:orders"
	// orderExtra is the extra that holds the number of the order.
	orderExtra = ownPrefix + "order"
	// orderAnnotation tells which order wrote an object last.
	orderAnnotation = ownPrefix + "request-id"
	// tenantLabel is on each namespace of a tenant.
	tenantLabel = ownPrefix + "managed"
)

// IsControlPlane says whether a user is a part of this machine: nobody outside holds a key for one of these names.
func IsControlPlane(who user.Info) bool {
	name := who.GetName()
	return slices.Contains(who.GetGroups(), user.SystemPrivilegedGroup) ||
		name == user.APIServerUser || name == user.KubeControllerManager || name == user.KubeScheduler ||
		strings.HasPrefix(name, "system:serviceaccount:kube-system:")
}

// IsOrder says whether the enclave writes what a user ordered.
func IsOrder(who user.Info) bool {
	_, is := orderOf(who)
	return is
}

// orderOf is the number of the order that somebody's write carries out.
func orderOf(who user.Info) (order uint64, is bool) {
	extra := who.GetExtra()[orderExtra]
	if !strings.HasPrefix(who.GetName(), UserPrefix) || !slices.Contains(who.GetGroups(), ordersGroup) || len(extra) != 1 {
		return 0, false
	}
	order, err := strconv.ParseUint(extra[0], 10, 64)
	return order, err == nil && strconv.FormatUint(order, 10) == extra[0]
}
