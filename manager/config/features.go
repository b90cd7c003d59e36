package config

import "strings"

// Feature is one switch of the [features] table as release 0.169 of the protocol lists it.
type Feature struct {
	Name    string
	Stage   string // stable, beta, underDevelopment, deprecated, removed
	Default bool
}

// Features lists every known switch in the order clients are told. Stages are abbreviated in the table below because it
// is parsed on first need, not held as two hundred structs from process start.
func Features() []Feature {
	lines := strings.Fields(featureTable)
	out := make([]Feature, 0, len(lines))
	for _, l := range lines {
		out = append(out, Feature{Name: l[2:], Stage: stages[l[0]], Default: l[1] == '+'})
	}
	return out
}

// KnownFeature says whether name is a switch of the [features] table.
func KnownFeature(name string) bool {
	return name != "" && (strings.Contains(featureTable, "+"+name+"\n") || strings.Contains(featureTable, "-"+name+"\n"))
}

// FeatureDefault is the value of a switch that nothing sets; unknown names are off.
func FeatureDefault(name string) bool {
	return name != "" && strings.Contains(featureTable, "+"+name+"\n")
}

var stages = [256]string{'s': "stable", 'b': "beta", 'u': "underDevelopment", 'd': "deprecated", 'r': "removed"}

const featureTable = `
b-analytics_plan_history
u-cli_resume_account_check
s+daemon_auto_start
u-tui_workspace
u-tui_multi_backend
u-tui_extensions_statusline
u-app_server_websocket_compression
r-transcript_v2
r-undo
s+shell_tool
s+view_image
u-multi_env_copy_file
s+sleep_tool
s-secret_auth_storage
s+unified_exec
s+unified_exec_tty
r-shell_zsh_fork
r-unified_exec_zsh_fork
s+shell_snapshot
b-login_shell_package_path
u-powershell_shell_version
u-shell_snapshot_v2
u-deferred_executor
u-cwd_relative_turn_diffs
r-js_repl
s+content_item_kinds
s+untrusted_as_tool_output
u-executed_tool_call_metadata
r-stable_environment_tools
u-code_mode
u-code_mode_tool_search
r-code_mode_buffered_exec
s+code_mode_host
s+code_mode_host_grpc
s+code_mode_host_output_truncation
u-code_mode_prewarm
s+code_mode_interrupt
r-code_mode_tool_description_first
u+instant_interrupt
u-interrupt_on_cancel
u-code_mode_only
u-code_mode_only_strict_3p_tools
r-js_repl_tools_only
r+terminal_resize_reflow
d-web_search_request
d-web_search_cached
u-standalone_web_search
u-hosted_search_policy
r-search_tool
r-codex_git_commit
u-runtime_metrics
u-critical_path_timing
r+sqlite
s-memories
u-external_agent_memory_import
u-local_thread_store_compression
r-local_thread_store_shared_compression
u-background_paginated_rollout_migration
u-chronicle
r-apply_patch_freeform
u-apply_patch_streaming_events
r-apply_patch_preserve_line_endings
u-exec_permission_approvals
s+write_stdin_approval
s+hooks
u-request_permissions_tool
r-use_linux_sandbox_bwrap
d-use_legacy_landlock
r-request_rule
r-experimental_windows_sandbox
r-elevated_windows_sandbox
u-windows_sandbox_service
u-prefer_mxc
r-remote_models
s+api_key_model_discovery
s+cli_daybreak
s+api_key_cyber_access_programs
u-daybreak_program_propagation
s+enable_request_compression
s+unbounded_connection_retries
b-network_proxy
u-credential_masking
r+worktrees
b-respect_system_proxy
s+system_proxy_fallback
d+multi_agent
s-multi_agent_v2
u-model_catalog_in_context
u-multi_agent_v2_dynamic_tools
u-subagent_thread_environments
u-subagent_default_context_limits
u-defer_mailbox_preemption
u-wake_on_agent_messages
u-agent_message_board
u-agent_message_board_mcp
r-multi_agent_mode
r-enable_fanout
s+apps
u-psp
u-enable_mcp_apps
u-mcp_2026_07_28
u-mcp_tool_list_changed
u-mcp_connection_sharing
u-mcp_lazy_stdio_startup
u-apps_early_resource_discovery
u-codex_apps_mcp_2026_07_28
s+mcp_oauth_refresh_coordination
u-use_xaa
r-apps_mcp_path_override
r-tool_search
r+tool_search_always_defer_mcp_tools
s+deferred_tool_world_state
u-command_sessions_world_state
s+incremental_tools
s-incremental_tools_legacy
s+incremental_tools_legacy_gcp
s-suppress_model_change_announcements
s+prediction_preserve_parent_tools
u-incremental_exec_tools
u-non_prefixed_mcp_tool_names
r-unavailable_dummy_tools
s+tool_suggest
s-recommended_plugins
s+plugins
u-simplified_selection_hints
u-executor_capability_discovery
u-executor_capability_discovery_v2
u-skip_host_skill_discovery
r-plugin_hooks
s+in_app_browser
s+browser_annotation_api
s+in_app_chat
s+in_app_dictation
s+in_app_voice
s+in_app_local_automation
s+in_app_updates
s+browser_use
s+browser_use_full_cdp_access
s+browser_use_external
s+computer_use
s+remote_plugin
r-plugin_discovery_prefetch
s+plugin_sharing
r-external_migration
s+image_generation
u-image_generation_animation
u-omit_app_server_notification_media
u-image_resize_notice
s+unified_image_budget
r+resize_all_images
r+item_ids
u-concurrent_reasoning_summaries
u-output_token_replay
s+skill_mcp_dependency_install
u-omit_skill_descriptions
s+skill_search
u-skill_catalog_deltas
r-skill_env_var_dependency_prompt
s+mentions_v2
r+steer
u-default_mode_request_user_input
r-send_async_message
u-send_message_to_user_async
u-terminal_visualization_instructions
s+guardian_approval
s+guardian_include_additional_context
u-guardian_recorded_items
r-guardianv2.thread_context
s+guardian_reuse_parent_compaction
u-guardian_root_handoff_context
u-guardian_native_multi_agent_history
u-guardian_enhanced_node_repl_transcripts
u-guardian_node_repl_transcript_images
u-guardian_trust_orchestrator_connectors
u-guardian_conversation_history_tools
u-guardian_denial_reconsideration
u-guardianv2
u-guardianv2_decisions_comparison
u-guardianv3
r-guardian_ext
s+goals
u-token_budget
u-context_management
u-rollout_budget
s+reasoning_effort_override
u-current_time_reminder
u-nonfatal_clock_read_errors
r+collaboration_modes
s+tool_call_mcp_elicitation
s+auth_elicitation
s+bedrock_setup_wizard
s-gcp_setup_wizard
s-gateway_setup_wizard
r-personality
u-artifact
s+fast_mode
s+ultrafast_mode
u-step_model_switching
r+realtime_conversation
r-remote_control
r-image_detail_original
r+tui_app_server
b-prevent_idle_sleep
r-workspace_owner_usage_nudge
r-responses_websockets
r-responses_websockets_v2
r-remote_compaction_v2
u-async_compaction
u-async_compaction_root_only
s+compaction_image_budget
u-retain_client_developer_messages
s+retain_client_tool_outputs
u-use_agent_identity
u-runtime_agent_instances
s+workspace_dependencies
`
