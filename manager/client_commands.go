package manager

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/codexhost/codexhost/manager/command"
	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// A ClientCommand is a command that a client wants to run by itself, outside of
// any thread. No approval is asked for: the client is the user.
type ClientCommand struct {
	Name    string // the client's word for the process; may be empty
	Argv    []string
	Cwd     string // relative to the process's, which an empty one stands for
	Env     map[string]*string
	TTY     *sandbox.Size
	Stdin   bool
	Timeout time.Duration // command.None for none
	Cap     int64         // command.None for none
	Tell    command.Teller
}

// sandboxSpec is what runs, in an environment, as the client's own variables change it.
func (m *Manager) sandboxSpec(r *ClientCommand, environ []string, p sandbox.Policy) sandbox.Spec {
	return sandbox.Spec{Argv: r.Argv, Dir: m.absolute(r.Cwd), Env: overlay(environ, r.Env), TTY: r.TTY, Stdin: r.Stdin, Policy: p}
}

func (r *ClientCommand) request(s sandbox.Spec) command.Request {
	return command.Request{Name: r.Name, Sandbox: s, Timeout: r.Timeout, Cap: r.Cap, Tell: r.Tell}
}

// Exec starts a command under a sandbox policy, a named permission profile, or
// (with neither) what the configuration says. The workspace of a profile is the
// command's folder, otherwise that of the process.
func (m *Manager) Exec(ctx context.Context, c *Client, r *ClientCommand, policy protocol.SandboxPolicy, profile *string) (*command.Process, error) {
	workspace := m.absolute("")
	if profile != nil {
		workspace = m.absolute(r.Cwd)
	}
	cfg, err := m.load(ctx, config.Query{Cwd: workspace})
	if err != nil {
		return nil, err
	}
	switch {
	case profile != nil && policy != nil:
		return nil, &thread.Refusal{Kind: thread.KindInvalidInput, Message: "`permissionProfile` cannot be combined with `sandboxPolicy`", Remedy: "send one of the two"}
	case profile != nil:
		if policy, err = profilePolicy(cfg, *profile); err != nil {
			return nil, err
		}
	case policy == nil:
		policy = sandboxPolicy(cfg.Sandbox, cfg.WorkspaceWrite)
	}
	p := m.confinement(cfg, workspace, policy)
	env := m.ownEnviron(cfg, sandbox.Origin{NetworkOff: p.Mode.Confined() && !p.Network})
	return c.commands.Start(ctx, r.request(m.sandboxSpec(r, env, p)))
}

// Spawn starts a process that nothing confines, in the environment of the host:
// the client could as well start it itself.
func (m *Manager) Spawn(ctx context.Context, c *Client, r *ClientCommand) (*command.Process, error) {
	return c.processes.Start(ctx, r.request(m.sandboxSpec(r, os.Environ(), sandbox.Policy{Mode: sandbox.FullAccess})))
}

// Command is a running command that [Manager.Exec] started for the client, or nil.
func (c *Client) Command(name string) *command.Process { return c.commands.Get(name) }

// Process is a running process that [Manager.Spawn] started for the client, or nil.
func (c *Client) Process(name string) *command.Process { return c.processes.Get(name) }

// EndInput says that the client will say no more: its commands go on only as the
// ending allows, and logins that it has begun are cancelled.
func (c *Client) EndInput(e command.Ending) {
	c.logins.close()
	c.commands.EndInput(e)
	c.processes.EndInput(e)
}

// WaitCommands waits until none of the client's commands runs.
func (c *Client) WaitCommands(ctx context.Context) error {
	if err := c.commands.Wait(ctx); err != nil {
		return err
	}
	return c.processes.Wait(ctx)
}

// StopCommands ends all commands of the client and waits for their end. No more
// can be started.
func (c *Client) StopCommands() {
	c.commands.Close()
	c.processes.Close()
}

// profilePolicy is a permission profile as a sandbox policy.
func profilePolicy(cfg *config.Config, name string) (protocol.SandboxPolicy, error) {
	switch name {
	case ":read-only":
		return sandboxPolicy("read-only", cfg.WorkspaceWrite), nil
	case ":workspace":
		return sandboxPolicy("workspace-write", cfg.WorkspaceWrite), nil
	case ":danger-full-access":
		return sandboxPolicy("danger-full-access", cfg.WorkspaceWrite), nil
	}
	return nil, &thread.Refusal{Kind: thread.KindInvalidInput, Message: "invalid permission profile: " + name,
		Remedy: "name one that permissionProfile/list gives, or send a sandboxPolicy"}
}

// ownEnviron is the environment of a client's command: as for those of a model,
// by the user's shell_environment_policy, but without what keeps a model from
// pagers, colours and other languages than English.
func (m *Manager) ownEnviron(cfg *config.Config, origin sandbox.Origin) []string {
	forced := sandbox.Environ(config.ShellEnvironment{Inherit: "none"}, nil, false, sandbox.Origin{})
	own := *cfg
	own.Shell.Set = make(map[string]string, len(cfg.Shell.Set)+len(forced))
	for name, value := range cfg.Shell.Set {
		own.Shell.Set[name] = value
	}
	var unset []string
	for _, kv := range forced {
		name, _, _ := strings.Cut(kv, "=")
		if _, chosen := own.Shell.Set[name]; chosen {
			continue
		}
		if value, has := os.LookupEnv(name); has && cfg.Shell.Inherit != "none" {
			own.Shell.Set[name] = value
		} else {
			unset = append(unset, name)
		}
	}
	return slices.DeleteFunc(m.environ(&own, origin), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(unset, name)
	})
}

// overlay sets and unsets variables of an environment. A name that cannot be one
// is left out.
func overlay(environ []string, with map[string]*string) []string {
	out := make([]string, 0, len(environ)+len(with))
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		if _, changed := with[name]; !changed {
			out = append(out, kv)
		}
	}
	for name, value := range with {
		if value != nil && name != "" && !strings.ContainsAny(name, "=\x00") && !strings.Contains(*value, "\x00") {
			out = append(out, name+"="+*value)
		}
	}
	slices.Sort(out)
	return out
}
