package check

import (
	"context"
	"fmt"
	"strings"
	"time"

	mcpv1 "github.com/codexhost/codexhost/plugins/proto/mcp/v1"
	skillv1 "github.com/codexhost/codexhost/plugins/proto/skill/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/skill"
)

// rule is one thing that hosts rely on.
type rule struct {
	name      string
	promise   string
	needsKind bool
	run       func(context.Context, *suite, *process) error
	alone     func(context.Context, *suite) error // instead of run: it starts its own processes
}

// The rules that others wait for.
const (
	ruleHandshake = "handshake"
	ruleKind      = "kind"
	ruleListing   = "listing"
)

func rules() []rule {
	kinded := func(name, promise string, f func(contract) func(context.Context, *process) error) rule {
		return rule{name: name, promise: promise, needsKind: true, run: func(ctx context.Context, s *suite, p *process) error {
			return f(s.contract)(ctx, p)
		}}
	}
	return []rule{
		{name: "by-hand", promise: "started without the host's cookie, it says so on stderr and ends with a status that is not 0", alone: byHand},
		{name: ruleHandshake, promise: "it writes its handshake in time, its socket lies in the folder that it was given, and it answers", run: handshake},
		{name: "version", promise: "of the contract's versions that a host offers, it takes one that there is", alone: versions},
		{name: "stdout", promise: "its stdout has the handshake's line and nothing else", run: stdout},
		{name: "health", promise: "it serves gRPC's health service, and says that \"plugin\" is SERVING", run: func(ctx context.Context, s *suite, p *process) error { return p.health(ctx, s.limits.Answer) }},
		{name: ruleKind, promise: "it serves the contract of one kind", run: kind},
		{name: "manifest", promise: "what it says of itself, if it does, names the contract that it serves", needsKind: true, run: manifest},
		kinded(ruleListing, "its first listing comes in time and is well formed", func(c contract) func(context.Context, *process) error { return c.listing }),
		kinded("answers", "what it has not is refused with the contract's own error", func(c contract) func(context.Context, *process) error { return c.answers }),
		kinded("deadline", "a call whose deadline has passed is over, and does not stand in the way of others", func(c contract) func(context.Context, *process) error { return c.deadline }),
		kinded("cancel", "calls that are withdrawn do not stand in the way of others", func(c contract) func(context.Context, *process) error { return c.cancel }),
		kinded("concurrent", "it answers calls that come side by side", func(c contract) func(context.Context, *process) error { return c.concurrent }),
		kinded("big", "it takes a message of 8 MiB, and sends none that is too large", func(c contract) func(context.Context, *process) error { return c.big }),
		kinded("unknown-fields", "fields, values and methods of a later version do not disturb it", func(c contract) func(context.Context, *process) error { return c.grease }),
		kinded("panic", "requests that make no sense are answered and do not kill it", func(c contract) func(context.Context, *process) error { return c.odd }),
		{name: "host-stream", promise: "it holds the stream that it talks to its host on as long as the host does", needsKind: true, run: hostStream},
		{name: "callbacks", promise: "what it says and asks there has the right form, and no answer is one, too", needsKind: true, run: callbacks},
		{name: "host-unknown", promise: "what a later host says there does not disturb it", needsKind: true, run: hostUnknown},
		{name: "shutdown", promise: "asked to end, it ends with status 0, in time, and leaves no process", needsKind: true, run: shutdown},
		{name: "host-death", promise: "when its stdin ends, as it does when the host dies, it ends too", needsKind: true, run: hostDeath},
	}
}

func byHand(ctx context.Context, s *suite) error {
	p, err := s.spawn(nil)
	if err != nil {
		return err
	}
	defer p.end()
	if !p.awaitEnd(ctx, s.limits.Start) {
		return fmt.Errorf("without the cookie it still runs after %v", s.limits.Start)
	}
	if p.cmd.ProcessState.Success() {
		return fmt.Errorf("without the cookie it ends with status 0, as if all were well")
	}
	if len(p.stderr.Lines()) == 0 && len(p.strays()) == 0 {
		return fmt.Errorf("without the cookie it ends (%s) and does not say why", p.state())
	}
	return nil
}

