package rpc

import (
	"slices"

	"github.com/codexhost/codexhost/manager/thread"
)

// declined is every method of the protocol that is not served, in the schema's
// order. A test holds the method table and this list against the protocol's own.
var declined = [...]string{
	"server/diagnostics",
	"userVerification/status",
	"userVerification/enroll",
	"userVerification/delete",
	"userVerification/verify",
	"userVerification/cancel",
	"thread/sample",
	"thread/sample/cancel",
	"thread/increment_elicitation",
	"thread/decrement_elicitation",
	"thread/prediction/request",
	"thread/goal/set",
	"thread/goal/get",
	"thread/goal/clear",
	"thread/queue/add",
	"thread/queue/list",
	"thread/queue/update",
	"thread/queue/delete",
	"thread/queue/reorder",
	"thread/queue/start",
	"thread/attachment/add",
	"thread/attachment/list",
	"thread/attachmentOwner/list",
	"thread/attachment/remove",
	"thread/section/move",
	"thread/memoryMode/set",
	"thread/memory/read",
	"memory/status",
	"memory/reset",
	"rollout/compress",
	"thread/approveGuardianDeniedAction",
	"project/list",
	"project/read",
	"project/create",
	"project/import",
	"project/update",
	"project/move",
	"project/delete",
	"threadSection/list",
	"threadSection/create",
	"threadSection/update",
	"threadSection/delete",
	"thread/searchOccurrences",
	"thread/readState/update",
	"thread/items/read",
	"thread/guardianReview",
	"thread/prepareApprovedPlan",
	"marketplace/add",
	"marketplace/remove",
	"marketplace/upgrade",
	"plugin/list",
	"plugin/search",
	"plugin/reconcile",
	"plugin/read",
	"plugin/skill/read",
	"plugin/share/save",
	"plugin/share/updateTargets",
	"plugin/share/list",
	"plugin/share/checkout",
	"plugin/share/delete",
	"app/read",
	"app/list",
	"plugin/install",
	"plugin/uninstall",
	"turn/settings/update",
	"thread/realtime/start",
	"thread/realtime/appendAudio",
	"thread/realtime/appendText",
	"thread/realtime/appendSpeech",
	"thread/realtime/stop",
	"thread/timeline/list",
	"thread/realtime/listVoices",
	"account/gatewayOAuth/read",
	"account/gatewayOAuth/login",
	"account/gatewayOAuth/cancel",
	"modelProvider/config/write",
	"experimentalFeature/list",
	"experimentalFeature/enablement/set",
	"remoteControl/enable",
	"remoteControl/disable",
	"remoteControl/status/read",
	"remoteControl/pairing/start",
	"remoteControl/pairing/status",
	"remoteControl/client/list",
	"remoteControl/client/revoke",
	"mock/experimentalMethod",
	"environment/add",
	"environment/info",
	"environment/status",
	"mcpServer/event/stream/start",
	"mcpServer/event/stream/stop",
	"windowsSandbox/setupStart",
	"windowsSandbox/readiness",
	"account/login/start",
	"account/bedrock/discover",
	"account/bedrock/setup",
	"account/gcp/setup",
	"account/bedrock/checkGovCloudRequirements",
	"account/login/cancel",
	"accountSession/list",
	"accountSession/switch",
	"account/logout",
	"account/securitySetup/read",
	"account/rateLimitResetCredit/consume",
	"account/usage/read",
	"account/workspaceMessages/read",
	"account/sendAddCreditsNudgeEmail",
	"feedback/upload",
	"feedback/save",
	"externalAgentConfig/detect",
	"externalAgentConfig/import",
	"externalAgentConfig/import/recordHistory",
	"externalAgentConfig/import/readHistories",
}

// declinedError answers a method of the protocol that this host does not serve.
func declinedError(method string) error {
	return &coded{codeMethodNotFound, nil, &thread.Refusal{
		Kind:    thread.KindNotSupported,
		Message: method + " is part of the protocol, but this version of codexhost does not serve it",
		Remedy:  "do without it, or ask for it in an issue",
	}}
}

// Served lists the methods that are served, sorted.
func Served() []string {
	names := make([]string, 0, len(methods))
	for name := range methods {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Declined lists the methods of the protocol that are not served.
func Declined() []string { return slices.Clone(declined[:]) }
