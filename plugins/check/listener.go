package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/codexhost/codexhost/plugins/proto/plugin/v1"
	"github.com/codexhost/codexhost/plugins/serve"
)

// listener is the stream on which a plugin talks to its host. Every process has
// one, as under a host; what the plugin says there matters to the rules about it
// alone. A plugin that serves none is as good as others.
type listener struct {
	client   pluginv1.PluginClient
	settings json.RawMessage
	cancel   context.CancelFunc

	wrong  chan error                 // the first thing that is not as it should be
	opened chan struct{}              // closed when stream is there, or never will
	stream pluginv1.Plugin_HostClient // nil if it never was

	mu     sync.Mutex      // guards what follows, and sending
	refuse bool            // questions are refused, rather than cancelled
	asked  map[uint64]bool // ids of questions
	asks   int
	ended  error         // why the stream has ended
	done   chan struct{} // closed then
}

// callName is what a call is named for questions to refer to.
const callName = "check"

// called is a context in which a plugin may ask the user.
func called(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, serve.CallKey, callName)
}

func newListener(conn *grpc.ClientConn, settings json.RawMessage) *listener {
	if len(settings) == 0 {
		settings = json.RawMessage("{}")
	}
	l := &listener{client: pluginv1.NewPluginClient(conn), settings: settings, wrong: make(chan error, 1)}
	l.open()
	return l
}

// open opens the stream and says welcome. The reader ends with the stream, which
// close or the end of the process ends.
func (l *listener) open() {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel, l.opened, l.done = cancel, make(chan struct{}), make(chan struct{})
	l.stream, l.ended, l.asked = nil, nil, make(map[uint64]bool)
	go func() {
		defer close(l.done)
		err := l.read(ctx)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ended = err
	}()
}

func (l *listener) close() {
	l.cancel()
	<-l.done
}

func (l *listener) read(ctx context.Context) error {
	stream, err := l.client.Host(ctx, grpc.WaitForReady(true))
	l.stream = stream
	close(l.opened)
	if err != nil {
		return err
	}
	if err := l.send(&pluginv1.HostMessage{Kind: &pluginv1.HostMessage_Welcome{Welcome: l.welcome()}}); err != nil {
		_, err = stream.Recv() // tells why
		return err
	}
	for {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		l.take(m)
	}
}

func (l *listener) welcome() *pluginv1.Welcome {
	return &pluginv1.Welcome{Name: "check", SettingsJson: l.settings, Offers: []string{"log", "elicit", "changed"}}
}

// send waits until the stream is open, which it is soon after the process serves.
func (l *listener) send(m *pluginv1.HostMessage) error {
	<-l.opened
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stream == nil {
		return errors.New("the stream is not open")
	}
	return l.stream.Send(m)
}

// end says that the host has nothing more to say.
func (l *listener) end() error {
	<-l.opened
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stream.CloseSend()
}

// take looks at what the plugin says, and settles what it asks.
func (l *listener) take(m *pluginv1.PluginMessage) {
	switch k := m.GetKind().(type) {
	case *pluginv1.PluginMessage_Log:
		if !slices.Contains([]string{"debug", "info", "warning", "error"}, k.Log.GetLevel()) {
			l.blame(fmt.Errorf("it logs with the level %q: want debug, info, warning or error", k.Log.GetLevel()))
		}
	case *pluginv1.PluginMessage_Elicit:
		l.question(k.Elicit)
	case *pluginv1.PluginMessage_ElicitGone:
		l.mu.Lock()
		known := l.asked[k.ElicitGone.GetId()]
		l.mu.Unlock()
		if !known {
			l.blame(fmt.Errorf("it withdraws the question %d, which it has not asked", k.ElicitGone.GetId()))
		}
	}
}

func (l *listener) question(q *pluginv1.Elicit) {
	var params struct {
		Message string `json:"message"`
	}
	l.mu.Lock()
	again := l.asked[q.GetId()]
	l.asked[q.GetId()] = true
	l.asks++
	refuse := l.refuse
	l.mu.Unlock()
	switch {
	case q.GetId() == 0:
		l.blame(errors.New("it asks a question with the id 0"))
	case again:
		l.blame(fmt.Errorf("it asks two questions with the id %d", q.GetId()))
	case json.Unmarshal(q.GetParamsJson(), &params) != nil || params.Message == "":
		l.blame(fmt.Errorf("its question is no object with a \"message\": %.200s", q.GetParamsJson()))
	case q.GetCall() != "" && q.GetCall() != callName:
		l.blame(fmt.Errorf("it asks on behalf of the call %q, which there is not", q.GetCall()))
	}
	answer := &pluginv1.Answer{Id: q.GetId(), ResultJson: []byte(`{"action":"cancel"}`)}
	if refuse {
		answer = &pluginv1.Answer{Id: q.GetId(), Error: "nobody can be asked"}
	}
	_ = l.send(&pluginv1.HostMessage{Kind: &pluginv1.HostMessage_Answer{Answer: answer}}) // its failure ends the stream, too
}

func (l *listener) blame(err error) {
	select {
	case l.wrong <- err:
	default: // one will do
	}
}

// questions is how often the plugin has asked so far.
func (l *listener) questions() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asks
}

// over waits for the end of the stream.
func (l *listener) over(within time.Duration) bool {
	select {
	case <-l.done:
		return true
	case <-time.After(within):
		return false
	}
}

// stays is the error that the stream has ended though nobody closed it; a skip if
// there never was one.
func (l *listener) stays(within time.Duration, after string) error {
	if !l.over(within) {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if status.Code(l.ended) == codes.Unimplemented {
		return noStream
	}
	return fmt.Errorf("it ended the stream that it talks to the host on after %s: %v", after, l.ended)
}
