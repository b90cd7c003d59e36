package rpc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/codexhost/codexhost/rpc"
)

var update = flag.Bool("update", false, "rewrite the transcripts with what the host says now")

// A transcript is a session with the host, testdata/transcripts/<method>.txtar:
// prose, then files ("home/..." and "cwd/...", in which $HOME and $CWD stand for
// the folders, $EXE for an MCP server and $WEB for one that wants a login), then the lines of the section "session":
//
//	-> {...}     the client sends this and, if it is a request, waits for the answer
//	=> {...}     the same without waiting
//	? METHOD     the client waits until the host has sent another METHOD
//	<- {...}     what the host sent until then, in its order
//	# ...        prose
//	! restart    the client hangs up, and another process serves the same home
//	! open URL   the user's browser opens it
//
// What differs from run to run has a name instead: ids ($thread1, $turn1, $id1), hashes ($sha1),
// cursors ($next1, $back1), commands ($process1), times (T). The client's lines may use the names.
// Members that are null are not shown; the schema says which must be there.
// Neighbouring deltas of one item are joined, as a slow reader would get them.
func TestTranscripts(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the transcripts have Unix paths")
	}
	for _, path := range transcripts(t) {
		name := strings.TrimSuffix(filepath.ToSlash(path), ".txtar")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(transcriptDir, path)
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			at := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "session" })
			if at < 0 {
				t.Fatal("no section session")
			}
			got := play(t, archive, string(archive.Files[at].Data))
			want := string(archive.Files[at].Data)
			if got == want {
				return
			}
			if !*update {
				t.Errorf("%s says something else (run with -update to accept):\n%s", path, difference(want, got))
				return
			}
			archive.Files[at].Data = []byte(got)
			if err := os.WriteFile(path, txtar.Format(archive), 0o666); err != nil {
				t.Fatal(err)
			}
		})
	}
}

const transcriptDir = "testdata/transcripts"

// transcripts are all of them, by their paths below transcriptDir.
func transcripts(t *testing.T) (paths []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(transcriptDir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".txtar") {
			paths = append(paths, filepath.FromSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// difference shows the first lines that differ.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			at := 0
			for at < min(len(w[i]), len(g[i])) && w[i][at] == g[i][at] {
				at++
			}
			at = max(at-60, 0)
			return fmt.Sprintf("line %d, byte %d\nwant ...%s\ngot  ...%s", i+1, at, w[i][at:], g[i][at:])
		}
	}
	return fmt.Sprintf("%d lines instead of %d, the rest being\n%s", len(g), len(w), strings.Join(append(w[min(len(w), len(g)):], g[min(len(w), len(g)):]...), "\n"))
}

// player plays a transcript and writes down what happens.
type player struct {
	t     *testing.T
	host  *host
	c     *client
	names *names
	out   bytes.Buffer
	shown int // messages of c that are written down
}

func play(t *testing.T, archive *txtar.Archive, session string) string {
	h := newHost(t)
	p := &player{t: t, host: h, names: newNames(h)}
	if bytes.Contains(txtar.Format(archive), []byte("$WEB")) {
		p.names.reals["$WEB"] = web(t)
	}
	for _, f := range archive.Files {
		if dir, rest, ok := strings.Cut(f.Name, "/"); ok {
			p.plant(map[string]string{"home": h.home, "cwd": h.cwd}[dir], rest, f.Data)
		}
	}
	p.c = h.connect()
	for line := range strings.Lines(session) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "<- ") {
			continue
		}
		fmt.Fprintln(&p.out, line)
		p.step(line)
	}
	p.hangUp()
	return p.out.String()
}

