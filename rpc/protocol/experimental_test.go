package protocol

import "testing"

func TestExperimentalUse(t *testing.T) {
	const granular = `{"granular":{"sandbox_approval":true,"rules":true,"mcp_elicitations":true}}`
	tests := []struct{ method, params, want string }{
		{"thread/start", `{}`, ""},
		{"thread/start", `{"cwd":"/x","approvalPolicy":"never"}`, ""},
		{"thread/start", `{"mockExperimentalField":"x"}`, "thread/start.mockExperimentalField"},
		{"thread/start", `{"dynamicTools":[]}`, "thread/start.dynamicTools"},
		{"thread/start", `{"dynamicTools":null}`, ""},
		{"thread/start", `{"experimentalRawEvents":false}`, ""},
		{"thread/start", `{"experimentalRawEvents":true}`, "thread/start.experimentalRawEvents"},
		{"thread/start", `{"daybreakEnabled":false}`, "thread/start.daybreakEnabled"},
		{"thread/start", `{"approvalPolicy":` + granular + `}`, "askForApproval.granular"},
		{"thread/start", `{"approvalPolicy":` + granular + `,"runtimeWorkspaceRoots":[]}`, "thread/start.runtimeWorkspaceRoots"},
		{"thread/resume", `{"threadId":"x","path":"/x"}`, "thread/resume.path"},
		{"thread/resume", `{"threadId":"x","initialTurnsPage":{}}`, "thread/resume.initialTurnsPage"},
		{"thread/list", `{"projectId":null}`, "thread/list.projectId"},
		{"thread/list", `{"parentThreadId":null}`, ""},
		{"thread/list", `{"parentThreadId":"x","includeAttachedThreads":true}`, "thread/list.includeAttachedThreads"},
		{"thread/metadata/update", `{"threadId":"x","projectId":null}`, ""},
		{"turn/start", `{"threadId":"x","input":[],"approvalPolicy":` + granular + `}`, "askForApproval.granular"},
		{"turn/start", `{"threadId":"x","input":[],"additionalContext":{}}`, "turn/start.additionalContext"},
		{"turn/start", `{"threadId":"x","input":[],"collaborationMode":{"mode":"plan","settings":{"model":"m"}}}`, "turn/start.collaborationMode"},
		{"command/exec", `{"command":["x"],"permissionProfile":"x"}`, "command/exec.permissionProfile"},
		{"memory/reset", `{}`, ""},
	}
	for _, tt := range tests {
		m, ok := ClientRequest(tt.method)
		if !ok {
			t.Fatal(tt.method)
		}
		params, err := m.Decode([]byte(tt.params))
		if err != nil {
			t.Errorf("%s %s: %v", tt.method, tt.params, err)
			continue
		}
		if what, used := ExperimentalUse(tt.method, params); what != tt.want || used != (tt.want != "") {
			t.Errorf("%s %s uses %q, want %q", tt.method, tt.params, what, tt.want)
		}
	}
}

func TestExperimentalMethods(t *testing.T) {
	for name, want := range map[string]bool{
		"thread/start": false, "thread/search": true, "mock/experimentalMethod": true,
		"thread/backgroundTerminals/list": true, "fuzzyFileSearch/sessionStart": true, "fuzzyFileSearch": false,
	} {
		if m, ok := ClientRequest(name); !ok || m.Experimental != want {
			t.Errorf("%s: found %v, experimental %v, want %v", name, ok, m.Experimental, want)
		}
	}
}
