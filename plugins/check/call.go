package check

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

const (
	crowd      = 32                     // calls side by side
	bigMessage = 8 << 20                // twice what a gRPC server takes unless told otherwise
	maxPiece   = 4 << 20                // what a gRPC client takes unless told otherwise
	futureNo   = 1999                   // a field's number that no version has
	futureEnum = 77                     // a value that no enumeration has
	shortly    = 300 * time.Millisecond // a deadline that a plugin may miss
)

// invoke makes a call whose request and answer do not matter.
func (p *process) invoke(ctx context.Context, method string) error {
	return p.conn.Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{})
}

// ping makes a call that any gRPC server refuses, and fails if it does not come back.
func (p *process) ping(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := p.conn.Invoke(ctx, "/codexhost.check.v1.Nothing/AtAll", &emptypb.Empty{}, &emptypb.Empty{}, grpc.WaitForReady(true))
	if status.Code(err) != codes.Unimplemented {
		return fmt.Errorf("a call of a service that nobody has is not answered with UNIMPLEMENTED within %v, but with: %v", within, err)
	}
	return nil
}

// addUnknown puts a field of n bytes into m that no version of the contract has.
func addUnknown(m proto.Message, n int) {
	b := protowire.AppendTag(nil, futureNo, protowire.BytesType)
	b = protowire.AppendBytes(b, make([]byte, n))
	m.ProtoReflect().SetUnknown(append(m.ProtoReflect().GetUnknown(), b...))
}

// sideBySide runs n calls of f at once and returns the first error.
func sideBySide(n int, f func(i int) error) error {
	errs := make(chan error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs <- f(i) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// alive tells whether the process still serves after what was done to it.
func (s *suite) alive(ctx context.Context, p *process, after string) error {
	if p.awaitEnd(ctx, 20*time.Millisecond) { // its end travels another way than its answer
		return fmt.Errorf("%s killed it", after)
	}
	if err := p.ping(ctx, s.limits.Answer); err != nil {
		return fmt.Errorf("after %s: %w", after, err)
	}
	return nil
}
