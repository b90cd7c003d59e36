package main_test

// The rules of the house, as tests. Which package stands on which floor is read
// from the table in ARCHITECTURE.md, so the picture and the check cannot part.

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/codexhost/codexhost/"

// A pkg is a folder with Go files, whatever the system they are built for.
type pkg struct {
	dir   string // from the module's root, with slashes
	files []*source
}

type source struct {
	name      string // from the module's root
	ast       *ast.File
	test      bool
	generated bool
}

// house is every Go file of the module, read once.
func house(t *testing.T) []*pkg {
	t.Helper()
	list, err := readHouse()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

var readHouse = sync.OnceValues(func() ([]*pkg, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	all := map[string]*pkg{}
	fset := token.NewFileSet()
	err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); file != root && (n[0] == '.' || n[0] == '_' || n == "testdata" || n == "node_modules" || n == "out" || n == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(file) != ".go" {
			return nil
		}
		tree, err := parser.ParseFile(fset, file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		dir := path.Dir(rel)
		if all[dir] == nil {
			all[dir] = &pkg{dir: dir}
		}
		all[dir].files = append(all[dir].files, &source{
			name: rel, ast: tree, test: strings.HasSuffix(rel, "_test.go"), generated: ast.IsGenerated(tree),
		})
		return nil
	})
	list := slices.Collect(maps.Values(all))
	slices.SortFunc(list, func(a, b *pkg) int { return strings.Compare(a.dir, b.dir) })
	return list, err
})

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = up
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// code is what a package ships: neither tests nor, unless asked for, generated files.
func (p *pkg) code(generated bool) []*source {
	var out []*source
	for _, f := range p.files {
		if !f.test && (generated || !f.generated) {
			out = append(out, f)
		}
	}
	return out
}

// imports lists what a file imports.
func (f *source) imports() []string {
	var out []string
	for _, i := range f.ast.Imports {
		p, _ := strconv.Unquote(i.Path.Value) // the parser accepted it
		out = append(out, p)
	}
	return out
}

// floors is the table of ARCHITECTURE.md.
type floors struct {
	of      map[string]int          // by folder
	beside  map[int]map[string]bool // what a floor may import of itself
	planned map[string]bool
}

var floorRow = regexp.MustCompile(`^\| (\d+) \| (.*) \| (.*) \|$`)

func readFloors(t *testing.T) floors {
	t.Helper()
	f := floors{of: map[string]int{}, beside: map[int]map[string]bool{}, planned: map[string]bool{}}
	name := regexp.MustCompile("`([^`]+)`( \\(planned\\))?")
	for line := range strings.Lines(readFile(t, "ARCHITECTURE.md")) {
		m := floorRow.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		n, _ := strconv.Atoi(m[1])
		for _, p := range name.FindAllStringSubmatch(m[2], -1) {
			f.of[p[1]] = n
			f.planned[p[1]] = p[2] != ""
		}
		f.beside[n] = map[string]bool{}
		for _, p := range name.FindAllStringSubmatch(m[3], -1) {
			f.beside[n][p[1]] = true
		}
	}
	if len(f.of) == 0 {
		t.Fatal("ARCHITECTURE.md has no table of floors: rows `| 0 | `pkg`, ... | what it may import |`")
	}
	return f
}

// entry is the row's name that covers a folder: itself or the nearest one above it.
func (f floors) entry(dir string) (string, bool) {
	for ; dir != "."; dir = path.Dir(dir) {
		if _, ok := f.of[dir]; ok {
			return dir, true
		}
	}
	return "", false
}

// bans are refused whatever the floors say, or deserve a better reason than the floors give. They are between rows of
// the table; a name that ends in /... stands for all rows below it too.
var bans = []struct{ from, to, why string }{
	{"manager/...", "rpc", "the manager declares what it needs of a client (Observer, Asker) and rpc implements it, so that another face can be put on the same manager"},
	{"plugins/skill", "manager/...", contract},
	{"plugins/mcp", "manager/...", contract},
	{"plugins/serve", "manager/...", contract},
	{"plugins", "manager/...", "the host side of providers is told what to launch; it reads no settings"},
	{"plugins/examples", "plugins/builtin", outsider},
	{"plugins/examples", "plugins/serve", outsider},
	{"plugins/examples", "plugins/proto", outsider},
	{"plugins/examples", "manager/...", outsider},
	{"rollout", "manager/...", "the thread files outlive every manager, and another store must be able to stand in their place"},
	{"skillswatch", "manager/...", "the watcher is told what to watch and whom to tell; it knows neither settings nor skills"},
}

const (
	contract = "a plugin author who imports a contract gets go-plugin and gRPC, and nothing of the host"
	outsider = "examples are what an outsider can write: of ours they see the contracts at most"
)

