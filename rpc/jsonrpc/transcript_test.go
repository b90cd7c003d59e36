package jsonrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected output of the transcripts")

// TestTranscripts plays each file of testdata/transcripts: what the client writes (in) and what it reads (out), with
// <CR>, <BOM>, <0xNN> for bytes that a text file hides and <NONL> for a line end that is not there. The input comes in
// one piece, byte by byte, and in halves; nothing may depend on it.
func TestTranscripts(t *testing.T) {
	names, err := filepath.Glob("testdata/transcripts/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			in, want := part(t, a, "in"), part(t, a, "out")
			for how, r := range map[string]io.Reader{
				"whole":    bytes.NewReader(bytesOf(in.Data)),
				"bytewise": iotest.OneByteReader(bytes.NewReader(bytesOf(in.Data))),
				"halves":   iotest.HalfReader(bytes.NewReader(bytesOf(in.Data))),
			} {
				got := textOf(play(t, r, Options{MaxFrame: 512}))
				if *update {
					want.Data = got
					continue
				}
				if !bytes.Equal(got, want.Data) {
					t.Errorf("%s: got\n%s\nwant\n%s", how, got, want.Data)
				}
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func part(t *testing.T, a *txtar.Archive, name string) *txtar.File {
	for i := range a.Files {
		if a.Files[i].Name == name {
			return &a.Files[i]
		}
	}
	t.Fatalf("no file %s", name)
	return nil
}

var hidden = regexp.MustCompile(`<0x([0-9a-f]{2})>`)

func bytesOf(b []byte) []byte {
	s := strings.NewReplacer("<CR>", "\r", "<BOM>", "\xef\xbb\xbf", "<NONL>\n", "").Replace(string(b))
	return hidden.ReplaceAllFunc([]byte(s), func(m []byte) []byte {
		n, _ := strconv.ParseUint(string(m[3:5]), 16, 8)
		return []byte{byte(n)}
	})
}

func textOf(b []byte) []byte {
	s := strings.NewReplacer("\r", "<CR>", "}Content-Length", "}<NONL>\nContent-Length").Replace(string(b))
	if s != "" && !strings.HasSuffix(s, "\n") {
		s += "<NONL>\n"
	}
	return []byte(s)
}

// play runs a connection over in to its end and returns what it wrote.
func play(t *testing.T, in io.Reader, o Options) []byte {
	t.Helper()
	var out bytes.Buffer
	h := &scripted{}
	o.Clock = func() time.Time { return time.UnixMilli(1700000000000) }
	h.c = NewConn(in, &out, h, o)
	if err := h.c.Run(t.Context()); err != nil {
		t.Errorf("Run: %v", err)
	}
	h.wg.Wait()
	if err := h.c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	return out.Bytes()
}

// scripted answers echo with its params and ask with what the client answers to a question; it refuses other requests,
// and tells of notifications.
type scripted struct {
	c  *Conn
	wg sync.WaitGroup
}

func (h *scripted) Request(ctx context.Context, id ID, method string, params json.RawMessage) {
	switch method {
	case "echo":
		h.c.Reply(id, params)
	case "ask":
		p, err := h.c.Start(ctx, "question", params)
		if err != nil {
			h.c.ReplyError(id, &Error{Code: 1, Message: err.Error()})
			return
		}
		h.wg.Go(func() { h.answer(id, p) })
	default:
		h.c.ReplyError(id, &Error{Code: CodeInvalidRequest, Message: "unknown method " + method})
	}
}

func (h *scripted) answer(id ID, p *Pending) {
	result, err := p.Wait(context.Background())
	var refused *Error
	switch {
	case errors.As(err, &refused):
		h.c.ReplyError(id, refused)
	case err != nil:
		h.c.ReplyError(id, &Error{Code: 1, Message: err.Error()})
	default:
		h.c.Reply(id, result)
	}
}

func (h *scripted) Notification(ctx context.Context, method string, params json.RawMessage) {
	h.c.Notify(ctx, "seen/"+method, params)
}
