package thread

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Instructions are the AGENTS.md texts that hold for a directory.
type Instructions struct {
	Text    string   // joined, ready for the model; empty if there are none
	Sources []string // absolute paths of the files, in order
	Warning string   // what was left out, and how to change that; empty if nothing
}

// InstructionRules say where AGENTS.md files are looked for.
type InstructionRules struct {
	Home      string   // its AGENTS.md holds for every thread
	Root      string   // the project's root: the walk goes from here down to the directory
	Fallbacks []string // names to try in a folder that has neither AGENTS.override.md nor AGENTS.md
	MaxBytes  int      // of all project files together; 0 reads none
}

// ReadInstructions reads the AGENTS.md files that hold for cwd: the home's, then
// the project's from its root down. The file that crosses the limit is cut and
// said to be. A project file that is a link out of the project is not read: an
// unknown repository could otherwise show the model any file of the user's.
func ReadInstructions(cwd string, rules InstructionRules) Instructions {
	var in Instructions
	global := ""
	for _, name := range []string{"AGENTS.override.md", "AGENTS.md"} {
		path := filepath.Join(rules.Home, name)
		if text := readText(path); text != "" {
			global = text
			in.Sources = append(in.Sources, path)
			break
		}
	}
	names := append([]string{"AGENTS.override.md", "AGENTS.md"}, rules.Fallbacks...)
	var project []string
	left := rules.MaxBytes
	for _, dir := range walkDown(rules.Root, cwd) {
		if left <= 0 {
			break
		}
		path, text := firstOf(dir, names, rules.Root)
		if path == "" || strings.TrimSpace(text) == "" {
			continue
		}
		if len(text) > left {
			in.Warning = fmt.Sprintf("Loaded only %d of %d bytes from `%s` in environment `local` under the %d-byte project instruction budget. "+
				"Trim your project instructions to fit the budget. If you need to keep them all, increase `project_doc_max_bytes`.", left, len(text), path, rules.MaxBytes)
			text = strings.ToValidUTF8(text[:left], "")
		}
		left -= len(text)
		project = append(project, text)
		in.Sources = append(in.Sources, path)
	}
	in.Text = strings.Join(project, "\n\n")
	switch {
	case global == "":
	case in.Text == "":
		in.Text = global
	default:
		in.Text = global + "\n\n--- project-doc ---\n\n" + in.Text
	}
	return in
}

// readText is a file's text without surrounding blanks; empty if it cannot be read.
func readText(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.ToValidUTF8(string(b), "\uFFFD"))
}

// firstOf reads the first of names that exists in dir and lies inside root.
func firstOf(dir string, names []string, root string) (path, text string) {
	for _, name := range names {
		p := filepath.Join(dir, name)
		info, err := os.Lstat(p)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || info.IsDir() {
			continue
		}
		if info.Mode()&fs.ModeSymlink != 0 && !inside(p, root) {
			continue
		}
		if !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0 {
			continue // a pipe or a device would not end
		}
		b, err := os.ReadFile(p)
		if err != nil {
			continue
		}
		return p, strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return "", ""
}

// inside reports whether what path links to is a regular file below root.
func inside(path, root string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	if info, err := os.Stat(real); err != nil || !info.Mode().IsRegular() {
		return false
	}
	top, err := filepath.EvalSymlinks(root)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(top, real)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// walkDown is every folder from root to cwd; cwd alone where it is not below root.
func walkDown(root, cwd string) []string {
	rel, err := filepath.Rel(root, cwd)
	if root == "" || err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return []string{cwd}
	}
	dirs := []string{root}
	if rel == "." {
		return dirs
	}
	dir := root
	for _, part := range strings.Split(rel, string(filepath.Separator)) {
		dir = filepath.Join(dir, part)
		dirs = append(dirs, dir)
	}
	return dirs
}
