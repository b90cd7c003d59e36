package mcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

func TestModelOutput(t *testing.T) {
	const head = `{"type":"input_text","text":"Wall time: 0.0027 seconds\nOutput:"}`
	text := func(s string) string { return `{"type":"input_text","text":` + s + `}` }
	for _, test := range []struct{ name, result, want string }{
		{"text", `{"content":[{"type":"text","text":"a\n\"<b>"}]}`, `[` + head + `,` + text(`"a\n\"<b>"`) + `]`},
		{"nothing", `{"content":[]}`, `[` + head + `]`},
		{"structured", `{"content":[{"type":"text","text":"ignored"}],"structuredContent":{"b":1,"a":[1,2]}}`, `"Wall time: 0.0027 seconds\nOutput:\n{\"b\":1,\"a\":[1,2]}"`},
		{"structured alone", `{"structuredContent":{"a":1}}`, `"Wall time: 0.0027 seconds\nOutput:\n{\"a\":1}"`},
		{"structured is null", `{"structuredContent":null,"content":[]}`, `[` + head + `]`},
		{"image", `{"content":[{"type":"image","data":"` + png + `","mimeType":"image/png"}]}`, `[` + head + `,{"type":"input_image","image_url":"data:image/png;base64,` + png + `","detail":"high"}]`},
		{"data URL and detail", `{"content":[{"type":"image","data":"data:image/png;base64,` + png + `","mimeType":"x","_meta":{"codex/imageDetail":"original"}}]}`, `[` + head + `,{"type":"input_image","image_url":"data:image/png;base64,` + png + `","detail":"original"}]`},
		{"low detail", `{"content":[{"type":"image","data":"` + png + `","_meta":{"codex/imageDetail":"low"}}]}`, `[` + head + `,` + text(`"image content omitted because detail 'low' is not supported; use 'high', 'original', or 'auto'"`) + `]`},
		{"no image", `{"content":[{"type":"image","data":"AAAA","mimeType":"image/png"}]}`, `[` + head + `,` + text(`"image content omitted because it could not be processed"`) + `]`},
		{"audio", `{"content":[{"type":"audio","data":"QQ=="}]}`, `[` + head + `,` + text(`"<audio content omitted because you do not support audio input>"`) + `]`},
		{"others", `{"content":[{"type":"resource_link","uri":"u"},{"type":"hologram","x":1},7]}`, `[` + head + `,` + text(`"{\"type\":\"resource_link\",\"uri\":\"u\"}"`) + `,` + text(`"{\"type\":\"hologram\",\"x\":1}"`) + `,` + text(`"7"`) + `]`},
	} {
		o, err := outcomeOf(json.RawMessage(test.result), 2700*time.Microsecond, true, DefaultOutput)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		same(t, test.name, o.Output, test.want)
	}
	o, _ := outcomeOf(json.RawMessage(`{"content":[{"type":"image","data":"`+png+`"}]}`), 0, false, DefaultOutput)
	if !strings.Contains(string(o.Output), "<image content omitted because you do not support image input>") {
		t.Errorf("a model without images gets %s", o.Output)
	}
	for _, bad := range []string{`{}`, `{"nonsense":true}`, `7`, `{"content":{}}`, `[]`, ``} {
		if _, err := outcomeOf(json.RawMessage(bad), 0, true, DefaultOutput); err == nil || err.Error() != "Unexpected response type" {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestItemResult(t *testing.T) {
	o, err := outcomeOf(json.RawMessage(`{"isError":true,"_meta":{"m":1},"content":[{"type":"text","text":"t","x":1}]}`), 0, true, DefaultOutput)
	if err != nil || !o.Failed || o.Error != "" || string(o.Result.Content[0]) != `{"type":"text","text":"t","x":1}` || string(o.Result.Meta) != `{"m":1}` || o.Result.StructuredContent != nil {
		t.Errorf("%+v, %v", o, err)
	}
}

func parts(t *testing.T, output json.RawMessage) (texts []string) {
	t.Helper()
	var list []struct{ Text string }
	if err := json.Unmarshal(output, &list); err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		texts = append(texts, p.Text)
	}
	return texts
}

func TestLongOutputIsCut(t *testing.T) {
	long := strings.Repeat("é", 3000) // 6000 bytes
	raw := fmt.Sprintf(`{"content":[{"type":"text","text":%q},{"type":"image","data":%q},{"type":"text","text":%q},{"type":"text","text":"third"},{"type":"text","text":"fourth"}]}`, long, png, long+long)
	o, err := outcomeOf(json.RawMessage(raw), 0, true, 12_000)
	if err != nil {
		t.Fatal(err)
	}
	texts := parts(t, o.Output)
	if len(texts) != 5 || texts[1] != long || texts[4] != "[omitted 2 text items ...]" {
		t.Fatalf("%d parts, %.40q ... %q", len(texts), texts, texts[len(texts)-1])
	}
	if cut := texts[3]; !strings.HasPrefix(cut, "éé") || !strings.HasSuffix(cut, "éé") || !strings.Contains(cut, "…1509 tokens truncated…") || len(cut) > 6100 || strings.ContainsRune(cut, '\uFFFD') {
		t.Errorf("%d bytes: %.30s", len(cut), cut)
	}
}

// Large results are neither copied whole nor shown whole.
func TestHugeOutput(t *testing.T) {
	body := strings.Repeat(`line \"x\" é\n`, 100_000)
	raw := json.RawMessage(`{"content":[{"type":"text","text":"` + body + `"}]}`)
	o, err := outcomeOf(raw, 0, true, 12_000)
	if err != nil {
		t.Fatal(err)
	}
	text := parts(t, o.Output)[1]
	if len(text) > 13_000 || !strings.HasPrefix(text, "line \"x\" é\nline") || !strings.HasSuffix(text, "é\n") || !strings.Contains(text, "tokens truncated") {
		t.Errorf("%d bytes: %.40q", len(text), text)
	}
	var shown struct{ Text string }
	if err := json.Unmarshal(o.Result.Content[0], &shown); err != nil || len(shown.Text) > maxShown || !strings.HasPrefix(shown.Text, "Truncated tool output:\nline \"x\"") {
		t.Errorf("shown: %d bytes, %v", len(shown.Text), err)
	}
	if n := testing.AllocsPerRun(1, func() { _, _ = outcomeOf(raw, 0, true, 12_000) }); n > 200 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzOutcome(f *testing.F) {
	f.Add([]byte(`{"content":[{"type":"text","text":"é\u00e9\\"},{"type":"image","data":"x"}]}`), 40)
	f.Fuzz(func(t *testing.T, raw []byte, budget int) {
		if !json.Valid(raw) {
			return
		}
		o, err := outcomeOf(raw, 0, true, max(0, budget%500))
		if err == nil && !json.Valid(o.Output) {
			t.Fatalf("%q gives %q", raw, o.Output)
		}
	})
}

func FuzzCut(f *testing.F) {
	f.Add("é\"\\\u2028\U0001F600", 5)
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 0 || n > 1000 || strings.ContainsRune(s, '\uFFFD') || s != strings.ToValidUTF8(s, "") {
			return
		}
		q, _ := json.Marshal(s)
		if h := head(q, n); !strings.HasPrefix(s, h) {
			t.Fatalf("head(%s, %d) = %q", q, n, h)
		}
		if m := middle(s, n); len(m) > n && len(s) <= n || strings.ToValidUTF8(m, "") != m {
			t.Fatalf("middle(%q, %d) = %q", s, n, m)
		}
	})
}

func TestFailures(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{&provider.CallError{Cause: provider.CauseServer, Code: -32602, Message: "no tool x"}, "Mcp error: -32602: no tool x"},
		{&provider.CallError{Cause: provider.CauseServer, Code: -32000, Message: "boom", Data: json.RawMessage(`{"x":1}`)}, `Mcp error: -32000: boom({"x":1})`},
		{&provider.CallError{Cause: provider.CauseTimeout}, "timed out awaiting tools/call after 1s"},
		{&provider.CallError{Cause: provider.CauseClosed, Message: "whatever"}, "Transport closed"},
		{&provider.CallError{Cause: provider.CauseTooLarge, Message: "the result has 9 bytes; the limit is 8"}, "the result has 9 bytes; the limit is 8"},
		{errors.New("other"), "other"},
	} {
		o := failure("s", "t", test.err, 1500*time.Millisecond, 5*time.Millisecond)
		want := "tool call error: tool call failed for `s/t`\n\nCaused by:\n    " + test.want
		if texts := parts(t, o.Output); o.Error != want || !o.Failed || o.Result != nil || len(texts) != 2 || texts[0] != "Wall time: 0.0050 seconds\nOutput:" || texts[1] != want {
			t.Errorf("got %+v", o)
		}
	}
	if texts := parts(t, Rejected("user rejected MCP tool call").Output); len(texts) != 2 || texts[1] != "user rejected MCP tool call" {
		t.Errorf("rejected: %q", texts)
	}
}
