package sandbox

import (
	"os"
	"testing"
	"time"
)

func TestSmoke(t *testing.T) {
	for _, m := range []Mode{FullAccess, ReadOnly, WorkspaceWrite} {
		dir := t.TempDir()
		t0 := time.Now()
		p, exit, err := Run(t.Context(), Spec{Argv: []string{"sh", "-c", "echo hi; id; ls -la; ls /dev /proc | head -30; touch x; touch .git/x; touch /etc/x; cat /proc/self/status | grep -E 'Cap|Secc|NoNew'; cat /proc/mounts"}, Dir: dir, Env: os.Environ(), Policy: Policy{Mode: m, Cwd: dir}}, time.Second)
		if err != nil {
			t.Error(m, err, time.Since(t0))
			continue
		}
		t.Log(m, exit, time.Since(t0), string(p.Stdout().Snapshot().Bytes()))
	}
	t.Logf("%+v", Probe())
}
