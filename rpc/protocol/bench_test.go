package protocol

import (
	"encoding/json"
	"strings"
	"testing"
)

var delta = AgentMessageDeltaNotification{
	Delta:    strings.Repeat("a few words of prose, ", 9),
	ItemID:   "msg_0c1f2e3d4b5a69788796a5b4c3d2e1f0",
	ThreadID: "01a1f8f2-1acf-74b0-8ff3-aad9f74d6073",
	TurnID:   "01a1f8f2-1b2c-7d10-9f55-2f0c6de1a9b4",
}

func BenchmarkAppendDelta(b *testing.B) {
	b.ReportAllocs()
	buf := make([]byte, 0, 1024)
	for b.Loop() {
		var err error
		if buf, err = Append(buf[:0], &delta); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(buf)))
}

// BenchmarkAppendDeltaStd is the same members by encoding/json, for comparison.
func BenchmarkAppendDeltaStd(b *testing.B) {
	v := struct {
		Delta    string `json:"delta"`
		ItemID   string `json:"itemId"`
		ThreadID string `json:"threadId"`
		TurnID   string `json:"turnId"`
	}{delta.Delta, delta.ItemID, delta.ThreadID, delta.TurnID}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := json.Marshal(&v); err != nil {
			b.Fatal(err)
		}
	}
}

const turnStart = `{"threadId":"01a1f8f2-1acf-74b0-8ff3-aad9f74d6073","input":[{"type":"text","text":"write a test for the parser, then run it","text_elements":[]}],"cwd":"/home/u/project","approvalPolicy":"on-request","sandboxPolicy":{"type":"workspaceWrite","writableRoots":["/home/u/project"],"networkAccess":false,"excludeTmpdirEnvVar":false,"excludeSlashTmp":false},"model":"gpt-5","effort":"high"}`

func BenchmarkDecodeTurnStart(b *testing.B) {
	data := []byte(turnStart)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		var p TurnStartParams
		if err := DecodeParams(data, &p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendItemCompleted(b *testing.B) {
	seven := int64(7)
	n := ItemCompletedNotification{
		CompletedAtMs: 1795177978573,
		Item: &ThreadItemAgentMessage{
			ID: delta.ItemID, Text: strings.Repeat("a line of an answer\n", 100), StartedAtMs: &seven, CompletedAtMs: &seven,
		},
		ThreadID: delta.ThreadID,
		TurnID:   delta.TurnID,
	}
	buf := make([]byte, 0, 8192)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = Append(buf[:0], &n); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(buf)))
}
