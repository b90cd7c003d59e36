package policy

import "github.com/codexhost/codexhost/rpc/protocol"

// DecidePatch says whether a patch is written. inside tells whether every real file that it touches is one that the turn's
// sandbox lets commands write. The host writes patches itself, so whether the sandbox can be enforced does not matter.
func DecidePatch(s Settings, inside bool) Decision {
	if s.asksAlways() {
		return Decision{Verdict: Ask}
	}
	_, workspace := s.Sandbox.(*protocol.SandboxPolicyWorkspaceWrite)
	if !s.confined() || workspace && inside {
		return Decision{Verdict: Run}
	}
	if !s.refusesQuestions() {
		return Decision{Verdict: Ask}
	}
	why := "writing is blocked by read-only sandbox"
	if workspace {
		why = "writing outside of the project"
	}
	return Decision{Verdict: Refuse, Whole: true, Reason: "patch rejected: " + why + "; rejected by user approval settings"}
}

// PatchKey is what an approval for the session remembers of one file of a patch, by its real path. A patch is covered when
// all of its files are.
func PatchKey(path string) string { return "patch\x00" + path }
