package rpc

import (
	"context"
	"encoding/json"
	"reflect"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// A reply is what a handler answers, and what it causes: after runs once the
// answer is on its way. An answer that takes long to come is what later returns,
// which is waited for beside the lane; ctx is that of the requests.
type reply struct {
	result any
	after  func()
	opens  bool // the answer makes a thread known: what is asked next waits for after
	later  func(ctx context.Context) (any, error)
	size   int // of the result, about; 0 if it is not known to be large
}

// A handler serves one method; its params are decoded and whole.
type handler func(ctx context.Context, c *Connection, params any) (reply, error)

// serve makes a handler of a function over typed params.
func serve[P any](h func(ctx context.Context, c *Connection, p *P) (reply, error)) handler {
	return func(ctx context.Context, c *Connection, params any) (reply, error) { return h(ctx, c, params.(*P)) }
}

// serveNone makes a handler of a function for a method without params.
func serveNone(h func(ctx context.Context, c *Connection) (reply, error)) handler {
	return func(ctx context.Context, c *Connection, _ any) (reply, error) { return h(ctx, c) }
}

// An order says what a method's requests keep their order with.
type order uint8

const (
	inOrder   order = iota // with everything else on the connection: for what is quick
	onThread               // with the other requests about its thread
	ahead                  // with its like on the same thread only: overtakes what waits there
	onProcess              // with the other requests about its process
	apart                  // with nothing: for what may take long
)

// A row is one method that is served.
type row struct {
	order   order
	handler handler
}

// methods is every method that is served. What is missing here must be in
// declined.go.
var methods = map[string]row{
	"initialize": {inOrder, serve(initialize)},

	"thread/start":           {inOrder, serve(threadStart)},
	"thread/resume":          {onThread, serve(threadResume)},
	"thread/read":            {onThread, serve(threadRead)},
	"thread/list":            {apart, serve(threadList)},
	"thread/loaded/list":     {inOrder, serve(threadLoadedList)},
	"thread/turns/list":      {onThread, serve(threadTurnsList)},
	"thread/items/list":      {onThread, serve(threadItemsList)},
	"thread/unsubscribe":     {onThread, serve(threadUnsubscribe)},
	"thread/archive":         {onThread, serve(threadArchive)},
	"thread/unarchive":       {onThread, serve(threadUnarchive)},
	"thread/delete":          {onThread, serve(threadDelete)},
	"thread/name/set":        {onThread, serve(threadNameSet)},
	"thread/metadata/update": {onThread, serve(threadMetadataUpdate)},
	"thread/fork":            {onThread, serve(threadFork)},
	"thread/revert":          {onThread, serve(threadRevert)},
	"thread/inject_items":    {onThread, serve(threadInjectItems)},
	"thread/settings/update": {onThread, serve(threadSettingsUpdate)},
	"thread/compact/start":   {onThread, serve(threadCompactStart)},
	"thread/shellCommand":    {onThread, serve(threadShellCommand)},
	"thread/search":          {apart, serve(threadSearch)},

	"thread/backgroundTerminals/list":      {apart, serve(threadBackgroundTerminalsList)},
	"thread/backgroundTerminals/terminate": {apart, serve(threadBackgroundTerminalsTerminate)},
	"thread/backgroundTerminals/clean":     {apart, serve(threadBackgroundTerminalsClean)},

	"turn/start":     {onThread, serve(turnStart)},
	"turn/steer":     {onThread, serve(turnSteer)},
	"turn/interrupt": {ahead, serve(turnInterrupt)},
	"review/start":   {onThread, serve(reviewStart)},

	"fs/readFile":                   {apart, serve(fsReadFile)},
	"fs/writeFile":                  {apart, serve(fsWriteFile)},
	"fs/createDirectory":            {apart, serve(fsCreateDirectory)},
	"fs/getMetadata":                {apart, serve(fsGetMetadata)},
	"fs/readDirectory":              {apart, serve(fsReadDirectory)},
	"fs/remove":                     {apart, serve(fsRemove)},
	"fs/copy":                       {apart, serve(fsCopy)},
	"fs/watch":                      {inOrder, serve(fsWatch)},
	"fs/unwatch":                    {inOrder, serve(fsUnwatch)},
	"fuzzyFileSearch":               {apart, serve(fuzzyFileSearch)},
	"fuzzyFileSearch/sessionStart":  {inOrder, serve(fuzzyFileSearchSessionStart)},
	"fuzzyFileSearch/sessionUpdate": {inOrder, serve(fuzzyFileSearchSessionUpdate)},
	"fuzzyFileSearch/sessionStop":   {inOrder, serve(fuzzyFileSearchSessionStop)},

	"command/exec":           {onProcess, serve(commandExec)},
	"command/exec/write":     {onProcess, serve(commandExecWrite)},
	"command/exec/resize":    {onProcess, serve(commandExecResize)},
	"command/exec/terminate": {onProcess, serve(commandExecTerminate)},
	"process/spawn":          {onProcess, serve(processSpawn)},
	"process/writeStdin":     {onProcess, serve(processWriteStdin)},
	"process/resizePty":      {onProcess, serve(processResizePty)},
	"process/kill":           {onProcess, serve(processKill)},

	"model/list":                      {inOrder, serve(modelList)},
	"modelProvider/list":              {inOrder, serve(modelProviderList)},
	"modelProvider/capabilities/read": {inOrder, serve(modelProviderCapabilitiesRead)},
	"config/read":                     {inOrder, serve(configRead)},
	"config/value/write":              {inOrder, serve(configValueWrite)},
	"config/batchWrite":               {inOrder, serve(configBatchWrite)},
	"config/mcpServer/reload":         {inOrder, serveNone(configMcpServerReload)},
	"skills/config/write":             {inOrder, serve(skillsConfigWrite)},
	"skills/list":                     {apart, serve(skillsList)},
	"skills/extraRoots/set":           {inOrder, serve(skillsExtraRootsSet)},
	"mcpServerStatus/list":            {apart, serve(mcpServerStatusList)},
	"mcpServer/oauth/login":           {apart, serve(mcpServerOauthLogin)},
	"mcpServer/tool/call":             {apart, serve(mcpServerToolCall)},
	"mcpServer/resource/read":         {apart, serve(mcpServerResourceRead)},
	"hooks/list":                      {inOrder, serve(hooksList)},
	"permissionProfile/list":          {inOrder, serve(permissionProfileList)},
	"configRequirements/read":         {inOrder, serveNone(configRequirementsRead)},
	"plugin/installed":                {inOrder, serve(pluginInstalled)},
	"collaborationMode/list":          {inOrder, serve(collaborationModeList)},
	"account/read":                    {inOrder, serve(accountRead)},
	"account/rateLimits/read":         {inOrder, serve(accountRateLimitsRead)},
	"app/installed":                   {inOrder, serve(appInstalled)},

	// Extensions; see protocol/extension.go.
	"codexhost/mcp/waitFor":   {apart, serve(codexhostMcpWaitFor)},
	"codexhost/plugin/list":   {inOrder, serve(codexhostPluginList)},
	"codexhost/project/trust": {inOrder, serve(codexhostProjectTrust)},
	"codexhost/skills/list":   {apart, serve(codexhostSkillsList)},
}

// A request is one that has passed every check and waits for its turn.
type request struct {
	row    row
	params any
	lane   lane
}

// admit says whether a request may be served now: the method exists, its params
// can be read, the client has introduced itself and may use what it asks for.
// The order of the checks is the reference's.
func (c *Connection) admit(method string, params json.RawMessage) (request, error) {
	m, known := protocol.ClientRequest(method)
	if !known {
		m, known = protocol.Extension(method)
	}
	if !known {
		return request{}, &malformed{protocol.UnknownMethod(method)}
	}
	decoded, err := m.Decode(params)
	if err != nil {
		return request{}, &malformed{err}
	}
	s := c.initialized()
	if s == nil && method != "initialize" {
		return request{}, errNotInitialized
	}
	if s != nil && !s.experimental {
		if m.Experimental {
			return request{}, experimentalOnly(method)
		}
		if what, used := protocol.ExperimentalUse(method, decoded); used {
			return request{}, experimentalOnly(what)
		}
	}
	r, served := methods[method]
	if !served {
		return request{}, declinedError(method)
	}
	return request{r, decoded, laneOf(method, r.order, decoded)}, nil
}

// laneOf is the lane in which a request waits.
func laneOf(method string, o order, params any) lane {
	switch o {
	case inOrder:
		return connectionLane
	case apart:
		return alone
	case onProcess:
		return processLane(params)
	}
	id := threadIDOf(params)
	if id == "" {
		return alone
	}
	if o == ahead {
		return lane{method + " " + id}
	}
	return lane{id}
}

// processLane is that of a client's process, in either family.
func processLane(params any) lane {
	v := reflect.ValueOf(params).Elem()
	if f := v.FieldByName("ProcessHandle"); f.IsValid() {
		return lane{"process " + f.String()}
	}
	f := v.FieldByName("ProcessID")
	if f.Kind() == reflect.Pointer {
		if f.IsNil() {
			return alone
		}
		f = f.Elem()
	}
	return lane{"command " + f.String()}
}

// threadIDOf reads the field that all params about a thread share.
func threadIDOf(params any) string {
	if f := reflect.ValueOf(params).Elem().FieldByName("ThreadID"); f.IsValid() && f.Kind() == reflect.String {
		return f.String()
	}
	return ""
}
