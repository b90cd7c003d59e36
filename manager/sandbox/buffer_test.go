package sandbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

// A buffer must hold the first and the last half of what was written, however it was cut into writes.
func TestBufferKeepsHeadAndTail(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for limit := range 40 {
		for range 60 {
			b := NewBuffer(limit)
			var all []byte
			for range r.IntN(12) {
				piece := make([]byte, r.IntN(25))
				for i := range piece {
					piece[i] = byte('a' + len(all) + i)
				}
				if n, err := b.Write(piece); n != len(piece) || err != nil {
					t.Fatal(n, err)
				}
				all = append(all, piece...)
			}
			checkOutput(t, b.Snapshot(), all, limit)
			checkOutput(t, b.Take(), all, limit)
			checkOutput(t, b.Snapshot(), nil, limit)
			_, _ = b.Write(all)
			checkOutput(t, b.Snapshot(), all, limit)
		}
	}
}

func checkOutput(t *testing.T, o Output, all []byte, limit int) {
	t.Helper()
	if o.Total != int64(len(all)) {
		t.Fatalf("limit %d: total %d of %d", limit, o.Total, len(all))
	}
	if len(all) <= limit {
		if !bytes.Equal(o.Bytes(), all) || o.Omitted != 0 {
			t.Fatalf("limit %d: %q and %d omitted of %q", limit, o.Bytes(), o.Omitted, all)
		}
		return
	}
	half := limit / 2
	if !bytes.Equal(o.Head, all[:half]) || !bytes.Equal(o.Tail, all[len(all)-(limit-half):]) || o.Omitted != int64(len(all)-limit) {
		t.Fatalf("limit %d: %q ... %q, %d omitted of %q", limit, o.Head, o.Tail, o.Omitted, all)
	}
}

// A late subscriber gets the past in the shape in which the stream holds it, then what follows.
func TestSubscribeLate(t *testing.T) {
	for _, past := range []string{"", "abc", "abcdefghijklmnopqrstuvwxyz"} {
		for _, limit := range []int{4, 8, 100} {
			s := newStream(8)
			s.write([]byte(past))
			sub := s.Subscribe(limit)
			s.write([]byte("XY"))
			s.end()
			s.end()
			o, err := sub.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			checkOutput(t, o, []byte(past+"XY"), min(limit, 8))
			if _, err := sub.Next(t.Context()); err != io.EOF {
				t.Errorf("after the end: %v", err)
			}
			if o, err := s.Subscribe(8).Next(t.Context()); err != nil || o.Total != int64(len(past)+2) {
				t.Errorf("a subscription to an ended stream: %+v %v", o, err)
			}
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	s := newStream(8)
	sub := s.Subscribe(8)
	if _, err := sub.Next(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	sub.Close()
	sub.Close()
	s.write([]byte("x"))
	if o := sub.Take(); o.Total != 0 {
		t.Error("a closed subscription still gets output")
	}
}

func BenchmarkBuffer(b *testing.B) {
	buf := NewBuffer(DefaultOutputLimit)
	p := make([]byte, 32<<10)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		_, _ = buf.Write(p)
	}
}
