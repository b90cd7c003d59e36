package jsonrpc

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/sourcegraph/jsonrpc2"
)

// stream is what a jsonrpc2.Conn reads from and writes to: answers in, finished frames out.
//
// Inwards it gets every answer as a result of null, and onRecv, which runs on the same goroutine right behind, puts the
// real outcome in its place: so it is decoded once, by the scanner. Outwards it gets objects that it would have to
// encode its own way; onSend, which runs under the same lock right before, sees what is in them.
type stream struct {
	out     *queue
	log     hclog.Logger
	answers chan answer
	closed  chan struct{}
	once    sync.Once
	idle    chan struct{} // closed when ReadObject is done for good

	now answer // of the goroutine that reads

	// Under the send lock of jsonrpc2.Conn.
	request  *jsonrpc2.Request
	response *jsonrpc2.Response
	// Also under Conn.calls: the call being sent, without its number, and then the number.
	call func(id int64) []byte
	id   int64
}

// answer settles a request of ours.
type answer struct {
	id     uint64
	result json.RawMessage
	err    *Error
	forget bool // not from the client: the caller went away, or no answer can come
}

// forgotten is the outcome of a call that was given up.
var forgotten = &jsonrpc2.Error{Message: "forgotten"}

func newStream(out *queue, log hclog.Logger) *stream {
	return &stream{out: out, log: log, answers: make(chan answer, 16), closed: make(chan struct{}), idle: make(chan struct{})}
}

// settle hands an answer to whoever waits for it. It does not wait for that.
func (s *stream) settle(a answer) {
	select {
	case s.answers <- a:
	case <-s.closed:
	}
}

// ReadObject implements jsonrpc2.ObjectStream.
func (s *stream) ReadObject(v any) error {
	select {
	case s.now = <-s.answers:
	case <-s.closed:
		close(s.idle)
		return io.EOF
	}
	b := strconv.AppendUint(append(make([]byte, 0, 48), `{"id":`...), s.now.id, 10)
	return json.Unmarshal(append(b, `,"result":null}`...), v)
}

func (s *stream) onRecv(_ *jsonrpc2.Request, resp *jsonrpc2.Response) {
	if resp == nil {
		return
	}
	a := s.now
	switch {
	case a.forget:
		resp.Result, resp.Error = nil, forgotten
	case a.err != nil:
		resp.Result, resp.Error = nil, &jsonrpc2.Error{Code: a.err.Code, Message: a.err.Message, Data: &a.err.Data}
	case a.result != nil:
		resp.Result = &a.result
	}
}

func (s *stream) onSend(req *jsonrpc2.Request, resp *jsonrpc2.Response) {
	s.request, s.response = req, resp
}

// WriteObject implements jsonrpc2.ObjectStream. A response carries its finished frame as its result.
func (s *stream) WriteObject(any) error {
	req, resp := s.request, s.response
	s.request, s.response = nil, nil
	if resp != nil {
		return s.out.put(*resp.Result)
	}
	s.id = int64(req.ID.Num)
	return s.out.put(s.call(s.id))
}

// Close implements jsonrpc2.ObjectStream.
func (s *stream) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// Handle implements jsonrpc2.Handler. ReadObject returns answers only.
func (s *stream) Handle(_ context.Context, _ *jsonrpc2.Conn, req *jsonrpc2.Request) {
	s.log.Error("a request reached jsonrpc2", "method", req.Method)
}

// Printf implements jsonrpc2.Logger: it tells of answers that nobody waits for, on the goroutine that reads.
func (s *stream) Printf(string, ...any) {
	if !s.now.forget {
		s.log.Debug("answer to a request that is not open", "id", s.now.id)
	}
}
