package plugins

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// calls counts what is under way on one instance: gRPC calls, and leases of
// callers that are about to make some.
type calls struct {
	mu   sync.Mutex
	n    int
	busy chan struct{} // has a token after n left 0
	idle chan struct{} // closed while n is 0
}

func (c *calls) init() {
	c.busy = make(chan struct{}, 1)
	c.idle = make(chan struct{})
	close(c.idle)
}

func (c *calls) enter() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n++; c.n == 1 {
		c.idle = make(chan struct{})
		select {
		case c.busy <- struct{}{}:
		default:
		}
	}
}

func (c *calls) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n--; c.n == 0 {
		close(c.idle)
	}
}

// quiet returns a channel that is closed when nothing is under way.
func (c *calls) quiet() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.idle
}

// ping looks after an instance that is at work. A process that was stopped, or
// is stuck, keeps its socket and lets every call wait; when it answers not even
// a ping, it is killed, and the calls end. An idle plugin costs nothing.
func (in *instance) ping() {
	for {
		select {
		case <-in.proc.dead:
			return
		case <-in.calls.busy:
		}
		missed := 0
		for quiet := in.calls.quiet(); ; quiet = in.calls.quiet() {
			t := time.NewTimer(in.times.PingEvery)
			select {
			case <-in.proc.dead:
				t.Stop()
				return
			case <-quiet:
				t.Stop()
			case <-t.C:
			}
			if isClosed(quiet) {
				break
			}
			ctx, cancel := context.WithTimeout(context.Background(), in.times.PingWait)
			err := in.check(ctx)
			cancel()
			if err == nil {
				missed = 0
				continue
			}
			if missed++; missed >= pingMisses && !in.dead() {
				in.logger.Error("plugin stopped answering and is killed", "pid", in.proc.pid())
				in.end(in.failure(ReasonStuck, fmt.Sprintf("%d pings of %v went unanswered", missed, in.times.PingWait), nil))
				return
			}
		}
	}
}

// pingMisses in a row take a plugin for stuck. One may be lost to a machine
// that was busy, or asleep.
const pingMisses = 2

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// unary and stream see every call of the contract. They count it, log it, and
// put the supervisor's account in the place of gRPC's when the process died.

func (in *instance) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if internal(method) {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	in.calls.enter()
	defer in.calls.leave()
	ctx, over := in.back.lend(ctx)
	defer over()
	start := time.Now()
	err := in.explain(ctx, invoke(ctx, method, req, reply, cc, opts...))
	in.trace(method, start, err)
	return err
}

func (in *instance) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if internal(method) {
		return open(ctx, desc, cc, method, opts...)
	}
	in.calls.enter()
	ctx, over := in.back.lend(ctx)
	s, err := open(ctx, desc, cc, method, opts...)
	if err != nil {
		over()
		in.calls.leave()
		return nil, in.explain(ctx, err)
	}
	w := &callStream{ClientStream: s, in: in, ctx: ctx, method: method, start: time.Now(), oneReply: !desc.ServerStreams, over: over}
	w.release = context.AfterFunc(ctx, func() { w.done(ctx.Err()) })
	return w, nil
}

// internal methods are go-plugin's own, the ping, and what is beside the contract.
func internal(method string) bool {
	return strings.HasPrefix(method, "/plugin.") || strings.HasPrefix(method, "/grpc.health.") ||
		strings.HasPrefix(method, "/codexhost.plugin.")
}

// callStream is a stream that is counted until it ends: by an error or end of
// file on receiving, or by the end of its context.
type callStream struct {
	grpc.ClientStream
	in       *instance
	ctx      context.Context
	method   string
	start    time.Time
	oneReply bool
	release  func() bool
	over     func() // of what lend gave
	once     sync.Once
}

func (s *callStream) done(err error) {
	s.once.Do(func() {
		s.over()
		s.in.calls.leave()
		s.in.trace(s.method, s.start, err)
	})
}

func (s *callStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err != nil || s.oneReply {
		s.release()
		err = s.in.explain(s.ctx, err)
		s.done(err)
	}
	return err
}

func (in *instance) trace(method string, start time.Time, err error) {
	if in.logger.IsTrace() {
		in.logger.Trace("plugin call", "method", method, "took", time.Since(start), "error", err)
	}
}
