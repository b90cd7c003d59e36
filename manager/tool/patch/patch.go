package patch

// Kind is what an operation does to its file.
type Kind uint8

const (
	Add    Kind = iota // writes a file, over an existing one too
	Delete             // removes a file
	Update             // changes lines of a file, and moves it where Op.MoveTo is set
)

// A Patch is what a text asks for, unverified.
type Patch struct{ Ops []Op }

// An Op is one operation on one file.
type Op struct {
	Kind   Kind
	Path   string // as written: relative to the working folder, or absolute
	MoveTo string // Update: the new path; empty for none
	Text   string // Add: the content
	Hunks  []Hunk // Update: in file order
}

// A Hunk is one stretch of lines to change.
type Hunk struct {
	Context   []string // lines to look for, in order, before the hunk's own
	Lines     []Line
	EndOfFile bool // the hunk's lines are the file's last
}

// A Line of a hunk. Op is ' ' for context, '-' for what goes, '+' for what comes.
type Line struct {
	Op   byte
	Text string // without its ending
}

// old is what the file must hold for the hunk to apply.
func (h *Hunk) old() []string {
	var out []string
	for _, l := range h.Lines {
		if l.Op != '+' {
			out = append(out, l.Text)
		}
	}
	return out
}
