package plugins

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/codexhost/codexhost/plugins/proto/plugin/v1"
	"github.com/codexhost/codexhost/plugins/serve"
)

// Manifest is what a plugin says of itself.
type Manifest = serve.Manifest

// An Asker puts a question of the named plugin to the user. params are like
// those of MCP's elicitation/create, the answer is like its result. It may block
// until ctx ends, which it does when the plugin withdraws the question or is
// gone.
type Asker func(ctx context.Context, plugin string, params json.RawMessage) (json.RawMessage, error)

type askerKey struct{}

// WithAsker lets the plugin that is called with ctx ask the user, for as long
// as the call lasts.
func WithAsker(ctx context.Context, a Asker) context.Context {
	return context.WithValue(ctx, askerKey{}, a)
}

// AskerOf is what WithAsker put into ctx, or nil.
func AskerOf(ctx context.Context) Asker {
	a, _ := ctx.Value(askerKey{}).(Asker)
	return a
}

const (
	maxQuestions = 16       // of one plugin that may be open
	maxLogLine   = 16 << 10 // bytes of a line of log that are kept
	changeRest   = 100 * time.Millisecond
)

var errNobodyAsked = errors.New("nobody can be asked: the question belongs to no call that is made for a user")

// callbacks is the host's end of what one instance may tell and ask the host:
// the stream Plugin.Host, and the calls that it may refer to. A plugin that does
// not serve it is left alone.
type callbacks struct {
	plugin  string
	logger  hclog.Logger
	keep    func(line string)
	changed func() // not called concurrently; may take its time
	known   func() // called once, when there is a manifest
	cancel  context.CancelFunc
	work    sync.WaitGroup
	news    chan struct{} // has a token when the plugin has said "changed"

	introduced chan struct{} // closed when there is a manifest, or will be none

	mu       sync.Mutex // guards what follows
	serial   uint64
	askers   map[string]lent // by call
	asked    map[uint64]context.CancelFunc
	manifest *Manifest
}

// lent is a call that may ask.
type lent struct {
	ask Asker
	ctx context.Context // the call's
}

// init is called before the first call.
func (c *callbacks) init(plugin string, logger hclog.Logger, keep func(string), changed, known func()) {
	c.plugin, c.logger, c.keep, c.changed, c.known, c.cancel = plugin, logger, keep, changed, known, func() {}
	c.news, c.introduced = make(chan struct{}, 1), make(chan struct{})
	c.askers, c.asked = make(map[string]lent), make(map[uint64]context.CancelFunc)
}

// begin asks for the manifest and opens the stream. It does not wait for either;
// it is called once.
func (c *callbacks) begin(client pluginv1.PluginClient, welcome *pluginv1.Welcome, patience time.Duration) {
	ctx, cancel := context.WithCancel(context.Background()) // ended by close
	c.cancel = cancel
	c.work.Go(func() {
		defer close(c.introduced)
		c.describe(ctx, client, patience)
	})
	c.work.Go(func() { c.listen(ctx, client, welcome) })
	c.work.Go(func() { c.tell(ctx) })
}

// close ends the stream, withdraws all questions and waits.
func (c *callbacks) close() {
	c.cancel()
	c.work.Wait()
}

func (c *callbacks) describe(ctx context.Context, client pluginv1.PluginClient, patience time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := client.Describe(ctx, &pluginv1.DescribeRequest{})
	if err != nil {
		if status.Code(err) != codes.Unimplemented {
			c.logger.Debug("plugin does not say what it is", "error", err)
		}
		return
	}
	m := serve.ManifestFrom(p)
	c.mu.Lock()
	c.manifest = &m
	c.mu.Unlock()
	c.known()
}

