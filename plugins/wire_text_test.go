package plugins

import (
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	mcpv1 "github.com/codexhost/codexhost/plugins/proto/mcp/v1"
	skillv1 "github.com/codexhost/codexhost/plugins/proto/skill/v1"
)

func TestReadableMessages(t *testing.T) {
	exit := int32(3)
	for _, c := range []struct {
		m             proto.Message
		want          string
		asks, answers uint64
	}{
		{&skillv1.ReadResponse{Content: []byte("a\n\"b\"")}, `{"content":"a\n\"b\""}`, 0, 0},
		{&skillv1.ReadResponse{Content: []byte{0xff, 0}}, `{"content":"base64:/wA="}`, 0, 0},
		{&skillv1.ListRequest{Roots: []*skillv1.Root{{Path: "/r", Scope: skillv1.Scope_SCOPE_REPO}}, KnownGeneration: 7}, `{"roots":[{"path":"/r","scope":"SCOPE_REPO"}],"knownGeneration":7}`, 0, 0},
		{&mcpv1.HostMessage{Kind: &mcpv1.HostMessage_Call{Call: &mcpv1.Call{Id: 5, What: &mcpv1.Call_Tool{Tool: &mcpv1.CallTool{Name: "t", ArgumentsJson: []byte(`{ "x": 1 }`)}}}}},
			`{"call":{"id":5,"tool":{"name":"t","argumentsJson":{"x":1}}}}`, 5, 0},
		{&mcpv1.ProviderMessage{Kind: &mcpv1.ProviderMessage_Failed{Failed: &mcpv1.Failed{Id: 6, Stage: 99, Remains: &mcpv1.Remains{ExitCode: &exit}}}},
			`{"failed":{"id":6,"stage":99,"remains":{"exitCode":3}}}`, 0, 6},
		{&mcpv1.ProviderMessage{Kind: &mcpv1.ProviderMessage_Elicit{Elicit: &mcpv1.Elicit{Id: 5}}}, `{"elicit":{"id":5}}`, 0, 0},
	} {
		m := WireMessage{Body: c.m}
		got := m.Readable()
		if string(got) != c.want || !json.Valid(got) || m.Asks() != c.asks || m.Answers() != c.answers {
			t.Errorf("got %s, %d, %d; want %s", got, m.Asks(), m.Answers(), c.want)
		}
	}
	m := WireMessage{Body: &skillv1.ReadResponse{Content: []byte(strings.Repeat("ä", maxShown))}}
	long := m.Readable()
	if len(long) > maxShown+100 || !json.Valid(long) || !strings.HasSuffix(string(long), `…"}`) {
		t.Errorf("a long text has %d bytes", len(long))
	}
}
