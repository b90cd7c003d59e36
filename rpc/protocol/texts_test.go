package protocol

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// TestRefusals holds the codec to what the reference answered to wrong params: testdata/refused.jsonl has a method, its
// params and the text behind "Invalid request: ".
func TestRefusals(t *testing.T) {
	f, err := os.Open("testdata/refused.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var row struct {
			Method, Text string
			Params       json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		checkRefusal(t, row.Method, string(row.Params), row.Text)
	}
}

// TestRefusalsByHand has the cases of the recorded sessions on bad params, and the corners that no single member shows.
func TestRefusalsByHand(t *testing.T) {
	const nobody = `"threadId":"00000000-0000-0000-0000-000000000000"`
	tests := []struct{ method, params, text string }{
		{"initialize", `{}`, "missing field `clientInfo`"},
		{"initialize", ``, "missing field `params`"},
		{"initialize", `{"clientInfo":{"name":3,"version":"1"}}`, "invalid type: integer `3`, expected a string"},
		{"initialize", `{"clientInfo":{"name":"x"}}`, "missing field `version`"},
		{"thread/read", `{}`, "missing field `threadId`"},
		{"thread/read", ``, "missing field `params`"},
		{"thread/read", `{"threadId":7}`, "invalid type: integer `7`, expected a string"},
		{"thread/list", `{"sortKey":"nonsense"}`, "unknown variant `nonsense`, expected one of `created_at`, `updated_at`, `recency_at`, `section_position`"},
		{"thread/list", `{"limit":-1}`, "invalid value: integer `-1`, expected u32"},
		{"thread/list", `{"limit":"ten"}`, "invalid type: string \"ten\", expected u32"},
		{"thread/list", `{"limit":4294967296}`, "invalid value: integer `4294967296`, expected u32"},
		{"thread/list", `{"limit":1.0}`, "invalid type: floating point `1.0`, expected u32"},
		{"thread/list", `{"limit":1e30}`, "invalid type: floating point `1e+30`, expected u32"},
		{"thread/list", `{"limit":"a\n\"é\u007f\u200b"}`, `invalid type: string "a\n\"é\u{7f}\u{200b}", expected u32`},
		{"thread/list", `{"cwd":["rel",7]}`, "data did not match any variant of untagged enum ThreadListCwdFilter"},
		{"thread/list", `null`, "missing field `params`"},
		{"thread/start", `{"sandbox":"everything"}`, "unknown variant `everything`, expected one of `read-only`, `workspace-write`, `danger-full-access`"},
		{"thread/start", `{"approvalPolicy":"sometimes"}`, "unknown variant `sometimes`, expected one of `untrusted`, `on-request`, `granular`, `never`"},
		{"thread/start", `{"approvalPolicy":"granular"}`, "invalid type: unit variant, expected struct variant"},
		{"thread/start", `{"approvalPolicy":{"granular":1}}`, "invalid type: integer `1`, expected struct variant"},
		{"thread/start", `{"approvalPolicy":{"granular":{}}}`, "missing field `sandbox_approval`"},
		{"thread/start", `{"approvalPolicy":{"x":1,"y":2}}`, "invalid value: map, expected map with a single key"},
		{"thread/start", `{"dynamicTools":[{}]}`, "missing field `name`"},
		{"thread/start", `{"dynamicTools":[{"type":"x"}]}`, "unknown variant `x`, expected `function` or `namespace`"},
		{"thread/start", `{"dynamicTools":["x"]}`, "invalid type: string \"x\", expected struct LegacyDynamicToolSpec"},
		{"thread/start", `{"config":{"a":1180591620717411303424}}`, "invalid type: integer `1180591620717411303424` as u128, expected any value"},
		{"thread/start", `{"config":{"a":-1180591620717411303424}}`, "invalid type: integer `-1180591620717411303424` as i128, expected any value"},
		{"thread/loaded/list", `[]`, "invalid length 0, expected struct ThreadLoadedListParams with 2 elements"},
		{"thread/loaded/list", `[1]`, "invalid type: sequence, expected struct ThreadLoadedListParams"},
		{"thread/resume", `{` + nobody + `,"history":[{"type":"message"}]}`, "missing field `role`"},
		{"turn/start", `{` + nobody + `}`, "missing field `input`"},
		{"turn/start", `{` + nobody + `,"input":[{"type":"smell"}]}`, "unknown variant `smell`, expected one of `text`, `image`, `localImage`, `audio`, `localAudio`, `skill`, `mention`"},
		{"turn/start", `{` + nobody + `,"input":[{"type":"image"}]}`, "data did not match any variant of untagged enum ImageReference"},
		{"turn/start", `{` + nobody + `,"input":[{"type":"skill","name":"a","path":7}]}`, "invalid type: integer `7`, expected path string"},
		{"turn/start", `{` + nobody + `,"input":["x"]}`, "invalid type: string \"x\", expected internally tagged enum UserInput"},
		{"turn/start", `{` + nobody + `,"input":[{"type":"text","text":"x","text_elements":null}]}`, "invalid type: null, expected a sequence"},
		{"turn/start", `{` + nobody + `,"input":[],"effort":""}`, "reasoning_effort must not be empty"},
		{"turn/start", `{` + nobody + `,"input":[],"sandboxPolicy":{}}`, "missing field `type`"},
		{"turn/start", `{` + nobody + `,"input":[],"sandboxPolicy":{"type":7}}`, "invalid value: integer `7`, expected variant index 0 <= i < 4"},
		{"turn/start", `{` + nobody + `,"input":[],"sandboxPolicy":{"type":"x"}}`, "unknown variant `x`, expected one of `dangerFullAccess`, `readOnly`, `externalSandbox`, `workspaceWrite`"},
		{"turn/start", `{` + nobody + `,"input":[],"sandboxPolicy":{"type":"workspaceWrite","writableRoots":["rel"]}}`, "AbsolutePathBuf deserialized without a base path"},
		{"turn/settings/update", `{` + nobody + `,"turnId":"x","zz":7}`, "unknown field `zz`, expected one of `threadId`, `turnId`, `approvalsReviewer`, `environments`, `model`, `effort`, `summary`, `serviceTier`"},
		{"thread/sample/cancel", `{"zz":7}`, "unknown field `zz`, expected `requestId`"},
		{"memory/reset", `[]`, "invalid type: sequence, expected unit"},
	}
	for _, tt := range tests {
		checkRefusal(t, tt.method, tt.params, tt.text)
	}
}

