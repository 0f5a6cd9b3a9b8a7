// The resource definitions that the tests' API server knows: `cargo xtask setup tests` takes them from these modules.
module pidali/tests/tools/crds

go 1.26.0

require (
	istio.io/api v1.31.4
	// 1.7 wants Go 1.27; its standard definitions differ from these in words alone.
	sigs.k8s.io/gateway-api v1.6.3
)
