package tool

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"

	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Permissions is request_permissions: the model asks the user for folders to
// write to, or for the network, before it needs them.
type Permissions struct{ Approvals *Approvals }

const permissionsSpec = `{"type":"function","name":"request_permissions","description":"Asks the user for more than the sandbox allows: folders to write to, or the network. What is granted holds for the commands and patches that follow.","strict":false,` +
	`"parameters":{"type":"object","properties":{"reason":{"type":"string","description":"Why, in a sentence."},` +
	`"permissions":{"type":"object","properties":{` +
	`"file_system":{"type":"object","properties":{"read":{"type":"array","items":{"type":"string"}},"write":{"type":"array","items":{"type":"string"},"description":"Folders or files."}},"additionalProperties":false},` +
	`"network":{"type":"object","properties":{"enabled":{"type":"boolean"}},"additionalProperties":false}},"additionalProperties":false}},` +
	`"required":["permissions"],"additionalProperties":false}}`

// Specs implements Offer.
func (Permissions) Specs() []json.RawMessage {
	return []json.RawMessage{json.RawMessage(permissionsSpec)}
}

// Find implements Offer.
func (p Permissions) Find(namespace, name string) (Tool, bool) {
	return p, namespace == "" && name == "request_permissions"
}

// permissionsArgs are the arguments of the tool.
type permissionsArgs struct {
	Reason      string
	Permissions *struct {
		FileSystem struct{ Read, Write []string } `json:"file_system"`
		Network    struct{ Enabled bool }
	}
}

// Run asks the client. A client that refuses, or says what cannot be read, has
// granted nothing.
func (p Permissions) Run(ctx context.Context, t Turn, c Call) Output {
	var args permissionsArgs
	if err := json.Unmarshal([]byte(c.Arguments), &args); err != nil {
		return Errorf("failed to parse function arguments: %v", err)
	}
	if args.Permissions == nil {
		return Text("failed to parse function arguments: missing field `permissions`")
	}
	if refusesPermissions(t.Approval()) {
		return Text("permissions cannot be asked for under this approval policy; work within the sandbox")
	}
	since := t.Now()
	asked := profile(t.Cwd(), args.Permissions.FileSystem.Read, args.Permissions.FileSystem.Write, args.Permissions.Network.Enabled)
	local := "local"
	question := &protocol.PermissionsRequestApprovalParams{ThreadID: t.ThreadID(), TurnID: t.TurnID(), ItemID: c.ID, Cwd: t.Cwd(),
		StartedAtMs: since.UnixMilli(), EnvironmentID: &local, Permissions: protocol.RequestPermissionProfile{FileSystem: asked.FileSystem, Network: asked.Network}}
	if args.Reason != "" {
		question.Reason = &args.Reason
	}
	raw, err := t.Ask(ctx, WaitingOnApproval, "item/permissions/requestApproval", question)
	if ctx.Err() != nil {
		return Errorf("aborted by user after %.1fs", t.Now().Sub(since).Seconds())
	}
	var answer protocol.PermissionsRequestApprovalResponse
	if err != nil || protocol.DecodeParams(raw, &answer) != nil {
		answer = protocol.PermissionsRequestApprovalResponse{Scope: protocol.PermissionGrantScopeTurn}
	}
	granted := granted(asked, answer.Permissions)
	turn := t.TurnID()
	if answer.Scope == protocol.PermissionGrantScopeSession {
		turn = ""
	}
	p.Approvals.grant(turn, granted)
	return grantedOutput(granted, answer.Scope)
}

// refusesPermissions reports whether a policy lets nobody be asked.
func refusesPermissions(p protocol.AskForApproval) bool {
	if g, ok := p.(*protocol.AskForApprovalGranular); ok {
		return !g.RequestPermissions
	}
	return p == protocol.AskForApproval(protocol.AskForApprovalNever)
}

