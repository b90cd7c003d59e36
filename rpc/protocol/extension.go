package protocol

// Extensions are this host's own methods, all named codexhost/...: no schema of the reference has them, and no client
// meets one that did not ask. Requests need no permission beyond initialize. A notification is sent to those who list its
// name in initialize, as capabilities.extensions.codexhost.notifications (see [ExtensionSettings]).

// ExtensionName is the key of this host in capabilities.extensions.
const ExtensionName = "codexhost"

// ExtensionPrefix is what the names of all extensions begin with.
const ExtensionPrefix = ExtensionName + "/"

// ExtensionSettings is what a client says of extensions: the value of capabilities.extensions.codexhost.
type ExtensionSettings struct {
	// Notifications are the methods it wants to hear. A name that this release does not know is no error.
	Notifications []string `wire:"notifications,optional"`
	Unknown       Members  `wire:",unknown"`
}

// extensions are the requests. Each is described where its types are.
var extensions = [...]Method{
	{Name: "codexhost/mcp/waitFor", Params: func() any { return new(McpWaitForParams) }, Result: func() any { return new(McpWaitForResponse) }, Nullable: true},
	{Name: "codexhost/plugin/list", Params: func() any { return new(ProviderPluginListParams) }, Result: func() any { return new(ProviderPluginListResponse) }, Nullable: true},
	{Name: "codexhost/project/trust", Params: func() any { return new(ProjectTrustParams) }, Result: func() any { return new(ProjectTrustResponse) }, Nullable: true},
	{Name: "codexhost/skills/list", Params: func() any { return new(SkillListingsParams) }, Result: func() any { return new(SkillListingsResponse) }},
}

// extensionNotifications are the notifications.
var extensionNotifications = [...]Method{
	{Name: "codexhost/mcp/resourcesChanged", Params: func() any { return new(McpResourcesChangedNotification) }},
	{Name: "codexhost/mcp/toolsChanged", Params: func() any { return new(McpToolsChangedNotification) }},
	{Name: "codexhost/mcp/waiting", Params: func() any { return new(McpWaitingNotification) }},
	{Name: "codexhost/plugin/statusChanged", Params: func() any { return new(ProviderPluginStatusChangedNotification) }},
	{Name: "codexhost/skills/changed", Params: func() any { return new(SkillsChange) }},
}

// Extension looks up a request that is this host's own.
func Extension(name string) (*Method, bool) {
	for i := range extensions {
		if extensions[i].Name == name {
			return &extensions[i], true
		}
	}
	return nil, false
}

// Extensions lists the requests that are this host's own.
func Extensions() []Method { return extensions[:] }

// ExtensionNotifications lists the notifications that are this host's own.
func ExtensionNotifications() []Method { return extensionNotifications[:] }
