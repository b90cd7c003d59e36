package skills

import (
	"os"

	"github.com/codexhost/codexhost/skillswatch"
)

// watchDepth is how far below a root a file may lie that matters: six folders,
// and the one with a skill's openai.yaml.
const watchDepth = 7

// FromWatcher makes a Watcher of the host's file watcher.
func FromWatcher(w *skillswatch.Watcher) Watcher { return fileWatcher{w} }

type fileWatcher struct{ w *skillswatch.Watcher }

func (f fileWatcher) Watch(path string, changed func(paths ...string)) (func(), error) {
	root := skillswatch.Root{Path: path, Recursive: true, Depth: watchDepth}
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		root = skillswatch.Root{Path: path, File: true}
	}
	r := f.w.Watch([]skillswatch.Root{root}, func(e skillswatch.Event) {
		if e.Overflow {
			changed()
			return
		}
		changed(e.Paths...)
	})
	return r.Close, nil
}
