package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/codexhost/codexhost/manager/sandbox/supervise"
)

// getOut tries ways from inside, all or the harmless ones, with one line of verdict each. The world is in the environment.
func getOut(names string) int {
	var w world
	if err := json.Unmarshal([]byte(os.Getenv("WORLD")), &w); err != nil {
		fmt.Println("!", err)
		return 2
	}
	for _, way := range ways() {
		if names == "harmless" && way.kind == "never" {
			continue
		}
		err := way.try(&w)
		verdict := "out"
		if err != nil {
			verdict = "in: " + err.Error()
		}
		fmt.Printf("%s|%s\n", way.name, verdict)
	}
	return 0
}

// TestEscapes tries every way out of both confined modes, as whoever runs the tests, and as an ordinary user too when
// that is the superuser. Each way is tried unconfined first: one that does not work there proves nothing.
func TestEscapes(t *testing.T) {
	needConfinement(t)
	escapes(t, detected(t.Context()))
	if os.Geteuid() == 0 && os.Getenv("SANDBOX_TEST_USER") == "" {
		t.Run("ordinary user", func(t *testing.T) { asNobody(t, "^TestEscapes$") })
	}
}

// knownOut is what weaker means let through. Names of descriptors are seen wherever /proc is that of the system; the
// rest stands in the gaps of a report.
func knownOut(b *backend, mode Mode, name string) bool {
	var known []string
	if !b.pid && b.means != meansBubblewrap {
		known = append(known, "descriptors of the host")
	}
	if b.means == meansLandlock && mode == WorkspaceWrite {
		known = append(known, "chmod", "chown", "times", "extended attribute", "file flags", "git configuration", "git hook", "rename .git",
			"rename over .codex", "exchange .git", "remove .git/hooks", "create .codex", "create .agents", "link to .agents",
			"hard link to git configuration", "git folder of a worktree", "rename above the git folder of a worktree",
			"hooks of the common git folder", "replace a linked .git",
			"rename above a root in a root")
	}
	return slices.Contains(known, name)
}

func TestEscapesByOtherMeans(t *testing.T) {
	for _, b := range []*backend{
		{means: meansNamespaces, pid: true},
		{means: meansBubblewrap, bwrapProc: true},
		{means: meansNamespaces, user: true},
		{means: meansLandlock},
	} {
		b.landlock = supervise.LandlockVersion()
		b.bwrap, _ = exec.LookPath("bwrap")
		t.Run(fmt.Sprintf("%+v", *b), func(t *testing.T) {
			if err := b.try(t.Context()); err != nil {
				t.Skip(err)
			}
			escapes(t, b)
		})
	}
	if os.Geteuid() == 0 && os.Getenv("SANDBOX_TEST_USER") == "" {
		t.Run("ordinary user", func(t *testing.T) { asNobody(t, "^TestEscapesByOtherMeans$") })
	}
}

func escapes(t *testing.T, b *backend) {
	free := attempt(t, nil, FullAccess)
	worked := 0
	for _, way := range ways() {
		verdict := free[way.name]
		possible := way.kind == "" || way.kind == "root" && os.Geteuid() == 0
		if verdict == "out" {
			worked++
		} else if possible {
			t.Logf("unconfined, %q does not work on this machine: %s", way.name, verdict)
		}
	}
	for _, mode := range []Mode{ReadOnly, WorkspaceWrite} {
		tried, out := 0, 0
		got := attempt(t, b, mode)
		for _, way := range ways() {
			if way.inWork && mode == WorkspaceWrite && (way.kind == "" || os.Geteuid() != 0) {
				continue // allowed there
			}
			verdict, ok := got[way.name]
			tried++
			if ok && verdict == "out" && knownOut(b, mode, way.name) {
				out++
				continue
			}
			if !ok || verdict == "out" {
				out++
				t.Errorf("%s: %q: got %q", mode, way.name, verdict)
			}
		}
		t.Logf("%s under %s as uid %d: %d ways tried, %d out; %d of them work unconfined", b.means, mode, os.Geteuid(), tried, out, worked)
	}
}

// A host in a container that refuses namespaces falls back to Landlock: what that holds runs, what it does not hold is
// refused, with a way out. Our own sandbox is such a container.
func TestSandboxInASandbox(t *testing.T) {
	needConfinement(t)
	if supervise.LandlockVersion() < supervise.ScopedLandlock {
		t.Skip("this kernel has no Landlock to fall back to")
	}
	dir := t.TempDir()
	spec := shell(dir, WorkspaceWrite, "")
	spec.Argv = []string{testBinary(t), "play-inner", dir}
	spec.Env = append(spec.Env, "PATH=/none") // no bubblewrap
	p, exit, err := Run(t.Context(), spec, time.Second)
	if err != nil || exit.Code != 0 {
		t.Fatal(exit, err, text(p.Stdout()))
	}
	for _, want := range []string{
		"backend=landlock enforced=false readOnly=true why=true fix=true\n", "read-only=ran 1 touch: cannot touch",
		"workspace-write=unenforceable fix=true\n",
	} {
		if !strings.Contains(text(p.Stdout()), want) {
			t.Errorf("%q is missing in:\n%s", want, text(p.Stdout()))
		}
	}
}

