package plugins

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// WireMessage is what passes between the host and a plugin: a message of a call,
// or the end of the call.
type WireMessage struct {
	Plugin     string
	PID        int
	Generation uint64
	Call       uint64 // tells the calls of one process apart
	Method     string // "/package.Service/Method"
	Sent       bool   // by the host
	// Body is the message, nil at the end of the call. It is only to be looked at,
	// and not to be kept.
	Body proto.Message
	Took time.Duration // since the call began
	Err  error         // why the call ended, if not as it should
}

// wire shows the messages of an instance to onWire. Health and the library's own
// calls are not shown.
type wire struct {
	in     *instance
	onWire func(WireMessage)
	calls  atomic.Uint64
}

// wireOptions are the interceptors that show the wire; none if nobody looks.
func (h *Host) wireOptions(in *instance) []grpc.DialOption {
	if h.onWire == nil {
		return nil
	}
	w := &wire{in: in, onWire: h.onWire}
	return []grpc.DialOption{grpc.WithChainUnaryInterceptor(w.unary), grpc.WithChainStreamInterceptor(w.stream)}
}

func ours(method string) bool { return strings.HasPrefix(method, "/codexhost.") }

// wireCall is one call that is shown.
type wireCall struct {
	wire   *wire
	id     uint64
	method string
	start  time.Time
	once   sync.Once
}

func (w *wire) call(method string) *wireCall {
	return &wireCall{wire: w, id: w.calls.Add(1), method: method, start: time.Now()}
}

func (c *wireCall) show(m WireMessage) {
	in := c.wire.in
	m.Plugin, m.PID, m.Generation = in.spec.Name, in.proc.pid(), in.generation
	m.Call, m.Method, m.Took = c.id, c.method, time.Since(c.start)
	c.wire.onWire(m)
}

func (c *wireCall) body(sent bool, body any) {
	if m, ok := body.(proto.Message); ok {
		c.show(WireMessage{Sent: sent, Body: m})
	}
}

func (c *wireCall) end(err error) {
	c.once.Do(func() {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		c.show(WireMessage{Err: err})
	})
}

func (w *wire) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if !ours(method) {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	c := w.call(method)
	c.body(true, req)
	err := invoke(ctx, method, req, reply, cc, opts...)
	if err == nil {
		c.body(false, reply)
	}
	c.end(err)
	return err
}

func (w *wire) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := open(ctx, desc, cc, method, opts...)
	if !ours(method) {
		return s, err
	}
	c := w.call(method)
	if err != nil {
		c.end(err)
		return nil, err
	}
	return &wireStream{s, c}, nil
}

// wireStream is a stream whose messages are shown.
type wireStream struct {
	grpc.ClientStream
	call *wireCall
}

func (s *wireStream) SendMsg(m any) error {
	s.call.body(true, m)
	return s.ClientStream.SendMsg(m)
}

func (s *wireStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil {
		s.call.body(false, m)
	} else {
		s.call.end(err)
	}
	return err
}
