package main_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/rpc"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// A package comment says what the package owns, what it must not know, and its
// ordering and blocking rules. A test can only see that somebody wrote one.
func TestEveryPackageHasOneComment(t *testing.T) {
	const least = 60 // characters; less cannot say what a package owns
	for _, p := range house(t) {
		files := p.code(false)
		if len(files) == 0 {
			continue
		}
		var with []string
		var text string
		for _, f := range files {
			if f.ast.Doc != nil {
				with = append(with, f.name)
				text = f.ast.Doc.Text()
			}
		}
		if len(with) != 1 {
			t.Errorf("package %s has %d package comments %v; it needs one, that says what it owns, what it must not know, and what may block", p.dir, len(with), with)
			continue
		}
		want := "Package " + files[0].ast.Name.Name + " "
		if files[0].ast.Name.Name == "main" {
			want = "Command " + path.Base(p.dir) + " "
		}
		if !strings.HasPrefix(text, want) {
			t.Errorf("%s: the package comment begins %q, want %q", with[0], firstWords(text), want)
		}
		if len(text) < least {
			t.Errorf("%s: the package comment has %d characters; say what the package owns and must not know", with[0], len(text))
		}
	}
}

func firstWords(s string) string {
	f := strings.Fields(s)
	return strings.Join(f[:min(len(f), 3)], " ")
}

// A package owns one thing and is named for it. A drawer for odds and ends is
// where the imports of a program go to meet.
func TestNoDrawers(t *testing.T) {
	drawers := []string{"util", "utils", "common", "helper", "helpers", "types", "misc", "shared", "base", "lib"}
	for _, p := range house(t) {
		if slices.Contains(drawers, path.Base(p.dir)) {
			t.Errorf("package %s: name it for the one thing it owns", p.dir)
		}
		for _, f := range p.files {
			name := strings.TrimSuffix(strings.TrimSuffix(path.Base(f.name), ".go"), "_test")
			if slices.Contains(drawers, name) {
				t.Errorf("%s: name it for the one idea it holds", f.name)
			}
		}
	}
}

// A replace line works in this checkout only: whoever installs the program with
// go install, or imports a contract package, would build something else.
func TestNoReplaceInGoMod(t *testing.T) {
	for line := range strings.Lines(readFile(t, "go.mod")) {
		if strings.HasPrefix(strings.TrimSpace(line), "replace") {
			t.Errorf("go.mod: %s", strings.TrimSpace(line))
		}
	}
}

// Generated files can be told by their name and by their first lines, so that
// reviews, linters and these tests can leave them out.
func TestGeneratedFilesSaySo(t *testing.T) {
	for _, p := range house(t) {
		for _, f := range p.files {
			named := strings.HasSuffix(f.name, "_gen.go") || strings.HasSuffix(f.name, ".pb.go")
			if named && !f.generated {
				t.Errorf("%s is named as a generated file and has no line `// Code generated ... DO NOT EDIT.` before its package clause", f.name)
			}
			if f.generated && !named {
				t.Errorf("%s says that it is generated; call it *_gen.go or *.pb.go", f.name)
			}
		}
	}
}

// offStart are the packages that a start of the host does not run through, or
// that the generator of somebody else wrote.
var offStart = []string{"rpc/protocol/generate", "plugins/proto", "plugins/examples"}

// Start-up is what people wait for, and every start of a plugin pays it again:
// what can wait is done on first use.
func TestNothingHappensAtInit(t *testing.T) {
	const mostEntries = 256
	for _, p := range house(t) {
		if slices.ContainsFunc(offStart, func(d string) bool { return under(p.dir, d) }) {
			continue
		}
		for _, f := range p.code(true) {
			for _, d := range f.ast.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s has an init function: do it on first use", f.name)
				}
				if vars, ok := d.(*ast.GenDecl); ok && vars.Tok == token.VAR {
					for _, why := range initWork(vars, mostEntries) {
						t.Errorf("%s %s: do it on first use (sync.OnceValue)", f.name, why)
					}
				}
			}
		}
	}
}

// initWork finds what package variables cost before main runs.
func initWork(vars *ast.GenDecl, mostEntries int) (found []string) {
	ast.Inspect(vars, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false // runs later
		case *ast.CallExpr:
			if name := callee(n); name == "regexp.MustCompile" || name == "template.Must" {
				found = append(found, "calls "+name+" at init")
			}
		case *ast.CompositeLit:
			if _, isMap := n.Type.(*ast.MapType); isMap && len(n.Elts) > mostEntries {
				found = append(found, fmt.Sprintf("builds a map of %d entries at init", len(n.Elts)))
			}
		}
		return true
	})
	return found
}

// callee is a call's pkg.Func, where it has that form.
func callee(c *ast.CallExpr) string {
	if s, ok := c.Fun.(*ast.SelectorExpr); ok {
		if x, ok := s.X.(*ast.Ident); ok {
			return x.Name + "." + s.Sel.Name
		}
	}
	return ""
}