// A folder that turns into a link after the policy was resolved must not become a writable root.
func TestRootSwappedForALink(t *testing.T) {
	b := detected(t.Context())
	if b.means != meansNamespaces {
		t.Skip("not under", b.means)
	}
	dir := place(t, map[string]string{"a/w/.git/x": "", "out/w/.git/x": ""})
	spec := shell(filepath.Join(dir, "a/w"), WorkspaceWrite, "touch escaped")
	spec.Policy.ExcludeSlashTmp, spec.Policy.ExcludeTmpdir, spec.OutputLimit = true, true, 1000
	l, err := prepareWith(b, &spec)
	must(t, err)
	must(t, os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "b")))
	must(t, os.Symlink("out", filepath.Join(dir, "a")))
	p, err := l.run(t.Context(), spec)
	if u := (*UnenforceableError)(nil); !errors.As(err, &u) {
		t.Errorf("it started: %v", err)
	}
	if err == nil {
		_, _ = p.Wait(t.Context())
		_ = p.Close()
	}
	if exists(filepath.Join(dir, "out/w/escaped")) {
		t.Error("it wrote outside")
	}
}

// attempt runs all ways in one mode, in a fresh world, and returns the verdicts by name.
func attempt(t *testing.T, b *backend, mode Mode) map[string]string {
	t.Helper()
	w := newWorld(t)
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	which := "all"
	if !mode.Confined() {
		which = "harmless"
	}
	spec := Spec{
		Argv: []string{testBinary(t), "get-out", which}, Dir: w.Work, OutputLimit: DefaultOutputLimit, Drain: time.Second,
		Env: []string{"PATH=/usr/bin:/bin", "WORLD=" + string(text), "GORACE=atexit_sleep_ms=0"},
		Policy: Policy{
			Mode: mode, Cwd: w.Work, AcceptGaps: true, ExcludeSlashTmp: true, ExcludeTmpdir: true,
			WritableRoots: []string{w.work("wt"), w.work("linkroot"), w.work("nest"), w.work("nest/a/b")}, Hidden: []string{w.Hidden, w.out("auth.json")},
		},
	}
	if b != nil && b.means == meansBubblewrap {
		if _, err := prepareWith(b, &spec); err == nil && mode == WorkspaceWrite {
			t.Error("bubblewrap cannot keep a link in place, and did not say so")
		}
		must(t, os.Remove(w.work("linkroot/.git")))
	}
	l, err := prepareWith(b, &spec)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	p, err := l.run(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	exit, err := p.Wait(ctx)
	if err != nil || exit.Code != 0 {
		t.Fatalf("%s: %+v %v\n%s", mode, exit, err, text2(p))
	}
	got := map[string]string{}
	for line := range strings.Lines(text2(p)) {
		name, verdict, ok := strings.Cut(strings.TrimSpace(line), "|")
		if !ok {
			t.Log(line)
		} else {
			got[name] = verdict
		}
	}
	return got
}

func text2(p *Process) string { return string(p.Stdout().Snapshot().Bytes()) }

func newWorld(t *testing.T) *world {
	base, err := os.MkdirTemp("", "w") // short: a socket's name has 108 bytes
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	w := &world{
		Out: base + "/out", Work: base + "/work", Hidden: base + "/out/hidden",
		Secret: "SECRET_OF_HOST=" + strconv.FormatInt(time.Now().UnixNano(), 36),
	}
	for _, dir := range []string{
		w.Out, w.Work, w.Hidden, w.out("sparedir"), w.out("home"), w.work(".git/hooks"), w.work("main/.git/worktrees/wt"),
		w.work("main/.git/hooks"), w.work("wt"), w.work("linkroot"), w.work("realgit"),
		w.work("nest/a/b"),
	} {
		must(t, os.MkdirAll(dir, 0o755))
	}
	for path, text := range map[string]string{
		w.out("victim"): "victim", w.out("spare1"): "", w.out("spare2"): "", w.out("spare3"): "", w.out("spare4"): "",
		w.out("auth.json"): "the key", w.Hidden + "/key": "the key", w.work(".git/config"): "", w.work(".git/hooks/sample"): "",
		w.work("wt/.git"): "gitdir: ../main/.git/worktrees/wt\n", w.work("main/.git/worktrees/wt/commondir"): "../..\n",
		w.out("home/.bashrc"): "",
	} {
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
	must(t, os.Symlink("../realgit", w.work("linkroot/.git")))
	must(t, os.Symlink(w.Hidden, w.out("to-hidden")))
	w.outsiders(t)
	return w
}

// outsiders are what a command could talk to.
func (w *world) outsiders(t *testing.T) {
	host := exec.Command("sleep", "600")
	host.Env, host.Dir = []string{w.Secret}, w.Out
	must(t, host.Start())
	t.Cleanup(func() { _ = host.Process.Kill(); _ = host.Wait() })
	w.Host = host.Process.Pid
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	w.Socket, w.Datagram = w.out("sock"), w.out("dgram")
	named, err := net.Listen("unix", w.Socket)
	must(t, err)
	dgram, err := net.ListenPacket("unixgram", w.Datagram)
	must(t, err)
	w.Abstract = w.Secret
	abstract, err := net.Listen("unix", "@"+w.Abstract)
	must(t, err)
	t.Cleanup(func() {
		for _, c := range []interface{ Close() error }{tcp, udp, named, dgram, abstract} {
			_ = c.Close()
		}
	})
	w.Port, w.UDP = tcp.Addr().(*net.TCPAddr).Port, udp.LocalAddr().(*net.UDPAddr).Port
	w.Shm, err = unix.SysvShmGet(unix.IPC_PRIVATE, 4096, unix.IPC_CREAT|0o600)
	must(t, err)
	t.Cleanup(func() { _, _ = unix.SysvShmCtl(w.Shm, unix.IPC_RMID, nil) })
	shm := "/dev/shm/" + w.name()
	must(t, os.WriteFile(shm, nil, 0o600))
	t.Cleanup(func() { _ = os.Remove(shm) })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testBinary is this program where every user can run it.
func testBinary(t *testing.T) string {
	self, err := os.Executable()
	must(t, err)
	return self
}

// asNobody runs tests of this binary as an ordinary user.
func asNobody(t *testing.T, run string) {
	dir, err := os.MkdirTemp("/tmp", "sandbox-user")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	binary := filepath.Join(dir, "sandbox.test")
	self, err := os.ReadFile(testBinary(t))
	must(t, err)
	must(t, os.WriteFile(binary, self, 0o755))
	home := filepath.Join(dir, "home")
	must(t, os.Mkdir(home, 0o700))
	must(t, os.Chown(home, 65534, 65534))
	cmd := exec.CommandContext(t.Context(), binary, "-test.run="+run, "-test.v", "-test.timeout=60s")
	cmd.Dir = home
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + home, "TMPDIR=" + home, "SANDBOX_TEST_USER=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "ways tried") || strings.Contains(line, "does not work") || strings.Contains(line, "SKIP") || strings.Contains(line, "enforced") {
			t.Log(strings.TrimSpace(line))
		}
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		t.Fatalf("as an ordinary user: %v\n%s", err, out)
	} else if err != nil {
		t.Skipf("cannot become an ordinary user: %v", err)
	}
}

// Whatever becomes of a command, the host is left with the descriptors, goroutines and children that it had.
func TestNothingLeaks(t *testing.T) {
	all := modes(t)
	round := func() {
		for _, mode := range all {
			for _, script := range []string{"true", "echo x >&2; exit 3", "sleep 600"} {
				spec := shell(t.TempDir(), mode, script)
				spec.Stdin, spec.Separate = true, true
				p, err := Start(t.Context(), spec)
				must(t, err)
				must(t, p.Close())
				spec.TTY = &Size{Cols: 80, Rows: 24}
				p, err = Start(t.Context(), spec)
				must(t, err)
				must(t, p.Kill(10*time.Millisecond))
				must(t, p.Close())
			}
			if _, err := Start(t.Context(), Spec{Argv: []string{"/none"}, Dir: "/", Policy: Policy{Mode: mode, Cwd: t.TempDir()}}); err == nil {
				t.Error("started nothing")
			}
		}
	}
	round()
	fds, goroutines := count(t), runtime.NumGoroutine()
	for range 3 {
		round()
	}
	until(t, 5*time.Second, "the end of the goroutines", func() bool { return runtime.NumGoroutine() <= goroutines })
	if now := count(t); now > fds {
		t.Errorf("%d descriptors, %d before", now, fds)
	}
	if left := supervise.Descendants(os.Getpid()); len(left) > 0 {
		t.Errorf("children are left: %v", left)
	}
}

func count(t *testing.T) int {
	names, err := readNames("/proc/self/fd")
	must(t, err)
	return len(names)
}
