package policy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// largestFile bounds a rules file.
const largestFile = 1 << 20

// Load reads the *.rules files of the folders, in the order given and by name within each. A folder that is not there has
// none. Every error is a *RulesError.
//
// Where a file cannot be used, what the others forbid or ask about still holds, but nothing is allowed by a rule: the file
// may have held the exception.
func Load(dirs ...string) (*Rules, []error) {
	rules := &Rules{}
	var broken []error
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(escape(dir), "*.rules"))
		if err != nil { // a folder name is never a bad pattern once it is escaped
			broken = append(broken, &RulesError{dir, Position{1, 1}, err})
		}
		for _, file := range files {
			if err := rules.load(file); err != nil {
				broken = append(broken, err)
			}
		}
	}
	if len(broken) > 0 {
		rules = rules.cautious()
	}
	return rules, broken
}

// escape has a folder's name stand for itself in a pattern.
func escape(dir string) string {
	var out []rune
	for _, c := range dir {
		switch c {
		case '*', '?', '[', '\\':
			if os.PathSeparator != '\\' {
				out = append(out, '\\')
			}
		}
		out = append(out, c)
	}
	return string(out)
}

func (r *Rules) load(file string) error {
	text, err := readRules(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &RulesError{file, Position{1, 1}, err}
	}
	return r.add(file, text)
}

func readRules(file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is not a file")
	}
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	if err == nil && len(text) > largestFile {
		err = fmt.Errorf("it is larger than %d bytes", largestFile)
	}
	return string(text), err
}
