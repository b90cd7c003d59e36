package sandbox

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// BenchmarkRun is the whole life of /bin/true: started, waited for, its output read, nothing left. Bare is what the
// confinement is measured against.
func BenchmarkRun(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			if _, err := exec.Command("/bin/true").CombinedOutput(); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, mode := range []Mode{FullAccess, ReadOnly, WorkspaceWrite} {
		b.Run(string(mode), func(b *testing.B) {
			dir := b.TempDir()
			spec := Spec{Argv: []string{"/bin/true"}, Dir: dir, Env: os.Environ(), Policy: Policy{Mode: mode, Cwd: dir}}
			if mode.Confined() {
				needConfinement(b)
			}
			for b.Loop() {
				if _, exit, err := Run(b.Context(), spec, time.Second); err != nil || exit.Code != 0 {
					b.Fatal(exit, err)
				}
			}
		})
	}
}

// BenchmarkLargeHost is a start by a host that holds much memory, whose page tables are copied for a user namespace.
func BenchmarkLargeHost(b *testing.B) {
	needConfinement(b)
	memory := make([]byte, 256<<20)
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
	dir := b.TempDir()
	spec := Spec{Argv: []string{"/bin/true"}, Dir: dir, Policy: Policy{Mode: ReadOnly, Cwd: dir}}
	for b.Loop() {
		if _, _, err := Run(b.Context(), spec, time.Second); err != nil {
			b.Fatal(err)
		}
	}
	runtime.KeepAlive(memory)
}

func needConfinement(t testing.TB) {
	t.Helper()
	if r := Probe(t.Context()); !r.Enforced {
		t.Skipf("the sandbox is not enforced in full here: %s: %v", r.Why, r.Gaps)
	}
}
