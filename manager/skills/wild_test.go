package skills

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/codexhost/codexhost/rollout/codextest"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// The corpus under testdata/wild is skills in the shapes in which people have
// them, sound and broken, a txtar archive for each kind. Beside each lies what
// the reference, codex 0.169, lists of it, so that the comparison needs no codex;
// where there is one, the recording is held against it. With -record it is made anew.
var record = flag.Bool("record", false, "write what the installed codex lists of testdata/wild beside the archives")

// wildRoots are the archives, and where below a scratch folder each is unpacked.
var wildRoots = map[string]string{
	"plain": "home/.agents/skills", "broken": "home/.agents/skills", "limits": "home/.agents/skills",
	"openai": "home/.agents/skills", "folders": "home/.agents/skills", "repo": "ws/.agents/skills",
}

// deliberate are the differences that we want, by archive and path.
var deliberate = map[string]string{
	"broken " + user + "blank-line-tab/SKILL.md": "a line of blanks is a blank line",

	"limits " + user + "dots-name/SKILL.md":          leads,
	"limits " + user + "path-name/SKILL.md":          leads,
	"limits " + user + "escape-name/SKILL.md":        unseen,
	"limits " + user + "nul-name/SKILL.md":           unseen,
	"limits " + user + "rtl-name/SKILL.md":           unseen,
	"limits " + user + "escape-description/SKILL.md": "a description is shown in terminals, which must not be told to do something",

	"folders " + user + "dangling":                             broken,
	"folders " + user + "dangling-file/SKILL.md":               broken,
	"folders $DIR/home/.agents/elsewhere/file.md":              followed,
	"folders $DIR/home/.agents/elsewhere/nameless.md":          followed,
	"repo $DIR/ws/.agents/skills/dangling":                     broken,
	"repo $DIR/ws/docs/file.md":                                followed,
	"repo $DIR/ws/.agents/skills/linked-outside":               outside,
	"repo $DIR/ws/.agents/skills/linked-file-outside/SKILL.md": outside,
	"repo $DIR/ws/.agents/skills/yaml-outside/SKILL.md":        outside,
	"repo $DIR/home/private/SKILL.md":                          outside,
}

const (
	user     = "$DIR/home/.agents/skills/"
	leads    = "a name that leads somewhere when a path is made of it is refused"
	unseen   = "a name that a terminal obeys, or shows otherwise than it is, is refused"
	broken   = "a link that leads nowhere is an error that is told, not silence"
	followed = "a SKILL.md that is a link to a file is followed"
	outside  = "a repository has no say over files outside of it"
)

func TestWild(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the corpus has links and names that are not for this system")
	}
	skills, used := 0, map[string]bool{}
	for kind, root := range wildRoots {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t)
			skills += unpack(t, w, kind, root)
			sn, err := w.catalogue.List(t.Context(), w.settings, false)
			if err != nil {
				t.Fatal(err)
			}
			b, err := protocol.Append(nil, sn.Entry(w.ws))
			if err != nil {
				t.Fatal(err)
			}
			ours := digest(t, b, w.dir)
			theirs := recordedWild(t, kind)
			for _, path := range slices.Sorted(keys(ours.by, theirs.by)) {
				why, meant := deliberate[kind+" "+path]
				same := reflect.DeepEqual(ours.by[path], theirs.by[path])
				switch {
				case same && meant:
					t.Errorf("%s is as the reference has it; it is said to differ because %s", path, why)
				case !same && !meant:
					t.Errorf("%s\nours   %v\ntheirs %v", path, ours.by[path], theirs.by[path])
				}
				used[kind+" "+path] = true
			}
			if a, b := common(ours, theirs), common(theirs, ours); !slices.Equal(a, b) {
				t.Errorf("order\nours   %q\ntheirs %q", a, b)
			}
		})
	}
	for path := range deliberate {
		if !used[path] {
			t.Errorf("%s is in the list of differences and nowhere else", path)
		}
	}
	if skills < 50 {
		t.Errorf("only %d SKILL.md", skills)
	}
}

// TestWildReference holds the recordings against the reference itself.
func TestWildReference(t *testing.T) {
	codex := codextest.Binary(t)
	for kind, root := range wildRoots {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t)
			unpack(t, w, kind, root)
			got := digest(t, askReference(t, codex, w), w.dir)
			if *record {
				b, err := json.MarshalIndent(got.entry, "", " ")
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile("testdata/wild/"+kind+".json", append(b, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := recordedWild(t, kind); !reflect.DeepEqual(got.entry, want.entry) {
				for _, path := range slices.Sorted(keys(got.by, want.by)) {
					if !reflect.DeepEqual(got.by[path], want.by[path]) {
						t.Errorf("%s\nnow      %v\nrecorded %v", path, got.by[path], want.by[path])
					}
				}
				if !t.Failed() {
					t.Errorf("another order: %q", got.order)
				}
			}
		})
	}
}

