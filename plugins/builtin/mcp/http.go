package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

// Over HTTP the SDK's own connection is used. To get results past its types, a
// call is made as a custom method, whose types are raw JSON, and gets its real
// name when the request is sent.
const rawPrefix = "codexhost/raw/"

// httpSession is a server reached over streamable HTTP.
type httpSession struct {
	requests
	sdk   *sdk.ClientSession
	info  provider.Info
	asked atomic.Bool
	once  sync.Once
	stop  chan struct{} // closed by Close
	done  chan struct{}
	end   provider.End // set before done is closed
}

// startHTTP connects to a server. It has been counted into p.sessions and counts
// itself out.
func (p *Provider) startHTTP(ctx context.Context, c *provider.Config, host provider.Host) (provider.Session, error) {
	rt := &rewriter{next: http.DefaultTransport.(*http.Transport).Clone(), headers: c.Headers, agent: c.Client.Name + "/" + c.Client.Version, login: loginOf(c)}
	client := newClient(c, &sdk.ClientOptions{
		ToolListChangedHandler:      func(context.Context, *sdk.ToolListChangedRequest) { host.ToolsChanged() },
		ResourceListChangedHandler:  func(context.Context, *sdk.ResourceListChangedRequest) { provider.TellResourcesChanged(host) },
		ProgressNotificationHandler: func(_ context.Context, r *sdk.ProgressNotificationClientRequest) { host.Progress(raw(r.Params)) },
		//lint:ignore SA1019 servers of the protocol we speak still log this way
		LoggingMessageHandler: func(_ context.Context, r *sdk.LoggingMessageRequest) { host.Log(logLine(raw(r.Params))) },
		// Never called: the middleware answers. It makes the SDK accept the request.
		ElicitationHandler: func(context.Context, *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
			return &sdk.ElicitResult{Action: "cancel"}, nil
		},
	})
	client.AddReceivingMiddleware(elicitor(host))
	for _, method := range []string{"tools/list", "tools/call", "resources/list", "resources/templates/list", "resources/read"} {
		if err := sdk.AddSendingCustomMethod[*rawParams, *rawAnswer](client, rawPrefix+method); err != nil {
			p.sessions.Done()
			return nil, &provider.StartError{Stage: provider.StageConfig, Reason: err.Error()}
		}
	}
	cs, err := client.Connect(ctx, &sdk.StreamableClientTransport{
		Endpoint: c.URL, HTTPClient: &http.Client{Transport: rt, CheckRedirect: sameOrigin}, MaxEventSize: maxLine,
	}, &sdk.ClientSessionOptions{ProtocolVersion: protocolVersion})
	stage := provider.StageHandshake
	s := &httpSession{requests: requests{httpCaller{cs}}, sdk: cs, stop: make(chan struct{}), done: make(chan struct{})}
	if err == nil {
		stage = provider.StageTools
		s.info = infoOf(cs.InitializeResult(), nil)
		if err = s.allTools(ctx, host, &s.info); err != nil {
			_ = cs.Close()
		}
	}
	if err != nil {
		go func() { // counted in p.sessions
			defer p.sessions.Done()
			rt.close()
		}()
		e := startError(ctx, stage, err, provider.Remains{})
		if rt.unauthorized.Load() {
			e.Stage = provider.StageAuth
		}
		return nil, e
	}
	go func() { // counted in p.sessions
		defer p.sessions.Done()
		s.run(p.hurry)
		rt.close()
	}()
	return s, nil
}

// run waits for the end of the session.
func (s *httpSession) run(hurry <-chan struct{}) {
	ended := make(chan error, 1)
	go func() { ended <- s.sdk.Wait() }() // ends with the Close below
	reason := "the server closed the connection"
	select {
	case <-s.stop:
		reason = "stopped"
	case <-hurry:
		reason = errShut.Error()
	case err := <-ended:
		if err != nil {
			reason = err.Error()
		}
	}
	closed := make(chan struct{})
	go func() { // the farewell is a request of its own, which the SDK bounds
		_ = s.sdk.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-hurry:
	}
	s.end = provider.End{Asked: s.asked.Load(), Reason: reason}
	close(s.done)
}

// Info implements the contract.
func (s *httpSession) Info() provider.Info { return s.info }

// Done implements the contract.
func (s *httpSession) Done() <-chan struct{} { return s.done }

// End implements the contract.
func (s *httpSession) End() provider.End {
	select {
	case <-s.done:
		return s.end
	default:
		return provider.End{}
	}
}

// Close implements the contract.
func (s *httpSession) Close(ctx context.Context) error {
	s.once.Do(func() {
		s.asked.Store(true)
		close(s.stop)
	})
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// httpCaller makes raw calls through the SDK.
type httpCaller struct{ session *sdk.ClientSession }

func (c httpCaller) call(ctx context.Context, method string, params []byte) (json.RawMessage, error) {
	var refused atomic.Bool
	ctx = context.WithValue(ctx, refusedKey{}, &refused)
	a, err := sdk.CallCustomMethod[*rawParams, *rawAnswer](ctx, c.session, rawPrefix+method, &rawParams{json: params})
	switch {
	case err == nil:
		if len(a.json) > maxResult {
			return nil, tooLarge(len(a.json))
		}
		return a.json, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case refused.Load(): // not carried out; the next start says what the user has to do
		return nil, &provider.CallError{Cause: provider.CauseUnsent, Message: "the server no longer accepts the login"}
	}
	if w, ok := errors.AsType[*jsonrpc.Error](err); ok && w.Code == codeTooLarge {
		return nil, &provider.CallError{Cause: provider.CauseTooLarge, Message: w.Message}
	} else if ok {
		return nil, &provider.CallError{Cause: provider.CauseServer, Code: w.Code, Message: w.Message, Data: w.Data}
	}
	if errors.Is(err, sdk.ErrConnectionClosed) || errors.Is(err, sdk.ErrSessionMissing) {
		return nil, errClosed()
	}
	return nil, &provider.CallError{Cause: provider.CauseUnknown, Message: strings.ReplaceAll(err.Error(), rawPrefix, "")}
}

// rawParams and rawAnswer are JSON that the SDK leaves alone.
type rawParams struct {
	sdk.ParamsBase
	json json.RawMessage
}

func (p *rawParams) MarshalJSON() ([]byte, error) { return p.json, nil }

type rawAnswer struct {
	sdk.ResultBase
	json json.RawMessage
}

func (a *rawAnswer) MarshalJSON() ([]byte, error) { return a.json, nil }

func (a *rawAnswer) UnmarshalJSON(b []byte) error {
	a.json = bytes.Clone(b)
	return nil
}

// elicitor answers a server's questions; what the host answers goes out as it is.
func elicitor(host provider.Host) sdk.Middleware {
	return func(next sdk.MethodHandler) sdk.MethodHandler {
		return func(ctx context.Context, method string, r sdk.Request) (sdk.Result, error) {
			if method != "elicitation/create" {
				return next(ctx, method, r)
			}
			result, err := host.Elicit(ctx, raw(r.GetParams()))
			if err != nil {
				return nil, err
			}
			return &rawAnswer{json: result}, nil
		}
	}
}

func raw(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("{}")
	}
	return b
}
