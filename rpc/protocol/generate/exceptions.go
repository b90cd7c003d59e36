package main

import (
	"fmt"
	"slices"
)

// release is the version of the reference product whose schema the Go is written from.
const release = "0.169.0"

// exceptions is everything that the schema does not tell, or tells in a way that makes poor Go. Each entry must be
// used by a run of the generator: one that is not is an error, so the table cannot outlive its reasons.
var exceptions = table{
	// Unions of which nothing reads the parts: they pass through as raw JSON.
	"raw": {
		"AccountSessionsSwitchResponse":        "",
		"McpElicitationEnumSchema":             "",
		"McpElicitationMultiSelectEnumSchema":  "",
		"McpElicitationPrimitiveSchema":        "",
		"McpElicitationSingleSelectEnumSchema": "",
		"ResourceContent":                      "",
	},
	// Definition/tag or definition/value -> the Go name behind the definition's, where the regular one is taken.
	"name": {
		"McpServerElicitationRequestParams/openai/form": "OpenaiSlashForm",
	},
	// Definition.member -> "omit" (left out when nil, although the host writes null elsewhere) or "null" (the other way round).
	"presence": {},
	// Definition.member in which absent and null mean different things: Opt[T].
	"opt": {},
	// Method -> the definition of its answer, where it is not the params' name with Response for Params.
	"answer": {
		"accountSession/list":                      "AccountSessionsResponse",
		"account/gatewayOAuth/cancel":              "GatewayOAuthCancelResponse",
		"account/logout":                           "LogoutAccountResponse",
		"account/securitySetup/read":               "GetAccountSecuritySetupResponse",
		"account/workspaceMessages/read":           "GetWorkspaceMessagesResponse",
		"config/batchWrite":                        "ConfigWriteResponse",
		"config/mcpServer/reload":                  "McpServerRefreshResponse",
		"config/value/write":                       "ConfigWriteResponse",
		"configRequirements/read":                  "ConfigRequirementsReadResponse",
		"externalAgentConfig/import/readHistories": "ExternalAgentConfigImportHistoriesReadResponse",
		"memory/reset":                             "MemoryResetResponse",
		"remoteControl/status/read":                "RemoteControlStatusReadResponse",
		"rollout/compress":                         "RolloutCompressResponse",
		"windowsSandbox/readiness":                 "WindowsSandboxReadinessResponse",
	},
	// Methods which the reference's texts list but its schema leaves out -> the method that they follow there.
	"hidden": {
		"getConversationSummary": "account/read",
		"gitDiffToRemote":        "getConversationSummary",
		"getAuthStatus":          "gitDiffToRemote",
	},
	// Experimental uses that the difference of the two schemas does not show.
	"experimental": {},
}

// table is the exceptions by kind, then by key; look-ups are noted in used.
type table map[string]map[string]string

var used = map[string]map[string]bool{}

func (t table) get(kind, key string) (string, bool) {
	v, ok := t[kind][key]
	if ok {
		if used[kind] == nil {
			used[kind] = map[string]bool{}
		}
		used[kind][key] = true
	}
	return v, ok
}

func (t table) has(kind, key string) bool {
	_, ok := t.get(kind, key)
	return ok
}

func (t table) unused() error {
	var left []string
	for kind, entries := range t {
		for key := range entries {
			if !used[kind][key] {
				left = append(left, kind+" "+key)
			}
		}
	}
	if left == nil {
		return nil
	}
	slices.Sort(left)
	return fmt.Errorf("exceptions that nothing needs: %q", left)
}
