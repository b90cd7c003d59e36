package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/metadata"

	pluginv1 "github.com/codexhost/codexhost/plugins/proto/plugin/v1"
)

// CallKey is the metadata that names a call of the contract, so that a question
// to the user can say on whose behalf it is asked.
const CallKey = "codexhost-call"

// ErrNoHost says that the host has not opened its stream, or has closed it: an
// older host never does.
var ErrNoHost = errors.New("the host does not listen to this plugin")

// Host is what a plugin may tell and ask its host. Its methods may be called
// concurrently, from any goroutine, for the life of the process.
type Host interface {
	// Settings returns the table `settings` that the user wrote for this plugin,
	// as a JSON object; `{}` if there is none. It waits for the host, which sends
	// them right after the handshake, and fails with ErrNoHost when they do not
	// come. They do not change: for others the host starts a new process.
	Settings(ctx context.Context) (json.RawMessage, error)
	// Log writes a line to the host's log. level is debug, info, warning or
	// error. It does not wait; what a host does not read in time is lost.
	Log(level, text string)
	// Changed says that what was listed before does not hold any more. The host
	// lists again when it needs to. It does not wait.
	Changed()
	// Elicit asks the user and waits for the answer, or the end of ctx, which
	// withdraws the question. ctx is that of the call on whose behalf it is
	// asked; the call's time does not run meanwhile. params are like those of
	// MCP's elicitation/create, the answer is like its result. It fails when
	// nobody can be asked.
	Elicit(ctx context.Context, params json.RawMessage) (json.RawMessage, error)
}

// welcomeWait bounds how long the host is waited for: one that opens the stream
// does so at once.
const welcomeWait = 3 * time.Second

// maxLines bounds the lines of log that wait for a host. More are dropped.
const maxLines = 256

// hostLink is the Host of a process. It outlives the streams, of which there is
// one at a time: a host that opens another has lost the first.
type hostLink struct {
	pluginv1.UnimplementedPluginServer
	manifest Manifest

	welcomed chan struct{} // closed when settings are there
	changed  chan struct{} // has a token when a change is to be told, to this stream or the next
	lines    chan *pluginv1.Log

	mu       sync.Mutex // guards what follows
	settings json.RawMessage
	stream   *hostStream
	serial   uint64
}

// hostStream is one stream of the host's.
type hostStream struct {
	out   chan *pluginv1.PluginMessage // questions
	done  <-chan struct{}
	asked map[uint64]chan *pluginv1.Answer // guarded by hostLink.mu
}

func newHostLink(m Manifest) *hostLink {
	return &hostLink{
		manifest: m, welcomed: make(chan struct{}),
		changed: make(chan struct{}, 1), lines: make(chan *pluginv1.Log, maxLines),
	}
}

// Describe implements pluginv1.PluginServer.
func (l *hostLink) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.Manifest, error) {
	return l.manifest.toProto(), nil
}

// Host implements pluginv1.PluginServer: it lasts as long as the host holds it.
func (l *hostLink) Host(stream pluginv1.Plugin_HostServer) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	s := &hostStream{out: make(chan *pluginv1.PluginMessage, 1), done: ctx.Done(), asked: make(map[uint64]chan *pluginv1.Answer)}
	l.mu.Lock()
	l.stream = s
	l.mu.Unlock()
	var sending sync.WaitGroup
	sending.Go(func() {
		defer cancel()
		l.drain(s, stream.Send)
	})
	for {
		m, err := stream.Recv()
		if err != nil {
			break
		}
		l.dispatch(s, m)
	}
	l.mu.Lock()
	if l.stream == s {
		l.stream = nil
	}
	l.mu.Unlock()
	cancel()
	sending.Wait()
	return nil
}

// drain sends what is queued until the stream ends.
func (l *hostLink) drain(s *hostStream, send func(*pluginv1.PluginMessage) error) {
	for {
		var m *pluginv1.PluginMessage
		select {
		case m = <-s.out:
		case line := <-l.lines:
			m = &pluginv1.PluginMessage{Kind: &pluginv1.PluginMessage_Log{Log: line}}
		case <-l.changed:
			m = &pluginv1.PluginMessage{Kind: &pluginv1.PluginMessage_Changed{Changed: &pluginv1.Changed{}}}
		case <-s.done:
			return
		}
		if send(m) != nil {
			return
		}
	}
}

func (l *hostLink) dispatch(s *hostStream, m *pluginv1.HostMessage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch k := m.GetKind().(type) {
	case *pluginv1.HostMessage_Welcome:
		if l.settings != nil {
			return // they do not change
		}
		if l.settings = k.Welcome.GetSettingsJson(); len(l.settings) == 0 {
			l.settings = json.RawMessage("{}")
		}
		close(l.welcomed)
	case *pluginv1.HostMessage_Answer:
		if answer := s.asked[k.Answer.GetId()]; answer != nil {
			delete(s.asked, k.Answer.GetId())
			answer <- k.Answer
		}
	}
}

// await waits for the host's welcome.
func (l *hostLink) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, welcomeWait)
	defer cancel()
	select {
	case <-l.welcomed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w (%w)", ErrNoHost, ctx.Err())
	}
}

// Settings implements Host.
func (l *hostLink) Settings(ctx context.Context) (json.RawMessage, error) {
	if err := l.await(ctx); err != nil {
		return nil, fmt.Errorf("waiting for settings: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.settings, nil
}

// Log implements Host.
func (l *hostLink) Log(level, line string) {
	select {
	case l.lines <- &pluginv1.Log{Level: text(level), Text: text(line)}:
	default:
	}
}

// Changed implements Host. Without a host it is told to the next.
func (l *hostLink) Changed() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// Elicit implements Host.
func (l *hostLink) Elicit(ctx context.Context, params json.RawMessage) (json.RawMessage, error) {
	if err := l.await(ctx); err != nil {
		return nil, err
	}
	answer := make(chan *pluginv1.Answer, 1)
	l.mu.Lock()
	s := l.stream
	if s == nil {
		l.mu.Unlock()
		return nil, ErrNoHost
	}
	l.serial++
	id := l.serial
	s.asked[id] = answer
	l.mu.Unlock()
	err := s.send(ctx, &pluginv1.PluginMessage{Kind: &pluginv1.PluginMessage_Elicit{Elicit: &pluginv1.Elicit{Id: id, Call: callOf(ctx), ParamsJson: params}}})
	if err == nil {
		select {
		case a := <-answer:
			if a.GetError() != "" {
				return nil, errors.New(a.GetError())
			}
			return a.GetResultJson(), nil
		case <-s.done:
			return nil, ErrNoHost
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	l.mu.Lock()
	delete(s.asked, id)
	l.mu.Unlock()
	s.withdraw(ctx, id)
	return nil, err
}

// withdraw tells the host that nobody waits for the answer any more, if it reads.
func (s *hostStream) withdraw(ctx context.Context, id uint64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = s.send(ctx, &pluginv1.PluginMessage{Kind: &pluginv1.PluginMessage_ElicitGone{ElicitGone: &pluginv1.ElicitGone{Id: id}}})
}

func (s *hostStream) send(ctx context.Context, m *pluginv1.PluginMessage) error {
	select {
	case s.out <- m:
		return nil
	case <-s.done:
		return ErrNoHost
	case <-ctx.Done():
		return ctx.Err()
	}
}

// callOf is the host's name for the call that ctx belongs to; empty if none.
func callOf(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	if v := md.Get(CallKey); len(v) > 0 {
		return v[0]
	}
	return ""
}
