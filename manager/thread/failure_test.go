package thread_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/tool"
)

func TestFailures(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want string // the error as it is told
	}{
		{"bad request", &model.Error{Kind: model.FailRequest, Status: 400, Message: `{"raw":"body"}`}, `error false "{\"raw\":\"body\"}" "other"`},
		{"status", &model.Error{Kind: model.FailStatus, Status: 404, Message: "unexpected status 404 Not Found"}, `error false "unexpected status 404 Not Found" {"httpConnectionFailed":{"httpStatusCode":404}}`},
		{"too many requests", &model.Error{Kind: model.FailTooManyRequests, Status: 429, Message: "exceeded retry limit", Details: "not shown"}, `error false "exceeded retry limit" {"responseTooManyFailedAttempts":{"httpStatusCode":429}}`},
		{"server", &model.Error{Kind: model.FailServer, Status: 500, Message: "high demand"}, `error false "high demand" "internalServerError"`},
		{"usage", &model.Error{Kind: model.FailUsageLimit, Message: "no more"}, `error false "no more" "usageLimitExceeded"`},
		{"tls", &model.Error{Kind: model.FailTLS, Message: "bad certificate", Details: "x509"}, `error false "bad certificate" {"httpConnectionFailed":{"httpStatusCode":null}} "x509"`},
		{"wrapped", fmt.Errorf("asking: %w", &model.Error{Kind: model.FailOverloaded, Message: "full"}), `error false "full" "serverOverloaded"`},
		{"no model error", errors.New("boom"), `error false "boom" "other"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			engine(t, func(b *bench) {
				b.start()
				b.turn("go")
				b.told("status active", "turn/started", "started user go", "completed user go", "started agent msg_1 ", "agentMessage/delta msg_1 half",
					"status systemerror", c.want, "turn/completed failed notLoaded")
				if !b.heard.inFile([]string{"task_complete", `"error":{"`}) {
					t.Error("the file does not say that the turn failed")
				}
				b.turn("again")
				b.told("status active", "turn/started", "started user again", "completed user again", "status idle", "turn/completed completed notLoaded")
			}, cut(c.err, begun("msg_1", "half")), whole())
		})
	}
}

func TestRetries(t *testing.T) {
	broken := &model.Error{Kind: model.FailDisconnected, Message: "stream disconnected before completion: x", Details: "tcp", Retryable: true}
	again := func(n int) string {
		return fmt.Sprintf(`error true "Reconnecting... %d/2" {"responseStreamDisconnected":{"httpStatusCode":null}} "stream disconnected before completion: x"`, n)
	}
	t.Run("until it works", func(t *testing.T) {
		engine(t, func(b *bench) {
			b.start()
			begin := time.Now()
			b.turn("go")
			if took := time.Since(begin); took < 500*time.Millisecond || took > 700*time.Millisecond {
				t.Errorf("two retries took %v, not about 200 and 400 ms", took)
			}
			b.told("status active", "turn/started", "started user go", "completed user go",
				"started agent msg_1 ", "agentMessage/delta msg_1 half", again(1),
				"started agent msg_2 ", "completed agent msg_2 kept", again(2),
				"started agent msg_3 ", "completed agent msg_3 ok",
				"status idle", "turn/completed completed summary msg_3")
			same(t, b.model.said(2), []string{"user: go", "assistant: kept"}) // what was whole is not asked for again
		}, cut(broken, begun("msg_1", "half")), cut(broken, message("msg_2", "kept")), whole(message("msg_3", "ok")))
	})
	t.Run("until there are no more", func(t *testing.T) {
		engine(t, func(b *bench) {
			b.start()
			b.turn("go")
			b.told("status active", "turn/started", "started user go", "completed user go", again(1), again(2),
				"status systemerror", `error false "stream disconnected before completion: x" "other"`, "turn/completed failed notLoaded")
		}, cut(broken), cut(broken), cut(broken))
	})
	t.Run("as late as the server says", func(t *testing.T) {
		busy := *broken
		busy.RetryAfter = 7 * time.Second
		engine(t, func(b *bench) {
			b.start()
			begin := time.Now()
			b.turn("go")
			if took := time.Since(begin); took != 7*time.Second {
				t.Errorf("took %v", took)
			}
		}, cut(&busy), whole())
	})
	t.Run("without end while there is no network", func(t *testing.T) {
		gone := &model.Error{Kind: model.FailConnect, Message: "no route", Retryable: true}
		replies := []reply{cut(gone), cut(gone), cut(gone), cut(gone), cut(gone), whole()}
		engine(t, func(b *bench) {
			b.start()
			begin := time.Now()
			b.turn("go")
			if took := time.Since(begin); took != (1+2+4+5+5)*time.Second {
				t.Errorf("took %v", took)
			}
			if !b.heard.has(`error true "Reconnecting... waiting for the network, attempt 5"`) || !b.heard.has("turn/completed completed") {
				t.Errorf("heard %q", b.heard.all())
			}
		}, replies...)
	})
	t.Run("never where none are wanted", func(t *testing.T) {
		gone := &model.Error{Kind: model.FailConnect, Message: "no route", Retryable: true}
		engine(t, func(b *bench) {
			b.spec.Settings.StreamMaxRetries = 0
			b.start()
			b.turn("go")
			if !b.heard.has("turn/completed failed") {
				t.Errorf("heard %q", b.heard.all())
			}
		}, cut(gone))
	})
}

// A call whose stream breaks behind it is carried out once, and the retry brings its output.
func TestRetryAfterACall(t *testing.T) {
	engine(t, func(b *bench) {
		ran := 0
		b.tools["count"] = func(context.Context, tool.Turn, tool.Call) tool.Output {
			ran++
			return tool.Text("1")
		}
		b.start()
		b.turn("go")
		if ran != 1 {
			t.Errorf("the tool ran %d times", ran)
		}
		same(t, b.model.said(1), []string{"user: go", "call c1", "output c1: 1"})
	}, cut(&model.Error{Kind: model.FailDisconnected, Retryable: true}, calls("c1", "count", "{}")), whole())
}

// A disk that takes nothing does not stop a turn: the user is warned, and what
// could not be written follows with the next turn.
func TestFileCannotBeWritten(t *testing.T) {
	engine(t, func(b *bench) {
		b.start()
		b.heard.path = ""                            // what is told is not written here, and that is the point
		blocked := filepath.Join(b.home, "sessions") // a file where a folder must be stops even root
		if err := os.WriteFile(blocked, nil, 0o600); err != nil {
			b.Fatal(err)
		}
		b.turn("one")
		if !b.heard.has("warning Failed to save the conversation transcript") || !b.heard.has("turn/completed completed") {
			t.Errorf("heard %q", b.heard.all())
		}
		if err := os.Remove(blocked); err != nil {
			b.Fatal(err)
		}
		b.heard.forget()
		b.turn("two")
		if b.heard.has("warning") {
			t.Errorf("heard %q", b.heard.all())
		}
		h, err := b.store.Read(b.recorder.Path())
		if err != nil || len(h.UserMessages) != 2 {
			t.Errorf("the file holds %+v, %v", h, err)
		}
	}, whole(), whole())
}