// plant writes a file of the transcript.
func (p *player) plant(dir, name string, data []byte) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(p.names.real(p.t, string(data))), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *player) step(line string) {
	p.t.Helper()
	what, rest, _ := strings.Cut(line, " ")
	switch what {
	case "->":
		text := p.names.real(p.t, rest)
		p.c.send(text)
		var m struct {
			ID     json.RawMessage
			Method string
		}
		if json.Unmarshal([]byte(text), &m) == nil && m.ID != nil && m.Method != "" {
			p.until(func(x message) bool { return x.Method == "" && bytes.Equal(x.ID, m.ID) })
		}
	case "=>":
		p.c.send(p.names.real(p.t, rest))
	case "?":
		p.until(func(x message) bool { return x.Method == rest })
	case "!":
		if address, ok := strings.CutPrefix(rest, "open "); ok {
			open(p.t, p.names.real(p.t, address))
			return
		}
		if rest != "restart" {
			p.t.Fatalf("no such command: %s", line)
		}
		p.hangUp()
		p.host.close()
		p.host.boot()
		p.c, p.shown = p.host.connect(), 0
	case "#", "":
	default:
		p.t.Fatalf("no such line: %s", line)
	}
}

// until writes down what the host sends up to a message.
func (p *player) until(want func(message) bool) {
	p.t.Helper()
	to, _ := p.c.await(p.shown, want)
	p.show(to)
}

func (p *player) show(to int) {
	all := p.c.history()
	for ; p.shown < to; p.shown++ {
		m := all[p.shown]
		for p.shown+1 < to && joined(&m, all[p.shown+1]) {
			p.shown++
		}
		fmt.Fprintf(&p.out, "<- %s\n", p.names.show(string(m.line)))
	}
}

// hangUp ends the input as a pipe does, and writes down what still comes.
func (p *player) hangUp() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = p.c.in.Close() // again in the client's own
	<-p.c.served
	for _, id := range p.host.manager.ThreadIDs() {
		th, err := p.host.manager.Get(id)
		if err == nil {
			err = th.WaitIdle(ctx)
		}
		if err != nil {
			p.t.Errorf("waiting for the end of turns: %v", err)
		}
	}
	p.c.hangUp()
	p.host.clients = nil
	p.show(len(p.c.history()))
}

var deltaText = regexp.MustCompile(`"delta":"((?:[^"\\]|\\.)*)"`)

// joined appends a delta to one of the same item.
func joined(m *message, next message) bool {
	if m.Method != next.Method || !strings.HasSuffix(m.Method, "elta") {
		return false
	}
	a, b := deltaText.FindSubmatchIndex(m.line), deltaText.FindSubmatchIndex(next.line)
	if a == nil || b == nil || !bytes.Equal(m.line[:a[2]], next.line[:b[2]]) {
		return false
	}
	m.line = slices.Concat(m.line[:a[3]], next.line[b[2]:b[3]], m.line[a[3]:])
	return true
}

// names gives what differs from run to run a name that does not.
type names struct {
	host  *host
	shown map[string]string // by what is real
	reals map[string]string // by name
	count map[string]int    // by kind of name
}

// executable is the test binary, which is also an MCP server.
func executable() string {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return exe
}

func newNames(h *host) *names {
	return &names{host: h, shown: map[string]string{}, reals: map[string]string{"$HOME": h.home, "$CWD": h.cwd, "$EXE": executable()}, count: map[string]int{}}
}

const uuidExpr = `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`

// differing are the kinds of text that get a numbered name: the text is the
// group, or the whole match.
var differing = []struct {
	kind string
	expr *regexp.Regexp
}{
	{"next", regexp.MustCompile(`"nextCursor":"((?:[^"\\]|\\.)*)"`)},
	{"back", regexp.MustCompile(`"(?:backwardsCursor|turnsBackwardsCursor|itemsBackwardsCursor)":"((?:[^"\\]|\\.)*)"`)},
	{"thread", regexp.MustCompile(`"(?:threadId|sessionId)":"(` + uuidExpr + `)"`)},
	{"turn", regexp.MustCompile(`"(?:turnId|rootTurnId)":"(` + uuidExpr + `)"`)},
	{"id", regexp.MustCompile(uuidExpr)},
	{"url", regexp.MustCompile(`"authorizationUrl":"([^"]*)"`)},
	{"process", regexp.MustCompile(`"processId":"(\d{4,})"`)},
	{"sha", regexp.MustCompile(`sha256:[0-9a-f]{64}`)},
}