// A test that sleeps is slow when it passes and fails when the machine is busy:
// wait for an event with a deadline, or run under testing/synctest. TestMain and
// main_test.go are exempt: there the test binary plays programs that are slow on
// purpose.
func TestTestsDoNotSleep(t *testing.T) {
	for _, p := range house(t) {
		bubbles := opensBubble(p)
		for _, f := range p.files {
			if !f.test || path.Base(f.name) == "main_test.go" {
				continue
			}
			for _, fn := range functions(f) {
				name := fn.Name.Name
				exempt := name == "TestMain" || bubbles[name] || !isTest(fn) && len(bubbles) > 0 // a helper of tests that open one
				if !exempt && calls(fn)["time.Sleep"] {
					t.Errorf("%s: %s calls time.Sleep outside a synctest bubble: wait for what it waits for", f.name, name)
				}
			}
		}
	}
}

var testName = regexp.MustCompile(`^(Test|Benchmark|Fuzz|Example)`)

func isTest(fn *ast.FuncDecl) bool { return fn.Recv == nil && testName.MatchString(fn.Name.Name) }

// opensBubble is the functions of a package's tests that come to synctest.Test, by themselves or through each other.
func opensBubble(p *pkg) map[string]bool {
	called := map[string]map[string]bool{}
	for _, f := range p.files {
		if f.test {
			for _, fn := range functions(f) {
				called[fn.Name.Name] = calls(fn)
			}
		}
	}
	bubbles := map[string]bool{}
	for grown := true; grown; {
		grown = false
		for name, cs := range called {
			for c := range cs {
				if !bubbles[name] && (c == "synctest.Test" || bubbles[c]) {
					bubbles[name], grown = true, true
				}
			}
		}
	}
	return bubbles
}

func functions(f *source) (fns []*ast.FuncDecl) {
	for _, d := range f.ast.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			fns = append(fns, fn)
		}
	}
	return fns
}

// calls is what a function calls: names of its package, and pkg.Func.
func calls(fn *ast.FuncDecl) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(fn.Body, func(x ast.Node) bool {
		if c, ok := x.(*ast.CallExpr); ok {
			names[callee(c)] = true
			if id, ok := c.Fun.(*ast.Ident); ok {
				names[id.Name] = true
			}
		}
		return true
	})
	return names
}

// ownsTheProcess may end the process and use its streams. Everybody else is
// given a reader, a writer or an error to return: stdout carries frames, and a
// stray line on it breaks the session. Packages for tests may play programs.
var ownsTheProcess = []string{"cmd", "plugins/serve", "plugins/examples", "rpc/protocol/generate"}

func TestOnlyMainTouchesTheProcess(t *testing.T) {
	const stray = "fmt.Print fmt.Println fmt.Printf os.Exit log.Fatal log.Fatalf log.Fatalln log.Print log.Printf log.Println"
	for _, p := range house(t) {
		if slices.ContainsFunc(ownsTheProcess, func(d string) bool { return under(p.dir, d) }) || strings.HasSuffix(p.dir, "test") {
			continue
		}
		for _, f := range p.code(true) {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if name := callee(n); name != "" && slices.Contains(strings.Fields(stray), name) {
						t.Errorf("%s calls %s: return an error, or log to the logger that you were given", f.name, name)
					}
				case *ast.SelectorExpr:
					if x, ok := n.X.(*ast.Ident); ok && x.Name == "os" && (n.Sel.Name == "Stdin" || n.Sel.Name == "Stdout") {
						t.Errorf("%s uses os.%s: take a reader or a writer", f.name, n.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// A method that clients know of is answered on purpose, whatever the answer: by a
// handler, or by a refusal that names it. A new release of the schema shows here.
func TestEveryMethodIsServedOrDeclined(t *testing.T) {
	known := map[string]int{}
	for _, m := range protocol.ClientRequests() {
		if !m.Hidden {
			known[m.Name] = 0
		}
	}
	for _, m := range protocol.Extensions() {
		known[m.Name] = 0
	}
	for _, name := range slices.Concat(rpc.Served(), rpc.Declined()) {
		if _, ok := known[name]; !ok {
			t.Errorf("%s is served or declined, and no method of the protocol", name)
		}
		known[name]++
	}
	for name, n := range known {
		if n != 1 {
			t.Errorf("%s is %d times in the table of methods and the declined list together; want once", name, n)
		}
	}
}

// What the documents tell people to type must exist.
func TestDocumentsNameRealTargets(t *testing.T) {
	rule := regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
	targets := map[string]bool{}
	for _, m := range rule.FindAllStringSubmatch(readFile(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	mention := regexp.MustCompile("(?m)(?:`|^    |^\\$ )make ([a-z][a-z-]*)")
	for _, doc := range []string{"README.md", "ARCHITECTURE.md"} {
		for _, m := range mention.FindAllStringSubmatch(readFile(t, doc), -1) {
			if !targets[m[1]] {
				t.Errorf("%s says `make %s`; the Makefile has no such target", doc, m[1])
			}
		}
	}
}
