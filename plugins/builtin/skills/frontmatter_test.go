package skills

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// recorded is what another implementation of the same format makes of a file.
type recorded struct {
	Case, File string
	Want       struct{ Name, Description, Short, Error string }
}

func parse(text string) (front, error) {
	var buf []byte
	b, err := readFile(strings.NewReader(text), &buf)
	if err == nil {
		b, err = cutFront(b)
	}
	if err != nil {
		return front{}, err
	}
	return parseFront(b)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// TestRecorded holds our reading of some ninety odd files against a recorded
// one, down to the words of the errors.
func TestRecorded(t *testing.T) {
	b, err := os.ReadFile("testdata/frontmatter.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []recorded
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Case, func(t *testing.T) {
			got, err := parse(c.File)
			switch {
			case strings.HasPrefix(c.Want.Error, "missing field"), strings.HasPrefix(c.Want.Error, "invalid name"):
				if err != nil { // the host's rules, not ours
					t.Error(err)
				}
			case c.Want.Error != "":
				if err == nil || err.Error() != c.Want.Error {
					t.Errorf("got %+v, %v, want the error %q", got, err, c.Want.Error)
				}
			case err != nil:
				t.Errorf("%v, want %+v", err, c.Want)
			default:
				if name := oneLine(got.name); name != c.Want.Name && (name != "" || c.Want.Name != c.Case) {
					t.Errorf("name %q, want %q", name, c.Want.Name)
				}
				if d := oneLine(got.description); d != c.Want.Description {
					t.Errorf("description %q, want %q", d, c.Want.Description)
				}
				if s := oneLine(got.short); s != c.Want.Short {
					t.Errorf("short description %q, want %q", s, c.Want.Short)
				}
			}
		})
	}
}

// FuzzFront checks that no bytes make the reader fail otherwise than by an
// error, and that its short cut for plain lines never differs from YAML.
func FuzzFront(f *testing.F) {
	b, err := os.ReadFile("testdata/frontmatter.json")
	if err != nil {
		f.Fatal(err)
	}
	var cases []recorded
	if err := json.Unmarshal(b, &cases); err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		f.Add(c.File)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parse(text)
		b, ferr := cutFront([]byte(text))
		if !utf8.ValidString(text) {
			return
		}
		if ferr != nil {
			if err == nil {
				t.Fatalf("parsed what has no front matter")
			}
			return
		}
		if plain, ok := plainFront(b); ok {
			slow, err := yamlFront(b)
			if err != nil || slow != plain || got != plain {
				t.Fatalf("%q: short cut %+v, YAML %+v, %v", b, plain, slow, err)
			}
		}
	})
}

func TestFrontIsBounded(t *testing.T) {
	endless := "---\n" + strings.Repeat("x: y\n", maxFront/4)
	if _, err := parse(endless); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got %v", err)
	}
	bomb := "---\na: &a [x,x,x,x,x,x,x,x,x]\n"
	for _, p := range []string{"b&a", "c&b", "d&c", "e&d", "f&e", "g&f", "h&g", "i&h"} {
		bomb += p[:1] + ": &" + p[:1] + " [" + strings.Repeat("*"+p[2:]+",", 8) + "*" + p[2:] + "]\n"
	}
	if f, err := parse(bomb + "description: survived\n---\n"); err != nil || f.description != "survived" {
		t.Errorf("aliases that nobody follows cost nothing: %+v, %v", f, err)
	}
}