// settled are the texts that are shown as something fixed.
var settled = []struct {
	expr *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`"(\w*At|\w*AtMs|durationMs)":\d+`), `"$1":T`},
	{regexp.MustCompile(`"tokenUsage":\{"last":\{[^}]*\},"total":\{[^}]*\},"modelContextWindow":\w+\}`), `"tokenUsage":{...}`},
	{regexp.MustCompile(`"\w+":null,|,"\w+":null|(\{)"\w+":null(\})`), "$1$2"},
	{regexp.MustCompile(`sessions/\d{4}/\d\d/\d\d/`), "sessions/DAY/"},
	{regexp.MustCompile(`rollout-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-`), "rollout-TIME-"},
	{regexp.MustCompile(`_off\d+[0-9a-f]*_`), "_off_"},
	{regexp.MustCompile(`\((?:linux|macos|windows); [\w]+\) codexhost`), "(OS; ARCH) codexhost"},
	{regexp.MustCompile(`"platformOs":"\w+"`), `"platformOs":"OS"`},
	{regexp.MustCompile(`process \d+`), "process PID"},
	{regexp.MustCompile(`"pid":\d+`), `"pid":PID`},
	{regexp.MustCompile(`"score":\d+`), `"score":N`},
	{regexp.MustCompile(`"memoryBytes":\d+`), `"memoryBytes":N`},
	{regexp.MustCompile("expected one of `initialize`, .*`"), "expected one of `initialize`, ..."}, // some 190 methods
}

func (n *names) show(line string) string {
	line = strings.NewReplacer(n.host.home, "$HOME", n.host.cwd, "$CWD", n.reals["$EXE"], "$EXE").Replace(line)
	for _, d := range differing {
		line = d.expr.ReplaceAllStringFunc(line, func(found string) string {
			real := found
			if g := d.expr.FindStringSubmatch(found); len(g) > 1 {
				real = g[1]
			}
			return strings.Replace(found, real, n.name(d.kind, real), 1)
		})
	}
	if web := n.reals["$WEB"]; web != "" { // what was named above has its address in it
		line = strings.ReplaceAll(line, web, "$WEB")
	}
	for _, s := range settled {
		line = s.expr.ReplaceAllString(line, s.with)
	}
	return line
}

func (n *names) name(kind, real string) string {
	if name := n.shown[real]; name != "" {
		return name
	}
	n.count[kind]++
	name := fmt.Sprintf("$%s%d", kind, n.count[kind])
	n.shown[real], n.reals[name] = name, real
	return name
}

var nameExpr = regexp.MustCompile(`\$(?:HOME\b|CWD\b|EXE\b|WEB\b|(?:thread|turn|id|process|sha|cursor|url)\d+)`)

// real is a line with the names replaced by what they stand for.
func (n *names) real(t *testing.T, line string) string {
	return nameExpr.ReplaceAllStringFunc(line, func(name string) string {
		real, ok := n.reals[name]
		if !ok {
			t.Fatalf("nothing is called %s yet: %s", name, line)
		}
		return real
	})
}

// Every method that is served has a transcript of its own.
func TestEveryServedMethodHasATranscript(t *testing.T) {
	have := transcripts(t)
	for _, method := range rpc.Served() {
		if !slices.Contains(have, filepath.FromSlash(method)+".txtar") && without[method] == "" {
			t.Errorf("%s is served, and no transcript shows how: write %s/%s.txtar", method, transcriptDir, method)
		}
	}
	for method := range without {
		if !slices.Contains(rpc.Served(), method) || slices.Contains(have, filepath.FromSlash(method)+".txtar") {
			t.Errorf("%s needs no excuse", method)
		}
	}
}

// without are methods that have no transcript, and why.
var without = map[string]string{}
