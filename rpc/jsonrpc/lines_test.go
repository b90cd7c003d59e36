package jsonrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestBadLines sends lines that clients should not send, each between two good ones, and checks what is said to each:
// "9010 handled" reached the handler, "null -32700" was refused with id null, nothing is silence.
func TestBadLines(t *testing.T) {
	garbage := make([]byte, 4096)
	for i, r := 0, rand.New(rand.NewPCG(5, 5)); i < len(garbage); i++ {
		if garbage[i] = byte(r.Uint32()); garbage[i] == '\n' {
			garbage[i] = 0
		}
	}
	members := &strings.Builder{}
	for i := range 100000 {
		fmt.Fprintf(members, `%q:%d,`, fmt.Sprint(i), i)
	}
	long := strings.Repeat("L", 10000)
	for _, c := range []struct{ name, line, want string }{
		{"truncated object", `{"id":9001,"method":`, "null -32700"},
		{"bare word", "hello", "null -32700"},
		{"unbalanced", `{"id":9002,"method":"thread/list","params":{}}}`, "null -32700"},
		{"two objects on a line", `{"id":9003,"method":"x","params":{}}{"id":9004,"method":"x","params":{}}`, "null -32700"},
		{"single quotes", `{'id':9005,'method':'thread/list'}`, "null -32700"},
		{"NaN", `{"id":9006,"method":"thread/list","params":{"limit":NaN}}`, "null -32700"},
		{"trailing comma", `{"id":9007,"method":"thread/list","params":{},}`, "null -32700"},
		{"invalid utf-8", "{\"id\":9008,\"method\":\"thread/list\",\"params\":{\"cursor\":\"\xff\xfe\xc3\x28\"}}", "null -32700"},
		{"overlong utf-8", "{\"id\":9009,\"method\":\"thread/list\",\"params\":{\"cursor\":\"\xc0\x80\"}}", "null -32700"},
		{"utf-8 surrogate", "{\"id\":9009,\"method\":\"thread/list\",\"params\":{\"cursor\":\"\xed\xa0\x80\"}}", "null -32700"},
		{"utf-8 in a key", "{\"id\":9009,\"\xff\":1,\"method\":\"thread/list\"}", "null -32700"},
		{"lone surrogate", `{"id":9010,"method":"x","params":{"threadId":"\ud800","name":"\udc00"}}`, "9010 handled"},
		{"nul byte", "{\"id\":9011,\"method\":\"thread/li\x00st\",\"params\":{}}", "null -32700"},
		{"escaped nul", `{"id":9012,"method":"x","params":{"threadId":"a\u0000b","name":"x"}}`, "9012 handled"},
		{"raw control characters", "{\"id\":9013,\"method\":\"thread/read\",\"params\":{\"threadId\":\"a\x01\x02\x1b[2J\"}}", "null -32700"},
		{"binary garbage", string(garbage), "null -32700"},
		{"empty line", "", ""},
		{"blanks", "   \t  ", ""},
		{"carriage return", "\r", ""},
		{"CRLF request", `{"id":9014,"method":"nope/crlf","params":{}}` + "\r", "9014 handled"},
		{"BOM", "\xef\xbb\xbf" + `{"id":9015,"method":"nope/bom","params":{}}`, "9015 handled"},
		{"empty array", "[]", "null -32600"},
		{"batch", `[{"id":9016,"method":"x","params":{}},{"id":9017,"method":"x","params":{}}]`, "null -32600"},
		{"number", "42", "null -32600"},
		{"string", `"hi"`, "null -32600"},
		{"null", "null", "null -32600"},
		{"true", "true", "null -32600"},
		{"empty object", "{}", "null -32600"},
		{"no method", `{"id":9018}`, "9018 -32600"},
		{"null method", `{"id":9019,"method":null}`, "9019 -32600"},
		{"number method", `{"id":9020,"method":5,"params":{}}`, "9020 -32600"},
		{"empty method", `{"id":9021,"method":"","params":{}}`, "9021 handled"},
		{"unknown method", `{"id":9022,"method":"no/such","params":{}}`, "9022 handled"},
		{"wrong case of a member", `{"id":9023,"Method":"thread/list","params":{}}`, "9023 -32600"},
		{"missing params", `{"id":9024,"method":"thread/read"}`, "9024 handled"},
		{"array params", `{"id":9025,"method":"thread/read","params":[1,2]}`, "9025 handled"},
		{"extra members", `{"id":9026,"method":"nope/extra","params":{},"jsonrpc":"9.9","x":{"y":1}}`, "9026 handled"},
		{"null id", `{"id":null,"method":"x","params":{}}`, "null -32600"},
		{"float id", `{"id":1.5,"method":"x","params":{}}`, "null -32600"},
		{"object id", `{"id":{"a":1},"method":"x","params":{}}`, "null -32600"},
		{"bool id", `{"id":true,"method":"x","params":{}}`, "null -32600"},
		{"huge id", `{"id":123456789012345678901234567890,"method":"nope","params":{}}`, "null -32600"},
		{"negative id", `{"id":-7,"method":"nope/neg","params":{}}`, "-7 handled"},
		{"string id", `{"id":"s-1","method":"nope/str","params":{}}`, `"s-1" handled`},
		{"long string id", `{"id":"` + long + `","method":"nope/long","params":{}}`, `"` + long + `" handled`},
		{"unicode id", `{"id":"\u00e9\ud83d\ude00","method":"nope/uni","params":{}}`, `"é😀" handled`},
		{"duplicate keys", `{"id":9027,"id":9028,"method":"nope/dup","method":"nope/dup2","params":{}}`, "9028 handled"},
		{"answer to nothing", `{"id":777777,"result":{}}`, ""},
		{"error to nothing", `{"id":777778,"error":{"code":1,"message":"x"}}`, ""},
		{"malformed error", `{"id":777779,"error":"x"}`, ""},
		{"answer with null id", `{"id":null,"result":{}}`, ""},
		{"answer with all members", `{"id":777780,"method":null,"params":null,"result":1,"error":null}`, ""},
		{"request with all members", `{"id":9034,"method":"x","params":null,"result":null,"error":null}`, "9034 handled"},
		{"unknown notification", `{"method":"no/such/notification","params":{}}`, "noted"},
		{"notification with bad params", `{"method":"initialized","params":[1]}`, "noted"},
		{"deep nesting 100k", `{"id":9030,"method":"x","params":` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + `}`, "null -32700"},
		{"deep objects 100k", `{"id":9031,"method":"x","params":` + strings.Repeat(`{"a":`, 100000) + "1" + strings.Repeat("}", 100000) + `}`, "null -32700"},
		{"100k members", `{"id":9032,"method":"x","params":{` + members.String() + `"z":0}}`, "9032 handled"},
		{"1e999", `{"id":9033,"method":"thread/list","params":{"limit":1e999}}`, "9033 handled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := `{"id":1,"method":"before"}` + "\n" + c.line + "\n" + `{"id":2,"method":"after"}` + "\n"
			want := []string{"1 handled", "2 handled"}
			if c.want != "" {
				want = []string{"1 handled", c.want, "2 handled"}
			}
			var out bytes.Buffer
			h := &acknowledge{}
			h.c = NewConn(strings.NewReader(in), &out, h, Options{})
			if err := h.c.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := h.c.Close(); err != nil {
				t.Fatal(err)
			}
			if got := outcomes(t, out.Bytes()); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got %.300q, want %.300q", got, want)
			}
		})
	}
}