// profile is what the model asks for, its paths absolute.
func profile(cwd string, read, write []string, network bool) protocol.GrantedPermissionProfile {
	var p protocol.GrantedPermissionProfile
	if len(read)+len(write) > 0 {
		absolute := func(paths []string) (out []string) {
			for _, path := range paths {
				out = append(out, filepath.Clean(within(cwd, path)))
			}
			return out
		}
		p.FileSystem = &protocol.AdditionalFileSystemPermissions{Read: absolute(read), Write: absolute(write)}
	}
	if network {
		p.Network = &protocol.AdditionalNetworkPermissions{Enabled: &network}
	}
	return p
}

// granted is what the user grants of what was asked for: nothing that was not.
func granted(asked, answer protocol.GrantedPermissionProfile) protocol.GrantedPermissionProfile {
	var p protocol.GrantedPermissionProfile
	if a, b := asked.FileSystem, answer.FileSystem; a != nil && b != nil {
		both := func(asked, given []string) (out []string) {
			for _, path := range asked {
				if slices.Contains(given, path) {
					out = append(out, path)
				}
			}
			return out
		}
		p.FileSystem = &protocol.AdditionalFileSystemPermissions{Read: both(a.Read, b.Read), Write: both(a.Write, b.Write)}
	}
	if a, b := asked.Network, answer.Network; a != nil && b != nil && b.Enabled != nil && *b.Enabled {
		p.Network = a
	}
	return p
}

// grantedOutput tells the model what it was granted.
func grantedOutput(p protocol.GrantedPermissionProfile, scope protocol.PermissionGrantScope) Output {
	type files struct {
		Read  []string `json:"read,omitempty"`
		Write []string `json:"write,omitempty"`
	}
	var out struct {
		Permissions struct {
			FileSystem *files          `json:"file_system,omitempty"`
			Network    map[string]bool `json:"network,omitempty"`
		} `json:"permissions"`
		Scope protocol.PermissionGrantScope `json:"scope"`
	}
	if p.FileSystem != nil {
		out.Permissions.FileSystem = &files{p.FileSystem.Read, p.FileSystem.Write}
	}
	if p.Network != nil {
		out.Permissions.Network = map[string]bool{"enabled": true}
	}
	out.Scope = scope
	b, err := json.Marshal(out)
	if err != nil {
		return Errorf("writing the answer: %v", err)
	}
	return Text(string(b))
}

// grants is what the user has granted beyond the sandbox: for a turn, or under
// the empty name for the session.
type grants map[string]*grant

type grant struct {
	write   []string
	network bool
}

// grant adds what was granted for a turn, or for the session.
func (a *Approvals) grant(turn string, p protocol.GrantedPermissionProfile) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.granted[turn]
	if g == nil {
		if a.granted == nil {
			a.granted = make(grants)
		}
		for name := range a.granted { // those of earlier turns are over
			if name != "" && name != turn {
				delete(a.granted, name)
			}
		}
		g = &grant{}
		a.granted[turn] = g
	}
	if p.FileSystem != nil {
		g.write = append(g.write, p.FileSystem.Write...)
	}
	g.network = g.network || p.Network != nil
}

// confine is the sandbox of a turn's commands, widened by what was granted.
func (a *Approvals) confine(t Turn) sandbox.Policy {
	p := a.Confine(t.Cwd(), t.Sandbox())
	if !p.Mode.Confined() {
		return p
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, name := range [...]string{"", t.TurnID()} {
		g := a.granted[name]
		if g == nil {
			continue
		}
		p.Network = p.Network || g.network
		for _, path := range g.write {
			if p.Mode == sandbox.ReadOnly { // nothing but what was granted becomes writable
				p.Mode, p.Cwd, p.ExcludeTmpdir, p.ExcludeSlashTmp = sandbox.WorkspaceWrite, path, true, true
				continue
			}
			p.WritableRoots = append(slices.Clip(p.WritableRoots), path)
		}
	}
	return p
}