func handshake(_ context.Context, s *suite, p *process) error {
	if !p.inPrivateFolder() {
		return fmt.Errorf("its socket %s does not lie in the folder that PLUGIN_UNIX_SOCKET_DIR names", p.address)
	}
	s.up = true
	return nil
}

// versions offers a contract of the far future beside the present one: whoever
// takes the highest number it is offered, rather than the highest it has, or
// ignores the offer, breaks with the next version.
func versions(ctx context.Context, s *suite) error {
	if !s.up {
		return skip("it must pass " + ruleHandshake + " first")
	}
	p, err := s.start(ctx, "1,9999")
	if p != nil {
		defer p.end()
	}
	if err != nil {
		return fmt.Errorf("offered the versions 1 and 9999: %w", err)
	}
	if p.version != 1 {
		return fmt.Errorf("offered the versions 1 and 9999, it takes %d", p.version)
	}
	return nil
}

func stdout(ctx context.Context, s *suite, p *process) error {
	if s.contract == nil {
		probe(ctx, s, p)
	}
	_ = p.shutdown(ctx)
	p.stdin.Close()
	p.awaitEnd(ctx, s.limits.End)
	if lines := p.strays(); len(lines) > 0 {
		return fmt.Errorf("it wrote %q; what is meant for people belongs on stderr", lines)
	}
	return nil
}

// kind finds out what the plugin serves.
func kind(ctx context.Context, s *suite, p *process) error {
	found := probe(ctx, s, p)
	want := s.target.Kind
	switch {
	case len(found) == 0:
		return fmt.Errorf("it serves neither %s nor %s", skillv1.SkillProvider_ServiceDesc.ServiceName, mcpv1.Provider_ServiceDesc.ServiceName)
	case want != "" && (len(found) > 1 || found[0] != want):
		return fmt.Errorf("it is said to be of kind %s, and serves %s", want, strings.Join(found, " and "))
	case len(found) > 1:
		return fmt.Errorf("it serves %s: a plugin is of one kind", strings.Join(found, " and "))
	}
	s.version = p.version
	switch found[0] {
	case skill.Kind:
		s.contract = &skillContract{s}
	case mcp.Kind:
		s.contract = &mcpContract{s}
	}
	return nil
}

// probe asks for every kind's service. Any answer but UNIMPLEMENTED is one.
func probe(ctx context.Context, s *suite, p *process) []string {
	ctx, cancel := context.WithTimeout(ctx, s.limits.Start)
	defer cancel()
	var found []string
	for _, k := range []struct{ kind, method string }{
		{skill.Kind, skillv1.SkillProvider_Read_FullMethodName},
		{mcp.Kind, mcpv1.Provider_Servers_FullMethodName},
	} {
		switch code := status.Code(p.invoke(ctx, k.method)); {
		case code == codes.Unimplemented:
		case code == codes.Unavailable && len(found) > 0: // the first has killed it
		default:
			found = append(found, k.kind)
		}
	}
	return found
}

func shutdown(ctx context.Context, s *suite, p *process) error {
	if err := s.contract.occupy(ctx, p); err != nil {
		return err
	}
	call, cancel := context.WithTimeout(ctx, s.limits.End)
	defer cancel()
	begin := time.Now()
	if err := p.shutdown(call); err != nil {
		return err
	}
	if !p.awaitEnd(ctx, s.limits.End-time.Since(begin)) {
		return fmt.Errorf("asked to end, it still runs after %v", s.limits.End)
	}
	if !p.cmd.ProcessState.Success() {
		return fmt.Errorf("asked to end, it ended with %s", p.state())
	}
	return nobodyLeft(p)
}

func hostDeath(ctx context.Context, s *suite, p *process) error {
	if err := s.contract.occupy(ctx, p); err != nil {
		return err
	}
	p.stdin.Close()
	if !p.awaitEnd(ctx, s.limits.End) {
		return fmt.Errorf("its stdin has ended, and it still runs after %v", s.limits.End)
	}
	return nobodyLeft(p)
}

func nobodyLeft(p *process) error {
	for begin := time.Now(); groupLives(p.cmd); {
		if time.Since(begin) > p.cmd.WaitDelay {
			return fmt.Errorf("processes that it had started live on after it")
		}
		pause(10 * time.Millisecond)
	}
	return nil
}

func pause(d time.Duration) {
	t := time.NewTimer(d)
	<-t.C
}
