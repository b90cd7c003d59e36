package protocol

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzDecode reads arbitrary bytes as every kind of type in turn. Nothing may panic; what is taken must be written as
// valid JSON on one line, and be the same when read and written again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(turnStart))
	f.Add([]byte(`{"data":[],"nextCursor":null,"later":[{"a":1e-7}]}`))
	f.Add([]byte(`{"item":{"type":"agentMessage","id":"i","text":"\ud834\udd1e"},"turn":{"error":{"codexErrorInfo":{"httpConnectionFailed":{}}}}}`))
	f.Add([]byte(`{"thread":{"source":{"subAgent":{"thread_spawn":{"depth":1}}},"status":{"type":"active","activeFlags":[]}}}`))
	f.Add([]byte(`{"cwd":["a"],"approvalPolicy":{"granular":{"rules":true}},"serviceTier":null,"config":{"a":{"b":[1]}}}`))
	f.Add([]byte("{\"cwd\":\"\\ud800\xff\",\n\"limit\":-1.5}"))
	makers := []func() any{
		func() any { return new(TurnStartParams) }, func() any { return new(ThreadStartParams) },
		func() any { return new(ThreadListParams) }, func() any { return new(ThreadResumeResponse) },
		func() any { return new(ItemCompletedNotification) }, func() any { return new(TurnCompletedNotification) },
		func() any { return new(CommandExecutionRequestApprovalParams) }, func() any { return new(ConfigReadResponse) },
		func() any { return new(ListMcpServerStatusResponse) }, func() any { return new(ThreadMetadataUpdateParams) },
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, make := range makers {
			_ = DecodeParams(data, make())
			v := make()
			if Decode(data, v) != nil {
				continue
			}
			first, err := Append(nil, v)
			if err != nil {
				continue // a required union was missing
			}
			if !json.Valid(first) || bytes.ContainsAny(first, "\n\r") {
				t.Fatalf("%T: bad JSON %q from %q", v, first, data)
			}
			again := make()
			if err := Decode(first, again); err != nil {
				t.Fatalf("%T: %v reading %s", v, err, first)
			}
			second, err := Append(nil, again)
			if err != nil || !bytes.Equal(first, second) {
				t.Fatalf("%T: %s became %s (%v)", v, first, second, err)
			}
		}
	})
}
