package jsonrpc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

// BenchmarkRequests is a client that keeps 16 requests under way over real pipes; each is answered from the handler.
func BenchmarkRequests(b *testing.B) {
	const depth = 16
	inR, inW := pipe(b)
	outR, outW := pipe(b)
	h := &echo{}
	h.c = NewConn(inR, outW, h, Options{})
	go h.c.Run(b.Context())
	line := []byte(`{"id":17,"method":"thread/loaded/list","params":{"cursor":null,"limit":25,"note":"` + strings.Repeat("x", 100) + `"}}` + "\n")
	batch := bytes.Repeat(line, depth)
	answers := bufio.NewReader(outR)
	b.ReportAllocs()
	for i := 0; i < b.N; i += depth {
		inW.Write(batch)
		for range depth {
			if _, err := answers.ReadSlice('\n'); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.StopTimer()
	inW.Close()
	h.c.Close()
}

func pipe(b *testing.B) (*os.File, *os.File) {
	r, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func BenchmarkDelta(b *testing.B) {
	outR, outW := pipe(b)
	read := make(chan struct{})
	go func() { defer close(read); io.Copy(io.Discard, outR) }()
	c := NewConn(strings.NewReader(""), outW, nil, Options{})
	d := Delta{
		Method: "item/agentMessage/delta",
		Head:   []byte(`{"threadId":"019a7c3e-0000-7000-8000-000000000001","turnId":"019a7c3e-0000-7000-8000-000000000002","itemId":"msg_0123456789","delta":`),
		Text:   strings.Repeat("word ", 12),
	}
	b.ReportAllocs()
	for range b.N {
		c.Delta(context.Background(), d)
	}
	c.Close()
	b.StopTimer()
	outW.Close()
	<-read
}

func BenchmarkNotify(b *testing.B) {
	c := NewConn(strings.NewReader(""), io.Discard, nil, Options{})
	params := json.RawMessage(`{"threadId":"019a7c3e-0000-7000-8000-000000000001","status":{"type":"idle"}}`)
	b.ReportAllocs()
	for range b.N {
		c.Notify(context.Background(), "thread/status/changed", params)
	}
	c.Close()
}

func BenchmarkScan(b *testing.B) {
	text := strings.Repeat("plain ASCII text with an é and a \\\"quote\\\" now and then; ", 20)
	for _, bc := range []struct{ name, params string }{
		{"small", `{"threadId":"019a7c3e-0000-7000-8000-000000000001","limit":25,"tags":["a","b"],"ok":true}`},
		{"text", `{"text":"` + text + `"}`},
		{"base64", `{"data":"` + strings.Repeat("QUJD", 256<<10) + `"}`},
		{"objects", `{"data":[` + strings.TrimSuffix(strings.Repeat(`{"id":1,"name":"x","tags":[1,2.5,null]},`, 1000), ",") + `]}`},
	} {
		frame := []byte(`{"id":1,"method":"turn/start","params":` + bc.params + `}`)
		b.Run(bc.name, func(b *testing.B) {
			var s scanner
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for range b.N {
				if _, err := s.scan(frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFrame reads one large request, in the pieces that a pipe gives.
func BenchmarkFrame(b *testing.B) {
	for _, mb := range []int{1, 16, 48} {
		frame := []byte(`{"method":"x","params":{"data":"` + strings.Repeat("y", mb<<20) + `"}}` + "\n")
		b.Run(fmt.Sprintf("%dMiB", mb), func(b *testing.B) {
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for range b.N {
				c := NewConn(&chunks{frame, 64 << 10}, io.Discard, ignore{}, Options{})
				if err := c.Run(b.Context()); err != nil {
					b.Fatal(err)
				}
				c.Close()
			}
		})
	}
}

type ignore struct{}

func (ignore) Request(context.Context, ID, string, json.RawMessage)  {}
func (ignore) Notification(context.Context, string, json.RawMessage) {}

// chunks gives b in pieces of at most n bytes.
type chunks struct {
	b []byte
	n int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.n)], c.b)
	c.b = c.b[n:]
	return n, nil
}
