// Command generate writes the Go of the wire's vocabulary, the *_gen.go files of rpc/protocol, from the schema bundles
// that the reference product prints (experimental.json and stable.json in the folder that -schema names). The schema
// is not kept in this repository; the Go is. What the schema does not tell is in the table of exceptions.go.
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	dir := flag.String("schema", "../shared/schema", "the folder with experimental.json and stable.json")
	out := flag.String("out", "rpc/protocol", "the folder to write to")
	flag.Parse()
	if err := run(*dir, *out); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(dir, out string) error {
	files, err := Generate(dir)
	if err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(out, "*_gen.go"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if files[filepath.Base(path)] == nil {
			if err := os.Remove(path); err != nil {
				return fmt.Errorf("removing a file that is no longer generated: %w", err)
			}
		}
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(out, name), data, 0o644); err != nil {
			return fmt.Errorf("writing the Go: %w", err)
		}
	}
	return nil
}

// Generate returns the generated files by name.
func Generate(dir string) (map[string][]byte, error) {
	exp, err := load(dir, "experimental.json")
	if err != nil {
		return nil, err
	}
	stable, err := load(dir, "stable.json")
	if err != nil {
		return nil, err
	}
	m := &model{exp: exp, stable: stable, byName: map[string]*decl{}, owner: map[string]string{}}
	t := m.methods()
	m.fromHost = exp.reach(t.hostRoots())
	wanted := exp.reach(append(t.hostRoots(), t.clientRoots()...))
	for name := range exp.v2 {
		wanted[name] = true
	}
	defs := slices.Sorted(maps.Keys(wanted))
	defs = slices.DeleteFunc(defs, func(name string) bool { return strings.HasPrefix(name, "Nullable") })
	for _, name := range defs {
		m.define(name)
	}
	t.document(m)
	files := m.emit(defs)
	files["methods_gen.go"] = m.emitMethods(t)
	return files, exceptions.unused()
}