// acknowledge answers every request, and tells of every notification.
type acknowledge struct{ c *Conn }

func (h *acknowledge) Request(_ context.Context, id ID, _ string, params json.RawMessage) {
	if params != nil && !json.Valid(params) {
		h.c.ReplyError(id, &Error{Code: 1, Message: "invalid params were handed over"})
		return
	}
	h.c.Reply(id, "handled")
}

func (h *acknowledge) Notification(ctx context.Context, _ string, _ json.RawMessage) {
	h.c.Notify(ctx, "noted", nil)
}

// outcomes reduces what the host wrote to a word or two per line, and checks the data of refusals.
func outcomes(t *testing.T, out []byte) (words []string) {
	t.Helper()
	for line := range bytes.Lines(out) {
		var m struct {
			ID     json.RawMessage
			Method string
			Result string
			Error  *struct {
				Code    int
				Message string
				Data    struct{ Kind, Remedy string }
			}
		}
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		switch {
		case m.Method != "":
			words = append(words, m.Method)
		case m.Error != nil:
			words = append(words, fmt.Sprintf("%s %d", m.ID, m.Error.Code))
			kind := map[int]string{CodeParseError: "parseError", CodeInvalidRequest: "invalidRequest"}[m.Error.Code]
			if m.Error.Data.Kind != kind || m.Error.Data.Remedy == "" || m.Error.Message == "" {
				t.Errorf("refusal without kind, remedy or message: %s", line)
			}
		default:
			words = append(words, fmt.Sprintf("%s %s", m.ID, m.Result))
		}
	}
	return words
}
