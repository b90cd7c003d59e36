package jsonrpc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestALargeFrameFitsIntoThePipe: a client that is busy when the answer comes holds nothing up.
func TestALargeFrameFitsIntoThePipe(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	if _, err := unix.FcntlInt(in.Fd(), unix.F_SETPIPE_SZ, widePipe); err != nil {
		t.Skipf("this system has no larger pipes to give: %v", err)
	}
	if _, err := unix.FcntlInt(in.Fd(), unix.F_SETPIPE_SZ, smallPipe); err != nil {
		t.Fatal(err)
	}
	q := newQueue(&style{}, 8<<20)
	go q.run(out)
	frame := append(bytes.Repeat([]byte{'x'}, widePipe/2), '\n')
	if err := q.put(frame); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := q.flush(ctx); err != nil {
		t.Errorf("nobody reads, and so the frame waits: %v", err)
		go func() { _, _ = io.Copy(io.Discard, in) }()
	}
	q.close()
	<-q.done
	if q.err != nil && !errors.Is(q.err, ErrClosed) {
		t.Error(q.err)
	}
}