// unpack makes the files of an archive below root and counts the SKILL.md. A
// word in brackets after a name says what the text is: "quoted", a Go string;
// "link", where a link leads; "fill N", a text with N letters in it; "skill", of
// no matter, the file is a plain skill. A name that ends with "/" is a folder.
func unpack(t *testing.T, w *world, kind, root string) (count int) {
	t.Helper()
	do := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	archive, err := txtar.ParseFile("testdata/wild/" + kind + ".txtar")
	do(err)
	do(os.MkdirAll(w.ws+"/.git", 0o755))
	for _, f := range archive.Files {
		name, what, _ := strings.Cut(strings.TrimSuffix(f.Name, ")"), " (")
		if strings.HasSuffix(name, "SKILL.md") {
			count++
		}
		text, path := string(f.Data), filepath.Join(w.dir, root, name)
		do(os.MkdirAll(filepath.Dir(path), 0o755))
		length, filled := strings.CutPrefix(what, "fill ")
		switch {
		case strings.HasSuffix(name, "/"):
			do(os.MkdirAll(path, 0o755))
			continue
		case what == "link":
			do(os.Symlink(strings.TrimSpace(text), path))
			continue
		case what == "quoted":
			text, err = strconv.Unquote(strings.TrimSpace(text))
			do(err)
		case what == "skill":
			text = fmt.Sprintf("---\nname: %s\ndescription: Skill number %d.\n---\n", filepath.Base(filepath.Dir(path)), count)
		case filled:
			n, err := strconv.Atoi(length)
			do(err)
			text = strings.Replace(text, "%s", strings.Repeat("x", n), 1)
		case what != "":
			t.Fatalf("%s: what is %q?", f.Name, what)
		}
		do(os.WriteFile(path, []byte(text), 0o644))
	}
	return count
}

// listed is an entry of skills/list without the folder it was made in.
type listed struct {
	entry map[string]any
	by    map[string][]any // skills and errors by path
	order []string         // "skill PATH" and "error PATH" as they come
}

func digest(t *testing.T, entry []byte, dir string) listed {
	t.Helper()
	l := listed{by: make(map[string][]any)}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(entry), dir, "$DIR")), &l.entry); err != nil {
		t.Fatal(err)
	}
	shorten(l.entry)
	for _, of := range []string{"skill", "error"} {
		for _, e := range l.entry[of+"s"].([]any) {
			path := e.(map[string]any)["path"].(string)
			l.by[path] = append(l.by[path], e)
			l.order = append(l.order, of+" "+path)
		}
	}
	return l
}

// shorten makes something short of long texts that still tells them apart.
func shorten(v any) any {
	switch v := v.(type) {
	case string:
		if len(v) > 300 {
			h := fnv.New64a()
			h.Write([]byte(v))
			return fmt.Sprintf("%s... %d bytes, %x", v[:20], len(v), h.Sum64())
		}
	case []any:
		for i := range v {
			v[i] = shorten(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = shorten(v[k])
		}
	}
	return v
}

func keys(a, b map[string][]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range a {
			if !yield(k) {
				return
			}
		}
		for k := range b {
			if _, twice := a[k]; !twice && !yield(k) {
				return
			}
		}
	}
}

// common is the order of what both have.
func common(a, b listed) []string {
	return slices.DeleteFunc(slices.Clone(a.order), func(s string) bool { return !slices.Contains(b.order, s) })
}

func recordedWild(t *testing.T, kind string) listed {
	t.Helper()
	b, err := os.ReadFile("testdata/wild/" + kind + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return digest(t, b, "$DIR")
}

// askReference returns codex's entry for the world's workspace.
func askReference(t *testing.T, codex string, w *world) []byte {
	t.Helper()
	config := fmt.Sprintf("[skills.bundled]\nenabled = false\n[analytics]\nenabled = false\n[projects.%q]\ntrust_level = \"trusted\"\n[features]\nplugins = false\napps = false\n", w.ws)
	if err := os.WriteFile(w.codex+"/config.toml", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, codex, "app-server")
	cmd.Dir = w.ws
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.home, "CODEX_HOME=" + w.codex, "TMPDIR=" + t.TempDir()}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); cancel(); cmd.Wait() }()
	fmt.Fprintf(in, "%s\n%s\n", `{"id":1,"method":"initialize","params":{"clientInfo":{"name":"corpus","title":"C","version":"1"}}}`, `{"method":"initialized"}`)
	fmt.Fprintf(in, `{"id":2,"method":"skills/list","params":{"cwds":[%q]}}`+"\n", w.ws)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatalf("codex ended: %v", cmp.Or(ctx.Err(), err))
		}
		var answer struct {
			ID     int
			Result struct{ Data []json.RawMessage }
		}
		if json.Unmarshal(line, &answer) == nil && answer.ID == 2 {
			return answer.Result.Data[0]
		}
	}
}
