package rollout

import (
	"encoding/json"
	"testing"

	"github.com/codexhost/codexhost/rpc/protocol"
)

func TestSandboxSpelling(t *testing.T) {
	for wire, file := range map[string]string{
		`{"type":"dangerFullAccess"}`:              `{"type":"danger-full-access"}`,
		`{"type":"readOnly","networkAccess":true}`: `{"type":"read-only","network_access":true}`,
		`{"type":"workspaceWrite","writableRoots":["/a_b"],"networkAccess":false,"excludeTmpdirEnvVar":true,"excludeSlashTmp":false}`: `{"type":"workspace-write","writable_roots":["/a_b"],"network_access":false,"exclude_tmpdir_env_var":true,"exclude_slash_tmp":false}`,
		`{"type":"externalSandbox","networkAccess":"restricted"}`:                                                                     `{"type":"external-sandbox","network_access":"restricted"}`,
	} {
		if got := string(SandboxToFile(json.RawMessage(wire))); got != file {
			t.Errorf("%s became %s", wire, got)
		}
		if got := string(SandboxToWire(json.RawMessage(file))); got != wire {
			t.Errorf("%s became %s", file, got)
		}
	}
}

func TestCommandsAreQuotedAsLittleAsNeeded(t *testing.T) {
	for _, c := range []struct {
		argv []string
		want string
	}{
		{[]string{"/bin/bash", "-lc", "echo"}, `/bin/bash -lc echo`},
		{[]string{"/bin/bash", "-lc", "echo hi"}, `/bin/bash -lc 'echo hi'`},
		{[]string{"a", "", "it's"}, `a '' "it's"`},
		{[]string{`$HOME "it's"`}, `'$HOME "it'"'s\""`},
		{[]string{"^x", "a^b"}, `'^x' a'^b'`},
		{[]string{"é"}, `'é'`},
	} {
		if got := protocol.JoinCommand(c.argv); got != c.want {
			t.Errorf("%q became %s, want %s", c.argv, got, c.want)
		}
	}
	if got := splitCommand(`echo 'open`); len(got) != 1 || got[0] != `echo 'open` {
		t.Errorf("an open quote split into %q", got)
	}
}

func TestFilePathsAndURIs(t *testing.T) {
	for path, uri := range map[string]string{"/w": "file:///w", "/a b/ü%": "file:///a%20b/%C3%BC%25", `C:\x`: "file:///C:/x"} {
		if got := pathToURI(path); got != uri {
			t.Errorf("%s became %s, want %s", path, got, uri)
		}
	}
	for uri, path := range map[string]string{"file:///w": "/w", "file:///a%20b": "/a b", "/plain": "/plain", "file:///C:/x": "C:/x", "file:///bad%": "/bad%"} {
		if got := uriToPath(uri); got != path {
			t.Errorf("%s became %s, want %s", uri, got, path)
		}
	}
}

// What a newer writer puts into an item, or a whole new kind of item, passes through in both directions.
func TestUnknownItemsPassThrough(t *testing.T) {
	for file, wire := range map[string]string{
		`{"type":"HologramView","id":"h","view_angle":3,"deep":{"snake_case":[1]}}`: `{"type":"hologramView","id":"h","viewAngle":3,"deep":{"snake_case":[1]},"startedAtMs":null,"completedAtMs":null}`,
		`{"type":"Plan","id":"p","text":"t","new_member":true}`:                     `{"type":"plan","id":"p","text":"t","newMember":true,"startedAtMs":null,"completedAtMs":null}`,
	} {
		if got := string(itemToWire(nil, []byte(file), nil, nil)); got != wire {
			t.Errorf("wire %s\nwant %s", got, wire)
		}
		if got := string(itemToFile(nil, []byte(wire))); got != file {
			t.Errorf("file %s\nwant %s", got, file)
		}
	}
}
