package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	provider "github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/mcp/rawjson"
)

// sweepWait bounds the hunt for what servers left behind.
const sweepWait = 500 * time.Millisecond

// stdioSession is a server that is a process of ours.
type stdioSession struct {
	requests
	proc  *process
	conn  *conn
	sdk   *sdk.ClientSession
	info  provider.Info
	asked chan struct{} // closed by Close
	once  sync.Once
	done  chan struct{}
	end   provider.End // set before done is closed
}

// startStdio runs a server. It has been counted into p.sessions and counts
// itself out.
func (p *Provider) startStdio(ctx context.Context, c *provider.Config, host provider.Host) (provider.Session, error) {
	proc, err := launch(p.spawner, c)
	if err != nil {
		p.sessions.Done()
		return nil, err
	}
	var babble atomic.Bool
	cn := newConn(proc.stdout, proc.stdin, host, func() {
		babble.Store(true)
		proc.group.kill()
	})
	cn.unread = proc.unread
	s := &stdioSession{requests: requests{cn}, proc: proc, conn: cn, asked: make(chan struct{}), done: make(chan struct{})}
	stage, err := s.open(ctx, c, host)
	if err != nil {
		s.abort()
		p.sessions.Done()
		e := startError(ctx, stage, err, s.remains())
		if babble.Load() {
			e.Stage = provider.StageHandshake
			e.Reason = fmt.Sprintf("handshaking with MCP server failed: the program writes what is no MCP message to its standard output, beginning with %q", e.Remains.Noise)
		}
		return nil, e
	}
	go func() { // counted in p.sessions
		defer p.sessions.Done()
		s.run(p.hurry)
	}()
	return s, nil
}

// open shakes hands and lists the tools.
func (s *stdioSession) open(ctx context.Context, c *provider.Config, host provider.Host) (provider.Stage, error) {
	// The SDK keeps the context's values for the connection, not its end.
	cs, err := newClient(c, &sdk.ClientOptions{}).Connect(ctx, s.conn, &sdk.ClientSessionOptions{ProtocolVersion: protocolVersion})
	if err != nil {
		return provider.StageHandshake, err
	}
	s.sdk = cs
	s.info = infoOf(cs.InitializeResult(), s.conn.handshake)
	if err := s.allTools(ctx, host, &s.info); err != nil {
		return provider.StageTools, err
	}
	return 0, nil
}

// infoOf describes a session; what raw has of it is taken from there, verbatim.
func infoOf(r *sdk.InitializeResult, raw []byte) provider.Info {
	info := provider.Info{ProtocolVersion: r.ProtocolVersion, Instructions: r.Instructions}
	_ = rawjson.Object(raw, func(name, value []byte) bool {
		switch string(name) {
		case "serverInfo":
			info.ServerInfo = value
		case "capabilities":
			info.Capabilities = value
		}
		return true
	})
	if info.ServerInfo == nil && r.ServerInfo != nil {
		info.ServerInfo, _ = json.Marshal(r.ServerInfo)
	}
	if info.Capabilities == nil && r.Capabilities != nil {
		info.Capabilities, _ = json.Marshal(r.Capabilities)
	}
	return info
}

// abort ends a server that did not come up.
func (s *stdioSession) abort() {
	now := make(chan struct{})
	close(now)
	s.proc.stop(now)
	select {
	case <-s.conn.gone: // all that it said was read
	case <-time.After(lastWords): // a process that it left behind keeps its output open
	}
	s.conn.drop()
	if s.sdk != nil {
		_ = s.sdk.Close()
	}
	s.conn.work.Wait()
}

// run waits for the end of the session, whoever brings it about.
func (s *stdioSession) run(hurry <-chan struct{}) {
	reason := "the server closed its standard output"
	select {
	case <-s.asked:
		reason = "stopped"
	case <-hurry:
		reason = errShut.Error()
	case <-s.conn.gone:
	}
	s.proc.stop(hurry)
	s.conn.drop()
	_ = s.sdk.Close()
	s.conn.work.Wait()
	asked := false
	select {
	case <-s.asked:
		asked = true
	default:
	}
	s.end = provider.End{Asked: asked, Reason: reason, Remains: s.remains()}
	close(s.done)
}

func (s *stdioSession) remains() provider.Remains {
	r := s.proc.remains()
	r.Noise, r.NoiseLines = s.conn.heard()
	return r
}

// Info implements the contract.
func (s *stdioSession) Info() provider.Info { return s.info }

// Done implements the contract.
func (s *stdioSession) Done() <-chan struct{} { return s.done }

// End implements the contract.
func (s *stdioSession) End() provider.End {
	select {
	case <-s.done:
		return s.end
	default:
		return provider.End{}
	}
}

// Close implements the contract.
func (s *stdioSession) Close(ctx context.Context) error {
	s.once.Do(func() { close(s.asked) })
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
