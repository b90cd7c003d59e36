package patch

import (
	"errors"
	"os"
)

// errMoved says that the way to a folder leads through a symbolic link that was not there when the plan was made.
var errMoved = errors.New("a folder on the way has been replaced by a symbolic link")

// openFolder opens the folder at a path without symbolic links, and refuses when there is one on the way by now: a
// process in the workspace could otherwise lead a write out of it after it was judged.
func openFolder(path string) (*os.Root, error) {
	r, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	if err := checkWay(path, r); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}