func checkRefusal(t *testing.T, method, params, want string) {
	t.Helper()
	m, ok := ClientRequest(method)
	if !ok {
		t.Errorf("no method %s", method)
		return
	}
	_, err := m.Decode([]byte(params))
	var d *DecodeError
	switch {
	case err == nil:
		t.Errorf("%s takes %s, want: %s", method, params, want)
	case !errors.As(err, &d):
		t.Errorf("%s %s: a %T", method, params, err)
	case err.Error() != want:
		t.Errorf("%s %s:\n\t got %s\n\twant %s", method, params, err, want)
	}
}

func TestUnreadable(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	for _, params := range []string{
		`{"config":` + deep + `}`,                    // deeper than anybody means
		`{"cwd":"\ud800"}`, `{"cwd":"\udc00\ud800"}`, // half a character
		"{\"cwd\":\"\xff\"}", "{\"config\":{\"a\":\"\xc0\x80\"}}", // no UTF-8
		"{\"cwd\":\"a\nb\"}", `{"cwd":"\x"}`, `{"cwd":"\u12"}`,
		`{"config":{"a":NaN}}`, `{"config":{"a":01}}`, `{"config":{"a":1.}}`, `{"config":{"a":.5}}`, `{"config":{"a":+1}}`, `{"config":{"a":1e}}`, `{"config":{"a":-}}`,
		`{"config":{"a":1e999}}`, `{"config":{"a":nul}}`,
		`{"cwd":"/x",}`, `{"cwd" "/x"}`, `{cwd:"/x"}`, `{"cwd":"/x"`, `{"cwd":"/x"}}`, `{"cwd":"/x"} x`, `{"cwd":`, `{`, `{"cwd":"/x" "model":"y"}`, `{"config":{"a":[1,]}}`,
	} {
		m, _ := ClientRequest("thread/start")
		if v, err := m.Decode([]byte(params)); err == nil {
			t.Errorf("%.60q is taken: %+v", params, v)
		}
	}
}

func TestTaken(t *testing.T) {
	for _, tt := range []struct{ method, params string }{
		{"memory/reset", ""}, {"memory/reset", "null"}, {"memory/reset", " { } "},
		{"account/rateLimits/read", ""}, {"account/rateLimits/read", "null"}, {"account/rateLimits/read", "{}"},
		{"thread/list", "\r\n { \t} "},
		{"thread/list", `{"nobody":{"knows":["this",1e3,null,true]},"limit":5}`},
		{"thread/list", `{"limit":5,"limit":6}`},
		{"thread/list", `{"cwd":"x"}`}, {"thread/list", `{"cwd":["x","y"]}`},
		{"thread/resume", `{"threadId":"x","history":[{"type":"of a later release","x":1}]}`},
		{"thread/start", `{"config":{"a":18446744073709551615,"b":-0.5e-7}}`},
		{"thread/start", `{"cwd":"relative"}`},
		{"thread/start", `{"dynamicTools":[{"name":"n","namespace":"old","description":"d","inputSchema":{}}]}`},
		{"turn/start", `{"threadId":"x","input":[{"type":"image","fileId":"f"}],"outputSchema":7}`},
	} {
		m, _ := ClientRequest(tt.method)
		if _, err := m.Decode([]byte(tt.params)); err != nil {
			t.Errorf("%s refuses %q: %v", tt.method, tt.params, err)
		}
	}
}

func TestErrorPath(t *testing.T) {
	var p TurnStartParams
	err := DecodeParams([]byte(`{"threadId":"x","input":[{"type":"text","text":"a"},{"type":"text","text":"b","text_elements":[{"byteRange":{"start":-1,"end":2}}]}]}`), &p)
	var d *DecodeError
	if !errors.As(err, &d) || d.Path != "input[1].text_elements[0].byteRange.start" {
		t.Errorf("got %#v", d)
	}
}

func TestHugeTextIsNotRepeated(t *testing.T) {
	var p ThreadListParams
	err := DecodeParams([]byte(`{"limit":"`+strings.Repeat("é", 1<<20)+`"}`), &p)
	if err == nil || len(err.Error()) > 2000 {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

func TestUnknownMethod(t *testing.T) {
	text := UnknownMethod("no/such").Error()
	const start = "unknown variant `no/such`, expected one of `initialize`, `server/diagnostics`, `userVerification/status`, "
	const end = "`account/read`, `getConversationSummary`, `gitDiffToRemote`, `getAuthStatus`, `fuzzyFileSearch`, `fuzzyFileSearch/sessionStart`, `fuzzyFileSearch/sessionUpdate`, `fuzzyFileSearch/sessionStop`"
	if !strings.HasPrefix(text, start) || !strings.HasSuffix(text, end) || strings.Count(text, "`, `") != 186 {
		t.Errorf("%d commas: %s", strings.Count(text, "`, `"), text)
	}
	if _, ok := ClientRequest("getAuthStatus"); ok {
		t.Error("a hidden method is served")
	}
}