// listen holds the stream open and takes what comes.
func (c *callbacks) listen(ctx context.Context, client pluginv1.PluginClient, welcome *pluginv1.Welcome) {
	stream, err := client.Host(ctx)
	if err == nil {
		err = stream.Send(&pluginv1.HostMessage{Kind: &pluginv1.HostMessage_Welcome{Welcome: welcome}})
	}
	if err != nil {
		c.logger.Debug("plugin cannot be listened to", "error", err)
		return
	}
	var sending sync.Mutex
	answer := func(a *pluginv1.Answer) {
		sending.Lock()
		defer sending.Unlock()
		_ = stream.Send(&pluginv1.HostMessage{Kind: &pluginv1.HostMessage_Answer{Answer: a}}) // a stream that cannot send ends its Recv, too
	}
	for {
		m, err := stream.Recv()
		if err != nil {
			if ctx.Err() == nil && status.Code(err) != codes.Unimplemented {
				c.logger.Debug("plugin has nothing more to say", "error", err)
			}
			return
		}
		switch k := m.GetKind().(type) { // what is none of these is of a later version
		case *pluginv1.PluginMessage_Log:
			c.log(k.Log)
		case *pluginv1.PluginMessage_Changed:
			select {
			case c.news <- struct{}{}:
			default:
			}
		case *pluginv1.PluginMessage_Elicit:
			c.elicit(ctx, k.Elicit, answer)
		case *pluginv1.PluginMessage_ElicitGone:
			c.mu.Lock()
			withdraw := c.asked[k.ElicitGone.GetId()]
			c.mu.Unlock()
			if withdraw != nil {
				withdraw()
			}
		}
	}
}

// tell passes changes on, with a rest after each: a plugin that says "changed"
// all the time costs no more than ten listings a second.
func (c *callbacks) tell(ctx context.Context) {
	for {
		select {
		case <-c.news:
		case <-ctx.Done():
			return
		}
		c.changed()
		rest := time.NewTimer(changeRest)
		select {
		case <-rest.C:
		case <-ctx.Done():
			rest.Stop()
			return
		}
	}
}

func (c *callbacks) log(l *pluginv1.Log) {
	level := hclog.LevelFromString(l.GetLevel()) // "warning" is none
	if level == hclog.NoLevel {
		level = hclog.Info
		if l.GetLevel() == "warning" {
			level = hclog.Warn
		}
	}
	line := l.GetText()
	line = line[:min(len(line), maxLogLine)]
	c.logger.Log(level, "plugin says", "line", line)
	c.keep(level.String() + ": " + line)
}

// elicit puts a question to whoever the call is made for, in a goroutine that
// close waits for.
func (c *callbacks) elicit(ctx context.Context, q *pluginv1.Elicit, answer func(*pluginv1.Answer)) {
	c.mu.Lock()
	call, ok := c.askers[q.GetCall()]
	open := len(c.asked)
	ctx, withdraw := context.WithCancel(ctx)
	if ok && open < maxQuestions {
		c.asked[q.GetId()] = withdraw
	}
	c.mu.Unlock()
	refuse := func(err error) {
		withdraw()
		answer(&pluginv1.Answer{Id: q.GetId(), Error: err.Error()})
	}
	switch {
	case !ok:
		refuse(errNobodyAsked)
		return
	case open >= maxQuestions:
		refuse(fmt.Errorf("%d questions of this plugin are open already", open))
		return
	case !json.Valid(q.GetParamsJson()):
		c.forget(q.GetId())
		refuse(errors.New("the question's params are no JSON"))
		return
	}
	c.work.Go(func() {
		defer withdraw()
		defer context.AfterFunc(call.ctx, withdraw)()
		result, err := call.ask(ctx, c.plugin, q.GetParamsJson())
		c.forget(q.GetId())
		a := &pluginv1.Answer{Id: q.GetId(), ResultJson: result}
		if err != nil {
			a.Error, a.ResultJson = strings.ToValidUTF8(err.Error(), "\uFFFD"), nil
		}
		answer(a)
	})
}

func (c *callbacks) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.asked, id)
}

// lend gives a call that may ask a name, which travels with it; done takes it
// back.
func (c *callbacks) lend(ctx context.Context) (_ context.Context, done func()) {
	ask := AskerOf(ctx)
	if ask == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	c.mu.Lock()
	c.serial++
	name := strconv.FormatUint(c.serial, 10)
	c.askers[name] = lent{ask, ctx}
	c.mu.Unlock()
	return metadata.AppendToOutgoingContext(ctx, serve.CallKey, name), func() {
		cancel()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.askers, name)
	}
}

// described is the manifest, or nil while there is none.
func (c *callbacks) described() *Manifest {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.manifest
}