// matches says whether a row of the table is meant by a ban's name.
func matches(entry, name string) bool {
	if root, ok := strings.CutSuffix(name, "/..."); ok {
		return under(entry, root)
	}
	return entry == name
}

func under(dir, root string) bool { return dir == root || strings.HasPrefix(dir, root+"/") }

func TestImportsPointDown(t *testing.T) {
	f := readFloors(t)
	exists := map[string]bool{}
	for _, p := range house(t) {
		if len(p.code(true)) == 0 {
			continue
		}
		from, ok := f.entry(p.dir)
		if !ok {
			t.Errorf("%s stands on no floor: give it a place in the table of ARCHITECTURE.md", p.dir)
			continue
		}
		for e := p.dir; e != "."; e = path.Dir(e) {
			exists[e] = true
		}
		for _, file := range p.code(true) {
			for _, imp := range file.imports() {
				if to, ours := strings.CutPrefix(imp, module); ours {
					if why := f.refuse(from, to); why != "" {
						t.Errorf("%s must not import %s: %s", file.name, to, why)
					}
				}
			}
		}
	}
	for e := range f.of {
		if exists[e] == f.planned[e] {
			t.Errorf("ARCHITECTURE.md names %s; it exists: %v, marked as planned: %v", e, exists[e], f.planned[e])
		}
	}
}

// refuse says why a package of the row from must not import another; empty if it may.
func (f floors) refuse(from, to string) string {
	entry, ok := f.entry(to)
	if !ok {
		return "it stands on no floor"
	}
	for _, b := range bans {
		if matches(from, b.from) && matches(entry, b.to) {
			return b.why
		}
	}
	mine, its := f.of[from], f.of[entry]
	switch {
	case its < mine, entry == from, its == mine && f.beside[mine][entry]:
		return ""
	case its == mine:
		return fmt.Sprintf("both stand on floor %d, and neighbours do not know each other; let whoever stands above bring them together", mine)
	}
	return fmt.Sprintf("it stands on floor %d, the importer on floor %d, and imports point down; declare the small interface that you need and let the upper floor implement it", its, mine)
}

// The rules are only as good as what they refuse.
func TestFloorsRefuse(t *testing.T) {
	f := readFloors(t)
	for _, c := range []struct {
		from, to string
		refused  bool
	}{
		{"manager", "rpc", true},
		{"manager/thread", "rpc", true},
		{"manager/thread", "manager", true},
		{"manager", "rpc/protocol", false},
		{"manager/thread", "rollout", false},
		{"manager/model", "manager/config", false},
		{"manager/model", "rollout", true},
		{"plugins/mcp", "manager/config", true},
		{"plugins/mcp", "plugins/serve", false},
		{"plugins/builtin", "plugins/skill", false},
		{"plugins/builtin", "plugins/builtin/skills", false},
		{"plugins/examples", "plugins/mcp", false},
		{"plugins/examples", "plugins/proto/mcp/v1", true},
		{"rpc/protocol", "rollout", true},
		{"cmd", "rpc", false},
		{"rpc", "nowhere", true},
	} {
		if why := f.refuse(c.from, c.to); (why != "") != c.refused {
			t.Errorf("%s importing %s: refused %v (%s)", c.from, c.to, why != "", why)
		}
	}
}

// homes are the packages that wrap a library, so that its types and traps stay in one place.
var homes = map[string][]string{
	"github.com/sourcegraph/jsonrpc2":        {"rpc/jsonrpc"},
	"github.com/fsnotify/fsnotify":           {"skillswatch"},
	"github.com/hashicorp/go-plugin":         {"plugins"},
	"google.golang.org/grpc":                 {"plugins"},
	"google.golang.org/protobuf":             {"plugins"},
	"github.com/modelcontextprotocol/go-sdk": {"plugins/builtin", "plugins/examples", "manager/mcp/oauth"},
	"golang.org/x/oauth2":                    {"manager/mcp/oauth"},
	"github.com/pelletier/go-toml/v2":        {"manager/config"},
	"go.yaml.in/yaml/v3":                     {"plugins/builtin", "manager/skills"},
	"github.com/spf13/cobra":                 {"cmd/codexhost"},
}

func TestLibrariesHaveOneHome(t *testing.T) {
	for _, p := range house(t) {
		for _, file := range p.code(true) {
			for _, imp := range file.imports() {
				for lib, where := range homes {
					if under(imp, lib) && !slices.ContainsFunc(where, func(h string) bool { return under(p.dir, h) }) {
						t.Errorf("%s imports %s, which is wrapped by %s: use that", file.name, imp, strings.Join(where, ", "))
					}
				}
			}
		}
	}
}
