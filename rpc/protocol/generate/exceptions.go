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
	"presence": {
		"CommandExecutionRequestApprovalParams.additionalPermissions":           "omit",
		"CommandExecutionRequestApprovalParams.approvalId":                      "omit",
		"CommandExecutionRequestApprovalParams.availableDecisions":              "omit",
		"CommandExecutionRequestApprovalParams.command":                         "omit",
		"CommandExecutionRequestApprovalParams.commandActions":                  "omit",
		"CommandExecutionRequestApprovalParams.cwd":                             "omit",
		"CommandExecutionRequestApprovalParams.networkApprovalContext":          "omit",
		"CommandExecutionRequestApprovalParams.proposedExecpolicyAmendment":     "omit",
		"CommandExecutionRequestApprovalParams.proposedNetworkPolicyAmendments": "omit",
		"CommandExecutionRequestApprovalParams.reason":                          "omit",
		"ConfigLayer.disabledReason":                                            "omit",
		"ConfigReadResponse.layers":                                             "omit",
		"ConfigWarningNotification.path":                                        "omit",
		"ConfigWarningNotification.range":                                       "omit",
		"McpElicitationSchema.$schema":                                          "omit",
		"McpElicitationSchema.required":                                         "omit",
		"McpServerToolCallResponse._meta":                                       "omit",
		"McpServerToolCallResponse.isError":                                     "omit",
		"McpServerToolCallResponse.structuredContent":                           "omit",
		"Resource._meta":                  "omit",
		"Resource.annotations":            "omit",
		"Resource.description":            "omit",
		"Resource.icons":                  "omit",
		"Resource.mimeType":               "omit",
		"Resource.size":                   "omit",
		"Resource.title":                  "omit",
		"ResourceTemplate.annotations":    "omit",
		"ResourceTemplate.description":    "omit",
		"ResourceTemplate.mimeType":       "omit",
		"ResourceTemplate.title":          "omit",
		"SkillMetadata.dependencies":      "omit",
		"SkillMetadata.interface":         "omit",
		"SkillMetadata.shortDescription":  "omit",
		"SkillToolDependency.command":     "omit",
		"SkillToolDependency.description": "omit",
		"SkillToolDependency.transport":   "omit",
		"SkillToolDependency.url":         "omit",
		"ThreadItem.mcpAppResourceUri":    "omit",
		"Tool._meta":                      "omit",
		"Tool.annotations":                "omit",
		"Tool.description":                "omit",
		"Tool.icons":                      "omit",
		"Tool.outputSchema":               "omit",
		"Tool.title":                      "omit",
	},
	// Definition.member in which absent and null mean different things: Opt[T].
	"opt": {
		"ProcessSpawnParams.outputBytesCap":           "",
		"ProcessSpawnParams.timeoutMs":                "",
		"ThreadForkParams.serviceTier":                "",
		"ThreadGoalSetParams.tokenBudget":             "",
		"ThreadListParams.projectId":                  "",
		"ThreadMetadataGitInfoUpdateParams.branch":    "",
		"ThreadMetadataGitInfoUpdateParams.originUrl": "",
		"ThreadMetadataGitInfoUpdateParams.sha":       "",
		"ThreadRealtimeStartParams.prompt":            "",
		"ThreadResumeParams.serviceTier":              "",
		"ThreadSettingsUpdateParams.serviceTier":      "",
		"ThreadStartParams.serviceTier":               "",
		"TurnSettingsUpdateParams.serviceTier":        "",
		"TurnStartParams.serviceTier":                 "",
	},
	// Definition.member that the reference reads as a path: only the texts of errors differ.
	"path": {
		"CommandExecParams.cwd":              "",
		"ThreadForkParams.path":              "",
		"ThreadResumeParams.path":            "",
		"ThreadSettingsUpdateParams.cwd":     "",
		"TurnStartParams.cwd":                "",
		"UserInput.path":                     "",
		"WindowsSandboxSetupStartParams.cwd": "",
	},
	// Definition -> the members that the reference declares first, in its order: of several missing ones, or several
	// experimental ones, its errors name the first. The rest follows in alphabetical order.
	"order": {
		"AccountSessionsSwitchParams":                  "sessionId accountId",
		"AskForApproval":                               "sandbox_approval rules skill_approval request_permissions mcp_elicitations",
		"ConfigValueWriteParams":                       "keyPath value mergeStrategy",
		"DynamicToolSpec":                              "name description inputSchema",
		"ExternalAgentConfigImportHistoryRecordParams": "providerId itemTypeResults",
		"FeedbackSaveParams":                           "savePath classification",
		"FsCopyParams":                                 "sourcePath destinationPath",
		"FsWatchParams":                                "watchId path",
		"FsWriteFileParams":                            "path dataBase64",
		"FuzzyFileSearchSessionStartParams":            "sessionId roots",
		"FuzzyFileSearchSessionUpdateParams":           "sessionId query",
		"McpServerEventStreamStartParams":              "threadId server subscriptionId name arguments",
		"McpServerToolCallParams":                      "threadId server tool",
		"PluginShareUpdateTargetsParams":               "remotePluginId discoverability shareTargets",
		"ProcessSpawnParams":                           "command processHandle cwd",
		"ProjectCreateParams":                          "name roots idempotencyKey",
		"ProjectImportParams":                          "name roots idempotencyKey",
		"RemoteControlClientsRevokeParams":             "environmentId clientId",
		"ResponseItem":                                 "role content",
		"ReviewStartParams":                            "threadId target",
		"ThreadApproveGuardianDeniedActionParams":      "threadId event",
		"ThreadAttachmentAddParams":                    "threadId attachmentType identityKey payload",
		"ThreadAttachmentRemoveParams":                 "threadId attachmentType identityKey",
		"ThreadBackgroundTerminalsTerminateParams":     "threadId processId",
		"ThreadForkParams":                             "threadId experimentalPredictionMode experimentalDisablePredictionMcp beforeTurnId path runtimeWorkspaceRoots approvalPolicy permissions attachToSource deferGoalContinuation",
		"ThreadInjectItemsParams":                      "threadId items",
		"ThreadItemsReadParams":                        "threadId turnId itemIds",
		"ThreadListParams":                             "includeAttachedThreads projectId parentThreadId ancestorThreadId attachedToThreadId",
		"ThreadMemoryModeSetParams":                    "threadId mode",
		"ThreadMetadataUpdateParams":                   "threadId projectId daybreakEnabled",
		"ThreadPredictionRequestParams":                "threadId sourceTurnId",
		"ThreadPrepareApprovedPlanParams":              "threadId markdown",
		"ThreadQueueAddParams":                         "threadId input clientUserMessageId",
		"ThreadQueueDeleteParams":                      "threadId queuedSubmissionId",
		"ThreadQueueReorderParams":                     "threadId queuedSubmissionIds",
		"ThreadQueueUpdateParams":                      "threadId queuedSubmissionId input",
		"ThreadReadStateUpdateParams":                  "threadId operation expectedRevision",
		"ThreadRealtimeAppendAudioParams":              "threadId audio",
		"ThreadRealtimeAppendSpeechParams":             "threadId text",
		"ThreadRealtimeAppendTextParams":               "threadId text",
		"ThreadRealtimeStartParams":                    "threadId outputModality",
		"ThreadResumeParams":                           "threadId history path runtimeWorkspaceRoots approvalPolicy permissions initialTurnsPage",
		"ThreadRevertParams":                           "threadId beforeTurnId",
		"ThreadSampleParams":                           "threadId expectedTurnId prompt",
		"ThreadSearchOccurrencesParams":                "threadId searchTerm",
		"ThreadSectionMoveParams":                      "threadId sectionId",
		"ThreadSectionUpdateParams":                    "sectionId name",
		"ThreadSetNameParams":                          "threadId name",
		"ThreadShellCommandParams":                     "threadId command",
		"ThreadStartParams":                            "allowProviderModelFallback runtimeWorkspaceRoots approvalPolicy permissions multiAgentMode historyMode projectId daybreakEnabled environments dynamicTools selectedCapabilityRoots mockExperimentalField experimentalRawEvents",
		"TurnSettingsUpdateParams":                     "threadId turnId approvalsReviewer environments model effort summary serviceTier",
		"TurnStartParams":                              "threadId input responsesapiClientMetadata responsesapiClientMetadataPatch additionalContext environments runtimeWorkspaceRoots approvalPolicy permissions collaborationMode multiAgentMode cyberAccessProgram",
		"TurnSteerParams":                              "threadId input expectedTurnId responsesapiClientMetadata responsesapiClientMetadataPatch additionalContext",
		"UserVerificationVerifyParams":                 "challenge title description",
	},
	// Enums and unions of names whose values the schema does not list in the order of the reference's texts.
	"values": {
		"AskForApproval": "untrusted on-request granular never",
	},
	// Unions that take variants they do not know also from a caller.
	"open": {
		"ResponseItem": "",
	},
	// Union -> the variant that an object without the tag is.
	"untagged": {
		"DynamicToolSpec": "DynamicToolSpecFunction",
	},
	// Union -> what the reference's texts call it, where not by its name.
	"text": {
		"DynamicToolSpec": "struct LegacyDynamicToolSpec",
		"SandboxPolicy":   "internally tagged enum SandboxPolicyDeserialize",
	},
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
